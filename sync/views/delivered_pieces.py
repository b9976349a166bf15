"""The view of the archive: which events a remote has or will have, in which pieces.

Receipts and rejections in the journal say what became of a piece; until then its retry file holds
it, and `sync/cut.py` notes here what that file covers. So the archive's state survives a lost
database, and an event is in one piece of a remote, not in two.
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import apsw
import orjson

from sync.store.blocks import STORED_BYTES
from sync.store.own_fact_rows import OwnFact
from sync.views import tombstones

_ID = re.compile("[0-9a-f]{32}")
KINDS = {"Receipt": "delivered", "Rejection": "dead"}
WAITING = "waiting"
_THIS = "remote = ? and agent = ? and session = ? and host = ? and number = ? and part = ?"


class PieceKey(NamedTuple):
    """Which piece: `part` is not empty for a part of one that had to be split."""

    agent: str
    session: str
    host: str
    number: int
    part: str = ""


def add_facts(db: apsw.Connection, own: Iterable[OwnFact]) -> None:
    """Apply what became of pieces: what they cover is archived, or given up."""
    for fact in own:
        if fact.name in KINDS and (key := _key(fact)) is not None:
            remote = str(fact.payload.get("remote", ""))
            events = fact.payload.get("events")
            ids = [e for e in events if isinstance(e, str)] if isinstance(events, list) else []
            note(db, remote, key, KINDS[fact.name], fact.at_us, ids)


def _key(fact: OwnFact) -> PieceKey | None:
    said = fact.payload
    agent, host, number = said.get("agent"), said.get("host"), said.get("number")
    if not isinstance(agent, str) or not isinstance(host, str) or not isinstance(number, int):
        return None  # of no piece: it stays a fact, and nothing follows from it
    return PieceKey(agent, fact.session, host, number, str(said.get("part", "")))


def note(
    db: apsw.Connection,
    remote: str,
    key: PieceKey,
    state: str,
    at_us: int,
    ids: Iterable[str],
    file: str = "",
) -> None:
    """A piece is in this state since then, and covers what has these ids and nothing else.

    Delivered is for ever, and so is what was.
    """
    db.execute(
        """
        insert into pieces (remote, agent, session, host, number, part, state, at_us, file)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (remote, agent, session, host, number, part)
        do update set state = excluded.state, at_us = excluded.at_us, file = excluded.file
        where state <> 'delivered'
        """,
        (remote, *key, state, at_us, file),
    )
    query = f"select key, state from pieces where {_THIS}"
    rows: list[Any] = db.execute(query, (remote, *key)).fetchall()
    ((piece, state_now),) = rows
    known = orjson.dumps([one for one in ids if _ID.fullmatch(one)]).decode()
    if state_now != "delivered":  # grown, it may have left something to the next one
        left = """
            delete from archived where piece = ?
            and event not in (select unhex(value) from json_each(?))
        """
        db.execute(left, (piece, known))
    insert = "insert or ignore into archived select unhex(value), ? from json_each(?)"
    db.execute(insert, (piece, known))


def waiting(db: apsw.Connection) -> dict[str, int]:
    """The pieces (rows) that wait, by their files."""
    # Said twice so that SQLite sees that the index without delivered pieces will do.
    query = "select file, key from pieces where state <> 'delivered' and state = 'waiting'"
    rows: list[Any] = db.execute(query).fetchall()
    return dict(rows)


def state(db: apsw.Connection, remote: str, key: PieceKey) -> tuple[str, str]:
    """The state of a piece and its file; two empty texts if it is not known."""
    query = f"select state, file from pieces where {_THIS}"
    row = db.execute(query, (remote, *key)).fetchone()
    return (str(row[0]), str(row[1])) if row else ("", "")


def forget(db: apsw.Connection, piece: int, now_us: int) -> None:
    """A piece is nowhere any more: what it covered is to be archived again."""
    sessions = """
        insert or ignore into archive_work
        select s.key, ? from pieces p join sessions s on s.agent = p.agent and s.id = p.session
        where p.key = ?
    """
    db.execute(sessions, (now_us, piece))
    db.execute("delete from archived where piece = ?", (piece,))
    db.execute("delete from pieces where key = ?", (piece,))


def note_work(db: apsw.Connection, sessions: Iterable[int], now_us: int) -> None:
    """These sessions have something that no piece covers yet."""
    if remote(db):
        rows = [(session, now_us) for session in sessions]
        db.executemany("insert or ignore into archive_work values (?, ?)", rows)


def ripening(db: apsw.Connection, adopt_on: Iterable[str]) -> int:
    """How many sessions that are shown have something that no piece covers yet."""
    query = """
        select triggers from archive_work join session_states using (session) where triggers <> ''
    """
    wanted = set(adopt_on)
    rows: list[Any] = db.execute(query).fetchall()
    return sum(not wanted.isdisjoint(triggers.split()) for (triggers,) in rows)


def done(db: apsw.Connection, session: int) -> None:
    """Every event of the session is covered."""
    db.execute("delete from archive_work where session = ?", (session,))


def remote(db: apsw.Connection) -> str:
    """The name of the remote that everything goes to; "" for none."""
    return str(db.execute("select name from archive_remote").get or "")


def follow(db: apsw.Connection, name: str, now_us: int) -> None:
    """From now on everything goes to this remote ("" for none); what it has not yet, too."""
    if remote(db) == name:
        return
    with db:
        db.execute("delete from archive_remote")
        db.execute("insert into archive_remote values (?)", (name,))
        db.execute("delete from archive_work")
        if name:
            everything = "insert into archive_work select session, ? from session_states"
            db.execute(everything, (now_us,))


class Standing(NamedTuple):
    """How far one session is delivered to the remote that is set."""

    remote: str
    delivered: int  # pieces
    waiting: int
    dead: int
    last_us: int | None  # of the last one delivered
    is_whole: bool  # nothing of the session is in no piece


def standing(db: apsw.Connection, session: int, agent: str, name: str) -> Standing | None:
    """None: no remote is set."""
    target = remote(db)
    if not target:
        return None
    query = """
        select count(*) filter (where state = 'delivered'),
          count(*) filter (where state = 'waiting'), count(*) filter (where state = 'dead'),
          max(at_us) filter (where state = 'delivered')
        from pieces where remote = ? and agent = ? and session = ?
    """
    rows: list[Any] = db.execute(query, (target, agent, name)).fetchall()
    ((delivered, waits, dead, last_us),) = rows
    work = "select 1 from archive_work where session = ?"
    is_whole = db.execute(work, (session,)).fetchone() is None
    return Standing(target, delivered, waits, dead, last_us, is_whole)


def next_number(db: apsw.Connection, remote: str, agent: str, session: str, host: str) -> int:
    """The number of the session's next piece at this remote, from this host."""
    query = """
        select max(number) from pieces where remote = ? and agent = ? and session = ? and host = ?
    """
    known = int(db.execute(query, (remote, agent, session, host)).get or 0) + 1
    return max(known, tombstones.first_number(db, agent, session))


