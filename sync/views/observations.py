"""The view of observations: one row a tool call, its start and its end joined by their id.

What a transcript tells of a call has columns of its own: it counts where no hook reported any.
A call that the hooks reported twice is one row; equal calls (tool, input and output) have equal
digests, so that whoever lists them can show them once with their count.
"""

import hashlib

import apsw
import orjson

from journal.fold import Event
from journal.meaning import FAILED, Action, Kind
from sync.views.change import Change

NO_ID = "~"  # what the ids begin with that stand in for ids of the agent
_BEFORE = """
insert into observations (session, tool_use_id, tool, before_seq, file, repeats)
values (?, ?, ?, ?, ?, 0)
on conflict (session, tool_use_id)
do update set
  tool = iif(before_seq is null, excluded.tool, tool),
  file = iif(before_seq is null, excluded.file, file),
  before_seq = coalesce(before_seq, excluded.before_seq)
"""
_AFTER = """
insert into observations (session, tool_use_id, tool, after_seq, ok, digest, file, repeats)
values (?, ?, ?, ?, ?, ?, ?, 0)
on conflict (session, tool_use_id) do update set
  tool = iif(before_seq is null and after_seq is null, excluded.tool, tool),
  file = iif(before_seq is null and after_seq is null, excluded.file, file),
  repeats = repeats + (after_seq is not null),
  after_seq = coalesce(after_seq, excluded.after_seq),
  ok = coalesce(ok, excluded.ok),
  digest = coalesce(digest, excluded.digest)
"""
_TOLD = """
insert into observations
  (session, tool_use_id, tool, file, told_before, told_after, told_ok, repeats)
values (?, ?, ?, ?, ?, ?, ?, 0)
on conflict (session, tool_use_id) do update set
  tool = iif(tool = '', excluded.tool, tool),
  file = iif(tool = '', excluded.file, file),
  told_before = coalesce(told_before, excluded.told_before),
  told_after = coalesce(told_after, excluded.told_after),
  told_ok = coalesce(told_ok, excluded.told_ok)
"""
_FILES = (Action.READ, Action.EDIT)


def derive(db: apsw.Connection, changes: list[Change], now_us: int) -> None:
    """Add the new events' tool calls and close those that ended."""
    before, after = [], []
    for session, event in ((change.session, e) for change in changes for e in change.events):
        kind, key = event.meaning.kind, event.meaning.tool_use_id
        if kind is Kind.TOOL_BEFORE:
            if key:
                before.append(_start(session, key, event))
            else:
                db.execute(_BEFORE, _start(session, f"{_stem(event)}.{event.id.hex()}", event))
        elif kind in (Kind.TOOL_AFTER, Kind.TOOL_FAILED):
            if key:
                after.append(_end(session, key, event))
            else:
                db.execute(_AFTER, _end(session, _opened(db, session, event), event))
    db.executemany(_BEFORE, before)
    db.executemany(_AFTER, after)
    told = ((change.session, e) for change in changes for e in change.asides)
    db.executemany(_TOLD, [_told(session, e) for session, e in told if e.meaning.tool_use_id])


def _start(session: int, key: str, event: Event) -> tuple[int, str, str, int, str | None]:
    return session, key, event.meaning.tool, event.seq, _file(event)


def _end(
    session: int, key: str, event: Event
) -> tuple[int, str, str, int, bool, bytes, str | None]:
    ok = event.meaning.kind is Kind.TOOL_AFTER
    return session, key, event.meaning.tool, event.seq, ok, _digest(event), _file(event)


def _told(session: int, event: Event) -> tuple[object, ...]:
    meaning = event.meaning
    begins = meaning.kind is Kind.TOLD_CALL
    before, after = (event.seq, None) if begins else (None, event.seq)
    ok = None if begins else meaning.detail != FAILED
    return session, meaning.tool_use_id, meaning.tool, _file(event), before, after, ok


def _file(event: Event) -> str | None:
    """The file that a call read or changed."""
    return event.meaning.target if event.meaning.action in _FILES else None


def drop(db: apsw.Connection, session: int) -> None:
    """Remove the session's rows, before it is folded anew."""
    db.execute("delete from observations where session = ?", (session,))


def _opened(db: apsw.Connection, session: int, event: Event) -> str:
    """For an agent that gives no ids: an end belongs to the first open start with its input."""
    query = """
        select tool_use_id from observations
        where session = ? and tool_use_id between ? and ? and after_seq is null
        order by key limit 1
    """
    stem = _stem(event)
    found = db.execute(query, (session, stem, f"{stem}~")).get
    return f"{stem}.{event.id.hex()}" if found is None else str(found)


def _stem(event: Event) -> str:
    return NO_ID + _hash(event, [event.meaning.tool, event.meaning.tool_input]).hex()


def _digest(event: Event) -> bytes:
    meaning = event.meaning
    return _hash(event, [meaning.tool, meaning.tool_input, meaning.output])


def _hash(event: Event, content: list[object]) -> bytes:
    try:
        data = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # nested too deeply, or a number beyond 64 bits: it equals no other
        data = event.id
    return hashlib.blake2b(data, digest_size=16).digest()
