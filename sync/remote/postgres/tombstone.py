"""What the archive says of a deleted session. Loads no driver: every pass knows this type."""

from typing import NamedTuple


class Tombstone(NamedTuple):
    """A session that its owner has deleted, and up to when nothing of it is stored."""

    agent: str
    session: str
    until_us: int
