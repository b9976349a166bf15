"""A database rebuilt from packs, days and the old one: the same, or it is said what is lost."""

import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import forked
import recordings
import stored
from chance import THOROUGH, examples
from installed import Installed
from journal.layout import Layout
from journal.record import record
from journal.settings.sources import load_settings
from journal.times import DAY_US
from places import ROOT
from sync import cycle
from sync.conditions import Pass
from sync.errors import DamagedStoreError, LossError, StoreError
from sync.rebuild import swap
from sync.report import Report
from sync.store import backups, connection
from tests.sync.retention.test_pack import pack_file, settle

DAYS = 4
PAGE = 4096
LATER_US = stored.NOW_US + 60 * DAY_US


def write(home: Path) -> None:
    """Recordings on several days, some sessions going on from day to day, and facts of our own."""
    for number, name in enumerate(recordings.NAMES):
        day = number % DAYS
        recordings.write_journal(home, name, recordings.START_NS + day * DAY_US * 1000)
        forget_pids(home)
    for day in range(DAYS):
        now_ns = recordings.START_NS + day * DAY_US * 1000
        for turn in range(12):
            payload = {"session_id": "long", "prompt": f"day {day} turn {turn} " + "word " * 400}
            line = recordings.line("UserPromptSubmit", payload, now_ns + turn * 10**9)
            recordings.append(day_folder(home, day) / "claude-code.long.jsonl", line)
        own = record.new_fact("Pin", "long", {"agent": "claude-code", "day": day}, now_ns)
        recordings.append(day_folder(home, day) / "journal.long.jsonl", record.dump(own))


def forget_pids(home: Path) -> None:
    """It is unknown whether the agents' processes exist: no end is inferred from that."""
    for path in (home / "days").glob("*/*.jsonl"):
        path.write_bytes(re.sub(rb'"pid":\d+', b'"pid":null', path.read_bytes()))


def day_folder(home: Path, day: int) -> Path:
    return home / "days" / day_name(day)


def day_name(day: int) -> str:
    return f"2026-11-{18 + day}"


def run(home: Path, now_us: int = stored.NOW_US, **more: Any) -> Report:
    layout = Layout.at(home)
    settings = load_settings(layout, stored.PATIENT)
    return cycle.run(Pass(layout, settings, now_us, **more))


def rebuild(home: Path, **more: Any) -> Report:
    return run(home, rebuild=True, **more)


def pack_all(home: Path) -> None:
    settle(home)
    assert len(run(home, LATER_US).packed.days) == DAYS
    assert not list((home / "days").iterdir())


def everything(home: Path) -> dict[str, list[Any]]:
    """Facts, views and the journal's own facts, but for the numbers that the database gave out."""
    own = stored.rows(home, "select id, at_us, name, session, line from own_facts order by id")
    return {**stored.views(home), "own": own, "lines": stored.exported(home)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, list[Any]]]:
    """One home with days, the same one with packs, and what both hold."""
    home = tmp_path_factory.mktemp("made") / "days"
    write(home)
    stored.sync(home)
    packed = home.with_name("packs")
    shutil.copytree(home, packed)
    pack_all(packed)
    shutil.rmtree(home / "contexts")
    return home, packed, everything(home)


Made = tuple[Path, Path, dict[str, list[Any]]]


