"""Facts in the database: events with their bodies, and who is meant.

Inserting is idempotent by the record's id; nothing here says what an event means to a view.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apsw
import orjson

from journal.agents import meaning_of
from journal.record import record
from journal.record.json_strings import beginnings, first_values
from journal.session.event import Event
from journal.session.meaning import OTHER, Meaning
from journal.times import EARLIEST_US
from sync.store import bodies


class Fact(NamedTuple):
    """A record that has been read, redacted and understood, ready to be stored."""

    record: record.Record  # its body redacted
    meaning: Meaning
    body: bodies.Packed | None  # None: an empty payload

    @property
    def session(self) -> tuple[str, str]:
        """Agent and session id; the payload decides, else the emitter's guess."""
        return self.record.agent, self.meaning.session or self.record.session


class Inserted(NamedTuple):
    """What one batch brought: new events by session key, and the facts that were there already."""

    events: dict[int, list[Event]]
    stored: int
    known: list[Fact]


def insert(db: apsw.Connection, facts: list[Fact]) -> Inserted:
    """Insert the facts whose ids are new, in one go; to be called inside a transaction."""
    fresh = list({fact.record.id: fact for fact in reversed(facts)}.values())[::-1]
    try:
        with db:  # a savepoint: if any id is there already, we look which
            events = _insert_fresh(db, fresh)
    except apsw.ConstraintError:
        fresh = [fact for fact in fresh if not _is_stored(db, fact)]
        events = _insert_fresh(db, fresh)
    return Inserted(events, len(fresh), _left_out(facts, fresh))


def _left_out(facts: list[Fact], fresh: list[Fact]) -> list[Fact]:
    if len(facts) == len(fresh):
        return []
    chosen = set(map(id, fresh))
    return [fact for fact in facts if id(fact) not in chosen]


def _is_stored(db: apsw.Connection, fact: Fact) -> bool:
    query = "select 1 from events where id = ?"
    return db.execute(query, (fact.record.id,)).fetchone() is not None


def _insert_fresh(db: apsw.Connection, fresh: list[Fact]) -> dict[int, list[Event]]:
    """The events of each session; their rows follow one another, and so lie in few blocks."""
    by_session: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in fresh:
        by_session[fact.session].append(fact)
    origins: dict[int, int] = {}  # by identity: records of one session share their headers
    events = {}
    seq = (db.execute("select max(seq) from events").get or 0) + 1
    for who, some in by_session.items():
        session = session_key(db, *who)
        events[session] = _insert_of(db, session, seq, some, origins)
        seq += len(some)
    return events


