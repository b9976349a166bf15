"""How far a file of the journal has been read."""

import os
from pathlib import Path
from typing import NamedTuple


class Cursor(NamedTuple):
    """How far a file has been read: behind a newline, at `offset`."""

    inode: int
    modified_ns: int  # of the file, when it was opened to be read
    offset: int
    tail: bytes  # of the last line before the offset: how many bytes, and their hash

    def unchanged(self, status: os.stat_result) -> bool:
        """Whether nothing can have come since: the same file, of the same size and time."""
        now = (status.st_ino, status.st_mtime_ns, status.st_size)
        return now == (self.inode, self.modified_ns, self.offset)

    def untouched(self, status: os.stat_result) -> bool:
        """Whether it was not written since, though it may end with a half of a line."""
        return (status.st_ino, status.st_mtime_ns) == (self.inode, self.modified_ns)


START = Cursor(0, 0, 0, b"")


def day_key(day: str, name: str) -> str:
    """The name under which the cursor of a day's file is kept; file names may not be UTF-8."""
    key = f"{day}/{name}"
    return key if key.isascii() else key.encode("utf-8", "backslashreplace").decode()


def cursor_key(days: Path, path: Path) -> str:
    """The same, for a path."""
    return day_key(str(path.parent.relative_to(days)), path.name)
