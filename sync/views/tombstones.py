"""The view of tombstones: sessions of which nothing is kept up to a moment.

A `Forget` record names the session and that moment. Clocks can be wrong, so what the hooks of its
own home had recorded is named by ids, and their later records are kept whatever their dates are.
Records from elsewhere (another home, a transcript) are judged by their dates. What a tombstone
covers is passed over when it is read, and session_deletion.py removes it where it is; so facts and
tombstones may come in any order.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import apsw

from journal.record.own_facts import Link, after_of, in_force
from journal.record.record import JOURNAL_AGENT, Record
from journal.times import SECOND_US, to_text, to_us
from sync.store import facts, own_fact_rows
from sync.store.facts import Fact
from sync.store.own_fact_rows import OwnFact

EVENT = "Forget"
_ID_BYTES = 6  # of the random end of an id: enough among the records of one session
NEVER_US, _EVER_US = -(2**63), 2**63 - 1


class Grave(NamedTuple):
    """A session, and what is not kept of it: up to a moment, and these records.

    `ids`: the ends of the ids of records. `homes`: up to which moment the
    records of a home are judged by their dates; for the others it is `until_us`.
    """

    agent: str
    session: str
    until_us: int
    ids: frozenset[bytes] = frozenset()
    homes: Mapping[str, int] = {}

    def covers(self, unique: bytes, at_us: int, home: str) -> bool:
        """Whether a record of the session is not kept. `home`: whose hooks recorded it, or ""."""
        return at_us <= self.homes.get(home, self.until_us) or unique[-_ID_BYTES:] in self.ids

    def covers_own(self, own: OwnFact) -> bool:
        """The same for one of the journal's own records, of any session."""
        agent = own.payload.get("agent")
        same = own.session == self.session and (agent == self.agent or not isinstance(agent, str))
        return same and own.name != EVENT and self.covers(own.id, moment_us(own), own.home)


def add_facts(db: apsw.Connection, own: Iterable[OwnFact]) -> list[Grave]:
    """Apply tombstones; those whose sessions may hold something that they cover.

    One that names another in `after` replaces it, though it may cover less: the other one
    was recorded by a clock that was ahead.
    """
    new = [fact for fact in own if _until_us(fact) is not None]
    stored = own_fact_rows.stored_of(db, {fact.session for fact in new}) if new else {}
    risen = []
    for who in {_who(fact) for fact in new}:
        rivals = {fact.id: fact for fact in (*stored.get(who[1], ()), *new) if _who(fact) == who}
        grave = _united(who, rivals.values())
        before_us = until_us(db, *who)
        db.execute("insert or replace into tombstones values (?, ?, ?)", grave[:3])
        is_known = facts.known_key(db, *who) is not None
        is_known = is_known or any(fact.name != EVENT for fact in stored.get(who[1], ()))
        risen += [grave] if is_known or grave.until_us > before_us else []
    return risen


def _who(fact: OwnFact) -> tuple[str, str]:
    return str(fact.payload.get("agent")), fact.session


def _united(who: tuple[str, str], stored: Iterable[OwnFact]) -> Grave:
    """What the tombstones of one session cover together.

    Of those that none replaces the latest moment counts; an id that one has named stays named. A
    moment that was replaced by an earlier one no longer counts.
    """
    graves = {fact.id: (_grave(fact), after_of(fact.payload)) for fact in stored}
    replaced = {after for unique, (_, after) in graves.items() if after != unique}
    every = [grave for grave, _ in graves.values()]
    standing = [grave for unique, (grave, _) in graves.items() if unique not in replaced]
    last_us = max(grave.until_us for grave in standing or every)
    homes = {
        home: min(last_us, max(grave.homes.get(home, grave.until_us) for grave in every))
        for home in {home for grave in every for home in grave.homes}
    }
    return Grave(*who, last_us, frozenset[bytes]().union(*(grave.ids for grave in every)), homes)


def record_of(db: apsw.Connection, agent: str, session: str) -> bytes | None:
    """The tombstone of a session that the next one replaces; None: it has none."""
    own = own_fact_rows.stored_of(db, [session]).get(session, [])
    found = [fact for fact in own if _until_us(fact) is not None and _who(fact) == (agent, session)]
    standing = in_force(Link(fact.at_us, fact.id, after_of(fact.payload)) for fact in found)
    return None if standing is None else standing.id


def _until_us(fact: OwnFact) -> int | None:
    if fact.name != EVENT or not isinstance(fact.payload.get("agent"), str):
        return None
    try:
        return to_us(str(fact.payload.get("until")))
    except (ValueError, OverflowError):
        return None  # of no moment: it stays a fact, and nothing follows from it


def _grave(fact: OwnFact) -> Grave:
    home, said = fact.payload.get("home"), fact.payload.get("records")
    homes = {home: NEVER_US} if isinstance(home, str) and home else {}
    return Grave(*_who(fact), _until_us(fact) or 0, _from_text(said), homes)


def payload(grave: Grave) -> dict[str, Any]:
    """What a `Forget` record says of it; the agent is for the caller."""
    homes = [home for home, until_us in grave.homes.items() if until_us == NEVER_US]
    named = {"home": homes[0]} if homes else {}
    return {"until": to_text(grave.until_us), **named, "records": _as_text(grave.ids)}


