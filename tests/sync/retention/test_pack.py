"""Closed days become packs: nothing lost, nothing twice, with any interruption."""

import json
import os
import resource
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import forked
import recordings
import stored
from chance import examples
from commands import program
from hooks.local_pass import unsynced
from journal.errors import JournalError
from journal.layout import Layout
from journal.record import record
from journal.settings.sources import load_settings
from journal.times import DAY_US, SECOND_US, to_us
from sync import cycle
from sync.conditions import Pass
from sync.ingest import dead_letters
from sync.report import Report
from sync.retention import draft, packing

DAY = "2026-11-18"
FILE = f"{DAY}/claude-code.s.jsonl"
END_US = to_us(DAY) + DAY_US
STAYS_US = END_US + 7 * DAY_US  # exactly on the threshold
DUE_US = STAYS_US + 1
SECRET = "ghp_" + "wV3xKq8ZtR1nLb5cYd0eHf6gJm2pSa9uQoTi"
NAMES = ("i-exit", "p-parallel", "p-unicode")


def sync(home: Path, now_us: int = DUE_US) -> Report:
    """One pass at a time of the test's own."""
    layout = Layout.at(home)
    return cycle.run(Pass(layout, load_settings(layout, {}), now_us))


def settle(home: Path) -> None:
    """The files of the journal were written in their day, not just now."""
    for path in filter(Path.exists, home.glob("days/*/*")):
        os.utime(path, ns=(recordings.START_NS, recordings.START_NS))


def prompt_line(number: int, **more: object) -> bytes:
    payload = {"session_id": "s", "prompt": f"number {number}", **more}
    return recordings.line("UserPromptSubmit", payload, recordings.START_NS + number * 10**9)


def own_line(event: str = "Pin") -> bytes:
    payload = {"agent": "claude-code", "note": "because"}
    return record.dump(record.new_fact(event, "s", payload, recordings.START_NS))


def write(home: Path, *lines: bytes, name: str = FILE) -> None:
    recordings.append(home / "days" / name, b"".join(lines))
    settle(home)


def write_day(home: Path) -> list[bytes]:
    """A day of several sessions with a fact of the journal's own; every line of it."""
    lines = [line for name in NAMES for line in recordings.write_journal(home, name)]
    own = own_line()
    write(home, own, name=f"{DAY}/journal.s.jsonl")
    return [*lines, own]


def pack_file(home: Path, day: str = DAY) -> Path:
    return home / "packs" / f"{day}.jsonl.gz"


def packed(home: Path) -> list[bytes]:
    return [line for _, line in packing.packed_records(Layout.at(home))]


def ids(lines: list[bytes]) -> list[bytes]:
    return [record.parse(line).id for line in lines]


def day_lines(home: Path) -> list[bytes]:
    """The lines of all directories below `days/`, renamed ones as well."""
    files = sorted(home.glob("days/*/*.jsonl"))
    return [line for path in files for line in path.read_bytes().split(b"\n") if line]


def letters(home: Path) -> list[dict[str, object]]:
    return list(dead_letters.entries(Layout.at(home)))


def from_packs(home: Path, scratch: Path) -> dict[str, list[object]]:
    """Facts and views of a database that was made of the packs alone."""
    write(scratch, *(line + b"\n" for line in packed(home)))
    shutil.copy(home / "redaction.key", scratch)
    stored.sync(scratch)
    return stored.views(scratch)


def test_a_closed_day_becomes_a_pack_and_the_database_does_not_change(tmp_path: Path) -> None:
    home = tmp_path / "home"
    lines = write_day(home)
    write(home, prompt_line(1, key=SECRET))
    settle(home)
    sync(home, STAYS_US)
    before = stored.views(home)
    size = sum(path.stat().st_size for path in home.glob("days/*/*"))

    report = sync(home)

    assert report.packed.days == (DAY,)
    assert report.packed.bytes_before == size
    assert report.packed.bytes_after == pack_file(home).stat().st_size
    assert report.packed.kept == ()
    assert list((home / "days").iterdir()) == []
    assert [path.name for path in (home / "packs").iterdir()] == [f"{DAY}.jsonl.gz"]
    assert (home / "packs").stat().st_mode & 0o777 == 0o700
    assert pack_file(home).stat().st_mode & 0o777 == 0o600
    assert stored.views(home) == before
    stored.check(home)
    assert stored.rows(home, "select * from cursors") == []
    assert len(packed(home)) == len(lines) + 1
    assert SECRET.encode() not in b"".join(packed(home))
    assert b"[redacted:" in b"".join(packed(home))
    assert letters(home) == []
    assert sync(home).packed == packing.Packed()


