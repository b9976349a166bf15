"""What a transaction writes at once: facts, and how far the files that they are from were read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sync.store.facts import Fact
from sync.store.file_cursors import Cursor
from sync.views.transcripts import Copied


class Refused(NamedTuple):
    """What is not a record: where it stands, and why it is none."""

    path: Path
    offset: int
    data: bytes
    reason: str


@dataclass(slots=True)
class Batch:
    """Facts of consecutive chunks, with the cursors behind them."""

    facts: list[Fact] = field(default_factory=list)
    places: list[tuple[Path, int, bytes]] = field(default_factory=list)  # of each fact's line
    own: list[Fact] = field(default_factory=list)
    own_places: list[tuple[Path, int, bytes]] = field(default_factory=list)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    copied: Sequence[Copied] = ()  # how far transcripts are stored with this batch
    bytes: int = 0
    lines: int = 0
    refused: list[Refused] = field(default_factory=list)
    rejected: int = 0  # of them, what was not kept in `dead/` before
    excluded: int = 0
