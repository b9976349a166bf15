"""One connection to the database of a home, opened the same way everywhere.

WAL with synchronous=NORMAL: a killed process loses nothing; a power cut may take back the last
transactions whole, cursor and rows together, and the journal's files are read again.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw

from journal.durable_files import make_folder
from journal.layout import Layout, is_read_only
from sync.errors import DamagedStoreError, StoreError
from sync.store import migration, schema
from sync.store.file_systems import network_file_system

BUSY_MS = 5_000
WAL_LIMIT_BYTES = 16 << 20  # what is left of a WAL's file when its content is in the database
_LEAST_BYTES = 1 << 16
REBUILD = "run: journal sync --rebuild"


def open_store(layout: Layout) -> apsw.Connection:
    """The home's database, made if it is missing and migrated to this version's schema.

    StoreError: it cannot be opened or written, is not a journal's database, a newer version's, or
    lies on a network file system. DamagedStoreError: it is not what SQLite wrote.
    """
    check_place(layout)
    return open_file(layout.database)


def check_place(layout: Layout) -> None:
    """The home is there and can hold a database. StoreError: it lies on a network file system."""
    make_folder(layout.home)
    kind = network_file_system(layout.home)
    if kind is not None:
        problem = f"{layout.home} lies on a network file system ({kind}), not safe for a database"
        raise StoreError(problem, "choose a --home on a local disk")


def open_file(path: Path) -> apsw.Connection:
    """The same for the database at `path`, in any folder."""
    try:
        db = connect(path)
        try:
            _check(db, path)
            migration.upgrade(db, path)
        except BaseException:
            db.close()
            raise
    except apsw.Error as error:
        raise explain(error, path) from error
    except OSError as error:
        raise StoreError(f"cannot open {path}: {error.strerror}") from error
    return db


def is_empty(layout: Layout) -> bool:
    """Whether the home's database holds no record, or is not there. StoreError: it is unreadable"""
    if not layout.database.exists():
        return True
    try:
        db = connect(layout.database)
        try:
            tables = ("events", "own_facts")
            return not any(_has_rows(db, table) for table in tables)
        finally:
            db.close()
    except apsw.Error as error:
        raise explain(error, layout.database) from error


def _has_rows(db: apsw.Connection, table: str) -> bool:
    if not db.table_exists("main", table):
        return False
    return bool(db.execute(f"select exists (select 1 from {table})").get)


def connect(path: Path) -> apsw.Connection:
    """A connection to the database at `path`, with any content. apsw.Error: it cannot be read."""
    _mend_rights(path)
    db = apsw.Connection(str(path))
    try:
        _configure(db)
        db.pragma("user_version")
    except BaseException:
        db.close()
        raise
    return db


def _mend_rights(path: Path) -> None:
    """Make a WAL writable that was made while the database could not be written."""
    for ending in ("-wal", "-shm"):
        companion = f"{path}{ending}"
        is_locked = os.path.lexists(companion) and not os.access(companion, os.W_OK)
        if is_locked and os.access(path, os.W_OK):
            with suppress(FileNotFoundError):  # another process has just closed the database
                Path(companion).chmod(0o600)


def _configure(db: apsw.Connection) -> None:
    db.set_busy_timeout(BUSY_MS)
    # As apsw.bestpractice would, which is slow to load: a text in "quotes" is a name, or an error.
    db.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    db.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    db.transaction_mode = "IMMEDIATE"
    db.pragma("foreign_keys", False)  # every row is written by one module; tests look for orphans
    db.pragma("cache_size", -32_000)
    db.pragma("temp_store", "memory")
    db.pragma("journal_size_limit", WAL_LIMIT_BYTES)


# In one statement: another process may be making the database at this moment.
_MARKS = """
select a.application_id, u.user_version, exists (select 1 from sqlite_schema)
from pragma_application_id a, pragma_user_version u
"""


