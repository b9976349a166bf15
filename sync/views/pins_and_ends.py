"""The view of what people and the syncer say of a session's life: pins, and ends it inferred.

Pins are records of the journal. An inferred end (see views/inferred_ends.py) is noted here alone:
it names the last event that was known, counts as long as that still is the last one, and never
overrides an end that the agent reported.
"""

from collections.abc import Iterable

import apsw

from journal.record.own_facts import Link, after_of, in_force
from sync.store import own_fact_rows
from sync.store.own_fact_rows import OwnFact

PINS = {"Pin": True, "Unpin": False}
IMPORTED = "imported"  # the end of a session that no hook reported, and that was silent


def add_facts(db: apsw.Connection, own: Iterable[OwnFact]) -> None:
    """Apply pins; of each session the one that no other replaces counts."""
    pins = [fact for fact in own if fact.name in PINS]
    reported = own_fact_rows.stored_of(db, {fact.session for fact in pins}) if pins else {}
    for agent, session in {_who(fact) for fact in pins}:
        if agent:
            rivals = {fact.id: fact for fact in (*pins, *reported.get(session, ()))}
            _pin(db, agent, session, rivals.values())


def _who(fact: OwnFact) -> tuple[str, str]:
    agent = fact.payload.get("agent")
    return agent if isinstance(agent, str) else "", fact.session


def _pin(db: apsw.Connection, agent: str, session: str, reported: Iterable[OwnFact]) -> None:
    names = {
        fact.id: fact for fact in reported if fact.name in PINS and _who(fact) == (agent, session)
    }
    links = (Link(fact.at_us, fact.id, after_of(fact.payload)) for fact in names.values())
    if (found := in_force(links)) is not None:
        pinned = PINS[names[found.id].name]
        insert = "insert or replace into pins values (?, ?, ?, ?, ?)"
        db.execute(insert, (agent, session, found.at_us, found.id, pinned))


def pin_record(db: apsw.Connection, agent: str, session: str) -> bytes | None:
    """The record that says whether the session is pinned: the next one replaces it."""
    query = "select record from pins where agent = ? and session = ?"
    found = db.execute(query, (agent, session)).get
    return None if found is None else bytes(found)


def infer(db: apsw.Connection, agent: str, session: str, last_us: int, reason: str) -> None:
    """The session has ended with its event of that time, unless a later one is known by now."""
    insert = "insert or replace into inferred_ends values (?, ?, ?, ?)"
    db.execute(insert, (agent, session, last_us, reason))


def inferred_end(db: apsw.Connection, agent: str, session: str, last_us: int) -> str:
    """Why the session counts as ended although it did not say so; "" if it does not."""
    query = """
        select reason from inferred_ends where agent = ? and session = ? and last_us >= ?
    """
    return str(db.execute(query, (agent, session, last_us)).get or "")


def drop_all(db: apsw.Connection) -> None:
    """Remove every row, before all are stored again."""
    for table in ("pins", "inferred_ends"):
        db.execute(f"delete from {table}")


def drop_session(db: apsw.Connection, agent: str, session: str) -> None:
    """Remove what was stored of one session."""
    for table in ("pins", "inferred_ends"):
        db.execute(f"delete from {table} where agent = ? and session = ?", (agent, session))
