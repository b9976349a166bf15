"""Which record of a hook and which line of a transcript are of the same thing.

Calls have ids. Prompts and answers are aligned as sequences, by their words, their order and the
nearest time, because either side may have begun later, ended earlier or missed something.
"""

from collections import defaultdict
from collections.abc import Sequence

from journal.session.meaning import Kind
from journal.session.mentions import TEXTS, Mention
from journal.session.parts import is_part
from journal.session.repeats import fired_together

_SAME_MOMENT_US = 2_000_000  # a hook fires within this of its line


def name_calls(reported: Sequence[Mention], hooked: Sequence[Mention]) -> None:
    """Give calls that hooks report without an id what the transcript knows of them.

    Its id and its sub-agent: of equal calls of a turn in order, at the nearest times. Changes
    `hooked`.
    """
    lines: dict[tuple[str, bytes, bool | None], list[Mention]] = defaultdict(list)
    for one in reported:
        if one.alike and one.call[0] != "~":
            lines[one.turn, one.alike, one.phase].append(one)
    hooks: dict[tuple[str, bytes, bool | None], list[Mention]] = defaultdict(list)
    for one in hooked:
        if one.alike and (one.turn, one.alike, one.phase) in lines:
            hooks[one.turn, one.alike, one.phase].append(one)
    repeats = {one.seq for _, one in fired_together(hooked)}
    for key, ones in hooks.items():
        same = sorted(lines[key], key=lambda line: line.at_us)
        surplus = len(ones) - len(same)
        for one in [one for one in ones if one.seq in repeats][: max(0, surplus)]:
            ones.remove(one)
        times = [one.at_us for one in ones], [line.at_us for line in same]
        for hook, line in nearest(*times):
            ones[hook].call, ones[hook].subagent = same[line].call, same[line].subagent


def align(reported: Sequence[Mention], hooked: Sequence[Mention]) -> dict[int, int]:
    """For each index of `hooked` the index of `reported` that is the same; both in their order."""
    pairs = _calls(reported, hooked)
    pairs |= _prompts(reported, hooked)
    _texts(reported, hooked, pairs)
    return pairs


def _calls(reported: Sequence[Mention], hooked: Sequence[Mention]) -> dict[int, int]:
    """By the id of the call; calls without one by their input, in order."""
    waiting: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for index, one in enumerate(reported):
        if one.phase is not None and one.call:
            waiting[one.call, one.phase].append(index)
    pairs = {}
    for index, one in enumerate(hooked):
        if one.phase is not None and (found := waiting.get((one.call, one.phase))):
            pairs[index] = found.pop(0)
    return pairs


def _prompts(reported: Sequence[Mention], hooked: Sequence[Mention]) -> dict[int, int]:
    """Equal words, in order, at the nearest times; the last line where times decide nothing."""
    lines: dict[bytes, list[int]] = defaultdict(list)
    for index, one in enumerate(reported):
        if one.kind is Kind.PROMPT and not one.inherited:
            lines[one.digest].append(index)
    hooks: dict[bytes, list[int]] = defaultdict(list)
    for index, one in enumerate(hooked):
        if one.kind is Kind.PROMPT and one.digest in lines:
            hooks[one.digest].append(index)
    pairs: dict[int, int] = {}
    for digest, indexes in hooks.items():
        chosen = nearest(
            [hooked[index].at_us for index in indexes],
            [reported[index].at_us for index in lines[digest]],
        )
        pairs |= {indexes[a]: lines[digest][b] for a, b in chosen}
    return pairs


def nearest(first: Sequence[int], second: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of indexes in order, as many as can be, with the least distance in all.

    Of equal distances the later of the longer side is taken. Costs the product of the lengths.
    """
    if len(first) > len(second):
        return [(a, b) for b, a in nearest(second, first)]
    if len(first) == len(second):
        return list(zip(range(len(first)), range(len(second)), strict=True))
    # best[a][b]: the least distance of pairing first[a:] within second[b:]
    rows, columns = len(first), len(second)
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for a in range(rows - 1, -1, -1):
        best[a][columns] = 1 << 80
        for b in range(columns - 1, -1, -1):
            take = abs(first[a] - second[b]) + best[a + 1][b + 1]
            best[a][b] = min(take, best[a][b + 1])
    pairs, b = [], 0
    for a in range(rows):
        while best[a][b + 1] <= best[a][b]:  # as good without this one: take a later one
            b += 1
        pairs.append((a, b))
        b += 1
    return pairs


def _texts(reported: Sequence[Mention], hooked: Sequence[Mention], pairs: dict[int, int]) -> None:
    """A hook reports the last words of a turn: a line with them after which no call follows.

    It stands between the things that the hooks before and behind report. If none does, a clock was
    set while the turn ran: then it is the nearest one, in a session without names of turns one of
    the same moment unless the order of the hooks is not that of the lines at all.
    """
    texts = [index for index, one in enumerate(hooked) if one.kind in TEXTS and one.digest]
    if not texts:
        return
    behind = _anchors_behind(hooked, pairs, len(reported))
    before = -1
    taken = set(pairs.values())
    place = 0
    for index in texts:
        for earlier in range(place, index):
            before = max(before, pairs.get(earlier, -1))
        place = index
        found = _last_words(reported, hooked[index], range(before + 1, behind[index]), taken)
        if found is not None:
            pairs[index] = found
            taken.add(found)
    turn = reported[0].turn
    is_free = (turn and not is_part(turn)) or _is_disordered(reported, hooked, pairs)
    most_us = None if is_free else _SAME_MOMENT_US
    for index in texts:
        if index not in pairs:
            found = _last_words(reported, hooked[index], range(len(reported)), taken, most_us)
            if found is not None:
                pairs[index] = found
                taken.add(found)


def _is_disordered(
    reported: Sequence[Mention], hooked: Sequence[Mention], pairs: dict[int, int]
) -> bool:
    """Whether the times of hooks say little: they come in another order than their lines.

    Or a prompt or the end of a call has another time than its line.
    """
    lines = [pairs[index] for index in sorted(pairs)]
    return lines != sorted(lines) or any(
        hooked[index].phase is not True
        and abs(hooked[index].at_us - reported[line].at_us) > _SAME_MOMENT_US
        for index, line in pairs.items()
    )


def _anchors_behind(hooked: Sequence[Mention], pairs: dict[int, int], end: int) -> list[int]:
    """For each hook the first line that a later hook reports as well."""
    behind = [end] * (len(hooked) + 1)
    for index in range(len(hooked) - 1, -1, -1):
        behind[index] = min(behind[index + 1], pairs.get(index, end))
    return behind[1:]


def _last_words(
    reported: Sequence[Mention],
    hook: Mention,
    lines: range,
    taken: set[int],
    most_us: int | None = None,
) -> int | None:
    """The nearest line with the words of a hook; `most_us`: how far away it may be."""
    best: tuple[int, int] | None = None
    followed = False
    for index in reversed(lines):
        one = reported[index]
        if one.kind is Kind.PROMPT:
            followed = False  # what comes before a prompt ended its own turn
        elif one.kind is Kind.TOOL_BEFORE:
            followed = True
        elif one.kind in TEXTS and one.digest == hook.digest and not followed:
            distance = abs(one.at_us - hook.at_us)
            if most_us is not None and distance > most_us:
                continue
            if index not in taken and not one.inherited and (best is None or distance < best[0]):
                best = distance, index
    return None if best is None else best[1]
