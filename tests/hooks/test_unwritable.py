"""Full, read-only, busy, large: a pass says so in one line, changes nothing, and is made up for."""

import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

import commands
import forked
import recordings
import stored
from journal import cli
from journal.layout import Layout
from sync.ingest import journal_reader
from sync.store import connection, schema, vacuum
from sync.store.locks import locked


def add(home: Path, session: str, records: int, words: int = 300) -> None:
    """So many records of a session, none like the other."""
    lines = []
    for number in range(records):
        text = " ".join(f"{session}{number}x{word:x}" for word in range(words))
        payload = {"session_id": session, "prompt": text}
        now_ns = recordings.START_NS + number * 10**6
        lines.append(recordings.line("UserPromptSubmit", payload, now_ns))
    path = home / f"days/2026-11-18/claude-code.{session}.jsonl"
    recordings.append(path, b"".join(lines))


def sync(home: Path) -> tuple[int, str]:
    """`journal sync` in a process of its own; exit code and stderr."""
    ended = commands.shared().run(home, "sync")
    return ended.code, ended.stderr


def is_one_line_with_hint(err: str) -> bool:
    return err.startswith("journal: ") and err.count("\n") == 1 and err.endswith(")\n")


@pytest.fixture
def disk(disks: Callable[[str], Path]) -> Path:
    return disks("size=8m")


def remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


def test_a_full_disk_stops_a_pass_and_harms_nothing(disk: Path) -> None:
    home = disk / "home"
    add(home, "first", 50)
    assert sync(home) == (0, "")
    before = stored.views(home)
    add(home, "second", 200)
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            file.flush()
    for _ in range(2):
        code, err = sync(home)
        assert code == 1
        assert is_one_line_with_hint(err), err
        assert "the disk is full" in err or "No space left" in err
    (disk / "filler").unlink()
    assert stored.views(home) == before
    assert sync(home) == (0, "")
    assert len(stored.exported(home)) == 250
    stored.check(home)


def test_a_disk_too_small_for_a_new_database_is_reported(disk: Path) -> None:
    home = disk / "home"
    remount(disk, "size=3m")
    add(home, "big", 600)
    code, err = sync(home)
    assert code == 1
    assert is_one_line_with_hint(err), err
    remount(disk, "size=64m")
    assert sync(home) == (0, "")
    assert len(stored.exported(home)) == 600
    stored.check(home)