def copy(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


def database(home: Path) -> Path:
    return home / "journal.db"


def leftovers(home: Path) -> list[str]:
    """The files next to the database; its WAL stays if the last process to close it only read."""
    found = {path.name for path in home.glob("journal.db?*")}
    return sorted(found - {"journal.db-wal", "journal.db-shm"})


def test_from_days_it_is_the_same(tmp_path: Path, made: Made) -> None:
    home = copy(made[0], tmp_path / "home")
    report = rebuild(home)
    assert report.rebuilt is not None
    assert (report.rebuilt.events, report.rebuilt.taken_over) == (len(made[2]["events"]), 0)
    assert (report.rebuilt.lost, report.rebuilt.kept, report.rebuilt.problems) == ("", None, ())
    assert everything(home) == made[2]
    assert database(home).stat().st_mode & 0o777 == 0o600
    assert leftovers(home) == []
    assert run(home).read == 0
    stored.check(home)


def test_from_packs_it_is_the_same(tmp_path: Path, made: Made) -> None:
    home = copy(made[1], tmp_path / "home")
    report = rebuild(home)
    assert report.rebuilt is not None
    assert report.rebuilt.taken_over == 0
    assert everything(home) == made[2]
    assert list((home / "contexts").iterdir())


@given(
    packed=st.sets(st.integers(0, DAYS - 1)),
    gone=st.sets(st.integers(0, DAYS - 1)),
    both=st.sets(st.integers(0, DAYS - 1)),
)
@settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))
def test_after_packing_or_deleting_it_is_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    made: Made,
    packed: set[int],
    gone: set[int],
    both: set[int],
) -> None:
    home = copy(made[0], tmp_path_factory.mktemp("any") / "home")
    (home / "packs").mkdir()
    for day in packed:
        shutil.copy(pack_file(made[1], day_name(day)), home / "packs")
        if day not in both:
            shutil.rmtree(day_folder(home, day))
    for day in gone:
        shutil.rmtree(day_folder(home, day), ignore_errors=True)
        pack_file(home, day_name(day)).unlink(missing_ok=True)
    report = rebuild(home)
    assert report.rebuilt is not None
    assert bool(report.rebuilt.taken_over) == bool(gone)
    assert everything(home) == made[2]
    stored.check(home)
    shutil.rmtree(home.parent)


def test_records_of_the_old_database_only_survive_a_second_rebuild(
    tmp_path: Path, made: Made
) -> None:
    home = copy(made[1], tmp_path / "home")
    shutil.rmtree(home / "packs")
    for _ in range(2):
        report = rebuild(home)
        assert report.rebuilt is not None
        assert report.rebuilt.taken_over == len(made[2]["events"]) + DAYS
        assert everything(home) == made[2]


def test_a_strange_session_survives_without_its_journal(tmp_path: Path) -> None:
    odd = [
        recordings.line("Stop", {"session_id": "long " * 2000}),
        recordings.line("Stop", b"no object at all \xff\xfe"),
        recordings.line("Stop", b""),
        recordings.line("Stop", {"session_id": "x", "lone": "surrogate"}).replace(
            b'"surrogate"', b'"\\ud800"'
        ),
        recordings.line("PostToolUse", {"session_id": "x", "a": ["v" * 9000, "v" * 9000]}),
    ]
    recordings.append(tmp_path / "days/2026-11-18/claude-code.x.jsonl", b"".join(odd))
    stored.sync(tmp_path)
    before = everything(tmp_path)
    assert len(before["events"]) == len(odd)
    shutil.rmtree(tmp_path / "days")
    rebuild(tmp_path)
    assert everything(tmp_path) == before
    stored.check(tmp_path)


@pytest.mark.parametrize("packs", [False, True], ids=["days", "packs"])
def test_a_missing_database_is_rebuilt_by_any_pass(tmp_path: Path, made: Made, packs: bool) -> None:
    home = copy(made[packs], tmp_path / "home")
    database(home).unlink()
    report = run(home)
    assert (report.rebuilt is not None) == packs
    assert everything(home) == made[2]
    assert run(home).rebuilt is None


def test_a_command_that_reads_does_not_rebuild_from_packs(tmp_path: Path, made: Made) -> None:
    home = copy(made[1], tmp_path / "home")
    database(home).unlink()
    with pytest.raises(StoreError, match=r"journal\.db is missing") as caught:
        run(home, packs=False)
    assert caught.value.hint == "run: journal sync --rebuild"
    assert not database(home).exists()
    assert rebuild(home).rebuilt is not None
    assert everything(home) == made[2]


GARBAGE = {"text": b"no database at all " * 100, "zeros": b"\0" * 8192}


