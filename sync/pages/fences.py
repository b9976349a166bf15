"""Code in the texts of people and agents: which lines of Markdown stand in a fence."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

# CommonMark 0.31, 4.5
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_TICKS = re.compile("`+")


class Place(Enum):
    """Where a line stands."""

    PROSE = "prose"
    FENCE = "fence"  # it opens or closes code
    CODE = "code"


class Line(NamedTuple):
    """A line without its end."""

    place: Place
    text: str


def placed(text: str) -> Iterator[Line]:
    """The lines of a text, which end in newlines alone. An open fence reaches to the end."""
    fence = ""
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if fence:
            closes = found is not None and found[1].startswith(fence) and not line.strip(" `~")
            yield Line(Place.FENCE if closes else Place.CODE, line)
            fence = "" if closes else fence
        elif found:
            fence = found[1]
            yield Line(Place.FENCE, line)
        else:
            yield Line(Place.PROSE, line)


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
