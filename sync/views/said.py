"""The view of what was said: which prompts and answers both a hook and a transcript tell.

A transcript's copy of what a hook reported is not shown beside it.
"""

import hashlib
from collections.abc import Iterable

import apsw
import orjson

from journal.session.fold import Event
from journal.session.meaning import Kind
from sync.views.change import Change

_TOLD = {
    Kind.PROMPT: False,
    Kind.TURN_END: False,
    Kind.SUBAGENT_END: False,
    Kind.TOLD_PROMPT: True,
    Kind.TOLD_ANSWER: True,
}


def derive(db: apsw.Connection, changes: list[Change], now_us: int) -> None:
    """Add the new events' prompts and answers."""
    rows = [
        (event.seq, change.session, _digest(event.meaning.text), _TOLD[event.meaning.kind])
        for change in changes
        for event in change.all_events
        if event.meaning.kind in _TOLD and event.meaning.text
    ]
    db.executemany("insert into said values (?, ?, ?, ?)", rows)


def drop(db: apsw.Connection, session: int) -> None:
    """Remove the session's rows, before it is folded anew."""
    db.execute("delete from said where session = ?", (session,))


def repeated(db: apsw.Connection, session: int, events: Iterable[Event]) -> set[int]:
    """The words (rows of events) that a transcript tells and one of these, or a hook, holds."""
    seqs = [event.seq for event in events if event.meaning.kind in _TOLD]
    if not seqs:
        return set()
    query = """
        select t.seq from said a join said t on t.session = a.session and t.digest = a.digest
        where a.session = ?1 and a.seq in (select value from json_each(?2)) and t.told
        and exists (select 1 from said h
          where h.session = ?1 and h.digest = t.digest and not h.told)
    """
    rows = db.execute(query, (session, orjson.dumps(seqs).decode()))
    return {seq for (seq,) in rows}


def told_twice(db: apsw.Connection, session: int) -> set[int]:
    """All words (rows of events) of the session that a transcript tells and a hook holds."""
    query = """
        select t.seq from said t where t.session = ?1 and t.told
        and exists (select 1 from said h
          where h.session = ?1 and h.digest = t.digest and not h.told)
    """
    return {seq for (seq,) in db.execute(query, (session,))}


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.strip().encode("utf-8", "replace"), digest_size=16).digest()
