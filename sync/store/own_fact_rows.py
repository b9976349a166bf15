"""The journal's own records in the database: what it says itself of sessions.

Such are memory ids, pins, tombstones, receipts, and the owners of pulled sessions.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apsw
import orjson

from journal.record import record
from sync.store.facts import Fact

PULLED = "Pulled"  # of a session that is a copy of another person's, from the team archive


class OwnFact(NamedTuple):
    """One of the journal's own records; `session` is the one that it speaks of."""

    id: bytes
    at_us: int
    name: str
    session: str
    payload: dict[str, Any]  # empty if it was not an object
    home: str = ""  # the id of the home that made it


def insert_own(db: apsw.Connection, facts: Iterable[Fact]) -> list[OwnFact]:
    """Insert the journal's own records and return the new ones; those already there stay."""
    new = []
    for made in (fact.record for fact in facts):
        row = (made.id, made.at_us, made.event, made.session, record.dump(made))
        db.execute("insert or ignore into own_facts values (?, ?, ?, ?, ?)", row)
        if db.changes():
            new.append(own_of(made))
    return new


def stored(db: apsw.Connection) -> Iterator[OwnFact]:
    """All of the journal's own records."""
    lines: list[Any] = db.execute("select line from own_facts").fetchall()
    return (own_of(record.parse(line.rstrip())) for (line,) in lines)


def stored_of(db: apsw.Connection, sessions: Iterable[str]) -> dict[str, list[OwnFact]]:
    """What the journal itself says of sessions with these ids, of all agents."""
    wanted = orjson.dumps(list(sessions)).decode()
    query = "select line from own_facts where session in (select value from json_each(?))"
    found: dict[str, list[OwnFact]] = {}
    for (line,) in db.execute(query, (wanted,)):
        own = own_of(record.parse(line.rstrip()))
        found.setdefault(own.session, []).append(own)
    return found


def own_of(made: record.Record) -> OwnFact:
    """What one of the journal's own records says."""
    value = None if made.raw else record.load_body(made.body)
    payload = value if isinstance(value, dict) else {}
    return OwnFact(made.id, made.at_us, made.event, made.session, payload, home_of(made))


def home_of(made: record.Record) -> str:
    """The id of the home whose hooks or commands recorded it; "": it was read from elsewhere."""
    home = made.origin.get("home")
    return home if isinstance(home, str) else ""


def owners_of_copies(db: apsw.Connection) -> dict[tuple[str, str], str]:
    """The owners of the pulled sessions of this home, by agent and id."""
    found: dict[tuple[str, str], str] = {}
    for (line,) in db.execute("select line from own_facts where name = ?", (PULLED,)):
        own = own_of(record.parse(line.rstrip()))
        agent, owner = own.payload.get("agent"), own.payload.get("owner")
        if isinstance(agent, str) and isinstance(owner, str):
            found[agent, own.session] = owner
    return found