def test_a_read_only_disk_is_reported(disk: Path) -> None:
    home = disk / "home"
    add(home, "first", 5)
    assert sync(home) == (0, "")
    before = stored.views(home)
    add(home, "second", 5)
    remount(disk, "ro")
    code, err = sync(home)
    assert code == 1
    assert is_one_line_with_hint(err), err
    remount(disk, "rw")
    assert stored.views(home) == before
    assert sync(home) == (0, "")
    assert len(stored.exported(home)) == 10


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("name", ["", "journal.db"])
def test_missing_rights_are_reported(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    add(home, "first", 5)
    assert sync(home) == (0, "")
    add(home, "second", 5)
    (home / name).chmod(0o500)
    code, err = sync(home)
    (home / name).chmod(0o700)
    assert code == 1
    assert is_one_line_with_hint(err), err
    assert len(stored.exported(home)) == 5
    assert sync(home) == (0, "")
    assert len(stored.exported(home)) == 10


@pytest.mark.parametrize("share", [0.2, 0.6, 1.1])
def test_a_limit_on_the_size_of_files_is_reported(tmp_path: Path, share: float) -> None:
    home = tmp_path / "home"
    add(home, "first", 100)
    assert sync(home) == (0, "")
    before = stored.views(home)
    size = int((home / "journal.db").stat().st_size * share)
    add(home, "second", 400)
    erred = tmp_path / "stderr"

    def sync_within_the_limit() -> None:
        sys.stderr = erred.open("w")
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        assert cli.run(["--home", str(home), "sync"]) == 1
        sys.stderr.flush()

    assert forked.run(sync_within_the_limit) == 0
    assert is_one_line_with_hint(erred.read_text()), erred.read_text()
    assert stored.views(home) == before
    assert sync(home) == (0, "")
    assert len(stored.exported(home)) == 500
    stored.check(home)


@pytest.mark.parametrize("how", ["begin immediate", "pragma locking_mode = exclusive"])
def test_a_database_that_another_program_has_locked_is_named(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connection, "BUSY_MS", 100)
    add(tmp_path, "first", 5)
    command = ["--home", str(tmp_path), "sync"]
    assert cli.run(command) == 0
    add(tmp_path, "second", 5)
    other = apsw.Connection(str(tmp_path / "journal.db"))
    for statement in (how, f"pragma user_version = {schema.VERSION}"):
        other.execute(statement).fetchall()
    capsys.readouterr()
    assert cli.run(command) == 1
    err = capsys.readouterr().err
    assert is_one_line_with_hint(err)
    assert "is locked by another program (close it and try again)" in err
    other.close()
    assert len(stored.exported(tmp_path)) == 5
    assert cli.run(command) == 0
    assert len(stored.exported(tmp_path)) == 10


def test_a_running_sync_is_named_with_a_code_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(tmp_path, "first", 5)
    with locked(tmp_path / "sync.lock", lambda: False):
        assert cli.run(["--home", str(tmp_path), "sync", "--wait", "0"]) == 75
    err = capsys.readouterr().err
    assert is_one_line_with_hint(err)
    assert str(os.getpid()) in err
    assert not (tmp_path / "journal.db").exists()
    assert not (tmp_path / "logs").exists()


def wal(home: Path) -> int:
    path = home / "journal.db-wal"
    return path.stat().st_size if path.exists() else 0


def test_the_wal_of_a_large_pass_stays_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_reader, "BATCH_BYTES", 1 << 19)
    for session in range(10):
        add(tmp_path, f"s{session}", 250)
    total = sum(path.stat().st_size for path in tmp_path.rglob("*.jsonl"))
    assert total > 5 * journal_reader.BATCH_BYTES
    sizes, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(0.002):
            sizes.append(wal(tmp_path))

    thread = threading.Thread(target=look)
    thread.start()
    idle = connection.open_store(Layout.at(tmp_path))  # a second one, so that the WAL stays
    stored.sync(tmp_path)
    over.set()
    thread.join()
    # What SQLite leaves in it (4 MB) and one batch, whose texts and index are three times as large.
    # The whole pass would write 20 MB.
    assert 1 << 20 < max(sizes) < 10 << 20
    assert wal(tmp_path) <= vacuum.WAL_BYTES
    idle.close()


def test_a_reader_does_not_hold_up_a_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BUSY_MS", 3_600_000)  # a pass that waits does not come back
    add(tmp_path, "first", 50)
    stored.sync(tmp_path)
    reader = connection.open_store(Layout.at(tmp_path))
    rows = reader.execute("select id from events")
    next(rows)
    add(tmp_path, "second", 800)
    assert stored.sync(tmp_path).stored == 800
    assert wal(tmp_path) > vacuum.WAL_BYTES
    assert len(list(rows)) == 49
    reader.execute("select 1").fetchall()
    add(tmp_path, "third", 1)
    stored.sync(tmp_path)
    assert wal(tmp_path) <= vacuum.WAL_BYTES
    reader.close()


def test_free_pages_are_given_back_bit_by_bit(tmp_path: Path) -> None:
    db = connection.open_store(Layout.at(tmp_path))
    db.execute("create table ballast (x)")
    number = 3 * vacuum.VACUUM_PAGES
    with db:
        db.executemany("insert into ballast values (zeroblob(4000))", [()] * number)
    with db:
        db.execute("delete from ballast where rowid % 2")
    before = db.pragma("freelist_count")
    assert before > vacuum.VACUUM_PAGES
    vacuum.tend(db)
    given = before - db.pragma("freelist_count")
    assert vacuum.VACUUM_PAGES <= given < 1.01 * vacuum.VACUUM_PAGES
    for _ in range(3):
        vacuum.tend(db)
    left = db.pragma("freelist_count")
    assert left < max(vacuum.FREE_PAGES, db.pragma("page_count") / vacuum.FREE_SHARE)
    assert db.execute("pragma integrity_check").get == "ok"
    db.close()
