"""The steps of a session in the order of its conversation, each thing once.

A step is an event in its place. What the conversation knows better than the event's own record
(who wrote a prompt, that a turn was taken back) is set in its meaning.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

import apsw

from journal.session.mentions import with_patch
from sync.store import facts
from sync.store.facts import Stored

_Row = tuple[int, str | None]  # of an event, and its patch


def of_session(db: apsw.Connection, session: int) -> Iterator[Stored]:
    """All steps of a session, one at a time: one payload is in memory."""
    for stored, patch in facts.steps_of(db, session):
        yield _patched(stored, patch)


def read(db: apsw.Connection, rows: Iterable[_Row], at_once: int) -> Iterator[Stored]:
    """The steps of these rows, in their order; without those that were removed a moment ago."""
    rows = iter(rows)
    while some := list(islice(rows, at_once)):
        found = facts.events_at(db, (seq for seq, _ in some))
        for seq, patch in some:
            if (stored := found.get(seq)) is not None:
                yield _patched(stored, patch)


def _patched(stored: Stored, patch: str | None) -> Stored:
    event = stored.event if patch is None else stored.event._replace(patch=patch)
    known = with_patch(event)
    return stored if known is stored.event else stored._replace(event=known)
