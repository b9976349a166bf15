"""The steps of the schema: every old database becomes the present one, or stays unchanged."""

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

import forked
import golden_schema
import stored
from journal.layout import Layout
from sync.errors import StoreError
from sync.store import connection, migration, schema

GOLDEN = sorted(golden_schema.FOLDER.glob("v*.sql"))
PRESENT = schema.VERSION


def load(script: Path, home: Path) -> Path:
    """A home with the database that a golden file describes."""
    home.mkdir(mode=0o700)
    path = home / "journal.db"
    db = apsw.Connection(str(path))
    db.pragma("journal_mode", "wal")
    db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
    db.execute(script.read_text())
    if "home" in {str(name) for (name,) in db.execute("select name from sqlite_schema")}:
        (home / "id").write_text(f"{db.execute('select id from home').get}\n{home}\n")
    db.close()
    return path


def tables(path: Path) -> list[Any]:
    """Every table and index as its statement, without what the planner has counted."""
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    query = """
        select type, name, tbl_name, sql from sqlite_schema
        where name not like 'sqlite_stat%' order by name
    """
    found = db.execute(query).fetchall()
    db.close()
    return found


def mark(path: Path) -> int:
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    version = int(db.pragma("user_version"))
    db.close()
    return version


def files_next_to(path: Path) -> set[str]:
    names = {found.name for found in path.parent.glob("journal.db.*")}
    assert all((path.parent / name).stat().st_mode & 0o777 == 0o600 for name in names)
    return names


def test_there_is_a_database_of_every_schema() -> None:
    assert [path.stem for path in GOLDEN] == [f"v{n + 1}" for n in range(PRESENT)]


@pytest.mark.parametrize("script", GOLDEN, ids=lambda path: path.stem)
def test_an_old_database_becomes_what_a_new_one_is(script: Path, tmp_path: Path) -> None:
    old = load(script, tmp_path / "old")
    lines = {*stored.exported(old.parent)} if script.stem == f"v{PRESENT}" else set()
    stored.sync(old.parent)
    fresh = tmp_path / "fresh"
    written = stored.exported(old.parent)
    assert len(written) > 20
    assert lines <= {*written}
    (fresh / "days/2026-11-18").mkdir(parents=True)
    (fresh / "days/2026-11-18/claude-code.x.jsonl").write_bytes(b"".join(written))
    stored.sync(fresh)
    assert tables(old) == tables(fresh / "journal.db")
    assert mark(old) == PRESENT
    assert stored.views(old.parent) == stored.views(fresh)
    stored.check(old.parent)


def second(db: apsw.Connection) -> None:
    db.execute("create table second (x)")


def third(db: apsw.Connection) -> None:
    db.execute("insert into second select count(*) from events; drop table second")
    db.execute("create table third (x)")


def fail(db: apsw.Connection) -> None:
    db.execute("create table half_way (x)")
    db.execute("insert into no_such_table values (1)")