@pytest.mark.parametrize("kind", GARBAGE)
def test_an_unreadable_database_is_reported_and_lost_only_with_consent(
    tmp_path: Path, made: Made, kind: str
) -> None:
    home = copy(made[1], tmp_path / "home")
    database(home).write_bytes(GARBAGE[kind])
    pack_file(home, day_name(0)).unlink()
    with pytest.raises(DamagedStoreError, match="is damaged"):
        run(home)
    with pytest.raises(LossError) as caught:
        rebuild(home)
    message = str(caught.value)
    assert "is damaged" in message
    assert "other records that only it had are lost" in message
    held = [line for line in made[2]["lines"] if b'"at":"2026-11-18' not in line]
    assert f"the journal holds {len(held)} events of 3 days between" in message
    assert "2026-11-19 and 2026-11-21" in message
    assert "\n" not in message
    assert "--rebuild --yes" in caught.value.hint
    assert database(home).read_bytes() == GARBAGE[kind]
    assert leftovers(home) == []
    report = rebuild(home, accept_loss=True)
    assert report.rebuilt is not None
    assert report.rebuilt.lost == message
    assert report.rebuilt.kept is not None
    assert report.rebuilt.kept.read_bytes() == GARBAGE[kind]
    assert leftovers(home) == [report.rebuilt.kept.name]
    assert stored.exported(home) == held
    stored.check(home)


def spoil(home: Path, pages: list[int]) -> None:
    """Overwrite pages of a database that no process has open."""
    with database(home).open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * PAGE)
            file.write(b"\xa5" * PAGE)


def pages_of(home: Path, table: str) -> list[int]:
    """The pages of a table or an index, without its root."""
    query = "select pageno from dbstat where name = ? and path <> '/' order by pageno"
    return [page for (page,) in stored.rows(home, query, table)]


def emptied(home: Path) -> None:
    """Nothing but the database is left."""
    for name in ("days", "packs", "contexts"):
        shutil.rmtree(home / name, ignore_errors=True)


@pytest.mark.parametrize("table", ["events", "blocks"])
def test_of_a_damaged_table_all_else_is_taken_over_and_the_loss_is_counted(
    tmp_path: Path, made: Made, table: str
) -> None:
    home = copy(made[1], tmp_path / "home")
    emptied(home)
    pages = pages_of(home, table)
    assert len(pages) > 2
    spoil(home, pages[1:2])
    with pytest.raises(LossError) as caught:
        rebuild(home)
    report = rebuild(home, accept_loss=True)
    assert report.rebuilt is not None
    left = {row[0] for row in stored.rows(home, "select id from events")}
    all_events = {row[0] for row in made[2]["events"]}
    lost = len(all_events - left)
    assert left < all_events
    assert 0 < lost < len(all_events) / 2
    assert f"{lost} events from" in str(caught.value)
    assert "at least" not in str(caught.value)
    assert f"it had {len(all_events)} events of" in str(caught.value)
    assert f"{len(left) + DAYS} records are copied from it" in str(caught.value)
    kept = {line for line in made[2]["lines"] if record.parse(line[:-1]).id in left}
    assert set(stored.exported(home)) == kept
    stored.check(home)


@pytest.mark.parametrize("table", ["sqlite_autoindex_events_1", "events_by_time"])
def test_a_damaged_index_loses_nothing(tmp_path: Path, made: Made, table: str) -> None:
    home = copy(made[1], tmp_path / "home")
    emptied(home)
    root = stored.rows(home, "select rootpage from sqlite_schema where name = ?", table)
    spoil(home, [root[0][0]])
    report = rebuild(home)
    assert report.rebuilt is not None
    assert report.rebuilt.lost == ""
    assert report.rebuilt.kept is not None
    assert everything(home) == made[2]