def test_a_pack_holds_the_records_as_they_were_in_order_with_the_journals_own(
    tmp_path: Path,
) -> None:
    lines = write_day(tmp_path)
    sync(tmp_path)
    written = [record.parse(line.rstrip()) for line in lines]
    read = [record.parse(line) for line in packed(tmp_path)]
    assert read == sorted(written, key=lambda made: (made.at_us, made.id))
    assert "Pin" in {made.event for made in read if made.agent == "journal"}


def test_a_database_made_of_the_packs_is_the_one_there_was(tmp_path: Path) -> None:
    home = tmp_path / "home"
    write_day(home)
    write(home, prompt_line(1, key=SECRET))
    sync(home)
    assert from_packs(home, tmp_path / "other") == stored.views(home)
    query = "select * from own_facts order by id"
    assert stored.rows(tmp_path / "other", query) == stored.rows(home, query)


def test_equal_records_give_equal_bytes(tmp_path: Path) -> None:
    lines = write_day(tmp_path / "a")
    write(tmp_path / "b", *reversed(lines), name=f"{DAY}/claude-code.all.jsonl")
    sync(tmp_path / "a", DUE_US)
    sync(tmp_path / "b", DUE_US + DAY_US)
    first = pack_file(tmp_path / "a").read_bytes()
    assert first == pack_file(tmp_path / "b").read_bytes()
    assert first[4:8] == bytes(4)  # no time in the head (RFC 1952, 2.3.1)


@pytest.mark.parametrize(
    "now_us",
    [STAYS_US, END_US, END_US - 1, to_us(DAY), to_us(DAY) - 400 * DAY_US],
    ids=["threshold", "day's end", "today", "clock a day back", "clock a year back"],
)
def test_a_day_that_is_not_old_enough_by_the_clock_stays(tmp_path: Path, now_us: int) -> None:
    write(tmp_path, prompt_line(1))
    assert sync(tmp_path, now_us).packed == packing.Packed()
    assert (tmp_path / "days" / FILE).exists()
    assert not (tmp_path / "packs").exists()


def test_a_threshold_of_nought_days_means_never(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[retention]\njournal_days = 0\n")
    write(tmp_path, prompt_line(1))
    assert sync(tmp_path, DUE_US + 9999 * DAY_US).packed == packing.Packed()


@pytest.mark.parametrize("seconds", [-60, 0, 3599])
def test_a_day_that_was_written_within_the_hour_stays(tmp_path: Path, seconds: int) -> None:
    path = tmp_path / "days" / FILE
    write(tmp_path, prompt_line(1))
    written_us = DUE_US - seconds * SECOND_US
    os.utime(path, ns=(written_us * 1000, written_us * 1000))
    assert sync(tmp_path).packed.days == ()
    assert sync(tmp_path, written_us + 3600 * SECOND_US).packed.days == (DAY,)


def test_names_that_are_not_days_and_linked_days_are_ignored(tmp_path: Path) -> None:
    write(tmp_path, prompt_line(1), name="2026-02-30/claude-code.s.jsonl")
    elsewhere = tmp_path / "elsewhere"
    write(elsewhere, prompt_line(2))
    (tmp_path / "days" / "2026-11-17").symlink_to(elsewhere / "days" / DAY)
    assert sync(tmp_path).packed == packing.Packed()
    assert (elsewhere / "days" / FILE).exists()


def test_a_late_line_for_a_packed_day_joins_its_pack(tmp_path: Path) -> None:
    first, second, late = (prompt_line(number) for number in (1, 3, 2))
    write(tmp_path, first, second)
    sync(tmp_path)
    write(tmp_path, second, late)  # a file copied from elsewhere holds an old record, too
    report = sync(tmp_path)
    assert (report.stored, report.duplicate) == (1, 1)
    assert report.packed.days == (DAY,)
    assert ids(packed(tmp_path)) == ids([first, late, second])
    assert list((tmp_path / "days").iterdir()) == []


def test_a_late_copy_of_known_records_leaves_the_pack_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, prompt_line(1), prompt_line(2))
    lines = (tmp_path / "days" / FILE).read_bytes()
    sync(tmp_path)
    before = pack_file(tmp_path).stat()
    write(tmp_path, lines)
    assert sync(tmp_path).packed.days == (DAY,)
    after = pack_file(tmp_path).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_torn_last_line_of_a_closed_day_is_kept_as_dead(tmp_path: Path) -> None:
    whole, torn = prompt_line(1), prompt_line(2)[:99]
    write(tmp_path, whole + torn)
    assert sync(tmp_path).packed.days == ()
    settle(tmp_path)
    report = sync(tmp_path)
    assert (report.rejected, report.packed.days) == (1, (DAY,))
    assert [letter["text"] for letter in letters(tmp_path)] == [torn.decode()]
    assert ids(packed(tmp_path)) == ids([whole])


