"""The view of answers: what the agent said, and which of it both a hook and a transcript tell.

A transcript's copy of what a hook reported is not shown beside it.
"""

import hashlib
from collections.abc import Iterable

import apsw
import orjson

from journal.fold import Event
from journal.meaning import Kind
from sync.views.change import Change

_SAID = {
    Kind.TURN_END: False,
    Kind.SUBAGENT_END: False,
    Kind.TOLD_ANSWER: True,
}


def derive(db: apsw.Connection, changes: list[Change], now_us: int) -> None:
    """Add the new events' answers."""
    rows = [
        (event.seq, change.session, _digest(event.meaning.text), _SAID[event.meaning.kind])
        for change in changes
        for event in change.all_events
        if event.meaning.kind in _SAID and event.meaning.text
    ]
    db.executemany("insert into answers values (?, ?, ?, ?)", rows)


def drop(db: apsw.Connection, session: int) -> None:
    """Remove the session's rows, before it is folded anew."""
    db.execute("delete from answers where session = ?", (session,))


def repeated(db: apsw.Connection, session: int, events: Iterable[Event]) -> set[int]:
    """The answers (rows of events) that a transcript tells and one of these, or a hook, holds."""
    seqs = [event.seq for event in events if event.meaning.kind in _SAID]
    if not seqs:
        return set()
    query = """
        select t.seq from answers a join answers t on t.session = a.session and t.digest = a.digest
        where a.session = ?1 and a.seq in (select value from json_each(?2)) and t.told
        and exists (select 1 from answers h
          where h.session = ?1 and h.digest = t.digest and not h.told)
    """
    rows = db.execute(query, (session, orjson.dumps(seqs).decode()))
    return {seq for (seq,) in rows}


def told_twice(db: apsw.Connection, session: int) -> set[int]:
    """All answers (rows of events) of the session that a transcript tells and a hook holds."""
    query = """
        select t.seq from answers t where t.session = ?1 and t.told
        and exists (select 1 from answers h
          where h.session = ?1 and h.digest = t.digest and not h.told)
    """
    return {seq for (seq,) in db.execute(query, (session,))}


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.strip().encode("utf-8", "replace"), digest_size=16).digest()