def uncovered_own(db: apsw.Connection, remote: str, agent: str, session: str) -> list[bytes]:
    """Lines of what the journal itself says of the session and others may know, not covered yet."""
    query = """
        select o.line from own_facts o join (
          select record from binds where agent = ?1 and session = ?2 and refused is null
          union select record from model_records
          where agent = ?1 and session = ?2 and kind = 'summary') said on said.record = o.id
        where not exists (
          select 1 from archived a join pieces p on p.key = a.piece
          where a.event = o.id and p.remote = ?3)
        order by o.at_us, o.id
    """
    rows: list[Any] = db.execute(query, (agent, session, remote)).fetchall()
    return [line for (line,) in rows]


def uncovered(db: apsw.Connection, remote: str, session: int) -> list[int]:
    """The session's events (rows) that no piece covers, in their order."""
    query = """
        select e.seq from events e where e.session = ? and not exists (
          select 1 from archived a join pieces p on p.key = a.piece
          where a.event = e.id and p.remote = ?)
        order by e.at_us, e.id
    """
    rows: list[Any] = db.execute(query, (session, remote)).fetchall()
    return [seq for (seq,) in rows]


def uncovered_size(db: apsw.Connection, remote: str, session: int) -> tuple[int, int]:
    """How many events of the session no piece covers, and the bytes of their bodies as stored."""
    query = f"""
        select count(*), coalesce(sum({STORED_BYTES}), 0) from events e
        where e.session = ? and not exists (
          select 1 from archived a join pieces p on p.key = a.piece
          where a.event = e.id and p.remote = ?)
    """
    rows: list[Any] = db.execute(query, (session, remote)).fetchall()
    ((events, stored_bytes),) = rows
    return events, stored_bytes


def drop_all(db: apsw.Connection) -> None:
    """Remove it all, before it is applied again; pieces that wait are noted again."""
    for table in ("pieces", "archived"):
        db.execute(f"delete from {table}")


def drop_session(db: apsw.Connection, agent: str, session: str) -> None:
    """Remove what is known of one session's pieces; those that wait are noted again."""
    pieces = "select key from pieces where agent = ? and session = ?"
    db.execute(f"delete from archived where piece in ({pieces})", (agent, session))
    db.execute("delete from pieces where agent = ? and session = ?", (agent, session))


def delivered(db: apsw.Connection, agent: str, session: str) -> dict[str, int]:
    """How many pieces of a session each remote has acknowledged, by the remotes' names."""
    query = """
        select remote, count(*) from pieces
        where agent = ? and session = ? and state = 'delivered' group by remote order by remote
    """
    rows: list[Any] = db.execute(query, (agent, session)).fetchall()
    return dict(rows)
