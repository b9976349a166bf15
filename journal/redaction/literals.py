"""Which of many words stand in bytes, by one look at each byte (Aho and Corasick 1975).

The first part of the filter: every rule needs one of these words, so most payloads are passed over
before any expression is tried. Never wrong when it says no.
"""

import re
from collections.abc import Iterable, Iterator
from enum import IntEnum
from functools import cache

from ahocorasick_rs import BytesAhoCorasick, Implementation

from journal.redaction.formats import FORMATS, Format
from journal.redaction.places import PLACES
from journal.redaction.readings import HIDING
from journal.redaction.rules import WORDS

NAME_ANCHORS = "kpcuj"  # the letters at which `quick_filter` looks for names
AT_ONCE = 1 << 16  # bytes: all matches of a part are listed, and nothing is known of how many
# What most payloads hold; what follows one of these is looked at, too.
_FREQUENT = ("ion_", "pat", "st.", "0.", "fc-", "-us")
_SINGLE = (".", ":")  # in most payloads many times, and a single byte is found fastest by `re`
# Words that match too often, and what else each match holds. " is" and "value" need a name.
_INSTEAD = {
    ":": (":54", ":6432:", ":*:"),
    " is": (),
    "value": (),
    " -p": ("7z", "zip"),
    "@": ("@tcp(", "@unix("),
    "sig": ("sig=", "signature="),
}


class Look(IntEnum):
    """What bytes may hold."""

    NOTHING = 0
    NAMED = 1  # nothing but what has a name
    ANYTHING = 2


class _Words:
    """Looks for all these words at once, exactly as they stand."""

    def __init__(self, words: list[bytes]) -> None:
        self._overlap = max(map(len, words)) - 1
        automaton = BytesAhoCorasick(words, implementation=Implementation.DFA)
        self._find = automaton.find_matches_as_indexes

    def found(self, data: bytes) -> Iterable[tuple[int, int]]:
        """Number and end of each word in the bytes, in the order of the ends."""
        if len(data) <= AT_ONCE:
            return [(word, end) for word, _, end in self._find(data, overlapping=True)]
        return self._found_in_parts(data)

    def _found_in_parts(self, data: bytes) -> Iterator[tuple[int, int]]:
        for start in range(0, len(data), AT_ONCE):
            before = max(0, start - self._overlap)
            for word, _, end in self._find(data[before : start + AT_ONCE], overlapping=True):
                yield word, before + end


def look(low: bytes) -> Look:
    """What these raw JSON bytes, or this UTF-8 text, may hold at most; in lower case."""
    at_most = Look.NOTHING
    words, kinds = _words()
    for word, end in words.found(low):
        kind = kinds[word]
        if kind is Look.NAMED:
            at_most = Look.NAMED
        elif isinstance(kind, Look) or kind.match(low, end):
            return Look.ANYTHING
    if b"@" in low and b"://" in low:
        return Look.ANYTHING
    for _, pattern in _single():
        if pattern.search(low):
            return Look.ANYTHING
    return at_most


def text_look(text: str) -> Look:
    """The same of a text."""
    return look(text.encode("utf-8", "surrogatepass").lower())


def ends(low: bytes) -> list[int]:
    """Where the words end that `look` looks for, in order; bytes without one hold nothing."""
    words, kinds = _words()
    found = [
        end
        for word, end in words.found(low)
        if isinstance(kind := kinds[word], Look) or kind.match(low, end)
    ]
    for _, pattern in _single():
        found += [match.start() + 1 for match in pattern.finditer(low)]
    if b"@" in low and b"://" in low:
        found += [match.end() for match in re.finditer(b"@", low)]
    return sorted(found)


def formats_in(low: bytes) -> list[Format]:
    """The formats of which there may be a token in this text, in lower case; as in the table."""
    words, forms = _literals()
    found = {number for word, _ in words.found(low) for number in forms[word]}
    found |= {number for number, pattern in _single() if pattern.search(low)}
    return [FORMATS[number] for number in sorted(found)]


@cache
def _words() -> tuple[_Words, list[Look | re.Pattern[bytes]]]:
    """All words, and what each says; a pattern: if it matches behind the word."""
    found = {form.literal for form in FORMATS} - {*_FREQUENT, *_SINGLE}
    for place, _ in PLACES:
        at_names = all(anchor in NAME_ANCHORS for anchor, _ in place.seen)
        if not (at_names and any(word in place.held for word in WORDS)):
            found |= {*_INSTEAD.get(place.held, (place.held,))}
    kinds: dict[bytes, Look | re.Pattern[bytes]] = dict.fromkeys(HIDING, Look.ANYTHING)
    kinds |= {word.encode(): Look.ANYTHING for word in found}
    kinds |= {word.encode(): Look.NAMED for word in WORDS}
    for literal in _FREQUENT:
        follows = "|".join(form.follows for form in FORMATS if form.literal == literal)
        kinds[literal.encode()] = re.compile(follows.encode())
    return _Words([*kinds]), [*kinds.values()]


@cache
def _literals() -> tuple[_Words, list[list[int]]]:
    """The literals of the formats, and the rows of each in the table."""
    found: dict[bytes, list[int]] = {}
    for number, form in enumerate(FORMATS):
        if form.literal not in _SINGLE:
            found.setdefault(form.literal.encode(), []).append(number)
    return _Words([*found]), [*found.values()]


@cache
def _single() -> list[tuple[int, re.Pattern[bytes]]]:
    """The rows of the formats of single bytes, and what to look for."""
    return [
        (number, re.compile((re.escape(form.literal) + form.follows).encode()))
        for number, form in enumerate(FORMATS)
        if form.literal in _SINGLE
    ]
