"""Facts rewritten where they lie, because other rules redact them otherwise; no row comes or goes.

The statements alone: what was derived from the facts is for sync/rescan.py, which calls these
inside its transactions.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apsw
import orjson

from journal.record import record
from journal.record.record import Record
from sync.store import bodies, deletion


class Held(NamedTuple):
    """What an event's row holds."""

    seq: int
    session: int
    removed: bool  # its body was, by retention
    blob: bytes | None  # as it is stored; None: there is none


_SELECT = f"select seq, session, raw = {deletion.REMOVED}, body from events"


def all_events(db: apsw.Connection) -> Iterator[Held]:
    """Every event, one at a time, in the order of their rows. Nothing may be written meanwhile."""
    return map(Held._make, db.execute(f"{_SELECT} order by seq"))


def events_at(db: apsw.Connection, seqs: Iterable[int]) -> list[Held]:
    """The events of these rows."""
    query = f"{_SELECT} where seq in (select value from json_each(?)) order by seq"
    rows: list[Any] = db.execute(query, (orjson.dumps(list(seqs)).decode(),)).fetchall()
    return [Held._make(row) for row in rows]


def body(db: apsw.Connection, held: Held) -> bytes:
    """The JSON text of an event's body."""
    return bodies.Reader(db).unpack(held.seq, held.blob)


def put_bodies(db: apsw.Connection, changed: list[tuple[Held, bytes]]) -> None:
    """Give these events, all of which have bodies, other ones."""
    bodies.replace(db, [(held.seq, held.blob, data) for held, data in changed])


def origins(db: apsw.Connection) -> list[tuple[int, bytes]]:
    """The keys of headers that events share, with their JSON text."""
    rows: list[Any] = db.execute("select key, header from origins").fetchall()
    return [(key, header.encode()) for key, header in rows]


def sessions_of(db: apsw.Connection, origin: int) -> list[int]:
    """The sessions with events of this header."""
    query = "select distinct session from events where origin = ?"
    return [int(session) for (session,) in db.execute(query, (origin,))]


def put_origin(db: apsw.Connection, key: int, header: bytes) -> None:
    """Give a header other text; two that are equal by then become one."""
    text = header.decode()
    equal = db.execute("select key from origins where header = ?", (text,)).get
    if equal is None:
        db.execute("update origins set header = ? where key = ?", (text, key))
    else:
        db.execute("update events set origin = ? where origin = ?", (equal, key))
        db.execute("delete from origins where key = ?", (key,))


def own_records(db: apsw.Connection) -> Iterator[Record]:
    """All of the journal's own records, one at a time. Nothing may be written meanwhile."""
    for (line,) in db.execute("select line from own_facts order by id"):
        yield record.parse(bytes(line).rstrip())


def own_record(db: apsw.Connection, unique: bytes) -> Record:
    """One of them, which is there."""
    line = db.execute("select line from own_facts where id = ?", (unique,)).get
    return record.parse(bytes(line).rstrip())


def put_own(db: apsw.Connection, made: Record) -> None:
    """Give one of the journal's own records another body."""
    db.execute("update own_facts set line = ? where id = ?", (record.dump(made), made.id))


def is_stored(db: apsw.Connection, made: Record) -> bool:
    """Whether the database holds a record with this id."""
    table = "own_facts" if made.agent == record.JOURNAL_AGENT else "events"
    query = f"select 1 from {table} where id = ?"
    return db.execute(query, (made.id,)).fetchone() is not None
