"""The view of tombstones: sessions of which nothing is kept up to a moment.

A `Forget` record names it, and the one that covers most counts. All that a session did or was said
of it up to that moment is passed over when it is read, and session_deletion.py removes it where it
is; so facts and tombstones may come in any order. What comes later is a session like any other.
"""

from collections.abc import Iterable
from typing import NamedTuple

import apsw

from journal.record.own_facts import Link, after_of, in_force
from journal.record.record import JOURNAL_AGENT
from journal.times import SECOND_US, to_us
from sync.store import facts
from sync.store.facts import Fact, OwnFact

EVENT = "Forget"


class Grave(NamedTuple):
    """A session, and the last moment of which nothing is kept."""

    agent: str
    session: str
    until_us: int


def add_facts(db: apsw.Connection, own: Iterable[OwnFact]) -> list[Grave]:
    """Apply tombstones; those that cover more of their sessions than before.

    One that names another in `after` replaces it, though it may cover less: the other one
    was recorded by a clock that was ahead.
    """
    new = [fact for fact in own if _grave(fact) is not None]
    stored = facts.own_facts_of(db, {fact.session for fact in new}) if new else {}
    risen = []
    for who in {_who(fact) for fact in new}:
        rivals = {fact.id: fact for fact in (*stored.get(who[1], ()), *new) if _who(fact) == who}
        grave = _standing(rivals.values())
        if grave is not None:
            before_us = until_us(db, *who)
            db.execute("insert or replace into tombstones values (?, ?, ?)", grave)
            risen += [grave] if grave.until_us > before_us else []
    return risen


def _who(fact: OwnFact) -> tuple[str, str]:
    return str(fact.payload.get("agent")), fact.session


def _standing(stored: Iterable[OwnFact]) -> Grave | None:
    """Of the tombstones of one session that none replaces, the one that covers most."""
    graves = {fact.id: (_grave(fact), after_of(fact.payload)) for fact in stored}
    replaced = {after for unique, (_, after) in graves.items() if after != unique}
    found = [grave for unique, (grave, _) in graves.items() if grave and unique not in replaced]
    return max(found, key=lambda grave: grave.until_us, default=None)


def record_of(db: apsw.Connection, agent: str, session: str) -> bytes | None:
    """The tombstone of a session that the next one replaces; None: it has none."""
    own = facts.own_facts_of(db, [session]).get(session, [])
    found = [fact for fact in own if _grave(fact) is not None and _who(fact) == (agent, session)]
    standing = in_force(Link(fact.at_us, fact.id, after_of(fact.payload)) for fact in found)
    return None if standing is None else standing.id


def _grave(fact: OwnFact) -> Grave | None:
    agent, until = fact.payload.get("agent"), fact.payload.get("until")
    if fact.name != EVENT or not isinstance(agent, str):
        return None
    try:
        return Grave(agent, fact.session, to_us(str(until)))
    except (ValueError, OverflowError):
        return None  # of no moment: it stays a fact, and nothing follows from it


def until_us(db: apsw.Connection, agent: str, session: str) -> int:
    """Up to when nothing of the session is kept; 0 if it has no tombstone."""
    query = "select until_us from tombstones where agent = ? and session = ?"
    return int(db.execute(query, (agent, session)).get or 0)


def covers(db: apsw.Connection, fact: Fact) -> bool:
    """Whether a record is of a session, and of a time, of which nothing is kept."""
    if fact.record.agent == JOURNAL_AGENT:
        own = facts.own_of(fact.record)
        return own.name != EVENT and moment_us(own) <= _until_of(db, own)
    return fact.record.at_us <= until_us(db, *fact.session)


def _until_of(db: apsw.Connection, own: OwnFact) -> int:
    agent = own.payload.get("agent")
    if isinstance(agent, str):
        return until_us(db, agent, own.session)
    query = "select max(until_us) from tombstones where session = ?"
    return int(db.execute(query, (own.session,)).get or 0)


def moment_us(own: OwnFact) -> int:
    """The time that counts for one of the journal's own records: of what it reports, if it says so.

    A model's summary may be recorded after its session was forgotten.
    """
    try:
        covered_us = to_us(str(own.payload["covers"])) if own.name == "Summary" else own.at_us
    except (KeyError, ValueError, OverflowError):
        return own.at_us
    return min(covered_us, own.at_us)


def is_of(own: OwnFact, grave: Grave) -> bool:
    """Whether one of the journal's own records is of what the tombstone covers."""
    named = own.payload.get("agent")
    same = own.session == grave.session and (named == grave.agent or not isinstance(named, str))
    return same and own.name != EVENT and moment_us(own) <= grave.until_us


def are_there(db: apsw.Connection) -> bool:
    """Whether there is any."""
    return bool(db.execute("select exists (select 1 from tombstones)").get)


def uncovered(db: apsw.Connection, found: list[Fact]) -> list[Fact]:
    """Those of these facts that no tombstone covers, in their order."""
    if not are_there(db):
        return found
    known: dict[tuple[str, str], int] = {}
    kept = []
    for fact in found:
        if fact.record.agent == JOURNAL_AGENT:
            stays = not covers(db, fact)
        else:
            if fact.session not in known:
                known[fact.session] = until_us(db, *fact.session)
            stays = fact.record.at_us > known[fact.session]
        if stays:
            kept.append(fact)
    return kept


def first_number(db: apsw.Connection, agent: str, session: str) -> int:
    """From where the session's pieces are counted.

    A remote may hold pieces of which we know no more, and knows pieces by their numbers. So
    behind a tombstone they are counted from its time, which no piece before can have reached.
    """
    return until_us(db, agent, session) // SECOND_US + 1
