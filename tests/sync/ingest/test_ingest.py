"""Files as they are: torn, glued, truncated, replaced, foreign. Nothing lost, nothing twice."""

import json
import os
import shutil
from pathlib import Path

import pytest

import recordings
import stored
from journal.layout import Layout
from journal.redaction.redactor import Redactor
from journal.settings.sources import load_settings
from sync import cycle
from sync.conditions import Pass
from sync.ingest import journal_reader
from sync.ingest.dead_letters import Dead, entries
from sync.ingest.screening import Screen

DAY = "2026-11-18"
FILE = f"{DAY}/claude-code.s.jsonl"


def record_line(number: int, **more: object) -> bytes:
    payload = {"session_id": "s", "prompt": f"number {number}", **more}
    return recordings.line("UserPromptSubmit", payload, recordings.START_NS + number * 10**9)


def prompts(home: Path) -> list[str]:
    """What is stored, in order."""
    return [json.loads(line)["payload"]["prompt"] for line in stored.exported(home)]


def dead(home: Path) -> list[dict[str, object]]:
    return list(entries(Layout.at(home)))


def test_a_torn_last_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "days" / FILE
    line = record_line(1)
    recordings.append(path, record_line(0) + line[:50])
    assert stored.sync(tmp_path).stored == 1
    assert stored.sync(tmp_path).read == 0
    recordings.append(path, line[50:])
    assert stored.sync(tmp_path).stored == 1
    assert prompts(tmp_path) == ["number 0", "number 1"]
    assert dead(tmp_path) == []


@pytest.mark.parametrize("cut", [1, 20, 60, 150, 200, 237])
@pytest.mark.parametrize("glued", [True, False])
def test_a_torn_line_takes_no_neighbour_with_it(tmp_path: Path, cut: int, glued: bool) -> None:
    path = tmp_path / "days" / FILE
    torn = record_line(1)[:cut]
    recordings.append(path, record_line(0) + torn + (b"" if glued else b"\n") + record_line(2))
    report = stored.sync(tmp_path)
    assert prompts(tmp_path) == ["number 0", "number 2"]
    assert (report.stored, report.rejected) == (2, 1)
    (letter,) = dead(tmp_path)
    assert letter["text"] == torn.decode()
    assert letter["path"] == str(path)
    assert letter["offset"] == len(record_line(0))
    assert letter["reason"]


def test_a_whole_record_is_read_out_of_two_torn_ones(tmp_path: Path) -> None:
    path = tmp_path / "days" / FILE
    recordings.append(path, record_line(1)[:99] + record_line(2)[:150] + record_line(3))
    assert stored.sync(tmp_path).stored == 1
    assert prompts(tmp_path) == ["number 3"]


@pytest.mark.parametrize("cut", [-1, -2, -30])
def test_a_record_behind_its_own_torn_beginning_is_stored(tmp_path: Path, cut: int) -> None:
    recordings.append(tmp_path / "days" / FILE, record_line(1)[:cut] + record_line(1))
    report = stored.sync(tmp_path)
    assert (report.stored, report.rejected) == (1, 1)


def test_a_line_of_thousands_of_records_stops_no_pass(tmp_path: Path) -> None:
    whole = b"".join(record_line(number)[:-1] for number in range(3_000))
    recordings.append(tmp_path / "days" / FILE, whole + b"\n" + record_line(7_000))
    report = stored.sync(tmp_path)
    assert (report.stored, report.rejected) == (2, 1)
    assert prompts(tmp_path) == ["number 2999", "number 7000"]


def test_reading_a_bad_line_again_does_not_bury_it_twice(tmp_path: Path) -> None:
    recordings.append(tmp_path / "days" / FILE, b"no record\n" + record_line(1))
    stored.sync(tmp_path)
    for path in tmp_path.glob("journal.db*"):
        path.unlink()
    report = stored.sync(tmp_path)
    assert (report.stored, report.rejected) == (1, 0)
    assert len(dead(tmp_path)) == 1


