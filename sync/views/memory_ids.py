"""The view of memory ids: what binds say (see sync/resolve.py), and what was minted.

A row belongs to an agent and its session id, not to a session's number, for a bind may come before
the session's first event. A query that shows a memory id joins it.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import apsw
import orjson

from journal.record.memory_id_order import Bind, fault, judge, mint
from journal.record.record import NO_SESSION
from sync.store.own_fact_rows import OwnFact
from sync.views.change import Change

EVENT = "MemoryId"
Who = tuple[str, str]  # an agent and its session id


def add_facts(db: apsw.Connection, own: Iterable[OwnFact]) -> None:
    """Apply new binds: winners are worked out again among all that are related to them."""
    binds = [_bind(fact) for fact in own if fact.name == EVENT]
    if not binds:
        return
    rows = [(b.record, b.at_us, b.agent, b.session, b.memory_id, b.replaces or None) for b in binds]
    insert = """
        insert or replace into binds (record, at_us, agent, session, memory_id, replaces)
        values (?, ?, ?, ?, ?, ?)
    """
    db.executemany(insert, rows)
    together = _together(db, binds)
    owners, losers = _judge(db, together)
    _mint(db, owners | losers)


def touched(db: apsw.Connection, own: list[OwnFact]) -> set[Who]:
    """The sessions whose memory id these facts may change, in the given state."""
    named = {(bind.agent, bind.session) for bind in map(_bind, own)}
    binds = [_bind(fact) for fact in own if fact.name == EVENT]
    return named | {(bind.agent, bind.session) for bind in _together(db, binds)}


def _bind(fact: OwnFact) -> Bind:
    agent, said = fact.payload.get("agent"), fact.payload.get("memory_id")
    replaces = fact.payload.get("replaces")
    return Bind(
        fact.at_us,
        fact.id,
        agent if isinstance(agent, str) else "",
        fact.session,
        said if isinstance(said, str) else "",
        replaces if isinstance(replaces, str) else "",
    )


def _together(db: apsw.Connection, binds: Iterable[Bind]) -> list[Bind]:
    """These binds and all that share a session or an id with one of them, and so on."""
    found: dict[bytes, Bind] = {}
    looked: set[object] = set()
    waiting = list(binds)
    while waiting:
        bind = waiting.pop()
        found[bind.record] = bind
        of_session = ("agent = ? and session = ?", (bind.agent, bind.session))
        of_id = ("memory_id in (?1, ?2)", (bind.memory_id, bind.replaces))
        for query in (of_session, of_id) if fault(bind) is None else (of_session,):
            if query not in looked:
                looked.add(query)
                waiting += [other for other in _read(db, *query) if other.record not in found]
    return list(found.values())


def _read(db: apsw.Connection, condition: str, values: tuple[str, ...]) -> Iterator[Bind]:
    query = f"""
        select at_us, record, agent, session, memory_id, coalesce(replaces, '')
        from binds where {condition}
    """
    rows: list[Any] = db.execute(query, values).fetchall()
    return (Bind(*row) for row in rows)


def _judge(db: apsw.Connection, together: list[Bind]) -> tuple[set[Who], set[Who]]:
    """Write down what became of these binds: their sessions, and those whose minted id yielded."""
    judged = judge(together)
    refusals = [(reason, record) for record, reason in judged.refused.items()]
    db.executemany("update binds set refused = ?1 where record = ?2", refusals)
    owners = {(bind.agent, bind.session) for bind in together}
    return owners, _stand(db, owners, judged.ids)


def _stand(db: apsw.Connection, owners: set[Who], ids: dict[Who, str]) -> set[Who]:
    """Write down who has which id now; the sessions whose minted id had to yield."""
    delete = "delete from memory_ids where agent = ? and session = ?"
    db.executemany(delete, owners)
    losers: set[Who] = set()
    for agent, session in owners:
        memory_id = ids.get((agent, session))
        if memory_id is not None:
            taken = "select agent, session from memory_ids where memory_id = ?"
            losers |= _pairs(db.execute(taken, (memory_id,)))
            db.execute("delete from memory_ids where memory_id = ?", (memory_id,))
            insert = "insert into memory_ids values (?, ?, ?, null)"
            db.execute(insert, (agent, session, memory_id))
    again = "delete from memory_ids where minted > 0 returning agent, session"
    return losers | _pairs(db.execute(again))  # one they yielded to may be free again


def _pairs(rows: Iterable[Any]) -> set[Who]:
    return {(agent, session) for agent, session in rows}


def derive(db: apsw.Connection, changes: list[Change], now_us: int) -> None:
    """Mint an id for each of these sessions that has none and needs not wait for one."""
    _mint(db, {(change.agent, change.id) for change in changes})


def _mint(db: apsw.Connection, sessions: Iterable[Who]) -> None:
    wanted = orjson.dumps(sorted(sessions)).decode()
    bare = """
        select j.value ->> 0, j.value ->> 1 from json_each(?) j
        join session_states s on s.agent = j.value ->> 0 and s.id = j.value ->> 1
        where s.id <> ?
          and not exists (select 1 from memory_ids m where m.agent = s.agent and m.session = s.id)
    """
    rows: list[Any] = db.execute(bare, (wanted, NO_SESSION)).fetchall()
    kind = agent_kind(db)
    insert = "insert into memory_ids values (?, ?, ?, ?)"
    for agent, session in rows:
        if kind == "builtin" or (kind == "command" and _answered_without(db, agent, session)):
            db.execute(insert, (agent, session, *mint(agent, session, lambda i: _is_bound(db, i))))


def _is_bound(db: apsw.Connection, memory_id: str) -> bool:
    query = "select 1 from memory_ids where memory_id = ?"
    return db.execute(query, (memory_id,)).fetchone() is not None


def _answered_without(db: apsw.Connection, agent: str, session: str) -> bool:
    """Whether a model that has no ids of its own has summarised the session."""
    query = """
        select 1 from model_records
        where agent = ? and session = ? and kind = 'summary' and said ->> 'memory_id' is null
    """
    return db.execute(query, (agent, session)).fetchone() is not None


def agent_kind(db: apsw.Connection) -> str:
    """The kind of memory agent for which this view was derived; "" if it never was."""
    return str(db.execute("select kind from memory_agent").get or "")


def follow(db: apsw.Connection, kind: str) -> None:
    """Derive for this kind of memory agent from now on: minted ids come or go with it."""
    if agent_kind(db) == kind:
        return
    with db:
        db.execute("delete from memory_agent")
        db.execute("insert into memory_agent values (?)", (kind,))
        db.execute("delete from memory_ids where minted is not null")
        every: list[Any] = db.execute("select agent, id from session_states").fetchall()
        _mint(db, every)


def drop_all(db: apsw.Connection) -> None:
    """Remove every row, before all binds are read again."""
    db.execute("delete from binds")
    db.execute("delete from memory_ids")


def of(db: apsw.Connection, sessions: Iterable[Who]) -> dict[Who, str]:
    """The memory ids of those of these sessions that have begun and have one."""
    query = """
        select m.memory_id from memory_ids m join session_states s using (agent)
        where m.agent = ? and m.session = ? and s.id = m.session
    """
    found = ((who, db.execute(query, who).get) for who in sessions)
    return {who: str(memory_id) for who, memory_id in found if memory_id is not None}


def drop_session(db: apsw.Connection, agent: str, session: str) -> None:
    """Remove what binds said of one session; an id that it had is free for another."""
    who = agent, session
    together = _together(db, _read(db, "agent = ? and session = ?", who))
    db.execute("delete from binds where agent = ? and session = ?", who)
    db.execute("delete from memory_ids where agent = ? and session = ?", who)
    rest = [bind for bind in together if (bind.agent, bind.session) != who]
    if together:
        owners, losers = _judge(db, rest)
        _mint(db, owners | (losers - {who}))
