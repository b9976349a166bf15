"""Export: every record once, as it was; pages for people; a file that is whole or not there."""

import json
import os
import random
import subprocess
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

import recordings
import stored
from chance import measures_memory
from commands import program
from hooks import emit
from journal import cli
from journal.errors import JournalError, UsageError
from journal.record import record
from journal.times import to_us
from sync.transfer.export import record_lines, write_file

HOUR_NS = 3_600_000_000_000


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with every recording, an hour apart, and two facts of the journal's own."""
    home = tmp_path_factory.mktemp("recorded")
    for number, name in enumerate(recordings.NAMES):
        recordings.write_journal(home, name, recordings.START_NS + number * HOUR_NS)
    for number, name in enumerate(("Pin", "Unpin")):
        now_ns = recordings.START_NS + (number + 1) * HOUR_NS + HOUR_NS // 2
        fact = record.new_fact(name, "c3af9ce9", {"agent": "claude-code"}, now_ns)
        recordings.append(home / "days/2026-11-18/journal.c3af9ce9.jsonl", record.dump(fact))
    stored.sync(home)
    return home


def export(home: Path, *args: str) -> list[bytes]:
    """The lines that the command writes to a file."""
    path = home.parent / "export.out"
    path.unlink(missing_ok=True)
    command = ["--home", str(home), "export", *args, "--output", str(path)]
    assert cli.run(command) == 0
    return path.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("name", recordings.NAMES)