@pytest.mark.parametrize("table", ["session_states", "full_text_data", "summaries", "items"])
def test_damaged_views_are_rebuilt(tmp_path: Path, made: Made, table: str) -> None:
    home = copy(made[1], tmp_path / "home")
    emptied(home)
    root = stored.rows(home, "select rootpage from sqlite_schema where name = ?", table)
    spoil(home, [root[0][0], *pages_of(home, table)])
    report = rebuild(home)
    assert report.rebuilt is not None
    assert (report.rebuilt.lost, report.rebuilt.kept) == ("", None)
    assert everything(home) == made[2]


def test_a_damaged_database_whose_records_are_all_in_the_journal_needs_no_consent(
    tmp_path: Path, made: Made
) -> None:
    home = copy(made[1], tmp_path / "home")
    spoil(home, pages_of(home, "events")[1:3])
    report = rebuild(home)
    assert report.rebuilt is not None
    assert report.rebuilt.lost == ""
    assert everything(home) == made[2]


@pytest.mark.parametrize("seed", range(20 if THOROUGH else 5))
def test_random_damage_never_loses_an_event_in_silence(
    tmp_path: Path, made: Made, seed: int
) -> None:
    chance = random.Random(seed)
    home = copy(made[1], tmp_path / "home")
    emptied(home)
    size = database(home).stat().st_size
    with database(home).open("r+b") as file:
        for _ in range(chance.randint(1, 6)):
            file.seek(chance.randrange(100, size))
            file.write(chance.randbytes(chance.randint(1, 3000)))
    report = rebuild(home, accept_loss=True)
    assert report.rebuilt is not None
    stored.check(home)
    left = {unique for (unique,) in stored.rows(home, "select id from events")}
    assert {row[0] for row in made[2]["events"]} <= left or report.rebuilt.lost


def test_a_damaged_pack_is_reported_and_the_old_database_replaces_it(
    tmp_path: Path, made: Made
) -> None:
    home = copy(made[1], tmp_path / "home")
    pack = pack_file(home, day_name(1))
    pack.write_bytes(pack.read_bytes()[:300])
    report = rebuild(home)
    assert report.rebuilt is not None
    assert report.rebuilt.taken_over > 0
    assert str(pack) in report.rebuilt.problems[0]
    assert everything(home) == made[2]


def test_a_newer_or_foreign_database_is_not_replaced(tmp_path: Path, made: Made) -> None:
    home = copy(made[0], tmp_path / "home")
    db = apsw.Connection(str(database(home)))
    db.pragma("user_version", 99)
    db.close()
    with pytest.raises(StoreError, match="newer"):
        rebuild(home, accept_loss=True)
    database(home).unlink()
    plain = sqlite3.connect(database(home))
    plain.execute("create table mine (x)")
    plain.close()
    with pytest.raises(StoreError, match="not a journal's database"):
        rebuild(home, accept_loss=True)
    assert stored.rows(home, "select name from sqlite_schema") == [("mine",)]
    assert leftovers(home) == []


def test_a_linked_database_stays_where_it_is(tmp_path: Path, made: Made) -> None:
    home = copy(made[1], tmp_path / "home")
    emptied(home)
    database(home).rename(tmp_path / "elsewhere.db")
    database(home).symlink_to(tmp_path / "elsewhere.db")
    assert rebuild(home).rebuilt is not None
    assert database(home).is_symlink()
    assert everything(home) == made[2]


READER = """
import sys, apsw
db = apsw.Connection(sys.argv[1])
rows = db.execute("select id from events order by id")
next(rows)
if sys.argv[2] == "idle":
    rows.close()
print("reading", flush=True)
sys.stdin.readline()
print(len(list(rows)) if sys.argv[2] != "idle" else "", flush=True)
print(db.execute("select count(*) from events").get, flush=True)
print(db.execute("pragma integrity_check").get, flush=True)
db.close()
"""