def named(db: apsw.Connection, grave: Grave, home: str, *, is_obeyed: bool = False) -> Grave:
    """The same tombstone, which names all that this home's hooks have recorded of the session.

    So its dates need not be believed. To be called when all of it has been read. `is_obeyed`: it
    comes from elsewhere, and names nothing that is dated after it.
    """
    query = """
        select e.id, e.at_us, coalesce(o.header ->> 'home', '') from events e
        join sessions s on s.key = e.session join origins o on o.key = e.origin
        where s.agent = ? and s.id = ?
    """
    rows: list[Any] = db.execute(query, (grave.agent, grave.session)).fetchall()
    rows += [
        (own.id, moment_us(own), own.home)
        for own in own_fact_rows.stored_of(db, [grave.session]).get(grave.session, [])
        if grave._replace(until_us=_EVER_US).covers_own(own)
    ]
    homes = {home: NEVER_US} if home else {}
    by_date = Grave(grave.agent, grave.session, grave.until_us, homes=homes)
    ids = {
        unique[-_ID_BYTES:]
        for unique, at_us, where in rows
        if not (by_date.covers(unique, at_us, where) or (is_obeyed and at_us > grave.until_us))
    }
    return by_date._replace(ids=grave.ids | ids)


def until_us(db: apsw.Connection, agent: str, session: str) -> int:
    """Up to when nothing of the session is kept; 0 if it has no tombstone."""
    query = "select until_us from tombstones where agent = ? and session = ?"
    return int(db.execute(query, (agent, session)).get or 0)


class Graves:
    """The tombstones of a database, each read once."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._found: dict[tuple[str, str], Grave | None] = {}
        self._are_there = bool(db.execute("select exists (select 1 from tombstones)").get)

    def __bool__(self) -> bool:
        return self._are_there

    def of(self, agent: str, session: str) -> Grave | None:
        """What the tombstones of a session cover; None: it has none."""
        who = agent, session
        if who not in self._found:
            self._found[who] = self._read(who) if self._are_there else None
        return self._found[who]

    def _read(self, who: tuple[str, str]) -> Grave | None:
        query = "select until_us from tombstones where agent = ? and session = ?"
        last_us = self._db.execute(query, who).get
        if last_us is None:
            return None
        own = own_fact_rows.stored_of(self._db, [who[1]]).get(who[1], [])
        stored = [fact for fact in own if _until_us(fact) is not None and _who(fact) == who]
        return _united(who, stored) if stored else Grave(*who, int(last_us))

    def cover(self, fact: Fact) -> bool:
        """Whether nothing is kept of a record."""
        made = fact.record
        if made.agent == JOURNAL_AGENT:
            own = own_fact_rows.own_of(made)
            return any(grave.covers_own(own) for grave in self._of_own(own))
        grave = self.of(*fact.session)
        return grave is not None and grave.covers(made.id, made.at_us, own_fact_rows.home_of(made))

    def is_late(self, made: Record, now_us: int) -> bool:
        """Whether a record that was kept elsewhere is from before its session was forgotten.

        Its date is all that says so. While the tombstone lies ahead of the clock it says nothing.
        """
        if not self or made.agent == JOURNAL_AGENT:
            return False
        grave = self.of(made.agent, facts.understand_record(made).session or made.session)
        return grave is not None and made.at_us <= grave.until_us <= now_us

    def _of_own(self, own: OwnFact) -> list[Grave]:
        agents = [own.payload.get("agent")]
        if not isinstance(agents[0], str):
            query = "select agent from tombstones where session = ?"
            agents = [agent for (agent,) in self._db.execute(query, (own.session,))]
        found = [self.of(str(agent), own.session) for agent in agents]
        return [grave for grave in found if grave is not None]


def uncovered(db: apsw.Connection, found: list[Fact]) -> list[Fact]:
    """Those of these facts that no tombstone covers, in their order."""
    graves = Graves(db)
    return [fact for fact in found if not graves.cover(fact)] if graves else found


def moment_us(own: OwnFact) -> int:
    """The time that counts for one of the journal's own records: of what it reports, if it says so.

    A model's summary may be recorded after its session was forgotten.
    """
    try:
        covered_us = to_us(str(own.payload["covers"])) if own.name == "Summary" else own.at_us
    except (KeyError, ValueError, OverflowError):
        return own.at_us
    return min(covered_us, own.at_us)


def first_number(db: apsw.Connection, agent: str, session: str) -> int:
    """From where the session's pieces are counted.

    A remote may hold pieces of which we know no more, and knows pieces by their numbers. So
    behind a tombstone they are counted from its time, which no piece before can have reached.
    """
    return until_us(db, agent, session) // SECOND_US + 1


def _as_text(ids: Iterable[bytes]) -> str:
    """Short words, which no redaction rule takes for a secret."""
    return " ".join(b64encode(one).decode() for one in sorted(ids))


def _from_text(text: Any) -> frozenset[bytes]:
    try:
        return frozenset(map(b64decode, text.split())) if isinstance(text, str) else frozenset()
    except binascii.Error:
        return frozenset()
