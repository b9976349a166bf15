"""A text as its readers see it: without colours and invisible characters, with escapes decoded.

A terminal's sequence in front of a token, a `%3D` between name and value, a soft line break of
quoted-printable in the middle hide nothing from a person or a program; so the rules look at every
reading of a text, and what they find is taken out of the text itself. `escapes` says what hides.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property

from journal.redaction.escapes import (
    ENCODED_TEXT,
    ENCODES,
    HIDDEN_TEXT,
    QUOTED_TEXT,
    decoded,
    in_ascii,
)

_REMEMBERED = 4096
_NESTED = 3
_NOTHING = re.compile(r"(?!)")


class Reading:
    """A text in which each match of a pattern is replaced; without `instead` by what it encodes.

    `of`: the reading whose text that is. Only where something is found in it is looked up where it
    is in the text itself, so that text with many matches takes little more time than other text.
    """

    def __init__(
        self, text: str, pattern: re.Pattern[str], instead: str | None, of: "Reading | None" = None
    ) -> None:
        self._source, self._pattern, self._of = text, pattern, of
        self._instead = _Decoder() if instead is None else instead
        self.text = pattern.sub(self._instead, text)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where this part of the reading is in the text."""
        first = self._place(start)[0]
        there = (first, first) if start == end else (first, self._place(end - 1)[1])
        return self._of.span(*there) if self._of else there

    def _place(self, at: int) -> tuple[int, int]:
        """Where a character of the reading begins and ends in the text that is read."""
        places, starts, ends, lengths = self._replaced
        number = bisect_right(places, at) - 1
        if number < 0:
            return at, at + 1
        behind = at - places[number] - lengths[number]
        if behind < 0:
            return starts[number], ends[number]
        return ends[number] + behind, ends[number] + behind + 1

    @cached_property
    def _replaced(self) -> tuple["array[int]", ...]:
        """Of each replacement its place in the reading, its match's start and end, its length."""
        places, starts, ends, lengths = (array("q") for _ in range(4))
        removed = 0
        for found in self._pattern.finditer(self._source):
            new = self._instead if isinstance(self._instead, str) else self._instead(found)
            if new == found[0]:
                continue
            start, end = found.span()
            places.append(start - removed)
            starts.append(start)
            ends.append(end)
            lengths.append(len(new))
            removed += end - start - len(new)
        return places, starts, ends, lengths


def readings(text: str) -> Iterator[Reading]:
    """The other readings of a text than the text itself; none of most texts.

    First in the letters of ASCII. Then without what is hidden, once as if it were nothing and once
    as if it were a space: a colour may stand inside a token, or where one begins. Then with escapes
    decoded.
    """
    without = None
    plain = in_ascii(text)
    if plain != text:  # the same number of characters
        yield Reading(plain, _NOTHING, "")
        text = plain
    if HIDDEN_TEXT.search(text):
        without = Reading(text, HIDDEN_TEXT, "")
        yield without
        yield Reading(text, HIDDEN_TEXT, " ")
    encodes = any(sign in text for sign in ENCODES)
    for encoded, may_match in ((ENCODED_TEXT, encodes), (QUOTED_TEXT, "=" in text)):
        if may_match and encoded.search(text):
            yield from _decoded_often(without.text if without else text, encoded, without)


def _decoded_often(text: str, encoded: re.Pattern[str], of: Reading | None) -> Iterator[Reading]:
    """What is encoded more than once is decoded as often: `%5Cu0041`."""
    for _ in range(_NESTED):
        reading = Reading(text, encoded, None, of)
        if reading.text == text:
            return
        yield reading
        text, of = reading.text, reading


class _Decoder(dict[str, str]):
    """What a match encodes; itself, if that is not a character of a token or name."""

    def __call__(self, found: re.Match[str]) -> str:
        known = self.get(found[0])
        if known is None:
            if len(self) >= _REMEMBERED:
                self.clear()
            known = self[found[0]] = decoded(found)
        return known
