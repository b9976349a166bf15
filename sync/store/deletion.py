"""Facts taken out of the database again: the statements on the tables of facts, and nothing else.

What was derived from them is for sync/views/session_deletion.py, which calls these inside its
transactions.
"""

from collections.abc import Callable, Iterable
from typing import Any

import apsw
import orjson

from sync.store import blocks

REMOVED = 2  # in events.raw: the body was removed; what the views made of it stays


def has_gaps(db: apsw.Connection, session: int) -> bool:
    """Whether bodies of the session's events were removed: its views cannot be made again."""
    query = "select exists (select 1 from events where session = ? and raw = ?)"
    return bool(db.execute(query, (session, REMOVED)).get)


def with_bodies(db: apsw.Connection, session: int, before_us: int) -> list[tuple[int, int]]:
    """The session's events (rows) from before a moment that have a body, and its bytes."""
    query = f"""
        select e.seq, {blocks.STORED_BYTES} from events e
        where e.session = ? and e.at_us < ? and e.body is not null order by e.seq
    """
    return list(db.execute(query, (session, before_us)))


def remove_bodies(db: apsw.Connection, seqs: Iterable[int]) -> None:
    """These events are remembered without what they said; see `bodies.release`."""
    rows = [(REMOVED, seq) for seq in seqs]
    db.executemany("update events set body = null, raw = ? where seq = ?", rows)


def remove_events(
    db: apsw.Connection, session: int, goes: Callable[[bytes, int, str], bool]
) -> list[tuple[int, int]]:
    """Remove those of a session's events; their rows and those of their origins.

    `goes` is asked with the id, the time and the home of each, see Grave.covers.
    """
    query = """
        select e.seq, e.origin, e.id, e.at_us, coalesce(o.header ->> 'home', '')
        from events e join origins o on o.key = e.origin where e.session = ?
    """
    rows: list[Any] = db.execute(query, (session,)).fetchall()
    gone = [(seq, origin) for seq, origin, *known in rows if goes(*known)]
    db.executemany("delete from events where seq = ?", [(seq,) for seq, _ in gone])
    return gone


def remove_own(db: apsw.Connection, ids: Iterable[bytes]) -> None:
    """Remove these of the journal's own records."""
    db.executemany("delete from own_facts where id = ?", [(unique,) for unique in ids])


def remove_session(db: apsw.Connection, session: int) -> None:
    """Remove a session that has no event any more."""
    db.execute("delete from sessions where key = ?", (session,))


def drop_unused_origins(db: apsw.Connection, keys: Iterable[int]) -> None:
    """Remove those of these origins that no event has any more; one look at all events."""
    wanted = orjson.dumps(list(keys)).decode()
    if wanted == "[]":
        return
    query = """
        delete from origins where key in (select value from json_each(?1)) and key not in (
          select origin from events where origin in (select value from json_each(?1)))
    """
    db.execute(query, (wanted,))
