"""One connection to the database of a home, opened the same way everywhere.

WAL with synchronous=NORMAL: a killed process loses nothing; a power cut may take back the last
transactions whole, cursor and rows together, and the journal's files are read again.
"""

from pathlib import Path

import apsw
import apsw.bestpractice

from journal.layout import Layout, make_folder
from sync import schema
from sync.errors import StoreError

BUSY_MS = 5_000
_REBUILD = "run: journal sync --rebuild"


def open_store(layout: Layout) -> apsw.Connection:
    """The home's database, made if it is missing and led up to this version's schema.

    StoreError: it cannot be opened or written, is no database of ours, or a newer version's.
    """
    make_folder(layout.home)
    try:
        db = apsw.Connection(str(layout.database))
        _configure(db)
        _prepare(db, layout.database)
    except apsw.Error as error:
        raise explain(error, layout.database) from error
    except OSError as error:
        raise StoreError(f"cannot open {layout.database}: {error.strerror}") from error
    return db


def _configure(db: apsw.Connection) -> None:
    db.set_busy_timeout(BUSY_MS)
    apsw.bestpractice.connection_dqs(db)
    apsw.bestpractice.connection_enable_foreign_keys(db)
    db.transaction_mode = "IMMEDIATE"
    db.pragma("foreign_keys", False)  # every row is written by one module; tests look for orphans
    db.pragma("cache_size", -32_000)
    db.pragma("temp_store", "memory")


def _prepare(db: apsw.Connection, path: Path) -> None:
    version = int(db.pragma("user_version"))
    application = int(db.pragma("application_id"))
    if application not in (0, schema.APPLICATION_ID):
        raise StoreError(f"{path} is not a journal's database", "move it away; " + _REBUILD)
    if version > schema.VERSION:
        raise StoreError(
            f"{path} has schema {version}, newer than this program's {schema.VERSION}",
            "upgrade agent-journal",
        )
    if version == schema.VERSION:
        return
    path.chmod(0o600)
    if version == 0:
        db.pragma("auto_vacuum", "incremental")
        db.pragma("journal_mode", "wal")
    with db:
        version = int(db.pragma("user_version"))  # another process may have been here first
        for step in range(version, schema.VERSION):
            schema.LADDER[step](db)
        db.pragma("application_id", schema.APPLICATION_ID)
        db.pragma("user_version", schema.VERSION)


def explain(error: apsw.Error, path: Path) -> StoreError:
    """A database error in words, with what to do about it."""
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):
        return StoreError(f"{path} is damaged: {error}", _REBUILD)
    if isinstance(error, apsw.FullError):
        return StoreError(f"{path}: the disk is full", "free some space; nothing was changed")
    if isinstance(error, (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError)):
        return StoreError(f"cannot write {path}: {error}", "check the owner and rights of the home")
    if isinstance(error, apsw.BusyError):
        return StoreError(f"{path} is locked by another program", "close it and try again")
    return StoreError(f"{path}: {error}", "run: journal status")
