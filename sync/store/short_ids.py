"""Ids as people read and type them: the shortest beginnings that no other id has."""

from collections.abc import Iterable

import apsw

LEAST_CHARS = 6


def of_session(db: apsw.Connection, session_id: str, least_chars: int = LEAST_CHARS) -> str:
    """The shortest prefix that no other session's id begins with."""
    query = "select id from session_states where id {} ? order by id {} limit 1"
    before = db.execute(query.format("<", "desc"), (session_id,)).get
    behind = db.execute(query.format(">", "asc"), (session_id,)).get
    return _shortest(session_id, (before, behind), least_chars)


def of_event(db: apsw.Connection, event_id: bytes) -> str:
    """The same of an event, in hex: ids begin with their time, so ten digits or so."""
    query = "select id from events where id {} ? order by id {} limit 1"
    before = db.execute(query.format("<", "desc"), (event_id,)).get
    behind = db.execute(query.format(">", "asc"), (event_id,)).get
    neighbours = (bytes(other).hex() if other else None for other in (before, behind))
    return _shortest(event_id.hex(), neighbours, LEAST_CHARS)


def _shortest(one: str, neighbours: Iterable[str | None], least_chars: int) -> str:
    shared = max((_shared(one, other) for other in neighbours if other), default=0)
    return one[: max(least_chars, shared + 1)]


def _shared(one: str, other: str) -> int:
    """How many characters two ids have in common at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
