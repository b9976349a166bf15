"""One conversation from all records of it, in any order of arrival.

A session is reported by the agent's hooks and by its transcript. `merge` gives each thing once:
what both report is one mention, in the order of the transcript; what one reports has its
place between the things that both report. Pure functions: the same records give the same
result.
"""

from collections import defaultdict
from collections.abc import Iterable
from operator import attrgetter

from journal.session.alignment import align, name_calls
from journal.session.meaning import Author, Kind
from journal.session.mentions import TEXTS, Mention
from journal.session.parts import name_parts
from journal.session.repeats import by_source, without_repeats
from journal.session.taken_back import mark_taken_back

_order = attrgetter("at_us", "id")


def merge(
    mentions: Iterable[Mention], forked_us: int = 0, *, has_person: bool = False
) -> list[Mention]:
    """The conversation in order. Changes the mentions that it keeps.

    `forked_us`: when the session began as a fork of another one; 0 if it is none. `has_person`: a
    person wrote a prompt before these records.
    """
    reported, hooked = by_source(mentions)
    _name_turns(reported)
    name_parts(reported, hooked)
    if not reported:
        return without_repeats(hooked)
    name_calls(reported, hooked)
    _mark_inherited(reported, hooked, forked_us)
    hooked = without_repeats(hooked)
    merged = [one for turn in _turns(reported, hooked) for one in _merged_turn(*turn)]
    merged = _with_queued(merged, has_person)
    _end_turns(merged)
    mark_taken_back(merged)
    return merged


def _mark_inherited(reported: list[Mention], hooked: list[Mention], forked_us: int) -> None:
    """What a fork took over: lines before the last one that says so, or from before its start.

    They begin its file: what follows a later prompt is the fork's own, also by another clock.
    """
    last: dict[str, Mention] = {}
    for one in reported:
        if one.inherited and one.place is not None:
            last[one.place.file] = one
    starts = [one.at_us for one in hooked if one.kind is Kind.SESSION_START]
    forked = [o.at_us for o in hooked if o.kind is Kind.SESSION_START and o.detail == "fork"]
    if forked and forked[0] == min(starts):
        forked_us = forked[0]
    own: set[str] = set()  # files in which a prompt of the fork itself was
    for one in reported:
        file = one.place.file if one.place is not None else ""
        end = last.get(file)
        if end and end.place and one.place and one.place <= end.place:
            one.inherited = True
        if not one.subagent and 0 < one.at_us < forked_us:
            one.inherited = one.inherited or file not in own
        elif one.kind is Kind.PROMPT and not one.subagent:
            own.add(file)


class _Turn:
    """The records of one turn; `key` orders turns."""

    def __init__(self) -> None:
        self.reported: list[Mention] = []
        self.hooked: list[Mention] = []
        self.key = 0


def _turns(
    reported: list[Mention], hooked: list[Mention]
) -> list[tuple[list[Mention], list[Mention]]]:
    """The turns in order: as the transcript has them, and those of hooks alone by time."""
    turns: dict[str, _Turn] = defaultdict(_Turn)
    names = {one.turn for one in reported if one.turn} | {one.turn for one in hooked if one.turn}
    for one in reported:
        turns[one.turn].reported.append(one)
    loose = []
    for one in hooked:
        if one.turn or not names:
            turns[one.turn].hooked.append(one)
        else:
            loose.append(one)
    running = 0
    for turn in sorted(turns.values(), key=_first_line):
        times = [one.at_us for one in (*turn.reported, *turn.hooked)]
        turn.key = min(times)
        if turn.reported:
            running = turn.key = max(turn.key, running)
    ordered = sorted(turns.values(), key=attrgetter("key"))
    return _with_loose(ordered, loose)


def _first_line(turn: _Turn) -> tuple[object, ...]:
    if not turn.reported:
        return (1,)
    first = turn.reported[0]
    return 0, first.subagent != "", first.place.file if first.place else "", first.place or ()


def _name_turns(reported: list[Mention]) -> None:
    """A line that names no turn belongs to that of the line before it, else of the one behind."""
    for lines in (reported, reversed(reported)):
        name, file = "", None
        for one in lines:
            here = one.place.file if one.place else None
            if here != file:
                name, file = "", here
            one.turn = one.turn or name
            name = one.turn


def _with_loose(
    turns: list[_Turn], loose: list[Mention]
) -> list[tuple[list[Mention], list[Mention]]]:
    """Starts, ends and notices name no turn: each goes with the last turn that began before it."""
    before: list[Mention] = []
    starts = [turn.key for turn in turns]
    for one in loose:
        number = sum(start <= one.at_us for start in starts) - 1
        (turns[number].hooked if number >= 0 else before).append(one)
    found = [(turn.reported, sorted(turn.hooked, key=_order)) for turn in turns]
    return [([], before), *found] if before else found