def test_a_last_record_that_lacks_nothing_but_its_newline_is_packed(tmp_path: Path) -> None:
    write(tmp_path, prompt_line(1), prompt_line(2).rstrip())
    for _ in range(2):
        sync(tmp_path)
        settle(tmp_path)
    assert len(packed(tmp_path)) == 2
    assert letters(tmp_path) == []


def test_dead_letters_are_not_packed_and_are_kept_once(tmp_path: Path) -> None:
    first = prompt_line(1)
    other = first.replace(b"number 1", b"number 9")
    torn = prompt_line(2)[:150]
    write(tmp_path, first, other, b"no record\n", torn + prompt_line(3))
    sync(tmp_path, STAYS_US)
    before = letters(tmp_path)
    assert len(before) == 3
    assert sync(tmp_path).packed.days == (DAY,)
    assert letters(tmp_path) == before
    assert [json.loads(line)["payload"]["prompt"] for line in packed(tmp_path)] == [
        "number 1",
        "number 3",
    ]


def test_a_record_that_is_dead_because_of_another_day_is_not_packed(tmp_path: Path) -> None:
    first = prompt_line(1)
    write(tmp_path, first)
    write(tmp_path, first.replace(b"number 1", b"number 9"), name=FILE.replace(DAY, "2026-11-19"))
    sync(tmp_path, STAYS_US)
    assert sync(tmp_path, DUE_US + DAY_US).packed.days == (DAY, "2026-11-19")
    assert packed(tmp_path) == [first.rstrip()]
    assert len(letters(tmp_path)) == 1


def test_a_day_of_nothing_but_dead_lines_is_closed_with_an_empty_pack(tmp_path: Path) -> None:
    write(tmp_path, b"no record\n")
    write(tmp_path, b"", name=f"{DAY}/claude-code.empty.jsonl")
    assert sync(tmp_path).packed.days == (DAY,)
    assert packed(tmp_path) == []
    assert len(letters(tmp_path)) == 1


def test_an_own_record_whose_id_is_taken_is_kept_as_dead(tmp_path: Path) -> None:
    first = own_line()
    other = first.replace(b"because", b"for fun")
    write(tmp_path, first, other)
    sync(tmp_path)
    assert packed(tmp_path) == [first.rstrip()]
    (letter,) = letters(tmp_path)
    assert letter["text"] == other.decode().rstrip()


def test_things_that_are_not_the_journals_survive_in_their_day(tmp_path: Path) -> None:
    write(tmp_path, prompt_line(1))
    day = tmp_path / "days" / DAY
    os.mkfifo(day / "claude-code.fifo.jsonl")
    (day / ".DS_Store").write_text("mine")
    (day / "folder.jsonl").mkdir()
    (day / "dangling.jsonl").symlink_to(tmp_path / "nowhere")
    for _ in range(2):
        sync(tmp_path)
        left = sorted(path.name for path in day.iterdir())
        assert left == [".DS_Store", "claude-code.fifo.jsonl", "dangling.jsonl", "folder.jsonl"]
        assert (day / ".DS_Store").read_text() == "mine"
        assert [path.name for path in (tmp_path / "days").iterdir()] == [DAY]
    write(tmp_path, prompt_line(2))
    assert sync(tmp_path).packed.days == (DAY,)
    assert len(packed(tmp_path)) == 2


def test_a_day_with_a_record_that_the_database_lacks_is_not_packed(tmp_path: Path) -> None:
    write_day(tmp_path)
    sync(tmp_path, STAYS_US)
    db = apsw.Connection(str(tmp_path / "journal.db"))
    db.execute("delete from events where seq = 5")
    db.close()
    (reason,) = sync(tmp_path).packed.kept
    assert "misses a record" in reason
    assert (tmp_path / "days" / DAY).exists()
    assert not (tmp_path / "packs").exists()


def test_records_that_were_too_old_for_the_database_are_packed_all_the_same(
    tmp_path: Path,
) -> None:
    (tmp_path / "config.toml").write_text("[retention]\nevents_days = 3\n")
    lines = write_day(tmp_path)
    sync(tmp_path, STAYS_US)
    db = apsw.Connection(str(tmp_path / "journal.db"))
    db.execute("delete from events")
    db.close()
    assert sync(tmp_path).packed.days == (DAY,)
    assert len(packed(tmp_path)) == len(lines)


def test_a_value_that_is_not_a_secret_any_more_does_not_stop_packing(tmp_path: Path) -> None:
    write(tmp_path, prompt_line(1, key=SECRET))
    sync(tmp_path, STAYS_US)
    (tmp_path / "config.toml").write_text(f"[redact]\nallow = ['{SECRET}']\n")
    assert sync(tmp_path).packed.days == (DAY,)
    assert letters(tmp_path) == []
    assert len(packed(tmp_path)) == 1


