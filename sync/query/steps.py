"""The steps of a session in the order of its conversation, each thing once.

A step is an event in its place. What the conversation knows better than the event's own record
(who wrote a prompt, that a turn was taken back) is set in its meaning.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import apsw

from journal.session.mentions import with_patch
from sync.store import facts
from sync.store.facts import Stored

_AT_ONCE = 200  # whose payloads are in memory
_Row = tuple[int, str | None]  # of an event, and its patch


def of_session(db: apsw.Connection, session: int) -> Iterator[Stored]:
    """All steps of a session, one at a time."""
    query = "select seq, patch from steps where session = ? order by position"
    rows: Any = db.execute(query, (session,)).fetchall()
    return read(db, rows, _AT_ONCE)


def read(db: apsw.Connection, rows: Iterable[_Row], at_once: int) -> Iterator[Stored]:
    """The steps of these rows, in their order; without those that were removed a moment ago."""
    rows = iter(rows)
    while some := list(islice(rows, at_once)):
        found = facts.events_at(db, (seq for seq, _ in some))
        for seq, patch in some:
            if (stored := found.get(seq)) is not None:
                event = with_patch(stored.event._replace(patch=patch))
                yield stored._replace(event=event)