def _merged_turn(reported: list[Mention], hooked: list[Mention]) -> list[Mention]:
    """One turn: the session's own sequence, with those of its sub-agents inside."""
    agents = dict.fromkeys(one.subagent for one in (*reported, *hooked))
    sequences = {
        agent: _merged(
            [one for one in reported if one.subagent == agent],
            [one for one in hooked if one.subagent == agent],
        )
        for agent in agents
    }
    own = sequences.pop("", [])
    return _interleaved(own, sequences) if sequences else own


def _merged(reported: list[Mention], hooked: list[Mention]) -> list[Mention]:
    """What hooks and a transcript report of one agent in one turn, each thing once."""
    if not reported or not hooked:
        return reported or hooked
    pairs = align(reported, hooked)
    lines = list(reported)
    for index, line in pairs.items():
        lines[line] = _joined(hooked[index], reported[line])
    # A hook without a line follows the last line that an earlier hook reports as well, by time.
    behind: dict[int, list[Mention]] = defaultdict(list)
    anchors = set(pairs.values())
    last = -1
    for index, one in enumerate(hooked):
        if index in pairs:
            last = max(last, pairs[index])
            continue
        here = last
        while (
            here + 1 < len(reported)
            and here + 1 not in anchors
            and reported[here + 1].at_us <= one.at_us
        ):
            here += 1
        behind[here].append(one)
        last = max(last, here)
    merged = behind.pop(-1, [])
    for number, one in enumerate(lines):
        merged.append(one)
        merged += behind.get(number, ())
    return merged


def _joined(hook: Mention, line: Mention) -> Mention:
    """A hook's record of what is in a line as well: each field from the one that knows it best."""
    hook.is_joined = True
    hook.place, hook.item, hook.message = line.place, line.item, line.message
    hook.parent, hook.turn_index = line.parent, line.turn_index
    hook.turn = line.turn or hook.turn
    hook.inherited = line.inherited
    hook.child = hook.child or line.child
    if line.by != Author.UNKNOWN or not hook.by:
        hook.by = line.by
    if hook.phase is False and line.kind is Kind.TOOL_FAILED:
        hook.kind = line.kind
    return hook


def _interleaved(own: list[Mention], others: dict[str, list[Mention]]) -> list[Mention]:
    """Sub-agents' work by time, but behind the call that began it and before that call's end."""
    merged: list[Mention] = []
    began = sum(one.is_delegate and one.kind is Kind.TOOL_BEFORE for one in own)
    begun = started = 0
    ready: list[str] = []
    waiting = sorted(others, key=lambda agent: _order(others[agent][0]))
    for one in own:
        if one.child in others:
            merged += others.pop(one.child)
            ready = [agent for agent in ready if agent != one.child]
            waiting = [agent for agent in waiting if agent != one.child]
        while waiting and started < begun:
            ready.append(waiting.pop(0))
            started += 1
        for agent in ready:
            rest = others.get(agent, [])
            while rest and rest[0].at_us < one.at_us:
                merged.append(rest.pop(0))
        merged.append(one)
        begun += one.is_delegate and one.kind is Kind.TOOL_BEFORE
        if not began:
            begun = len(others)  # it is not known which calls began them
    for agent in (*ready, *waiting):
        merged += others.get(agent, [])
    return merged


def _with_queued(merged: list[Mention], has_person: bool) -> list[Mention]:
    """A prompt in the queue counts if it is nowhere else and the person did not withdraw it."""
    reported: dict[bytes, int] = defaultdict(int)
    for one in merged:
        if one.kind is Kind.PROMPT or (one.kind is Kind.QUEUED and one.detail == "withdrawn"):
            reported[one.digest] += 1
        has_person = has_person or (one.kind is Kind.PROMPT and one.by == Author.PERSON)
    kept = []
    for one in merged:
        if one.kind is not Kind.QUEUED:
            kept.append(one)
        elif reported[one.digest] > 0:
            reported[one.digest] -= one.detail != "withdrawn"
        else:
            one.kind, one.queued = Kind.PROMPT, True
            if has_person and one.by == Author.UNKNOWN:
                one.by = Author.PERSON  # the queue's lines do not name the front end
            kept.append(one)
    return kept


def _end_turns(merged: list[Mention]) -> None:
    """Where a transcript does not say which words ended a turn, the last ones did."""
    open_words: dict[str, Mention] = {}
    for one in merged:
        if one.kind is Kind.ANSWER and one.ends_turn is None:
            open_words[one.subagent] = one
        elif one.kind in (Kind.TOOL_BEFORE, *TEXTS):
            open_words.pop(one.subagent, None)
        elif one.kind in (Kind.PROMPT, Kind.SESSION_END) and not one.subagent:
            _end(open_words.pop("", None))
    for words in open_words.values():
        _end(words)


def _end(words: Mention | None) -> None:
    if words is not None:
        words.kind = Kind.SUBAGENT_END if words.subagent else Kind.TURN_END