def test_every_payload_is_in_the_export_once_as_it_was_sent(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    written = recordings.write_journal(home, name)
    stored.sync(home)
    sent = sorted(one.stdin.strip().replace(b"\n", b" ") for one in recordings.load(name))
    parsed = [record.parse(line.rstrip(b"\n")) for line in export(home)]
    assert sorted(one.body for one in parsed) == sent
    bodies = sorted(json.dumps(json.loads(one.body), sort_keys=True) for one in parsed)
    assert bodies == sorted(json.dumps(json.loads(data), sort_keys=True) for data in sent)
    ids = sorted(json.loads(line)["id"] for line in written)
    assert sorted(one.id.hex() for one in parsed) == ids


def test_records_come_in_the_order_of_time_with_the_journal_s_own(recorded: Path) -> None:
    records = [json.loads(line) for line in export(recorded)]
    order = [(one["at"], one["id"]) for one in records]
    assert order == sorted(order)
    own = [one for one in records if one["agent"] == "journal"]
    assert [one["event"] for one in own] == ["Pin", "Unpin"]
    assert {one["session"] for one in own} == {"c3af9ce9"}
    assert len(records) == 2 + sum(len(recordings.load(name)) for name in recordings.NAMES)


def test_an_export_is_a_journal_that_gives_the_same_database(
    recorded: Path, tmp_path: Path
) -> None:
    lines = export(recorded)
    random.Random(1).shuffle(lines)
    recordings.append(tmp_path / "days/2026-11-18/claude-code.all.jsonl", b"".join(lines))
    stored.sync(tmp_path)
    assert stored.views(tmp_path) == stored.views(recorded)
    assert export(tmp_path) == export(recorded)


def test_one_session_has_its_own_events_alone(recorded: Path) -> None:
    session = "c3af9ce9-b3ec-4cfd-8e88-d19030d6d1fa"  # of p-simple
    lines = export(recorded, session)
    assert len(lines) == len(recordings.load("p-simple"))
    assert {json.loads(line)["session"] for line in lines} == {session}
    assert export(recorded, "c3af9c") == lines
    assert export(recorded, f"claude-code/{session}") == lines
    assert lines == [line for line in export(recorded) if json.loads(line)["session"] == session]


def test_since_leaves_out_what_is_older(recorded: Path) -> None:
    at = json.loads(export(recorded)[70])["at"]
    assert export(recorded, "--since", at) == [
        line for line in export(recorded) if to_us(json.loads(line)["at"]) >= to_us(at)
    ]
    assert export(recorded, "c3af9c", "--since", "2030-01-01") == []


def test_payloads_that_are_not_objects_and_large_ones_are_exported_whole(tmp_path: Path) -> None:
    home = tmp_path / "home"
    large = {"session_id": "s", "text": "ä\u2028x" * 5_000, "again": "ä\u2028x" * 5_000}
    inputs = [
        *(b"no json\xff", b"", b"[1, 2]", b'"text"', b'{"session_id":"s",\n "n":1.50}'),
        *(json.dumps(large, ensure_ascii=plain).encode() for plain in (False, True)),
    ]
    times = range(recordings.START_NS, recordings.START_NS + 10_000, 1000)
    pairs = zip(inputs, times, strict=False)
    lines = [recordings.line("Other", data, now_ns) for data, now_ns in pairs]
    recordings.append(home / "days/2026-11-18/claude-code.s.jsonl", b"".join(lines))
    stored.sync(home)
    ends = [emit.body(data) for data in inputs]
    for line, end in zip(export(home), ends, strict=True):
        assert line.endswith(b"," + end)


def test_a_secret_does_not_leave_with_the_export(tmp_path: Path) -> None:
    home = tmp_path / "home"
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"[:36]
    payload = {"session_id": "s", "prompt": f"push with {secret} please"}
    recordings.append(
        home / "days/2026-11-18/claude-code.s.jsonl",
        recordings.line("UserPromptSubmit", payload, CLAUDE_CODE_ENTRYPOINT="cli"),
    )
    stored.sync(home)
    for form in ("jsonl", "markdown"):
        text = b"".join(export(home, "--format", form)).decode()
        assert "push with" in text
        assert secret not in text


def test_markdown_has_a_page_for_each_session_the_newest_last(recorded: Path) -> None:
    text = b"".join(export(recorded, "--format", "markdown")).decode()
    pages = text.split("\n---\n\n")
    query = "select id from session_states where triggers <> '' order by started_us"
    ids = [row[0] for row in stored.rows(recorded, query)]
    assert len(ids) > 5
    assert len(pages) == len(ids)
    for page, session in zip(pages, ids, strict=True):
        assert page.startswith("# ")
        assert session in page
    one = b"".join(export(recorded, "c3af9c", "--format", "markdown")).decode()
    assert one.rstrip("\n") in [page.rstrip("\n") for page in pages]
    assert export(recorded, "--format", "markdown", "--since", "2030-01-01") == []


def test_standard_output_is_the_same_and_may_be_closed_early(recorded: Path) -> None:
    command = [program(), "--home", str(recorded), "export"]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.splitlines(keepends=True) == export(recorded)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as early:
        assert early.stdout is not None
        assert early.stderr is not None
        early.stdout.close()
        assert early.stderr.read() == b""


def test_the_file_is_private_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    link = tmp_path / "link"
    path.write_text("old")
    link.symlink_to(path)
    before = os.umask(0)
    try:
        write_file(link, [b"new", b"er"])
    finally:
        os.umask(before)
    assert path.read_bytes() == b"newer"
    assert path.stat().st_mode & 0o777 == 0o600
    assert link.is_symlink()

    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ValueError("the source broke")

    with pytest.raises(ValueError, match="the source broke"):
        write_file(path, broken())
    assert path.read_bytes() == b"newer"
    assert {one.name for one in tmp_path.iterdir()} == {"out.jsonl", "link"}


def test_only_a_regular_file_is_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", Path(os.devnull)):
        with pytest.raises(UsageError, match="not a regular file"):
            write_file(path, [b"x"])
    with pytest.raises(JournalError, match="cannot write"):
        write_file(tmp_path / "missing" / "out", [b"x"])
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["unknown"], 1),
        ([""], 1),
        (["--since", "soon"], 2),
        (["c3af9c", "--format", "markdown", "--since", "2d"], 2),
        (["--output", "/nowhere/at/all"], 1),
        (["--output", "/"], 2),
    ],
)
def test_bad_input_is_one_clear_line(
    recorded: Path, capsys: pytest.CaptureFixture[str], args: list[str], code: int
) -> None:
    assert cli.run(["--home", str(recorded), "export", *args]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("journal: ")
    assert captured.err.count("\n") == 1


@measures_memory
def test_memory_does_not_grow_with_the_journal(tmp_path: Path) -> None:
    chance = random.Random(2)
    path = tmp_path / "days/2026-11-18/claude-code.s.jsonl"
    for number in range(150):
        payload = {"session_id": "s", "text": chance.randbytes(50_000).hex()}
        recordings.append(path, recordings.line("Other", payload, recordings.START_NS + number))
    stored.sync(tmp_path)
    db = stored.database(tmp_path)
    tracemalloc.start()
    size = sum(map(len, record_lines(db, 0)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    db.close()
    assert size > 15_000_000
    assert peak < size * 0.8


ODD = {
    "unescaped": rb'{"session_id":"s","cwd":"C:\Users\x","prompt":"say \"pepper\" \q"}',
    "control": b'{"session_id":"s","prompt":"pepper\x01\tand salt"}',
    "constant": b'{"session_id":"s","prompt":"pepper","rate":NaN}',
    "surrogate": rb'{"session_id":"s","prompt":"pepper \ud800"}',
    "number": b'{"session_id":"s","prompt":"pepper","n":1e999}',
}


def test_json_that_only_lenient_parsers_read_is_exported_as_valid_json(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    path = home / "days/2026-11-18/claude-code.s.jsonl"
    for number, payload in enumerate(ODD.values()):
        at_ns = recordings.START_NS + number
        line, _, _ = emit.record("claude-code", "UserPromptSubmit", payload, at_ns, {})
        recordings.append(path, line)
    stored.sync(home)
    db = stored.database(home)
    exported = list(record_lines(db, 0))
    db.close()
    assert len(exported) == len(ODD) - 1  # NaN is not a valid payload
    for line in exported:
        made = json.loads(line)
        assert made.get("raw", "").encode() in (b"", *ODD.values())
        assert "pepper" in line.decode()
    recordings.append(other / "days/2026-11-18/claude-code.s.jsonl", b"".join(exported))
    stored.sync(other)
    shown, shown_here = stored.views(other), stored.views(home)
    assert {**shown, "events": ()} == {**shown_here, "events": ()}
    recordings.append(path.with_name("claude-code.t.jsonl"), b"".join(exported))
    assert stored.sync(home).rejected == 0  # the same records
    stored.check(home)