def _insert_of(
    db: apsw.Connection, session: int, seq: int, facts: list[Fact], origins: dict[int, int]
) -> list[Event]:
    """Insert new facts of one session, in rows from `seq` on."""
    events, rows = [], []
    stored = bodies.store(db, seq, [body for _, _, body in facts])
    for (made, meaning, _), body in zip(facts, stored, strict=True):
        unique, at_us, agent, name, _, header, _, raw = made
        if (origin := origins.get(id(header))) is None:
            origin = origins[id(header)] = _origin_key(db, header)
        rows.append((seq, unique, session, at_us, name, origin, raw, body))
        events.append(Event(seq, unique, at_us, agent, name, header, meaning))
        seq += 1
    db.executemany("insert into events values (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    return events


def session_key(db: apsw.Connection, agent: str, session_id: str) -> int:
    """The number of a session, given out at its first event."""
    query = "select key from sessions where agent = ? and id = ?"
    key = db.execute(query, (agent, session_id)).get
    if key is None:
        db.execute("insert into sessions (agent, id) values (?, ?)", (agent, session_id))
        key = db.last_insert_rowid()
    return int(key)


def _origin_key(db: apsw.Connection, origin: dict[str, Any]) -> int:
    header = orjson.dumps(origin, option=orjson.OPT_SORT_KEYS).decode()
    key = db.execute("select key from origins where header = ?", (header,)).get
    if key is None:
        db.execute("insert into origins (header) values (?)", (header,))
        key = db.last_insert_rowid()
    return int(key)


class Stored(NamedTuple):
    """An event as it lies in the database."""

    event: Event
    session: str
    raw: bool
    body: bytes

    @property
    def payload(self) -> Any:
        """The payload's values; the text of one that was not an object."""
        return record.load_body(self.body)

    @property
    def line(self) -> bytes:
        """The record's line, as the journal holds it but for redaction."""
        e = self.event
        guess = self.session[: record.SESSION_CHARS]  # the payload decides, as it did before
        made = record.Record(
            e.id, e.at_us, e.agent, e.name, guess, dict(e.origin), self.body, self.raw
        )
        return record.dump(made)


LONG_BODY_BYTES = 16 << 20
MOST_BODY_BYTES = 64 << 20
MANY_VALUES_BYTES = 2 << 20
MOST_VALUES = 200_000  # of a longer body; a short value takes up to fifty times its length
_COLUMNS = "select e.seq, e.id, e.at_us, s.agent, e.name, o.header, s.id, e.raw, e.body"
_SELECT = f"""
{_COLUMNS}
from events e join sessions s on s.key = e.session join origins o on o.key = e.origin
"""
_SELECT_STEPS = f"""
{_COLUMNS}, t.patch
from steps t cross join events e on e.seq = t.seq
join sessions s on s.key = e.session join origins o on o.key = e.origin
where t.session = ? order by t.position
"""


def events_of(db: apsw.Connection, session: int, since_us: int = EARLIEST_US) -> Iterator[Stored]:
    """Every event of one session from a time on, by (`at`, `id`), one at a time."""
    where = "where e.session = ? and e.at_us >= ? order by e.at_us, e.id"
    return _read(db, db.execute(_SELECT + where, (session, since_us)))


def steps_of(db: apsw.Connection, session: int) -> Iterator[tuple[Stored, str | None]]:
    """Every step of one session and its patch, in the order of the steps, one at a time."""
    reader = bodies.Reader(db)
    for *row, patch in db.execute(_SELECT_STEPS, (session,)):
        yield _stored(reader, *row), patch


def events_at(db: apsw.Connection, seqs: Iterable[int]) -> dict[int, Stored]:
    """The events of these rows, by row."""
    wanted = orjson.dumps(list(seqs)).decode()
    where = "where e.seq in (select value from json_each(?))"
    return {
        stored.event.seq: stored for stored in _read(db, db.execute(_SELECT + where, (wanted,)))
    }


def all_events(db: apsw.Connection, since_us: int | None = None) -> Iterator[Stored]:
    """Every event, or those from a time on, ordered by (`at`, `id`)."""
    where = "where ?1 is null or e.at_us >= ?1 order by e.at_us, e.id"
    return _read(db, db.execute(_SELECT + where, (since_us,)))


def _read(db: apsw.Connection, rows: Iterable[Any]) -> Iterator[Stored]:
    reader = bodies.Reader(db)
    for row in rows:
        yield _stored(reader, *row)


def _stored(reader: bodies.Reader, *row: Any) -> Stored:
    seq, unique, at_us, agent, name, header, session, raw, blob = row
    body = reader.unpack(seq, blob)
    meaning = understand(agent, name, body, raw == 1)
    event = Event(seq, unique, at_us, agent, name, orjson.loads(header), meaning)
    return Stored(event, session, raw == 1, body)


def understand(agent: str, event: str, body: bytes, raw: bool) -> Meaning:
    """What a stored or arriving body means. BadLineError: it is not JSON.

    Of a very long body the beginnings of its long strings are read, and the first of its values:
    no view shows more of them.
    """
    if len(body) > LONG_BODY_BYTES:
        body = beginnings(body)
    if len(body) > MANY_VALUES_BYTES:
        body = first_values(body, MOST_VALUES)
    if len(body) > MOST_BODY_BYTES:
        return OTHER  # strings without end
    value = record.load_body(body)
    if raw and isinstance(value, str):
        # An object in an encoding that is not UTF-8 still says which session it is of.
        try:
            value = record.load_body(value.encode("utf-8", "replace"))
        except record.BadLineError:
            return OTHER
    return meaning_of(agent, event, value)


def understand_record(made: record.Record) -> Meaning:
    """What a record means. BadLineError: its body is not JSON."""
    return understand(made.agent, made.event, made.body, made.raw)


def session_keys(db: apsw.Connection) -> list[int]:
    """Every session that has events or is spoken of."""
    rows: list[Any] = db.execute("select key from sessions").fetchall()
    return [key for (key,) in rows]


def count(db: apsw.Connection, session: int) -> int:
    """How many events a session has."""
    return int(db.execute("select count(*) from events where session = ?", (session,)).get)


def identity(db: apsw.Connection, session: int) -> tuple[str, str]:
    """The agent and the agent's own id of a session."""
    query = "select agent, id from sessions where key = ?"
    ((agent, session_id),) = db.execute(query, (session,)).fetchall()
    return str(agent), str(session_id)


def known_key(db: apsw.Connection, agent: str, session_id: str) -> int | None:
    """The number of a session; None if it has no event."""
    query = "select key from sessions where agent = ? and id = ?"
    key = db.execute(query, (agent, session_id)).get
    return None if key is None else int(key)
