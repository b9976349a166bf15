"""The parts of a session whose agent names no turns, so that its last part can be merged alone.

A part begins with a prompt that all sources of the session report, where all that they reported
before is older and all that they report from there on is not. Only the prompt and what comes before
it decide whether a part begins there; a later record moves it only if it belongs before it.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate

from journal.session.meaning import Kind
from journal.session.mentions import PART, Mention

REPEATED_US = 500_000  # a hook that was fired twice
_Key = tuple[bytes | str, bool | None]  # of a call's start or end: its input, else its id
_ALIKE_US = 5_000_000  # equal prompts this close might be one: no part begins between them


def is_part(turn: str) -> bool:
    """Whether a mention's turn is the name of a part, and none that the agent gave."""
    return turn.startswith(PART)


def name_parts(reported: Sequence[Mention], hooked: Sequence[Mention]) -> None:
    """Give each mention its part as its turn, if no turn has a name.

    `reported`: lines in the order of their files, those of sub-agents last; `hooked`: by time.
    """
    starts = part_starts(reported, hooked)
    for one in (*reported, *hooked) if starts else ():
        one.turn = f"{PART}{bisect_right(starts, one.at_us)}"


def part_starts(reported: Sequence[Mention], hooked: Sequence[Mention]) -> list[int]:
    """The times at which parts begin, in their order: all records from then on belong to them."""
    if not _can_be_cut(reported, hooked):
        return []
    own = [one for one in reported if not one.subagent]
    if not reported:
        found = _of_hooks(hooked)
    elif not hooked:
        found = (line.at_us for _, line, is_start in _prompts(own) if is_start)
    else:
        found = _of_both(own, hooked)
    spans = _Spans((*reported, *hooked))
    starts = sorted({start_us for start_us in found if spans.can_be_cut(start_us)})
    return _with_their_lines(starts, reported, hooked) if reported else starts


def _can_be_cut(reported: Sequence[Mention], hooked: Sequence[Mention]) -> bool:
    """No turn has a name, nothing waits in a queue, and nothing is from another session."""
    for one in (*reported, *hooked):
        if (one.turn and not is_part(one.turn)) or one.inherited or one.kind is Kind.QUEUED:
            return False
        if one.kind is Kind.SESSION_START and one.detail == "fork":
            return False
    return True


def _with_their_lines(
    starts: list[int], reported: Sequence[Mention], hooked: Sequence[Mention]
) -> list[int]:
    """Those starts that divide no hook of a call from a later line of it.

    By a clock that is right no hook is a whole prompt older than its line.
    """
    left: dict[_Key, list[int]] = defaultdict(list)  # parts of hooks
    for one in hooked:
        if one.phase is not None:
            left[one.alike or one.call, one.phase].append(bisect_right(starts, one.at_us))
    later: dict[_Key, list[int]] = defaultdict(list)
    for one in reported:
        key = one.alike or one.call, one.phase
        if parts := left.get(key):
            part = bisect_right(starts, one.at_us)
            if part in parts:
                parts.remove(part)
            else:
                later[key].append(part)
    divided = set[int]()
    for key, parts in later.items():
        for part in parts:
            if earlier := [hook for hook in left[key] if hook < part]:
                left[key].remove(max(earlier))
                divided |= set(range(max(earlier), part))
    return [start for number, start in enumerate(starts) if number not in divided]


def _of_hooks(hooked: Sequence[Mention]) -> Iterator[int]:
    """Prompts behind a pause in which no hook is repeated."""
    last_us = None
    for one in hooked:
        is_behind_pause = last_us is None or one.at_us - last_us > REPEATED_US
        if one.kind is Kind.PROMPT and not one.subagent and is_behind_pause:
            yield one.at_us
        last_us = one.at_us


def _prompts(own: Sequence[Mention]) -> Iterator[tuple[int, Mention, bool]]:
    """Lines of prompts, each with the time of the latest line before it.

    And whether all lines before it are older, and none behind it is.
    """
    earliest = list(accumulate((one.at_us for one in reversed(own)), min))[::-1]
    before_us = -1
    for index, one in enumerate(own):
        if one.kind is Kind.PROMPT:
            yield before_us, one, before_us < one.at_us == earliest[index]
        before_us = max(before_us, one.at_us)


def _of_both(own: Sequence[Mention], hooked: Sequence[Mention]) -> Iterator[int]:
    """# when lines reported these words"""
    prompts = _Prompts(hooked)
    last: dict[bytes, int] = {}  # when lines reported these words
    for before_us, line, is_start in _prompts(own):
        said_us = last.get(line.digest, -_ALIKE_US - 1)
        last[line.digest] = max(line.at_us, said_us)
        hook = prompts.near(line, before_us) if is_start else None
        if hook is None or hook.digest != line.digest:
            continue
        start_us = min(hook.at_us, line.at_us)
        if said_us < start_us - _ALIKE_US and not prompts.is_alike(line.digest, start_us):
            yield start_us


class _Prompts:
    """The prompts of hooks, by time; those that were fired twice once."""

    def __init__(self, hooked: Sequence[Mention]) -> None:
        self._all = [one.at_us for one in hooked]
        self._kept: list[Mention] = []
        last: dict[bytes, int] = {}
        for one in hooked:
            if one.kind is Kind.PROMPT and not one.subagent:
                if one.at_us - last.get(one.digest, -REPEATED_US - 1) > REPEATED_US:
                    self._kept.append(one)
                last[one.digest] = one.at_us
        self._times = [one.at_us for one in self._kept]

    def near(self, line: Mention, before_us: int) -> Mention | None:
        """The last one between the line and the lines before it; else the next hook of all."""
        place = bisect_left(self._times, line.at_us)
        if place and self._times[place - 1] > before_us:
            return self._kept[place - 1]
        if place < len(self._times):
            next_us = self._all[bisect_left(self._all, line.at_us)]
            return self._kept[place] if self._times[place] == next_us else None
        return None

    def is_alike(self, digest: bytes, start_us: int) -> bool:
        """Whether one shortly before that time has the same words."""
        first = bisect_left(self._times, start_us - _ALIKE_US)
        last = bisect_left(self._times, start_us)
        return any(one.digest == digest for one in self._kept[first:last])


class _Spans:
    """When sub-agents worked: all that one did is of one part."""

    def __init__(self, mentions: Sequence[Mention]) -> None:
        self._spans: dict[str, tuple[int, int]] = {}
        self._known: dict[str, int] = {}  # from when on the views know it
        for one in mentions:
            if not one.subagent:
                continue
            first, last = self._spans.get(one.subagent, (one.at_us, one.at_us))
            self._spans[one.subagent] = min(first, one.at_us), max(last, one.at_us)
            if one.kind is Kind.SUBAGENT_START or one.phase is not None:
                known = self._known.get(one.subagent, one.at_us)
                self._known[one.subagent] = min(known, one.at_us)

    def can_be_cut(self, start_us: int) -> bool:
        """Whether no sub-agent worked before and after this time."""
        for name, (first, last) in self._spans.items():
            if first < start_us and (last >= start_us or self._known.get(name, last) >= start_us):
                return False
        return True
