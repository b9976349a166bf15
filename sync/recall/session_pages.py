"""One session: an outline of it, then its conversation page by page."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import apsw

from journal.errors import JournalError
from journal.session.meaning import Meaning
from sync.query import listing, steps
from sync.recall.scope import Scope

_AT_ONCE = 20
_STEPS = """
select position, seq, patch from steps where session = ? and position >= ? order by position
"""
_PROMPTS = """
select o.position, t.text, o.author from items o left join item_texts t on t.seq = o.seq
where o.session = ? and o.kind = 'prompt' and not o.inherited order by o.position limit ?
"""


class Step(NamedTuple):
    """An event of the conversation. `event_id`: 32 hex digits."""

    position: int
    event_id: str
    at_us: int
    meaning: Meaning


class Prompt(NamedTuple):
    """A prompt of the outline."""

    position: int
    text: str
    by: str


def find(db: apsw.Connection, scope: Scope, name: str) -> int:
    """The session (row) of an id or of the beginning of one.

    JournalError: there is none that may be shown, or there are several.
    """
    try:
        key = listing.find(db, name)
    except JournalError:
        if not name:
            raise
        key = -1
    condition, values = scope.wanted.sql()
    query = f"select s.session from session_states s where s.session = ? and {condition}"
    if db.execute(query, (key, *values)).get is None:
        said = listing.shown_name(name)
        raise JournalError(f"no session {said}, or several", "`recent` and `search` name some")
    return key


def prompts(db: apsw.Connection, session: int, limit: int) -> list[Prompt]:
    """The first prompts of a session."""
    rows: Any = db.execute(_PROMPTS, (session, limit)).fetchall()
    return [Prompt(position, text or "", by or "") for position, text, by in rows]


def conversation(db: apsw.Connection, session: int, position: int) -> Iterator[Step]:
    """The steps of a session from a position on, a few at a time."""
    rows: list[Any] = db.execute(_STEPS, (session, position)).fetchall()
    places = {seq: place for place, seq, _ in rows}
    for stored in steps.read(db, ((seq, patch) for _, seq, patch in rows), _AT_ONCE):
        event = stored.event
        yield Step(places[event.seq], event.id.hex(), event.at_us, event.meaning)
