"""The view of what people and the syncer say of a session's life: pins, and ends it inferred.

Pins are records of the journal. An inferred end (see sync/reap.py) is noted here alone: it names
the last event that was known, stands as long as that still is the last one, and never overrides an
end that the agent reported.
"""

from collections.abc import Iterable

import apsw

from sync.store.facts import OwnFact

PINS = {"Pin": True, "Unpin": False}


def tell(db: apsw.Connection, own: Iterable[OwnFact]) -> None:
    """Take in pins; the latest of a session counts."""
    for fact in own:
        agent = fact.payload.get("agent")
        if fact.name in PINS and isinstance(agent, str):
            _pin(db, agent, fact)


def _pin(db: apsw.Connection, agent: str, fact: OwnFact) -> None:
    db.execute(
        """
        insert into pins values (?, ?, ?, ?, ?) on conflict (agent, session) do update set
          at_us = excluded.at_us, record = excluded.record, pinned = excluded.pinned
        where (excluded.at_us, excluded.record) > (at_us, record)
        """,
        (agent, fact.session, fact.at_us, fact.id, PINS[fact.name]),
    )


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
    """Remove every row, before all is told again."""
    for table in ("pins", "inferred_ends"):
        db.execute(f"delete from {table}")


def drop_session(db: apsw.Connection, agent: str, session: str) -> None:
    """Remove what was told of one session."""
    for table in ("pins", "inferred_ends"):
        db.execute(f"delete from {table} where agent = ? and session = ?", (agent, session))
