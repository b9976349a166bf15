"""Deriving: all views are brought up to new facts, in the transaction that stores these.

A view module offers `derive(db, changes, now_us)`, and `drop(db, session)` if it keeps rows of
single events. What hooks report in order advances its session; anything else is merged again from
the session's last turn on, or from its beginning. All ways give the same rows: any order of
arrival, any repetition. A session whose events have lost their bodies is only advanced.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

import apsw

from journal.session.event import Event
from journal.session.mentions import mention
from journal.session.state import STATE_VERSION, SessionState
from sync.store import deletion, facts, own_fact_rows
from sync.store.own_fact_rows import OwnFact
from sync.views import (
    contexts,
    delivered_pieces,
    full_text,
    items,
    memory_ids,
    models,
    pins_and_ends,
    projects,
    sessions,
    summaries,
    transcripts,
    turns,
    usage,
)
from sync.views.change import Change
from sync.views.folding import Merging, slices
from sync.views.inferred_ends import Ended
from sync.views.memory_ids import Who
from sync.views.merging import appended, from_tail, whole

# Raised when a view derives other rows from the same facts: all sessions are then folded again.
VERSION = 1000 * STATE_VERSION + 12
SLICE_EVENTS = 500
SLICE_SESSIONS = 100  # whose states are in memory at once
# contexts look at the session's row before it changes; full_text, last, indexes the summary.
_ORDER = (contexts, sessions, items, usage, transcripts, memory_ids, summaries)
_OF_ENDS = (contexts, sessions, memory_ids)  # an end that is inferred changes no text
WITH_ROWS_OF_EVENTS = (full_text, items, turns, usage)  # dropped in this order
_CHANGING = ("MemoryId", "Summary")  # what they say is shown with the session
OF_OWN_FACTS = (models, memory_ids, delivered_pieces, pins_and_ends)


def advance(
    db: apsw.Connection, new: dict[int, list[Event]], own: list[OwnFact], now_us: int
) -> list[full_text.Row]:
    """Bring the views up to new events and new own facts, in the caller's transaction.

    What it returns is still to be handed to `full_text.insert`, in the same transaction.
    """
    for view in OF_OWN_FACTS:
        view.add_facts(db, own)
    spoken_of = _spoken_of(db, own) - set(new)
    models.note_work(db, new)
    delivered_pieces.note_work(db, [*new, *spoken_of], now_us)
    rows = []
    for change in chain(_unchanged(db, spoken_of), _changed(db, new, now_us)):
        rows += _derive(db, [change], now_us)
    return rows


def _changed(db: apsw.Connection, new: dict[int, list[Event]], now_us: int) -> Iterator[Change]:
    """The changes of sessions by new events; those that are folded again are done with."""
    for session, events in new.items():
        made = _merged(db, session, events)
        if made is None:
            fold_again(db, session, now_us)
        else:
            yield _change(db, session, made)


def _merged(db: apsw.Connection, session: int, events: list[Event]) -> Merging | None:
    """What new events change of a session; None: it is to be folded again from its beginning."""
    head = sessions.head(db, session)
    if head is None:
        return whole(events) if facts.count(db, session) == len(events) else None
    tail = turns.tail(db, session)
    if deletion.has_gaps(db, session):
        return appended(db, session, head, tail, events, always=True)
    if tail is None:
        return None
    return appended(db, session, head, tail, events) or from_tail(db, session, tail, events)


def _change(db: apsw.Connection, session: int, made: Merging) -> Change:
    """The views' change; what it replaces is dropped."""
    if not made.is_new:
        items.drop(db, session, made.position)
    turns.save(db, session, made.tail, made.names)
    agent, session_id = facts.identity(db, session)
    return Change(
        session,
        agent,
        session_id,
        made.steps,
        made.state,
        made.position,
        made.unopened,
        made.order,
        made.events,
        made.is_new,
    )


def _spoken_of(db: apsw.Connection, own: list[OwnFact]) -> set[int]:
    """The sessions that have begun and of which own facts say something to be shown."""
    query = "select session from session_states where agent = ? and id = ?"
    named = {(fact.payload.get("agent"), fact.session) for fact in own if fact.name in _CHANGING}
    found = (db.execute(query, who).get for who in named if isinstance(who[0], str))
    return {int(session) for session in found if session is not None}