def _check(db: apsw.Connection, path: Path) -> None:
    rows: list[Any] = db.execute(_MARKS).fetchall()
    ((application, version, has_content),) = rows
    if application != schema.APPLICATION_ID and (application or version or has_content):
        raise StoreError(f"{path} is not a journal's database", "move it away; " + REBUILD)
    if version > schema.VERSION:
        raise StoreError(
            f"{path} has schema {version}, newer than this program's {schema.VERSION}",
            "upgrade agent-journal",
        )


def damaged(error: Exception, path: Path) -> DamagedStoreError:
    """The error for a database whose content cannot be read."""
    return DamagedStoreError(f"{path} is damaged: {error}", REBUILD)


def is_full(path: Path) -> bool:
    """Whether the disk lacks the little room that SQLite needs to read a database."""
    try:
        free = os.statvfs(path.parent)
        return free.f_bavail * free.f_frsize < _LEAST_BYTES
    except OSError:
        return False


def explain(error: apsw.Error, path: Path) -> StoreError:
    """A database error in words, with what to do about it."""
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):
        return damaged(error, path)
    if isinstance(error, apsw.FullError) or (isinstance(error, apsw.IOError) and is_full(path)):
        return StoreError(f"{path}: the disk is full", "free some space; nothing was changed")
    if isinstance(error, (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError)):
        return StoreError(f"cannot write {path}: {error}", "check the owner and rights of the home")
    if isinstance(error, apsw.BusyError):
        return StoreError(f"{path} is locked by another program", "close it and try again")
    if isinstance(error, apsw.IOError):
        hint = "check the free space, the limits and the disk; nothing was changed"
        return StoreError(f"cannot read or write {path}: {error}", hint)
    return StoreError(f"{path}: {error}", "run: journal status")


def open_to_look(layout: Layout) -> apsw.Connection:
    """The database for reading alone; an empty one if there is none. StoreError: not ours."""
    if not layout.database.exists():
        return empty_database()
    db = apsw.Connection(str(layout.database), flags=apsw.SQLITE_OPEN_READONLY)
    db.set_busy_timeout(BUSY_MS)
    try:
        version = int(db.pragma("user_version"))
    except (apsw.CantOpenError, apsw.ReadOnlyError):
        db.close()
        if not is_read_only(layout.home):
            raise
        return open_frozen(layout)
    if int(db.pragma("application_id")) != schema.APPLICATION_ID or version != schema.VERSION:
        db.close()
        hint = "upgrade agent-journal" if version > schema.VERSION else "run: journal sync"
        raise StoreError(f"{layout.database} is not of this version (schema {version})", hint)
    return db


def open_frozen(layout: Layout) -> apsw.Connection:
    """The database of a home that cannot be written: as it is, or a copy of it in memory.

    StoreError: it is not ours, or cannot be read.
    """
    path = layout.database
    try:
        wal = Path(f"{path}-wal")
        if not wal.exists() or not wal.stat().st_size:
            uri = f"{path.as_uri()}?immutable=1"
            db = apsw.Connection(uri, apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        else:
            db = _copied(path, wal)
        _check(db, path)
        if int(db.pragma("user_version")) != schema.VERSION:
            db.close()
            hint = "copy the home to where it can be written"
            raise StoreError(f"{path} is of an older version and cannot be upgraded here", hint)
    except apsw.Error as error:
        raise explain(error, path) from error
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    return db


def _copied(path: Path, wal: Path) -> apsw.Connection:
    """A copy in memory: the latest rows are in the WAL, which cannot be opened in place."""
    import shutil  # slow to load: only a home that cannot be written needs them
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        shutil.copyfile(path, copy)
        shutil.copyfile(wal, f"{copy}-wal")
        source, db = apsw.Connection(str(copy)), apsw.Connection(":memory:")
        try:
            with db.backup("main", source, "main") as backup:
                backup.step()
        finally:
            source.close()
    return db


def empty_database() -> apsw.Connection:
    """A database in memory with the present schema and no rows."""
    db = apsw.Connection(":memory:")
    for step in schema.STEPS:
        step(db)
    return db
