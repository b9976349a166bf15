"""The views: tables derived from facts, each module the only writer of its own.

A view module offers `derive(db, changes, now_us)`, and `drop(db, session)` if it keeps rows of
single events. An event that sorts last advances its session's views, so the cost follows what is
new; anything else folds the session anew from all its events. Both happen in the transaction that
stores the events, and give the same rows: any order of arrival, any repetition. What a transcript
tells beside the hooks changes no state; its rows are added whenever it comes. A session whose
events have lost their bodies is not folded anew: its views are only advanced.
"""

from collections.abc import Iterable, Iterator

import apsw

from journal.session.fold import Event, fold
from journal.session.meaning import ASIDE, Kind
from journal.session.state import STATE_VERSION, SessionState
from sync.store import deletion, facts
from sync.store.facts import OwnFact
from sync.views import (
    contexts,
    delivered_pieces,
    full_text,
    memory_ids,
    models,
    observations,
    pins_and_ends,
    projects,
    prompts,
    said,
    sessions,
    summaries,
    transcripts,
    usage,
)
from sync.views.change import Change
from sync.views.inferred_ends import Ended
from sync.views.memory_ids import Who

# Raised when a view derives other rows from the same facts: all sessions are then folded anew.
VERSION = 1000 * STATE_VERSION + 6
SLICE_EVENTS = 500
SLICE_SESSIONS = 100  # whose states are in memory at once
_ENDS = (Kind.TOOL_AFTER, Kind.TOOL_FAILED)  # of a tool call
# contexts look at the session's row before it changes; full_text, last, indexes the summary.
_ORDER = (
    contexts, sessions, prompts, observations, said, usage, transcripts, memory_ids, summaries
)  # fmt: skip
WITH_ROWS_OF_EVENTS = (full_text, prompts, observations, said, usage)  # dropped in this order
_CHANGING = ("MemoryId", "Summary")  # what they say is shown with the session
OF_OWN_FACTS = (models, memory_ids, delivered_pieces, pins_and_ends)


def advance(
    db: apsw.Connection, new: dict[int, list[Event]], own: list[OwnFact], now_us: int
) -> bytes:
    """Bring the views up to new events and new own facts, in the caller's transaction.

    What it returns is still to be handed to `full_text.insert`, in the same transaction.
    """
    for view in OF_OWN_FACTS:
        view.tell(db, own)
    spoken_of = _spoken_of(db, own) - set(new)
    models.note_work(db, new)
    delivered_pieces.note_work(db, [*new, *spoken_of], now_us)
    changes = [*_unchanged(db, spoken_of)]
    for session, events in new.items():
        events.sort(key=_order)
        first = next((event for event in events if event.meaning.kind not in ASIDE), None)
        head = sessions.head(db, session)
        if head is not None and (first is None or _order(first) > head.order):
            changes.append(_folded(db, session, head.state, events))
        elif head is None and facts.count(db, session) == len(events):
            changes.append(_folded(db, session, SessionState(), events))
        elif not deletion.has_gaps(db, session):
            fold_anew(db, session, now_us)
    return _derive(db, changes, now_us)


def _spoken_of(db: apsw.Connection, own: list[OwnFact]) -> set[int]:
    """The sessions that have begun and of which own facts say something to be shown."""
    query = "select session from session_states where agent = ? and id = ?"
    named = {(fact.payload.get("agent"), fact.session) for fact in own if fact.name in _CHANGING}
    found = (db.execute(query, who).get for who in named if isinstance(who[0], str))
    return {int(session) for session in found if session is not None}


def _unchanged(db: apsw.Connection, keys: Iterable[int]) -> Iterator[Change]:
    for session in keys:
        if (head := sessions.head(db, session)) is not None:  # else `refresh` folds it anew
            agent, session_id = facts.identity(db, session)
            yield Change(session, agent, session_id, [], head.state, frozenset())


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
            full_text.insert(db, _derive(db, changes, now_us))


def resolved(db: apsw.Connection, keys: Iterable[int], own: list[OwnFact]) -> dict[Who, str]:
    """The memory ids that these sessions, and those that own facts speak of, have by now."""
    named = [facts.identity(db, key) for key in keys]
    return memory_ids.of(db, {*named, *memory_ids.touched(db, own)})


def fold_anew(db: apsw.Connection, session: int, now_us: int) -> None:
    """Derive one session's views again from all its events."""
    for view in WITH_ROWS_OF_EVENTS:
        view.drop(db, session)
    state = SessionState()
    for events in _slices(stored.event for stored in facts.events_of(db, session)):
        change = _folded(db, session, state, events)
        full_text.insert(db, _derive(db, [change], now_us))
        state = change.state


def refresh(db: apsw.Connection, memory_agent: str, now_us: int) -> None:
    """Derive everything anew if other code than this derived it, and follow the memory agent."""
    if db.execute("select version from view_version").get != VERSION:
        _derive_all(db, now_us)
        projects.settle(db, facts.session_keys(db))
    memory_ids.follow(db, memory_agent)


def _derive_all(db: apsw.Connection, now_us: int) -> None:
    with db:
        for view in OF_OWN_FACTS:
            view.drop_all(db)
        own = list(facts.own_facts(db))
        for view in OF_OWN_FACTS:
            view.tell(db, own)
        for session in facts.session_keys(db):
            if deletion.has_gaps(db, session):
                _keep(db, session, now_us)
            else:
                fold_anew(db, session, now_us)
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
    bare = Change(session, agent, session_id, [], SessionState(), frozenset())
    memory_ids.derive(db, [bare], now_us)


def _folded(db: apsw.Connection, session: int, state: SessionState, events: list[Event]) -> Change:
    unopened = set()
    asides = [event for event in events if event.meaning.kind in ASIDE]
    if asides:
        events = [event for event in events if event.meaning.kind not in ASIDE]
    for event in events:
        if event.meaning.kind in _ENDS and event.meaning.tool_use_id not in state.open_tools:
            unopened.add(event.seq)
        state = fold(state, event)
    agent, session_id = facts.identity(db, session)
    return Change(session, agent, session_id, events, state, frozenset(unopened), asides)


def _derive(db: apsw.Connection, changes: list[Change], now_us: int) -> bytes:
    for view in _ORDER:
        view.derive(db, changes, now_us)
    return full_text.derive(db, changes, now_us)


def _order(event: Event) -> tuple[int, bytes]:
    return event.at_us, event.id


def _slices(events: Iterable[Event]) -> Iterator[list[Event]]:
    part: list[Event] = []
    for event in events:
        part.append(event)
        if len(part) == SLICE_EVENTS:
            yield part
            part = []
    if part:
        yield part
