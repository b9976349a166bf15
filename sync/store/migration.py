"""Upgrades a database from an older schema to this one: all steps or none, after a backup.

All steps, with the number that notes each, are in one transaction. A kill, a full disk or an error
leaves the database as the older program knows it. The backup is for going back to that program.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw

from journal.durable_files import sync_folder
from sync.errors import StoreError
from sync.store import schema

_BACKUP = re.compile(r"\.backup-v\d+(\.part)?")


def upgrade(db: apsw.Connection, path: Path) -> None:
    """Upgrade the database at `path` to the present schema; most calls find nothing to do.

    StoreError: a step or the copy failed, nothing was changed. apsw.Error: it cannot be written.
    """
    version = _version(db)
    if version == schema.VERSION:
        return
    path.chmod(0o600)
    if version == 0:
        db.pragma("auto_vacuum", "incremental")
        db.pragma("journal_mode", "wal")
    with db:
        version = _version(db)  # another process may have been here first
        if 0 < version < schema.VERSION:
            _back_up(path, version)
        for step in range(version, schema.VERSION):
            _step(db, path, step)
    for old in _backups(path):
        if old != _backup(path, version) and 0 < version < schema.VERSION:
            old.unlink(missing_ok=True)


def _version(db: apsw.Connection) -> int:
    """The schema that the database has: its number, unless its tables are of a later one.

    A number that another program has changed is corrected.
    """
    said = int(db.pragma("user_version"))
    found = said
    for version, table in enumerate(schema.LANDMARKS, 1):
        if version > said and db.table_exists("main", table):
            found = version
    if found != said:
        db.pragma("application_id", schema.APPLICATION_ID)
        db.pragma("user_version", found)
    return found


def _step(db: apsw.Connection, path: Path, step: int) -> None:
    try:
        schema.STEPS[step](db)
    except (apsw.SQLError, apsw.ConstraintError) as error:
        problem = f"cannot upgrade {path} from schema {step} to {step + 1}: {error}"
        hint = "nothing was changed; go back to the version before, and report this"
        raise StoreError(problem, hint) from error
    db.pragma("application_id", schema.APPLICATION_ID)
    db.pragma("user_version", step + 1)


def _back_up(path: Path, version: int) -> None:
    """A copy of what is committed; the caller's transaction keeps everybody else from writing."""
    target = _backup(path, version)
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    try:
        with closing(apsw.Connection(str(part))) as to, closing(apsw.Connection(str(path))) as here:
            to.pragma("journal_mode", "off")  # a kill leaves the part alone, not a journal of it
            with to.backup("main", here, "main") as backup:
                backup.step()
        part.replace(target)
        sync_folder(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _backup(path: Path, version: int) -> Path:
    return path.with_name(f"{path.name}.backup-v{version}")


def _backups(path: Path) -> Iterator[Path]:
    names = path.parent.glob(f"{path.name}.backup-v*")
    return (found for found in names if _BACKUP.fullmatch(found.name.removeprefix(path.name)))
