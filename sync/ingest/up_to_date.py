"""Whether a pass would find nothing new: asked before it, for to load a pass takes longer than most
answers.

A whole pass of a command that reads leaves a note of the program and the settings under which it
found everything in order. As long as these are the same, only the journal can bring something new,
and the cursors in the database say how far each of its files was read.
"""

import os
from binascii import crc32
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw
import orjson

from journal import __version__
from journal.durable_files import write_whole
from journal.layout import Layout

if TYPE_CHECKING:
    from journal.settings.sources import Settings

_LOW = 0xFFFF_FFFF  # sums of whole inodes and times would leave 64 bits
# A file changes at least one of these, and no two changes make up for each other.
_KNOWN = """
select count(*), coalesce(sum(offset), 0), coalesce(sum(inode & ?), 0),
  coalesce(sum(modified_ns & ?), 0)
from cursors
"""
_SPOOLED = (".jsonl", ".raw", ".part")
_VIEWS = Path(__file__).parent.parent / "views" / "derive.py"


class Note(NamedTuple):
    """What a whole pass found: settings that searches need, the version of the views."""

    adopt_on: tuple[str, ...]
    transcript_roots: tuple[str, ...]
    views: int


def noted(layout: Layout, environ: Mapping[str, str]) -> Note | None:
    """The note, if it is of this program and these settings."""
    try:
        found = orjson.loads(layout.up_to_date.read_bytes())
        if found["of"] == _conditions(layout, environ):
            adopt_on, roots = tuple(found["adopt_on"]), tuple(found["transcript_roots"])
            return Note(adopt_on, roots, int(found["views"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None  # none, or a foreign one: then everything is looked at
    return None


def note(
    db: apsw.Connection, layout: Layout, environ: Mapping[str, str], settings: "Settings"
) -> None:
    """Leave the note, after a whole pass. JournalError: the home cannot be written."""
    roots = tuple(settings.capture.transcript_roots)
    made = Note(tuple(settings.sessions.adopt_on), roots, _views(db))
    if noted(layout, environ) != made:
        data = orjson.dumps({"of": _conditions(layout, environ), **made._asdict()})
        write_whole(layout.up_to_date, data + b"\n")


def _conditions(layout: Layout, environ: Mapping[str, str]) -> list[Any]:
    """What the note must be of: the program, the settings' file, what the environment sets."""
    set_here = [f"{k}={environ[k]}" for k in sorted(environ) if k[:8] == "JOURNAL_" and "__" in k]
    marks = crc32("\0".join(set_here).encode("utf-8", "surrogateescape"))
    return [__version__, *_stamp(_VIEWS), *_stamp(layout.config), marks]


def _stamp(path: Path) -> tuple[int, int, int]:
    """What changes when a file does; one that is not there has zeros."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0, 0, 0
    return status.st_ino, status.st_size, status.st_mtime_ns


def is_current(db: apsw.Connection, layout: Layout, note: Note) -> bool:
    """Whether all that lies in the journal is in the database. JournalError: it is unreadable."""
    return _views(db) == note.views and not _has_news(db, layout)


def has_stale_contexts(db: apsw.Connection) -> bool:
    """Whether a pass was killed before it had written the contexts."""
    return bool(db.execute("select exists (select 1 from stale_contexts)").get)


def _views(db: apsw.Connection) -> int:
    return int(db.execute("select version from view_version").get or 0)


def _has_news(db: apsw.Connection, layout: Layout) -> bool:
    for spool in layout.spools():
        with suppress(OSError):  # none, or another user's
            if any(path.suffix in _SPOOLED for path in spool.iterdir()):
                return True
    files = size = inodes = times = 0
    for day in layout.day_names():
        for status in _statuses(f"{layout.days}/{day}"):
            files += 1
            size += status.st_size
            inodes += status.st_ino & _LOW
            times += status.st_mtime_ns & _LOW
    rows: Any = db.execute(_KNOWN, (_LOW, _LOW)).fetchall()
    return bool(rows != [(files, size, inodes, times)])


def _statuses(folder: str) -> Iterator[os.stat_result]:
    """Of the journal's files in one day. A file that cannot be looked at is as good as gone."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".jsonl") and entry.is_file():
                yield entry.stat()