@contextmanager
def reading(home: Path, how: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that has the database open, `idle` or in the middle of a query."""
    command = [sys.executable, "-c", READER, str(database(home)), how]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        yield process
        process.kill()


@pytest.mark.parametrize("how", ["idle", "busy"])
def test_readers_are_not_disturbed(tmp_path: Path, made: Made, how: str) -> None:
    home = copy(made[0], tmp_path / "home")
    number = len(made[2]["events"])
    with reading(home, how) as process:
        recordings.append(day_folder(home, 0) / "claude-code.new.jsonl", one_line())
        assert stored.sync(home).stored == 1
        assert rebuild(home).rebuilt is not None
        recordings.append(day_folder(home, 0) / "claude-code.new.jsonl", one_line())
        assert stored.sync(home).stored == 1
        out = process.communicate("\n", timeout=20)[0]
    seen = "" if how == "idle" else number - 1
    assert out == f"{seen}\n{number + 2}\nok\n"
    assert len(stored.views(home)["events"]) == number + 2
    stored.check(home)


def one_line() -> bytes:
    return recordings.line("Stop", {"session_id": "new"})


def test_another_writer_is_waited_for_and_named(
    tmp_path: Path, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_MS", 100)
    home = copy(made[0], tmp_path / "home")
    other = apsw.Connection(str(database(home)))
    other.execute("begin immediate")
    with pytest.raises(StoreError, match="is locked by another program"):
        rebuild(home)
    other.close()
    assert leftovers(home) == []
    assert everything(home) == made[2]


COUNTERS = """
import sys
sys.path[:0] = sys.argv[2:]
from journal.layout import Layout
from sync.store import connection
layout, opened, seen = Layout.at(sys.argv[1]), 0, set()
print("ready", flush=True)
while not (layout.home / "over").exists():
    db = connection.open_store(layout)
    seen |= {db.execute("select count(*) from events").get, db.execute("pragma quick_check").get}
    db.close()
    opened += 1
print(opened > 20, seen, flush=True)
"""


def test_readers_that_come_and_go_see_the_old_or_the_new_one(tmp_path: Path, made: Made) -> None:
    home = copy(made[0], tmp_path / "home")
    command = [sys.executable, "-c", COUNTERS, str(home), str(ROOT)]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in readers:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for _ in range(5):
        rebuild(home)
    (home / "over").touch()
    number = len(made[2]["events"])
    for process in readers:
        out = process.communicate(timeout=30)[0]
        assert out in (f"True {{{number}, 'ok'}}\n", f"True {{'ok', {number}}}\n")
    assert everything(home) == made[2]
    stored.check(home)


def rebuild_and_die(home: Path, seconds: float) -> None:
    """Rebuild, and kill this process so many seconds into the last step."""
    put = swap.put

    def killed(*args: Any) -> Any:
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()
        return put(*args)

    swap.put = killed
    rebuild(home)


def killed(home: Path, seconds: float) -> bool:
    """Rebuild in a process of its own and kill it; whether it came to its end before."""
    pid = forked.start(lambda: rebuild(home))
    time.sleep(seconds)
    return forked.kill(pid) == 0


def test_killed_anywhere_the_database_is_the_old_or_the_new_one(tmp_path: Path, made: Made) -> None:
    chance = random.Random(14)
    home = copy(made[1], tmp_path / "home")
    for day in range(2):
        pack_file(home, day_name(day)).unlink()
    began = time.monotonic()
    rebuild(home)
    whole = time.monotonic() - began
    ends, half = 0, 0
    for _ in range(12 if THOROUGH else 8):
        ends += killed(home, chance.uniform(0, 1.3 * whole))
        half += (home / "journal.db.rebuild").exists()
        if chance.random() < 0.5:
            run(home)  # an ordinary pass tidies up
            assert leftovers(home) == []
        stored.check(home)
        assert everything(home) == made[2]
    assert half > 0
    assert ends < (12 if THOROUGH else 8)
    rebuild(home)
    assert everything(home) == made[2]
    assert leftovers(home) == []


def test_killed_in_its_transaction_the_database_is_the_old_or_the_new_one(
    tmp_path: Path, made: Made
) -> None:
    home = copy(made[1], tmp_path / "home")
    emptied(home)
    codes = set()
    for at in range(0, 16, 2):
        codes.add(forked.run(partial(rebuild_and_die, home, 0.0015 * at)))
        stored.check(home)
        assert everything(home) == made[2]
    assert -signal.SIGKILL in codes
    assert rebuild(home).rebuilt is not None
    assert everything(home) == made[2]
    assert leftovers(home) == []


ENDINGS = {
    "before the copy": ("keep", True),
    "behind the copy": ("keep", False),
    "before the transaction": ("put", True),
    "behind the transaction": ("put", False),
    "before the rename": ("swap", True),
    "behind the rename": ("swap", False),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_killed_around_its_last_step_it_is_the_old_or_the_new_one(
    tmp_path: Path, made: Made, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    step, before = ENDINGS[name]
    home = copy(made[1], tmp_path / "home")
    if step == "swap":
        database(home).write_bytes(GARBAGE["text"])
    else:
        emptied(home)
        spoil(home, pages_of(home, "sqlite_autoindex_events_1"))
    held = apsw.Connection(str(database(home)))
    if step != "swap":
        held.execute("select count(*) from sqlite_schema").fetchall()  # so that there is a WAL
    real = getattr(swap, step)

    def stop(*args: Any) -> None:
        if not before:
            real(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(swap, step, stop)
    monkeypatch.setattr(backups, "remove_leftovers", lambda layout: None)
    with pytest.raises(KeyboardInterrupt):
        rebuild(home, accept_loss=True)
    monkeypatch.undo()
    held.close()
    report = rebuild(home, accept_loss=True)
    assert report.rebuilt is not None
    assert bool(report.rebuilt.lost) == (name != "behind the rename" and step == "swap")
    assert everything(home) == made[2]
    stored.check(home)


def test_the_command_says_what_it_did(installed: Installed, made: Made) -> None:
    for name in ("journal.db", "days", "packs", "redaction.key"):
        source, target = made[1] / name, installed.home / name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    text = installed.journal("sync", "--rebuild")
    number = len(made[2]["events"])
    assert text.startswith("The database was rebuilt in ")
    assert f" s: {number} events, all from the journal.\n" in text
    pack_file(installed.home, day_name(3)).unlink()
    assert "that only the old one had.\n" in installed.journal("sync", "--rebuild")
    assert '"rebuilt":{"events":' in installed.journal("sync", "--rebuild", "--json")
    assert '"rebuilt":null' in installed.journal("sync", "--json")
    assert installed.journal("sync", "--yes", code=2) == ""


def test_the_command_asks_before_something_is_lost(
    installed: Installed, made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    from journal import cli

    shutil.copytree(made[1] / "packs", installed.home / "packs")
    database(installed.home).write_bytes(GARBAGE["text"])
    home = ["--home", str(installed.home)]
    for command in (["sync"], ["sync", "--rebuild"]):
        assert cli.run([*home, *command]) == 1
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "is damaged" in err
        assert "journal sync --rebuild" in err
    assert cli.run([*home, "sync", "--rebuild", "--yes"]) == 0
    out, err = capsys.readouterr()
    assert "The database was rebuilt" in out
    assert "the damaged database is kept as " in err
    assert cli.run([*home, "sync"]) == 0


def test_an_own_fact_survives_with_the_database_alone(tmp_path: Path, made: Made) -> None:
    home = copy(made[1], tmp_path / "home")
    emptied(home)
    rebuild(home)
    assert everything(home)["own"] == made[2]["own"]
    assert len(made[2]["own"]) == DAYS


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 1.0])
def test_a_full_disk_leaves_the_old_database(tmp_path: Path, made: Made, share: float) -> None:
    home = copy(made[1], tmp_path / "home")
    size = int(share * database(home).stat().st_size)

    def rebuild_within_the_limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        with pytest.raises(StoreError):
            rebuild(home)

    assert forked.run(rebuild_within_the_limit) == 0
    assert leftovers(home) == []
    assert everything(home) == made[2]
    rebuild(home)
    assert everything(home) == made[2]
