"""The packs whose records a database has: the table `held_packs`.

A database that was restored from a backup does not know the packs that were made since, and may
know sessions that were forgotten since. So a pass reads every pack that is not noted here as it is.
"""

import os
from pathlib import Path
from typing import NamedTuple

import apsw

from journal.layout import Layout
from sync.retention.pack_file import every_pack

_ENDING_BYTES = 8  # checksum and length of what is packed (RFC 1952, 2.3.1)


class _Known(NamedTuple):
    """One pack, as it was when its records were read."""

    name: str
    size: int
    modified_ns: int
    ending: bytes


def unknown(db: apsw.Connection, layout: Layout) -> list[Path]:
    """The packs whose records this database may lack, oldest day first. JournalError, OSError."""
    query = "select name, size, modified_ns, ending from held_packs"
    known = {row[0]: _Known(*row) for row in db.execute(query)}
    return [path for path in every_pack(layout) if not _is_unchanged(path, known.get(path.name))]


def note(db: apsw.Connection, paths: list[Path]) -> None:
    """The database holds what these packs hold, as they are now; those that are gone are dropped.

    To be called under the lock. OSError: one cannot be read.
    """
    gone = [(path.name,) for path in paths if not path.exists()]
    rows = [_look(path) for path in paths if path.exists()]
    with db:
        db.executemany("insert or replace into held_packs values (?, ?, ?, ?)", rows)
        db.executemany("delete from held_packs where name = ?", gone)


def note_all(db: apsw.Connection, layout: Layout) -> None:
    """The same for every pack of the home: behind a pass that has read them all."""
    changed = unknown(db, layout)
    if changed:
        note(db, changed)
    _drop_gone(db, layout)


def _drop_gone(db: apsw.Connection, layout: Layout) -> None:
    present = {path.name for path in every_pack(layout)}
    names = [name for (name,) in db.execute("select name from held_packs").fetchall()]
    if gone := [(name,) for name in names if name not in present]:
        with db:
            db.executemany("delete from held_packs where name = ?", gone)


def _is_unchanged(path: Path, known: _Known | None) -> bool:
    if known is None:
        return False
    status = path.stat()
    if status.st_size != known.size:
        return False
    return status.st_mtime_ns == known.modified_ns or _ending(path, known.size) == known.ending


def _look(path: Path) -> _Known:
    status = path.stat()
    return _Known(path.name, status.st_size, status.st_mtime_ns, _ending(path, status.st_size))


def _ending(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return os.pread(file.fileno(), _ENDING_BYTES, max(0, size - _ENDING_BYTES))
