"""`journal status`: honest numbers in every condition of a home, without touching it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

import stored
from installed import Installed
from journal import __version__
from reported import Reader, asked, four_states, tell

SHAPE = {
    "version": None,
    "home": None,
    "journal": {"files", "bytes", "unsynced_bytes", "oldest_unsynced"},
    "store": {"events", "sessions", "bytes", "schema"},
    "sessions": {"working", "awaiting", "idle", "finished", "not_adopted"},
    "memory_ids": {"resolved", "pending", "oldest_pending", "refused"},
    "rejected": None,
    "retry": {"waiting", "due", "oldest"},
    "dead": None,
    "watcher": {"running", "pid", "last_look", "trouble"},
    "remote": {"kind", "last_success", "last_error", "circuit", "paused"},
}


def status(journal: Reader) -> Any:
    return json.loads(journal("status", "--json"))


def tree(home: Path) -> dict[str, bytes]:
    """Every file of a home, except SQLite's own files next to the database, which come and go."""
    files = (path for path in home.rglob("*") if path.is_file())
    return {str(p): p.read_bytes() for p in files if not p.name.endswith(("-shm", "-wal"))}


def test_the_json_has_the_shape_of_the_interface(journal: Reader) -> None:
    four_states(journal.home)
    found = status(journal)
    assert list(found)[: len(SHAPE)] == list(SHAPE)
    for key, keys in SHAPE.items():
        assert keys is None or set(found[key]) >= keys, key
    assert (found["version"], found["home"]) == (__version__, str(journal.home))
    watcher = {"running": False, "pid": None, "last_look": None, "trouble": None}
    assert found["watcher"] == watcher
    remote = dict.fromkeys(("last_success", "last_error", "paused")) | {"circuit": "closed"}
    assert found["remote"] == {"kind": "none", **remote}
    assert found["retry"] == {"waiting": 0, "due": 0, "oldest": None}


def test_it_works_without_a_home_and_makes_none(journal: Reader) -> None:
    found = status(journal)
    assert found["journal"]["files"] == found["store"]["events"] == found["store"]["schema"] == 0
    assert found["sessions"] == dict.fromkeys(SHAPE["sessions"] or (), 0)
    assert "no database yet" in journal("status")
    assert not journal.home.exists()


def test_status_counts_unsynced_records_and_changes_no_file(journal: Reader) -> None:
    four_states(journal.home)
    before = tree(journal.home)
    found = status(journal)
    assert found["journal"]["files"] == 5
    assert found["journal"]["unsynced_bytes"] == found["journal"]["bytes"] > 0
    assert found["journal"]["oldest_unsynced"] == "2026-11-18T08:36:39.000000Z"
    assert "not synced, the oldest from 2h ago" in journal("status")
    assert tree(journal.home) == before
    stored.sync(journal.home)
    found = status(journal)
    assert (found["journal"]["unsynced_bytes"], found["journal"]["oldest_unsynced"]) == (0, None)


def test_the_sessions_are_counted_by_state(journal: Reader) -> None:
    four_states(journal.home)
    stored.sync(journal.home)
    before = tree(journal.home)
    found = status(journal)
    assert found["sessions"] == {
        "working": 1, "awaiting": 1, "idle": 1, "finished": 1, "not_adopted": 1,
    }  # fmt: skip
    ids = {"resolved": 4, "pending": 0, "oldest_pending": None, "refused": 0}
    assert found["memory_ids"] == ids
    assert (found["store"]["events"], found["store"]["sessions"]) == (15, 5)
    assert found["store"]["bytes"] >= (journal.home / "journal.db").stat().st_size
    assert found["store"]["last_record"] == "2026-11-18T11:06:11.000000Z"
    assert tree(journal.home) == before


def test_pieces_in_dead_are_rejected(journal: Reader) -> None:
    asked(journal.home, "aaaaaa01", "work", 10)
    (path,) = (journal.home / "days").rglob("*.jsonl")
    with path.open("ab") as file:
        file.write(b"no record\nneither\n")
    stored.sync(journal.home)
    assert status(journal)["rejected"] == 2
    assert "2 unreadable, kept in dead/" in journal("status")