def _unchanged(db: apsw.Connection, keys: Iterable[int]) -> Iterator[Change]:
    for session in keys:
        if (head := sessions.head(db, session)) is not None:  # else `refresh` folds it again
            agent, session_id = facts.identity(db, session)
            yield Change(session, agent, session_id, [], head.state, 0, frozenset())


def adopted(db: apsw.Connection, keys: Iterable[int], adopt_on: tuple[str, ...]) -> set[int]:
    """Which of these sessions are shown to people."""
    wanted = set(adopt_on)
    query = "select triggers from session_states where session = ?"
    return {key for key in keys if wanted & set((db.execute(query, (key,)).get or "").split())}


def infer_ends(db: apsw.Connection, ended: list[Ended], now_us: int) -> None:
    """These sessions have ended although they did not say so: their views follow."""
    if not ended:
        return  # most passes: they need not wait for the right to write
    query = "select session from session_states where agent = ? and id = ?"
    with db:
        for one in ended:
            pins_and_ends.infer(db, *one)
        found = (db.execute(query, (one.agent, one.session)).get for one in ended)
        keys = [int(key) for key in found if key is not None]
        for start in range(0, len(keys), SLICE_SESSIONS):
            changes = list(_unchanged(db, keys[start : start + SLICE_SESSIONS]))
            for view in _OF_ENDS:
                view.derive(db, changes, now_us)


def resolved(db: apsw.Connection, keys: Iterable[int], own: list[OwnFact]) -> dict[Who, str]:
    """The memory ids that these sessions, and those that own facts speak of, have by now."""
    named = [facts.identity(db, key) for key in keys]
    return memory_ids.of(db, {*named, *memory_ids.touched(db, own)})


def fold_again(db: apsw.Connection, session: int, now_us: int) -> None:
    """Derive one session's views again from all its events.

    Memory holds a few words of each event, and the bodies of a slice of them.
    """
    for view in WITH_ROWS_OF_EVENTS:
        view.drop(db, session)
    mentions = []
    for events in _slices(stored.event for stored in facts.events_of(db, session)):
        mentions += [mention(event) for event in events]
    for made in slices(db, mentions, SLICE_EVENTS):
        change = _change(db, session, made)
        full_text.insert(db, _derive(db, [change], now_us))


def refresh(db: apsw.Connection, memory_agent: str, now_us: int) -> None:
    """Derive everything again if other code than this derived it, and follow the memory agent."""
    if db.execute("select version from view_version").get != VERSION:
        _derive_all(db, now_us)
        projects.settle(db, facts.session_keys(db))
    memory_ids.follow(db, memory_agent)


def _derive_all(db: apsw.Connection, now_us: int) -> None:
    with db:
        for view in OF_OWN_FACTS:
            view.drop_all(db)
        own = list(own_fact_rows.stored(db))
        for view in OF_OWN_FACTS:
            view.add_facts(db, own)
        for session in facts.session_keys(db):
            if deletion.has_gaps(db, session):
                _keep(db, session, now_us)
            else:
                fold_again(db, session, now_us)
        db.execute("delete from view_version")
        db.execute("insert into view_version values (?)", (VERSION,))


def _keep(db: apsw.Connection, session: int, now_us: int) -> None:
    """Leave the views of a session whose events have lost their bodies as they are.

    Only what the journal's own facts say of it is looked at again.
    """
    changes = list(_unchanged(db, [session]))
    if changes:
        full_text.insert(db, _derive(db, changes, now_us))
        return
    agent, session_id = facts.identity(db, session)  # its state is of another version
    bare = Change(session, agent, session_id, [], SessionState(), 0, frozenset())
    memory_ids.derive(db, [bare], now_us)


def _derive(db: apsw.Connection, changes: list[Change], now_us: int) -> list[full_text.Row]:
    for view in _ORDER:
        view.derive(db, changes, now_us)
    return full_text.derive(db, changes, now_us)


def _slices(events: Iterable[Event]) -> Iterator[list[Event]]:
    part: list[Event] = []
    for event in events:
        part.append(event)
        if len(part) == SLICE_EVENTS:
            yield part
            part = []
    if part:
        yield part
