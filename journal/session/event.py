"""An event of a session: a stored record with its meaning."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from journal.session.meaning import Meaning


class Event(NamedTuple):
    """A stored event with its meaning."""

    seq: int  # its row in the database
    id: bytes
    at_us: int
    agent: str
    name: str  # the agent's own name for it
    origin: Mapping[str, Any]  # host, pid, entrypoint, plan, git
    meaning: Meaning
    patch: str | None = None  # what the conversation says of it beyond its record, see mentions.py
