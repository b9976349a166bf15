"""What a reader of the journal makes: lines, and batches of facts for one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from journal.record import record
from sync.ingest.other_content import Place
from sync.store.facts import Fact
from sync.store.file_cursors import Cursor
from sync.views.transcripts import Copied


@dataclass(slots=True)
class Batch:
    """Facts of consecutive chunks, with the cursors behind them."""

    facts: list[Fact] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)  # of each fact's line
    own: list[Fact] = field(default_factory=list)
    own_places: list[Place] = field(default_factory=list)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    copied: Sequence[Copied] = ()  # how far transcripts are stored with this batch
    bytes: int = 0
    lines: int = 0
    rejected: int = 0
    excluded: int = 0


class Line(NamedTuple):
    """A line of a file. Of a long one only its record is kept: `line` is b"" then, see `whole`."""

    offset: int
    line: bytes
    made: record.Record | None  # None: it is not one, or holds one behind a torn part
    is_new: bool
    head: bytes = b""

    @property
    def whole(self) -> bytes:
        """The line, made again of its record if it is a long one."""
        if self.line or self.made is None:
            return self.line
        return b"".join((self.head, self.made.body, b"}"))

    @property
    def content(self) -> bytes:
        """What may hold a secret: the body; in what is not a record anything."""
        if self.made is None or (self.made.raw and self.line):
            return self.line
        return self.made.body
