"""How far a file of the journal has been read."""

import os
from pathlib import Path
from typing import NamedTuple

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
