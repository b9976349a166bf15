"""The view of turns: which ones were seen, and the state of a session before its last one.

A transcript's lines and late hooks nearly always speak of the last turn, so a session is folded
again from there and the cost follows that turn, however long the session is.
"""

from typing import Any, NamedTuple

import apsw

from journal.session.event import Event
from journal.session.meaning import Place
from journal.session.state import SessionState
from sync.store.compression import pack_state, unpack


class Tail(NamedTuple):
    """The last turn of a session, and the state before it."""

    names: frozenset[str]  # the agent's ids of the turns in it: one, but for running sub-agents
    start_us: int
    position: int  # of its first step
    reported: bool  # a transcript reports it
    queued: bool  # a prompt waits in it: a later one may be the same
    state: bytes


def tail(db: apsw.Connection, session: int) -> Tail | None:
    """Where the session's last turn begins; None if that is not known."""
    query = (
        "select names, start_us, position, told, queued, state from last_turns where session = ?"
    )
    row: Any = db.execute(query, (session,)).fetchone()
    if row is None:
        return None
    names, start_us, position, reported, queued, packed = row
    found = frozenset(names.split("\n")) if names else frozenset()
    return Tail(found, start_us, position, bool(reported), bool(queued), unpack(packed))


def save(db: apsw.Connection, session: int, found: Tail, names: set[str]) -> None:
    """Remember the session's last turn, and that these turns were seen."""
    query = "insert or replace into last_turns values (?, ?, ?, ?, ?, ?, ?)"
    names_text = "\n".join(sorted(found.names))
    db.execute(query, (session, names_text, *found[1:5], pack_state(found.state)))
    rows = [(session, name) for name in sorted(names)]  # in the order of the table
    db.executemany("insert or ignore into turns values (?, ?)", rows)


def known(db: apsw.Connection, session: int, names: set[str]) -> set[str]:
    """Which of these turns were seen before."""
    query = "select 1 from turns where session = ? and name = ?"
    return {name for name in names if db.execute(query, (session, name)).fetchone()}


def before(found: Tail) -> SessionState | None:
    """The state before the last turn; None if another version stored it."""
    return SessionState.load(found.state)


def is_overtaken(
    db: apsw.Connection, session: int, found: Tail, since_us: int, before_us: int
) -> bool:
    """Whether a step before the last turn is from that time.

    One that names no turn, as a start of the session, would belong into the turn.
    """
    query = """
        select 1 from steps where session = ?1 and position < ?2 and seq in (
          select seq from events where session = ?1 and at_us >= ?3 and at_us < ?4)
    """
    values = (session, found.position, since_us, before_us)
    return since_us < before_us and db.execute(query, values).fetchone() is not None


def is_before(
    db: apsw.Connection, session: int, found: Tail, event: Event, is_earlier: bool
) -> bool:
    """Whether a stored event that names no turn is a step before the last turn, or older than it.

    A hook that is not a step repeats one that is. `is_earlier`: a line that lies before the turn's.
    """
    reported = event.meaning.reported
    if event.at_us < found.start_us and not reported:
        return True
    query = "select position from steps where session = ? and seq = ?"
    position = db.execute(query, (session, event.seq)).get
    if position is None:
        return is_earlier or not reported
    return int(position) < found.position


def beginnings(events: list[Event]) -> dict[str, Place]:
    """The first line of these events in each file."""
    found: dict[str, Place] = {}
    for event in events:
        if (place := event.meaning.place) is not None:
            found[place.file] = min(place, found.get(place.file, place))
    return found


def drop(db: apsw.Connection, session: int) -> None:
    """Remove the session's rows, before it is folded again."""
    for table in ("turns", "last_turns"):
        db.execute(f"delete from {table} where session = ?", (session,))
