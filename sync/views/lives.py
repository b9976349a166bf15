"""The view of what the journal itself says of a session's life: pins, and ends that it inferred.

An inferred end names the last event that was known when it was inferred, and stands as long as
that still is the last one. So it is the same in every order of arrival, and any later event lifts
it. It never overrides an end that the agent reported.
"""

from collections.abc import Iterable

import apsw

from journal.times import to_us
from sync.facts import OwnFact

PINS = {"Pin": True, "Unpin": False}
REAP = "Reap"


def tell(db: apsw.Connection, own: Iterable[OwnFact]) -> None:
    """Take in pins and inferred ends; the latest of a session counts."""
    for fact in own:
        agent = fact.payload.get("agent")
        if not isinstance(agent, str):
            continue  # of no session: it stays a fact, and nothing follows from it
        if fact.name in PINS:
            _pin(db, agent, fact)
        elif fact.name == REAP:
            _infer(db, agent, fact)


def _pin(db: apsw.Connection, agent: str, fact: OwnFact) -> None:
    db.execute(
        """
        insert into pins values (?, ?, ?, ?, ?) on conflict (agent, session) do update set
          at_us = excluded.at_us, record = excluded.record, pinned = excluded.pinned
        where (excluded.at_us, excluded.record) > (at_us, record)
        """,
        (agent, fact.session, fact.at_us, fact.id, PINS[fact.name]),
    )


def _infer(db: apsw.Connection, agent: str, fact: OwnFact) -> None:
    try:
        last_us = to_us(str(fact.payload["last"]))
    except (KeyError, ValueError):
        return  # it says nothing that could stand
    db.execute(
        """
        insert into inferred_ends values (?, ?, ?, ?) on conflict (agent, session) do update set
          last_us = excluded.last_us, reason = excluded.reason
        where (excluded.last_us, excluded.reason) > (last_us, reason)
        """,
        (agent, fact.session, last_us, str(fact.payload.get("reason", ""))),
    )


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
