"""How many records found no place: `lost` in the home, 32 bytes that are there beforehand.

A hook whose home and spool are full writes over them, which needs no free space:

    00000000000000000003 1764412345\n

That is the number of records, 20 digits, and the second of the last one, 10 digits. The file is
made by `journal install`, with zeros, and is never longer or shorter.
"""

import re
from typing import NamedTuple

from journal.durable_files import write_whole
from journal.layout import Layout
from journal.times import SECOND_US

NAME = "lost"
NOTHING = b"%020d %010d\n" % (0, 0)
_FORM = re.compile(rb"([0-9]{20}) ([0-9]{10})\n")


class Lost(NamedTuple):
    """How many records, and when the last one was lost (microseconds since 1970)."""

    number: int
    last_us: int


def reserve(layout: Layout) -> None:
    """The bytes are there; a count that is there stays. JournalError: the home is not writable."""
    path = layout.home / NAME
    if not path.exists():
        write_whole(path, NOTHING)


def release(layout: Layout) -> None:
    """The bytes are not needed any more; a count that was not shown stays. OSError."""
    path = layout.home / NAME
    if path.exists() and path.read_bytes() == NOTHING:
        path.unlink()


def read(layout: Layout) -> Lost:
    """What was counted. OSError: the file is there and cannot be read."""
    try:
        found = _FORM.fullmatch((layout.home / NAME).read_bytes())
    except FileNotFoundError:
        return Lost(0, 0)
    return Lost(int(found[1]), int(found[2]) * SECOND_US) if found else Lost(0, 0)


def clear(layout: Layout) -> str:
    """The count is 0 again; what was done, for people."""
    before = read(layout).number
    write_whole(layout.home / NAME, NOTHING)
    return f"set the count of lost records to 0 (it was {before:,})"
