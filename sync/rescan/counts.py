"""What a rescan has found and done; counted in one place for all kinds of files."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from journal.redaction.redactor import hits


class Delivered(NamedTuple):
    """Pieces of one session that a remote has with what is redacted now."""

    remote: str
    agent: str
    session: str
    pieces: int


@dataclass(slots=True)
class Rescanned:
    """The numbers of one rescan; of a dry run, what it would do.

    A record that lies in several places (database, packs, pieces) counts once, and so do the
    secrets in it. `packs`, `retry`, `dead` and `logs` say how many of them change.
    """

    dry_run: bool
    looked_at: int = 0  # records, and dead letters
    changed: int = 0
    rules: Counter[str] = field(default_factory=Counter)  # secrets, by the rule that found them
    packs: int = 0
    retry: int = 0  # pieces that wait
    dead: int = 0  # letters and pieces
    logs: int = 0  # files
    copies: tuple[str, ...] = ()  # of the database, by their file names: removed whole
    delivered: list["Delivered"] = field(default_factory=list)  # beyond reach
    problems: list[str] = field(default_factory=list)  # what could not be looked at or redacted

    def count(self, before: bytes, after: bytes) -> bool:
        """A record was looked at, and these are its bytes; whether they change."""
        self.looked_at += 1
        if before == after:
            return False
        self.changed += 1
        self.rules += hits(before, after)
        return True
