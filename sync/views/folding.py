"""A part of a session's conversation: its events merged in order, and folded into a state."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import apsw

from journal.session.conversation import merge
from journal.session.event import Event
from journal.session.fold import fold
from journal.session.meaning import Kind
from journal.session.mentions import Mention, mention, patched
from journal.session.parts import is_part
from journal.session.state import SessionState
from sync.store import facts
from sync.views.change import NO_EVENT
from sync.views.turns import Tail

_NOT_STEPS = (Kind.OTHER, Kind.FILES, Kind.QUEUED)  # of a transcript
_ENDS = (Kind.TOOL_AFTER, Kind.TOOL_FAILED)


@dataclass(slots=True)
class Merging:
    """A part of a conversation from `position` on, and the state behind it."""

    steps: list[Event]
    state: SessionState
    position: int
    unopened: frozenset[int]
    order: tuple[int, bytes]
    events: list[Event]  # all, also those that another one repeats
    tail: Tail
    names: set[str]  # of the turns in it
    is_new: bool  # no step of it was derived before


def slices(db: apsw.Connection, mentions: list[Mention], size: int) -> Iterator[Merging]:
    """A session from its beginning, a slice of its events at a time."""
    inherited, merged = _steps(mentions, SessionState())
    reported = {one.seq for one in merged}
    start = _tail_start(mentions, merged)
    state, order = SessionState(), NO_EVENT
    tail = _tail(mentions, merged, start, state, 0)
    names = {one.turn for one in mentions}
    for first in range(0, len(merged), size):
        part = merged[first : first + size]
        found = facts.events_at(db, (one.seq for one in part))
        folding = Folding(state, order)
        for number, one in enumerate(part, first):
            if number == start:
                tail = _tail(mentions, merged, start, folding.state, number)
            folding.add(patched(found[one.seq].event, one))
        state, order = folding.state, folding.order
        yield folding.merging(first, folding.steps, tail, names, is_new=True)
    left = [one.seq for one in mentions if one.seq not in reported]
    for first in range(0, len(left), size):
        part_events = [s.event for s in facts.events_at(db, left[first : first + size]).values()]
        folding = Folding(state)
        events = [_flagged(event, inherited) for event in part_events]
        yield folding.merging(len(merged), events, tail, names, is_new=True)


def composed(state: SessionState, position: int, events: list[Event], *, is_new: bool) -> Merging:
    """These events merged and folded: the part from `position` on, behind that state."""
    mentions = [mention(event) for event in events]
    inherited, merged = _steps(mentions, state)
    by_seq = {event.seq: event for event in events}
    start = _tail_start(mentions, merged)
    folding = Folding(state)
    for one in merged[:start]:
        folding.add(patched(by_seq[one.seq], one))
    tail = _tail(mentions, merged, start, folding.state, position + start)
    for one in merged[start:]:
        folding.add(patched(by_seq[one.seq], one))
    names = {one.turn for one in mentions}
    all_events = [_flagged(event, inherited) for event in events] if inherited else events
    return folding.merging(position, all_events, tail, names, is_new=is_new)


def _steps(mentions: list[Mention], before: SessionState) -> tuple[set[int], list[Mention]]:
    """The rows of what a fork inherited, and the conversation without what is not a step."""
    merged = merge(mentions, before.forked_us, has_person=before.has_person)
    steps = [one for one in merged if one.kind not in _NOT_STEPS or not one.reported_alone]
    return {one.seq for one in mentions if one.inherited}, steps


def _flagged(event: Event, inherited: set[int]) -> Event:
    if event.seq not in inherited or event.meaning.inherited:
        return event
    return event._replace(meaning=event.meaning._replace(inherited=True))


def _tail_start(mentions: Sequence[Mention], merged: Sequence[Mention]) -> int:
    """Where the last turn begins, or an earlier one whose sub-agents still work.

    Or one that goes on behind that place: each turn lies before it or behind it as a whole, with
    what names no turn and is from after its first record, be that a step or not.
    """
    first: dict[str, int] = {}  # where each turn begins
    running: dict[str, str] = {}
    last = ""
    for number, one in enumerate(merged):
        if one.turn:
            first.setdefault(one.turn, number)
            last = one.turn
        if one.subagent and one.kind is Kind.SUBAGENT_END:
            running.pop(one.subagent, None)
        elif one.subagent and one.turn and not one.inherited:
            running.setdefault(one.subagent, one.turn)
    start, wanted = len(merged), {last, *running.values()} - {""}
    names = set[str]()
    while wanted and (begun := min(first[turn] for turn in wanted)) < start:
        wanted = {one.turn for one in merged[begun:start] if one.turn}
        start, names = begun, names | wanted
    begun_us = min((one.at_us for one in mentions if one.turn in names), default=0)
    while names and start and not merged[start - 1].turn and merged[start - 1].at_us >= begun_us:
        start -= 1
    return start if names else 0


def _tail(
    mentions: Sequence[Mention],
    merged: Sequence[Mention],
    start: int,
    state: SessionState,
    position: int,
) -> Tail:
    part = merged[start:]
    names = {one.turn for one in part if one.turn}
    parts = {name for name in names if is_part(name)}
    is_whole = not names or (parts and position == 0)
    in_turns = [one for one in mentions if is_whole or one.turn in names]
    return Tail(
        frozenset(names - parts),
        min((one.at_us for one in in_turns), default=0),
        position,
        any(one.reported for one in in_turns),
        any(one.queued for one in part),
        state.dump(),
    )


class Folding:
    """Steps folded one after the other."""

    def __init__(self, state: SessionState, order: tuple[int, bytes] = NO_EVENT) -> None:
        self.state = state
        self.order = order
        self.steps: list[Event] = []
        self._unopened: set[int] = set()

    def add(self, event: Event) -> None:
        """The next step."""
        meaning = event.meaning
        if meaning.kind in _ENDS and meaning.tool_use_id not in self.state.open_tools:
            self._unopened.add(event.seq)
        self.state = fold(self.state, event)
        self.steps.append(event)
        if not meaning.inherited:
            self.order = max(self.order, (event.at_us, event.id))

    def merging(
        self, position: int, events: list[Event], tail: Tail, names: set[str], *, is_new: bool
    ) -> Merging:
        """What was added, as a part of the conversation."""
        return Merging(
            self.steps,
            self.state,
            position,
            frozenset(self._unopened),
            self.order,
            events,
            tail,
            {name for name in names if name and not is_part(name)},
            is_new,
        )
