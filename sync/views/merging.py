"""New events of one session, merged with what is stored of it, and folded.

Three ways, each quicker than the next: events of hooks that follow all others are appended; what
speaks of the last turn is merged from that turn on; anything else from the session's beginning.
Sessions of agents that name no turns have parts instead, which begin at certain times.
"""

import apsw

from journal.session.event import Event
from journal.session.meaning import Kind, Meaning
from journal.session.mentions import is_repeatable, mention
from journal.session.parts import REPEATED_US, part_starts
from journal.session.repeats import by_source
from journal.session.state import SessionState
from sync.store import facts
from sync.views import items, turns
from sync.views.folding import Merging, composed
from sync.views.sessions import Head
from sync.views.turns import Tail

_ENDS = (Kind.TOOL_AFTER, Kind.TOOL_FAILED)
_BEHIND_ALL = 1 << 62  # a position, or a time


def whole(events: list[Event]) -> Merging:
    """A session of which all events are at hand."""
    return composed(SessionState(), 0, events, is_new=True)


def appended(
    db: apsw.Connection,
    session: int,
    head: Head,
    tail: Tail | None,
    events: list[Event],
    *,
    always: bool = False,
) -> Merging | None:
    """Events that follow all others and that hooks alone report; None if they are not."""
    events.sort(key=lambda event: (event.at_us, event.id))
    if not always and not _follow(db, session, head, tail, events):
        return None
    position = _next_position(db, session)
    made = composed(head.state, position, events, is_new=True)
    made.order = max(made.order, head.order)
    turn = events[-1].meaning.turn
    if tail is not None and not (tail.names and turn and turn not in tail.names):
        made.tail = tail
    return made


def _follow(
    db: apsw.Connection, session: int, head: Head, tail: Tail | None, events: list[Event]
) -> bool:
    if tail is None or (events[0].at_us, events[0].id) <= head.order:
        return False
    if any(event.meaning.reported for event in events) or tail.queued:
        return False
    close_us = head.order[0] + REPEATED_US
    for event in events:
        is_near = event.at_us <= close_us or _is_late(event)
        if is_near and is_repeatable(event.meaning):
            return False
    if _is_repeated(db, session, events):
        return False
    names = {event.meaning.turn for event in events if event.meaning.turn}
    if tail.reported and (names <= tail.names or not names):
        return False
    return not tail.reported or not turns.known(db, session, names)


def _is_late(event: Event) -> bool:
    """Whether a hook started at another time than the agent says, so another one may have, too."""
    fired_us = event.meaning.fired_us
    return fired_us > 0 and not 0 <= event.at_us - fired_us <= REPEATED_US


def _is_repeated(
    db: apsw.Connection, session: int, events: list[Event], before: int = _BEHIND_ALL
) -> bool:
    """Whether a call before that position has such a record already: its hook was fired twice."""
    query = """
        select 1 from items
        where session = ? and name = ? and position < ? and (end_seq is not null or ?)
    """
    for event in events:
        meaning = event.meaning
        is_start = meaning.kind is Kind.TOOL_BEFORE
        if meaning.tool_use_id and (is_start or meaning.kind in _ENDS):
            values = (session, meaning.tool_use_id, before, is_start)
            if db.execute(query, values).fetchone() is not None:
                return True
    return False


def _next_position(db: apsw.Connection, session: int) -> int:
    query = "select max(position) from steps where session = ?"
    last = db.execute(query, (session,)).get
    return 0 if last is None else int(last) + 1


def from_tail(db: apsw.Connection, session: int, tail: Tail, events: list[Event]) -> Merging | None:
    """Events that speak of the last turn or of newer ones; None if they do not."""
    before = turns.before(tail)
    if before is None or not _fits(db, session, tail, before, events):
        return None
    if tail.position and not tail.names:
        found = _of_part(db, session, tail, before, events)
    else:
        found = _of_turn(db, session, tail, events)
    if found is None:
        return None
    last_us = before.last_us
    made = composed(before, tail.position, found, is_new=False)
    if tail.position and _begins(made, tail, events):
        return None  # what begins the turn decides how the one before it ended
    if last_us >= made.order[0]:  # a clock was set back
        made.order = max(made.order, (last_us, _last_id(db, session, tail, last_us)))
    return made


def _begins(made: Merging, tail: Tail, events: list[Event]) -> bool:
    """Whether the last turn begins with one of these events."""
    if not made.steps or made.steps[0].meaning.turn not in tail.names:
        return False
    return made.steps[0].seq in {event.seq for event in events}