def test_a_truncated_file_is_read_again_without_a_duplicate(tmp_path: Path) -> None:
    path = tmp_path / "days" / FILE
    recordings.append(path, record_line(0) + record_line(1))
    stored.sync(tmp_path)
    os.truncate(path, len(record_line(0)))
    recordings.append(path, record_line(2))
    report = stored.sync(tmp_path)
    assert (report.stored, report.duplicate) == (1, 1)
    assert prompts(tmp_path) == ["number 0", "number 1", "number 2"]


def test_a_truncated_file_that_grew_by_a_line_like_the_lost_one_is_read_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / "days" / FILE
    first, second, third = (
        recordings.line("Stop", {"session_id": "s"}, recordings.START_NS + number)
        for number in range(3)
    )
    recordings.append(path, first + second)
    stored.sync(tmp_path)
    os.truncate(path, len(first))
    recordings.append(path, third)
    os.utime(path, (1, 1))  # some clocks of file systems are slow
    assert stored.sync(tmp_path).stored == 1


def test_a_rewritten_file_that_grew_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "days" / FILE
    recordings.append(path, record_line(0))
    stored.sync(tmp_path)
    path.write_bytes(record_line(5) + record_line(6) + record_line(7))
    assert stored.sync(tmp_path).stored == 3


def test_a_file_that_was_replaced_or_copied_or_renamed_brings_only_what_is_new(
    tmp_path: Path,
) -> None:
    path = tmp_path / "days" / FILE
    recordings.append(path, record_line(0) + record_line(1))
    stored.sync(tmp_path)
    copy = path.with_name("claude-code.copy.jsonl")
    shutil.copy(path, copy)
    recordings.append(copy, record_line(2))
    copy.replace(path)
    shutil.copy(path, path.with_name("claude-code.other.jsonl"))
    path.rename(path.with_name("claude-code.renamed.jsonl"))
    assert stored.sync(tmp_path).stored == 1
    assert prompts(tmp_path) == ["number 0", "number 1", "number 2"]


def test_an_id_with_other_content_is_kept_apart(tmp_path: Path) -> None:
    first = record_line(1)
    second = first.replace(b"number 1", b"number 9")
    recordings.append(tmp_path / "days" / FILE, first + second + first)
    report = stored.sync(tmp_path)
    assert (report.stored, report.duplicate, report.rejected) == (1, 1, 1)
    assert dead(tmp_path)[0]["reason"] == "its id belongs to another record"


def test_foreign_things_in_the_journal_never_stop_a_pass(tmp_path: Path) -> None:
    day = tmp_path / "days" / DAY
    recordings.append(day / "claude-code.s.jsonl", record_line(1))
    os.mkfifo(day / "claude-code.fifo.jsonl")
    (day / "claude-code.folder.jsonl").mkdir()
    (day / "claude-code.loop.jsonl").symlink_to(day / "claude-code.loop.jsonl")
    (day / "claude-code.dangling.jsonl").symlink_to(tmp_path / "nowhere")
    (day / "notes.txt").write_text("mine")
    (day / "\udcff.jsonl").write_bytes(record_line(2))
    (tmp_path / "days" / "not-a-day").mkdir()
    (tmp_path / "days" / "2026-11-19").write_text("a file")
    (tmp_path / "days" / "2026-11-20").symlink_to(tmp_path / "days" / "2026-11-20")
    assert stored.sync(tmp_path).stored == 2
    assert stored.sync(tmp_path).read == 0


def test_an_unreadable_file_is_reported_and_read_later(tmp_path: Path) -> None:
    path = tmp_path / "days" / FILE
    recordings.append(path, record_line(1))
    target = tmp_path / "elsewhere"
    path.rename(target)
    path.symlink_to(target)
    assert stored.sync(tmp_path).stored == 1