STEPS = (*schema.STEPS, second, third)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database of the present schema, which these tests upgrade further."""
    return load(GOLDEN[-1], tmp_path / "home")


def put(monkeypatch: pytest.MonkeyPatch, steps: tuple[Any, ...]) -> None:
    monkeypatch.setattr(schema, "STEPS", steps)
    monkeypatch.setattr(schema, "VERSION", len(steps))


def upgrade(path: Path) -> None:
    connection.open_store(Layout.at(path.parent)).close()


def test_an_upgrade_takes_all_steps_and_leaves_a_copy_of_before(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, content = tables(old), stored.exported(old.parent)
    put(monkeypatch, STEPS)
    upgrade(old)
    assert mark(old) == PRESENT + 2
    assert [row for row in tables(old) if row not in before] == [
        ("table", "third", "third", "CREATE TABLE third (x)")
    ]
    copy = old.with_name(f"journal.db.backup-v{PRESENT}")
    assert files_next_to(old) == {copy.name}
    assert (mark(copy), tables(copy)) == (PRESENT, before)
    other = old.parent.parent / "other"
    other.mkdir()
    copy.rename(other / "journal.db")
    assert stored.exported(other) == content
    stored.check(other)


def test_the_newest_copy_alone_is_kept(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, STEPS[: PRESENT + 1])
    upgrade(old)
    assert files_next_to(old) == {f"journal.db.backup-v{PRESENT}"}
    upgrade(old)
    assert files_next_to(old) == {f"journal.db.backup-v{PRESENT}"}
    old.with_name("journal.db.backup-of-mine").touch(mode=0o600)
    old.with_name("journal.db.backup-v9.part").touch(mode=0o600)
    put(monkeypatch, STEPS)
    upgrade(old)
    assert files_next_to(old) == {f"journal.db.backup-v{PRESENT + 1}", "journal.db.backup-of-mine"}


def test_a_new_database_needs_no_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, STEPS)
    upgrade(tmp_path / "home/journal.db")
    assert mark(tmp_path / "home/journal.db") == PRESENT + 2
    assert files_next_to(tmp_path / "home/journal.db") == set()


def test_a_step_that_fails_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, content = tables(old), stored.views(old.parent)
    put(monkeypatch, (*STEPS[: PRESENT + 1], fail))
    message = f"cannot upgrade .* from schema {PRESENT + 1} to {PRESENT + 2}: no such table"
    with pytest.raises(StoreError, match=message) as caught:
        upgrade(old)
    assert caught.value.hint.startswith("nothing was changed")
    monkeypatch.undo()
    assert (mark(old), tables(old)) == (PRESENT, before)
    upgrade(old)
    assert stored.views(old.parent) == content
    put(monkeypatch, STEPS)
    upgrade(old)
    assert mark(old) == PRESENT + 2


def test_a_newer_database_is_refused_and_untouched(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(monkeypatch, STEPS)
    upgrade(old)
    monkeypatch.undo()
    before = tables(old)
    with pytest.raises(StoreError, match=f"has schema {PRESENT + 2}, newer than") as caught:
        upgrade(old)
    assert caught.value.hint == "upgrade agent-journal"
    assert (mark(old), tables(old)) == (PRESENT + 2, before)


def upgrader(home: Path, end: str) -> int:
    """A process that upgrades, up to its end; its number."""

    def work() -> None:
        steps = list(STEPS)
        if end == "copy":
            migration._back_up = killed(migration._back_up)
        elif end == "full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
        elif end != "top":
            steps[int(end)] = killed(steps[int(end)])
        schema.STEPS, schema.VERSION = tuple(steps), len(steps)
        if end != "full":
            connection.open_store(Layout.at(home)).close()
            return
        with pytest.raises(StoreError, match="cannot read or write"):
            connection.open_store(Layout.at(home))

    return forked.start(work)


def killed(step: Callable[..., object]) -> Callable[..., None]:
    """The same step, with a kill behind it."""

    def after(*args: Any) -> None:
        step(*args)
        os.kill(os.getpid(), signal.SIGKILL)

    return after


@pytest.mark.parametrize("end", ["copy", *map(str, range(PRESENT, PRESENT + 2))])
def test_a_killed_upgrade_has_no_effect(
    old: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    before, content = tables(old), stored.views(old.parent)
    assert forked.ended(upgrader(old.parent, end)) == -signal.SIGKILL
    assert (mark(old), tables(old)) == (PRESENT, before)
    assert stored.views(old.parent) == content
    put(monkeypatch, STEPS)
    upgrade(old)
    assert mark(old) == PRESENT + 2
    assert files_next_to(old) == {f"journal.db.backup-v{PRESENT}"}
    stored.check(old.parent)


def test_without_room_for_the_copy_nothing_is_changed(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, content = tables(old), stored.views(old.parent)
    assert forked.ended(upgrader(old.parent, "full")) == 0
    assert (mark(old), tables(old), files_next_to(old)) == (PRESENT, before, set())
    assert stored.views(old.parent) == content
    put(monkeypatch, STEPS)
    upgrade(old)
    assert mark(old) == PRESENT + 2


def test_several_processes_climb_at_once(old: Path) -> None:
    upgraders = [upgrader(old.parent, "top") for _ in range(4)]
    assert [forked.ended(process) for process in upgraders] == [0] * 4
    assert mark(old) == PRESENT + 2
    assert files_next_to(old) == {f"journal.db.backup-v{PRESENT}"}
    stored.check(old.parent)


def test_several_processes_make_one_database(tmp_path: Path) -> None:
    upgraders = [upgrader(tmp_path / "home", "top") for _ in range(4)]
    assert [forked.ended(process) for process in upgraders] == [0] * 4
    assert mark(tmp_path / "home/journal.db") == PRESENT + 2
    stored.check(tmp_path / "home")