@pytest.mark.parametrize(("cache_kib", "what"), [(16_000, "cannot write"), (1, "cannot pack")])
def test_a_full_disk_leaves_the_day_as_it_is(tmp_path: Path, cache_kib: int, what: str) -> None:
    write(tmp_path, *(prompt_line(n, noise=os.urandom(30_000).hex()) for n in range(9)))
    sync(tmp_path, STAYS_US)
    before, raw = stored.views(tmp_path), day_lines(tmp_path)

    def sync_within_the_limit() -> None:
        draft._CACHE_KIB = cache_kib
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        with pytest.raises(JournalError) as caught:
            sync(tmp_path)
        assert str(caught.value).startswith(what)
        assert "\n" not in str(caught.value)

    assert forked.run(sync_within_the_limit) == 0
    assert day_lines(tmp_path) == raw
    assert list(tmp_path.glob("packs/*")) + list(tmp_path.glob("packs/.*")) == []
    assert stored.views(tmp_path) == before
    assert sync(tmp_path).packed.days == (DAY,)
    assert len(packed(tmp_path)) == 9


def test_packs_that_cannot_be_written_are_reported_in_one_line(tmp_path: Path) -> None:
    write(tmp_path, prompt_line(1))
    (tmp_path / "packs").write_text("a file")
    with pytest.raises(JournalError) as caught:
        sync(tmp_path)
    assert str(tmp_path / "packs") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "days" / FILE).exists()


def test_the_hook_of_a_start_knows_how_much_is_left_after_packing(tmp_path: Path) -> None:
    write(tmp_path, prompt_line(1), prompt_line(2))
    write(tmp_path, prompt_line(3), name="2026-11-25/claude-code.s.jsonl")
    sync(tmp_path)
    assert unsynced(str(tmp_path), 0) == (False, 0)
    late = prompt_line(4)
    write(tmp_path, late)
    assert unsynced(str(tmp_path), 0) == (True, len(late))


def test_a_reader_in_the_way_of_the_checkpoint_keeps_the_day(tmp_path: Path) -> None:
    write(tmp_path, prompt_line(1))
    sync(tmp_path, STAYS_US)
    reader = stored.database(tmp_path)
    reader.execute("begin")
    reader.execute("select count(*) from events").fetchall()
    write(tmp_path, prompt_line(2))
    assert sync(tmp_path).packed.days == ()
    assert (tmp_path / "days" / FILE).exists()
    reader.execute("commit")
    reader.close()
    assert sync(tmp_path).packed.days == (DAY,)
    assert len(packed(tmp_path)) == 2


def test_so_much_is_packed_in_one_pass_and_the_rest_in_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "PASS_BYTES", 1)
    for day in ("2026-11-16", "2026-11-17"):
        write(tmp_path, prompt_line(1), name=f"{day}/claude-code.s.jsonl")
    assert sync(tmp_path).packed.days == ("2026-11-16",)
    assert sync(tmp_path).packed.days == ("2026-11-17",)


def test_the_command_reports_what_it_packed_and_reading_commands_pack_nothing(
    tmp_path: Path,
) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, prompt_line(1), name="2020-01-01/claude-code.s.jsonl")

    def journal(name: str, *args: str) -> str:
        command = [program(), "--home", str(tmp_path / name), *args]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    journal("a", "sessions", "--all")
    assert not (tmp_path / "a" / "packs").exists()
    assert json.loads(journal("a", "sync", "--json"))["pruned"]["days"] == 1
    assert "Packed 1 closed day" in journal("b", "sync")
    assert len(packed(tmp_path / "a")) == len(packed(tmp_path / "b")) == 1


LINES = [prompt_line(number % 7) for number in range(12)]  # several records of one moment


@given(st.lists(st.lists(st.sampled_from(LINES), max_size=6), min_size=1, max_size=4))
@settings(max_examples=examples(30), deadline=None)
def test_a_pack_does_not_depend_on_when_and_how_often_its_records_came(
    arrivals: list[list[bytes]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        one, many = Path(folder, "one"), Path(folder, "many")
        for number, arrival in enumerate(arrivals):
            write(many, *arrival, name=f"{DAY}/claude-code.{number % 2}.jsonl")
            sync(many)
        write(one, *(line for arrival in reversed(arrivals) for line in arrival))
        sync(one)
        assert pack_file(one).read_bytes() == pack_file(many).read_bytes()
        wanted = {line.rstrip() for arrival in arrivals for line in arrival}
        assert Counter(packed(many)) == Counter(wanted)
        parsed = [record.parse(line) for line in packed(many)]
        assert parsed == sorted(parsed, key=lambda made: (made.at_us, made.id))
        assert sorted(ids(stored.exported(many))) == sorted(ids(list(wanted)))