HOSTILE = {
    "nul": b"\0" * 100,
    "bom": b"\xef\xbb\xbf" + record_line(90)[:-1],
    "not json": b"hello",
    "array": b"[1,2,3]",
    "number": b"17",
    "empty object": b"{}",
    "invalid utf-8 header": record_line(90)[:-1].replace(b'"host":"', b'"host":"\xff'),
    "payload of brackets": recordings.line("Stop", b"[" * 100_000)[:-1].replace(
        b'"raw":"', b'"payload":'
    ),
    "unknown version": record_line(90)[:-1].replace(b'"v":1', b'"v":99'),
    "string version": record_line(90)[:-1].replace(b'"v":1', b'"v":"1"'),
    "no id": record_line(90)[:-1].replace(b'"id"', b'"di"'),
    "year 0": record_line(90)[:-1].replace(b'"at":"2026', b'"at":"0000'),
    "year 99999": record_line(90)[:-1].replace(b'"at":"2026', b'"at":"99999'),
    "time of words": record_line(90)[:-1].replace(b'"at":"2026-', b'"at":"soon'),
    "huge pid": record_line(90)[:-1].replace(b'"pid":null', b'"pid":1e400'),
    "NaN": record_line(90, x=1)[:-1].replace(b'"x": 1', b'"x": NaN'),
    "cut off": record_line(90)[:-3],
    "nested git": record_line(90)[:-1].replace(b'"pid":null', b'"pid":null,"git":[[]]'),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_line_is_accounted_for_and_its_neighbours_stored(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "days" / FILE
    recordings.append(path, record_line(1) + HOSTILE[kind] + b"\n" + record_line(2))
    report = stored.sync(tmp_path)
    assert prompts(tmp_path) == ["number 1", "number 2"] or kind == "bom"
    assert report.rejected == len(dead(tmp_path)) == 1
    stored.check(tmp_path)


ODD = {
    "raw control": record_line(5, x="y")[:-1].replace(b'"y"', b'"\x01"'),
    "crlf": record_line(5)[:-1] + b"\r",
    "lone surrogate": record_line(5, x="y")[:-1].replace(b'"y"', b'"\\ud800"'),
    "duplicate keys": record_line(5, x="y")[:-1].replace(b'"x"', b'"x": 1, "x"'),
    "beyond every range": record_line(5, x=7)[:-1].replace(b'"x": 7', b'"x": ' + b"9" * 400),
    "infinite": record_line(5, x=7)[:-1].replace(b'"x": 7', b'"x": 1e999'),
    "line separator": record_line(5, x="a\u2028b\u0085c"),
    "far future": record_line(5)[:-1].replace(b'"at":"2026', b'"at":"9998'),
    "long ago": record_line(5)[:-1].replace(b'"at":"2026', b'"at":"0001'),
    "strange names": record_line(5, session_id="../../etc/passwd\0x"),
    "deep tool input": recordings.line(
        "PostToolUse",
        {"session_id": "s", "tool_input": {"x": json.loads("[" * 600 + "]" * 600)}},
    ),
    "huge number next to a surrogate": recordings.line(
        "PostToolUse",
        b'{"session_id":"s","tool_name":"X","tool_input":{"x":"\\ud800","n":' + b"9" * 40 + b"}}",
    ),
    "deep but readable": record_line(5, x=json.loads("[" * 900 + "]" * 900)),
}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_record_is_stored_byte_for_byte(tmp_path: Path, kind: str) -> None:
    line = ODD[kind].rstrip(b"\n") + b"\n"
    recordings.append(tmp_path / "days" / FILE, record_line(1) + line + record_line(2))
    assert stored.sync(tmp_path).stored == 3
    body = line.split(b'"payload":', 1)[1].strip()
    assert any(exported.rstrip().endswith(body) for exported in stored.exported(tmp_path))
    assert dead(tmp_path) == []
    stored.check(tmp_path)


def test_of_a_line_beyond_all_bounds_the_beginning_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.ingest.line_reader.MAX_LINE_BYTES", 3 << 20)
    long = record_line(7, x="y" * (9 << 20))
    recordings.append(tmp_path / "days" / FILE, record_line(1) + long[:-1])
    assert stored.sync(tmp_path).stored == 1
    recordings.append(tmp_path / "days" / FILE, b"\n" + record_line(2))
    report = stored.sync(tmp_path)
    assert (report.stored, report.rejected) == (1, 1)
    assert prompts(tmp_path) == ["number 1", "number 2"]
    (letter,) = dead(tmp_path)
    assert letter["reason"] == f"a line of {len(long)} bytes; this is its beginning"
    assert str(letter["text"]).startswith('{"v":1,"id"')
    assert stored.sync(tmp_path).read == 0


def test_the_journals_own_facts_are_not_events(tmp_path: Path) -> None:
    from journal.record import record

    fact = record.new_fact("MemoryId", "s", {"agent": "claude-code"}, recordings.START_NS)
    recordings.append(tmp_path / "days" / DAY / "journal.s.jsonl", record.dump(fact) * 2)
    report = stored.sync(tmp_path)
    assert (report.read, report.stored) == (2, 0)
    assert stored.rows(tmp_path, "select name, session from own_facts") == [("MemoryId", "s")]


def test_a_fact_of_the_journals_own_with_other_content_is_kept_apart(tmp_path: Path) -> None:
    from journal.record import record

    pin = record.dump(record.new_fact("Pin", "s", {"agent": "x"}, recordings.START_NS))
    path = tmp_path / "days" / DAY / "journal.s.jsonl"
    recordings.append(path, pin + pin.replace(b'"Pin"', b'"Unpin"') + pin)
    assert stored.sync(tmp_path).rejected == 1
    assert dead(tmp_path)[0]["reason"] == "its id belongs to another record"
    assert stored.rows(tmp_path, "select name from own_facts") == [("Pin",)]


def test_a_secret_reaches_no_byte_of_the_database(tmp_path: Path) -> None:
    secret = "ghp_" + "a1B2c3D4e5" * 4
    recordings.append(tmp_path / "days" / FILE, record_line(1, key=secret))
    recordings.append(tmp_path / "days" / FILE, b"torn " + secret.encode() + b"\n")
    stored.sync(tmp_path)
    for path in [
        *tmp_path.glob("journal.db*"),
        *tmp_path.rglob("dead/*"),
        *tmp_path.rglob("*.tsv"),
    ]:
        assert secret.encode() not in path.read_bytes()
    assert b"[redacted:" in stored.exported(tmp_path)[0]


def test_no_batch_is_read_before_it_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_reader, "BATCH_RECORDS", 1)
    layout = Layout.at(tmp_path)
    files = [layout.days / DAY / f"claude-code.{name}.jsonl" for name in "abc"]
    for number, path in enumerate(files):
        recordings.append(path, record_line(number))
    screen = Screen(Redactor(bytes(32)))
    reader = journal_reader.Reader(layout, screen, Dead(layout, screen, 0))
    batches = reader.batches({}, files, small=False)
    got = [next(batches)]
    assert reader.seen_bytes == 0
    got += batches
    said = [fact.meaning.text for batch in got for fact in batch.facts]
    assert said == ["number 0", "number 1", "number 2"]


def test_a_file_that_is_read_again_by_other_rules_has_no_strangers(tmp_path: Path) -> None:
    path = tmp_path / "days/2026-11-18/claude-code.s.jsonl"
    secret = {"session_id": "s", "prompt": "password = hunter2hunter2X9"}
    recordings.append(path, recordings.line("UserPromptSubmit", secret))
    layout = Layout.at(tmp_path)
    for allow in ([], [".*hunter2.*"]):
        settings = load_settings(layout, {"JOURNAL_REDACT__ALLOW": json.dumps(allow)})
        other = path.with_suffix(".copy")
        shutil.copy(path, other)
        other.replace(path)
        report = cycle.run(Pass(layout, settings, stored.NOW_US))
        assert report.rejected == 0
    assert report.duplicate == 1