def test_a_damaged_database_is_a_problem_and_the_rest_is_still_shown(journal: Reader) -> None:
    asked(journal.home, "aaaaaa01", "work", 10)
    damaged = b"not a database at all, " * 100
    (journal.home / "journal.db").write_bytes(damaged)
    found = status(journal)
    assert found["journal"]["unsynced_bytes"] == found["journal"]["bytes"] > 0
    assert [problem["hint"] for problem in found["problems"]][1:] == ["run: journal sync --rebuild"]
    assert "unreadable" in journal("status")
    assert (journal.home / "journal.db").read_bytes() == damaged


def test_a_newer_programs_database_is_not_touched(journal: Reader) -> None:
    asked(journal.home, "aaaaaa01", "work", 10)
    stored.sync(journal.home)
    import apsw

    db = apsw.Connection(str(journal.home / "journal.db"))
    db.pragma("user_version", 99)
    db.close()
    assert "schema 99" in status(journal)["problems"][1]["message"]
    assert "upgrade agent-journal" in journal("status")


def test_the_hooks_are_installed_outdated_or_missing(installed: Installed) -> None:
    def hooks() -> Any:
        return json.loads(installed.journal("status", "--json"))["hooks"]

    assert hooks() == "installed"
    assert "problem" not in installed.journal("status")
    emitter = installed.home / "hooks" / "emit.py"
    emitter.write_bytes(emitter.read_bytes() + b"# older\n")
    assert hooks() == "outdated"
    assert "hooks of another version (run: journal install)" in installed.journal("status")
    installed.journal("install", "--settings", str(installed.settings))
    assert hooks() == "installed"
    (installed.home / "hooks" / "run.py").unlink()
    assert hooks() == "missing"
    assert "hooks not installed (run: journal install)" in installed.journal("status")


def test_records_in_the_spool_are_counted(journal: Reader, scratch_home: Path) -> None:
    from hooks import emit

    asked(journal.home, "aaaaaa01", "work", 10)
    folder = Path(emit.spool_folder(str(journal.home)))
    folder.mkdir(parents=True)
    (folder / "claude-code.s.0.jsonl").write_bytes(b"{}")
    (folder / "claude-code.s.1.part").write_bytes(b"{}")
    assert status(journal)["journal"]["spooled"] == 1
    assert "1 record in the spool" in " ".join(journal("status").split())


def test_the_text_fits_the_screen(journal: Reader) -> None:
    four_states(journal.home)
    for number in range(30):
        tell(journal.home, f"{number:06x}", "SessionStart", 30, source="startup")
    stored.sync(journal.home)
    out = journal("status")
    assert max(map(cell_len, out.splitlines())) <= 80
    assert "1 awaiting, 1 working, 1 idle, 1 finished; 31 only started" in out


def test_a_bad_configuration_is_wrong_usage(journal: Reader) -> None:
    journal.home.mkdir()
    (journal.home / "config.toml").write_text("[remote]\nkind = 'pigeon'\n")
    journal("status", code=2)
    assert "remote.kind" in journal.err


def test_the_command_works_as_a_process(tmp_path: Path) -> None:
    four_states(tmp_path / "home")
    command = [
        sys.executable,
        "-m",
        "journal",
        "status",
        "--json",
        "--home",
        str(tmp_path / "home"),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["journal"]["files"] == 5


def test_folders_that_cannot_be_used_are_named(
    journal: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rights do not hold for root, so the test reads them."""

    def access(path: Path, mode: int) -> bool:
        return Path(path).exists() and Path(path).stat().st_mode >> 6 & mode == mode

    monkeypatch.setattr(os, "access", access)
    asked(journal.home, "s1", "go", 60)
    journal("sync")
    days = journal.home / "days"
    days.chmod(0o500)
    problems = json.loads(journal("status", "--json"))["problems"]
    days.chmod(0o700)
    hint = "run: journal doctor --fix"
    assert {"message": f"no access to {days}", "hint": hint} in problems