def _last_id(db: apsw.Connection, session: int, tail: Tail, at_us: int) -> bytes:
    """The greatest id of the steps before the last turn at a time."""
    query = """
        select max(e.id) from events e join steps t on t.seq = e.seq
        where e.session = ?1 and e.at_us = ?2 and t.session = ?1 and t.position < ?3
    """
    return bytes(db.execute(query, (session, at_us, tail.position)).get or b"")


def _of_turn(
    db: apsw.Connection, session: int, tail: Tail, events: list[Event]
) -> list[Event] | None:
    """What is stored of the turns that some events speak of, the last one or newer.

    None: the last turn begins before something that stands before it.
    """
    start_us = min([tail.start_us, *(event.at_us for event in events)])
    if turns.is_overtaken(db, session, tail, start_us, tail.start_us):
        return None
    names = {mention_turn(event) for event in events} | tail.names
    new = {event.seq for event in events}
    found, loose = [], []
    for stored in facts.events_of(db, session, start_us):
        turn = mention_turn(stored.event)
        if not turn:
            loose.append(stored.event)
        elif turn in names:
            found.append(stored.event)
    begins = turns.beginnings(found) if loose and tail.position else {}
    for event in loose:
        place = event.meaning.place
        is_earlier = place is not None and place < begins.get(place.file, place)
        if event.seq in new:
            if is_earlier or _may_be_before(db, session, tail, event):
                return None
        elif turns.is_before(db, session, tail, event, is_earlier):
            continue
        found.append(event)
    return found


def _may_be_before(db: apsw.Connection, session: int, tail: Tail, event: Event) -> bool:
    """Whether an event without a turn is older than a step before the last turn, or repeats it."""
    is_close = event.at_us - tail.start_us <= REPEATED_US and is_repeatable(event.meaning)
    if tail.position and is_close:
        return True
    return turns.is_overtaken(db, session, tail, event.at_us + 1, _BEHIND_ALL)


def _of_part(
    db: apsw.Connection, session: int, tail: Tail, before: SessionState, events: list[Event]
) -> list[Event] | None:
    """The last part of a session without turns; None if it no longer begins where it began."""
    found = [stored.event for stored in facts.events_of(db, session, tail.start_us)]
    new = {event.seq for event in events}
    known = [event for event in found if event.seq not in new]
    if _sources(found) != _sources(known) or _is_repeated(db, session, found, tail.position):
        return None
    if _is_at_work_before(db, session, tail, before, found):
        return None
    mentions = [mention(event) for event in found]
    is_start = part_starts(*by_source(mentions))[:1] == [tail.start_us]
    return found if is_start else None


def _sources(events: list[Event]) -> set[bool]:
    """Whether a transcript, hooks or both report these."""
    return {event.meaning.reported for event in events}


def _is_at_work_before(
    db: apsw.Connection, session: int, tail: Tail, before: SessionState, events: list[Event]
) -> bool:
    """Whether a sub-agent of these events did something before the last part."""
    query = "select 1 from items where session = ? and subagent = ? and position < ?"
    for agent in {event.meaning.subagent for event in events} - {""}:
        known = db.execute(query, (session, agent, tail.position)).fetchone()
        if agent in before.subagents or known is not None:
            return True
    return False


def mention_turn(event: Event) -> str:
    """The turn that an event names; starts and ends of sessions belong to none."""
    is_loose = event.meaning.kind in (Kind.SESSION_START, Kind.SESSION_END)
    return "" if is_loose else event.meaning.turn


def _fits(
    db: apsw.Connection, session: int, tail: Tail, before: SessionState, events: list[Event]
) -> bool:
    names = {turn for event in events if (turn := mention_turn(event))}
    if turns.known(db, session, names - tail.names):
        return False
    if _is_repeated(db, session, events, tail.position):
        return False
    for event in events:
        meaning = event.meaning
        if not mention_turn(event) and event.at_us < tail.start_us:
            return False
        if meaning.unnamed and items.has_hook(db, session, meaning, tail.position):
            return False
        if _is_late(event) and not tail.start_us <= meaning.fired_us <= event.at_us:
            return False
        if meaning.kind is Kind.SESSION_START and meaning.detail == "fork":
            return False
        if meaning.kind is Kind.PROMPT and meaning.reported and _goes_back(meaning, before):
            return False
    return True


def _goes_back(prompt: Meaning, before: SessionState) -> bool:
    """Whether turns before the last one were taken back."""
    highest = max(before.turn_index, before.prompts if before.unnumbered else 0)
    return 0 < prompt.turn_index <= highest or prompt.parent in before.parents
