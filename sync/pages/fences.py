"""Code in the texts of people and agents: which lines of Markdown are in a fence."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

# CommonMark 0.31, 4.5
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
# 5.1, 5.2: a fence that a quote or a list item begins with.
_CONTAINED = re.compile(r"[ \t]*(?:(?:[-+*>]|[0-9]{1,9}[.)])[ \t]*)+(?:`{3}|~{3})")
_TICKS = re.compile("`+")


class Place(Enum):
    """Where a line is."""

    PROSE = "prose"
    FENCE = "fence"  # it opens or closes code
    CODE = "code"


class Line(NamedTuple):
    """A line without its end."""

    place: Place
    text: str


def placed(text: str) -> Iterator[Line]:
    """The lines of a text, which end in newlines alone. An open fence reaches to the end.

    An indented fence may belong to a list item and end with it, or not: it is code only if that
    makes no difference. If it does, it and all that follows is prose, which is always safe. So is
    what follows a fence that comes after the mark of a list item or a quote.
    """
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        found = _FENCE.match(lines[at])
        if found is None and _CONTAINED.match(lines[at]):
            yield from (Line(Place.PROSE, line) for line in lines[at:])
            return
        if found is None:
            yield Line(Place.PROSE, lines[at])
            at += 1
            continue
        end = _closing(lines, at + 1, found[1])
        if found.start(1) and not _is_indented(lines[at : end + 1], found.start(1)):
            yield from (Line(Place.PROSE, line) for line in lines[at:])
            return
        yield Line(Place.FENCE, lines[at])
        yield from (Line(Place.CODE, line) for line in lines[at + 1 : end])
        if end < len(lines):
            yield Line(Place.FENCE, lines[end])
        at = end + 1


def _closing(lines: list[str], start: int, fence: str) -> int:
    """The number of the line that closes a fence, or of the one behind the last."""
    for number in range(start, len(lines)):
        found = _FENCE.match(lines[number])
        if found and found[1].startswith(fence) and not lines[number].strip(" `~"):
            return number
    return len(lines)


def _is_indented(lines: list[str], columns: int) -> bool:
    """Whether no line but blank ones begins before this column."""
    return all(not line.strip() or len(line) - len(line.lstrip(" ")) >= columns for line in lines)


def longest_run(text: str) -> int:
    """The length of the longest run of backticks."""
    return max(map(len, _TICKS.findall(text)), default=0)


def spans(line: str) -> Iterator[Line]:
    """The parts of a line of prose: outside of code spans, and code spans with their backticks."""
    runs = [found.span() for found in _TICKS.finditer(line)]
    last = {stop - start: number for number, (start, stop) in enumerate(runs)}
    end = number = 0
    while number < len(runs):
        start, stop = runs[number]
        if last[stop - start] > number:  # a run of the same length closes the span
            yield Line(Place.PROSE, line[end:start])
            number += 1
            while runs[number][1] - runs[number][0] != stop - start:
                number += 1
            end = runs[number][1]
            yield Line(Place.CODE, line[start:end])
        number += 1
    yield Line(Place.PROSE, line[end:])
