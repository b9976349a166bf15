"""The database's file: its marks, its rights, what is refused, what the lock promises."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

import recordings
import stored
from journal.errors import BusyError, JournalError
from journal.layout import Layout
from sync.store import connection, schema
from sync.store.locks import locked


@pytest.fixture
def no_umask() -> Iterator[None]:
    """Nothing is taken from the rights that a program asks for."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_new_database_bears_its_marks(tmp_path: Path, no_umask: None) -> None:
    db = connection.open_store(Layout.at(tmp_path / "home"))
    assert db.pragma("application_id") == schema.APPLICATION_ID
    assert db.pragma("user_version") == schema.VERSION
    assert db.pragma("journal_mode") == "wal"
    assert db.pragma("auto_vacuum") == 2
    db.close()
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "home/journal.db").stat().st_mode & 0o777 == 0o600


def test_every_file_of_a_pass_is_private(tmp_path: Path, no_umask: None) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    recordings.write_journal(home, "p-simple")
    recordings.append(home / "days/2026-11-18/claude-code.x.jsonl", b"garbage\n")
    stored.sync(home)
    made = [path for path in home.rglob("*") if "days" not in path.parts]
    assert {path.name for path in made} >= {"journal.db", "dead", "synced", "sync.lock"}
    for path in made:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_a_newer_schema_is_refused_with_a_hint(tmp_path: Path) -> None:
    stored.sync(tmp_path)
    db = apsw.Connection(str(tmp_path / "journal.db"))
    db.pragma("user_version", schema.VERSION + 1)
    db.close()
    with pytest.raises(JournalError, match="newer than this program's") as caught:
        stored.sync(tmp_path)
    assert caught.value.hint == "upgrade agent-journal"


def test_another_programs_database_is_not_touched(tmp_path: Path) -> None:
    db = apsw.Connection(str(tmp_path / "journal.db"))
    db.execute("create table mine (x); pragma application_id = 7")
    db.close()
    with pytest.raises(JournalError, match="not a journal's database"):
        stored.sync(tmp_path)


@pytest.mark.parametrize("damage", [b"no database at all" * 100, b"\0" * 8192])
def test_a_damaged_database_is_reported_in_words(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "journal.db").write_bytes(damage)
    with pytest.raises(JournalError) as caught:
        stored.sync(tmp_path)
    assert "journal.db" in str(caught.value)


def test_a_home_that_is_a_file_is_reported_in_words(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("x")
    with pytest.raises(JournalError, match="home"):
        stored.sync(tmp_path / "home")


def test_a_lock_names_its_holder_and_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "sync.lock"
    code = (
        "import sys, time; from pathlib import Path; from sync.store.locks import locked\n"
        f"with locked(Path({str(path)!r}), lambda: False):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(BusyError, match=str(holder.pid)), locked(path, lambda: False):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with locked(path, lambda: False):
        pass
