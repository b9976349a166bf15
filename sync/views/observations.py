"""The view of observations: one row a tool call, its start and its end joined by their id.

A call that the hooks reported twice is one row; equal calls (tool, input and output) have equal
digests, so that whoever lists them can show them once with their count.
"""

import hashlib

import apsw
import orjson

from journal.fold import Event
from journal.meaning import Kind
from sync.views.change import Change

_BEFORE = """
insert into observations (session, tool_use_id, tool, before_seq, repeats) values (?, ?, ?, ?, 0)
on conflict (session, tool_use_id)
do update set
  tool = iif(before_seq is null, excluded.tool, tool),
  before_seq = coalesce(before_seq, excluded.before_seq)
"""
_AFTER = """
insert into observations (session, tool_use_id, tool, after_seq, ok, digest, repeats)
values (?, ?, ?, ?, ?, ?, 0)
on conflict (session, tool_use_id) do update set
  repeats = repeats + (after_seq is not null),
  after_seq = coalesce(after_seq, excluded.after_seq),
  ok = coalesce(ok, excluded.ok),
  digest = coalesce(digest, excluded.digest)
"""


def derive(db: apsw.Connection, changes: list[Change], now_us: int) -> None:
    """Add the new events' tool calls and close those that ended."""
    before, after = [], []
    for session, event in ((change.session, e) for change in changes for e in change.events):
        kind, meaning = event.meaning.kind, event.meaning
        key = meaning.tool_use_id or None
        if kind is Kind.TOOL_BEFORE:
            before.append((session, key, meaning.tool, event.seq))
        elif kind in (Kind.TOOL_AFTER, Kind.TOOL_FAILED):
            ok = kind is Kind.TOOL_AFTER
            after.append((session, key, meaning.tool, event.seq, ok, _digest(event)))
    db.executemany(_BEFORE, before)
    db.executemany(_AFTER, after)


def drop(db: apsw.Connection, session: int) -> None:
    """Remove the session's rows, before it is folded anew."""
    db.execute("delete from observations where session = ?", (session,))


def _digest(event: Event) -> bytes:
    meaning = event.meaning
    content = [meaning.tool, meaning.tool_input, meaning.output]
    try:
        data = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # nested too deeply, or a number beyond 64 bits: it equals no other
        data = event.id
    return hashlib.blake2b(data, digest_size=16).digest()
