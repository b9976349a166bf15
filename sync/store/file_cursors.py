"""How far a file of the journal has been read."""

import os
from pathlib import Path
from typing import NamedTuple

import apsw

from journal.printable import spelled_out


class Cursor(NamedTuple):
    """How far a file has been read: behind a newline, at `offset`."""

    inode: int
    modified_ns: int  # of the file, when it was opened to be read
    offset: int
    # Of the last line before the offset: how many bytes, and their hash. Then `file_mark`, but for
    # cursors of versions before 0.2.
    tail: bytes

    def unchanged(self, status: os.stat_result) -> bool:
        """Whether nothing can have come since: the same file, of the same size and time."""
        now = (status.st_ino, status.st_mtime_ns, status.st_size)
        return now == (self.inode, self.modified_ns, self.offset)

    def untouched(self, status: os.stat_result) -> bool:
        """Whether it was not written since, though it may end with a half of a line.

        The size decides, too: what is written in the moment of a reading can have its time.
        """
        if (status.st_ino, status.st_mtime_ns) != (self.inode, self.modified_ns):
            return False
        known = self.tail[TAIL_BYTES:]
        return not known or known == file_mark(status)


TAIL_BYTES = 24  # of `tail` without the mark


def file_mark(status: os.stat_result) -> bytes:
    """Size and device of a file."""
    return status.st_size.to_bytes(8, "big") + status.st_dev.to_bytes(8, "big")


START = Cursor(0, 0, 0, b"")


def day_key(day: str, name: str) -> str:
    """The name under which the cursor of a day's file is kept; file names may not be UTF-8."""
    return spelled_out(f"{day}/{name}")


def cursor_key(days: Path, path: Path) -> str:
    """The same, for a path."""
    return day_key(str(path.parent.relative_to(days)), path.name)


def read_cursors(db: apsw.Connection) -> dict[str, Cursor]:
    """How far files have been read, by their path below `days/`."""
    return {path: Cursor(*rest) for path, *rest in db.execute("select * from cursors")}


def marked_cursors(db: apsw.Connection, marks: tuple[int, int]) -> dict[str, Cursor]:
    """Those of files that hold excluded lines, see sync/ingest/screening.py."""
    query = "select * from cursors where modified_ns between ? and ?"
    return {path: Cursor(*rest) for path, *rest in db.execute(query, marks)}


def drop_cursors(db: apsw.Connection, day: str) -> None:
    """Forget how far the files of a day were read; to be called inside a transaction."""
    db.execute("delete from cursors where path > ? and path < ?", (f"{day}/", f"{day}0"))


def save_cursors(db: apsw.Connection, cursors: dict[str, Cursor]) -> None:
    """Remember how far files have been read; inside the transaction of their rows."""
    rows = [(path, *cursor) for path, cursor in cursors.items()]
    db.executemany("insert or replace into cursors values (?, ?, ?, ?, ?)", rows)
