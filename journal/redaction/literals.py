"""Which of many words stand in bytes, by one look at each byte (Aho and Corasick 1975).

The first part of the filter: every rule needs one of these words, so most payloads are passed over
before any expression is tried. Never wrong when it says no.
"""

import re
from collections.abc import Callable, Container, Iterable, Iterator
from enum import IntEnum
from functools import cache

from ahocorasick_rs import BytesAhoCorasick, Implementation

from journal.redaction.escapes import HIDING, SPACED
from journal.redaction.formats import FORMATS, Format
from journal.redaction.places import PLACES
from journal.redaction.rules import WORDS

NAME_ANCHORS = "kpcuj"  # the letters at which `quick_filter` looks for names
AT_ONCE = 1 << 16  # bytes: all matches of a part are listed, and nothing is known of how many
_FREQUENT = (b"ion_", b"pat", b"st.", b"0.", b"fc-", b"-us")  # in most payloads
_SINGLE = (".", ":")  # in most payloads many times, and a single byte is found fastest by `re`
_NEED_A_NAME = (("said", " is"), ("named", "value"), ("named", ":"))  # rows whose words say little
# Words that match too often, and what else each match holds.
_INSTEAD = {
    ":": (":54", ":6432:", ":*:"),
    " -p": ("7z", "zip"),
    "@": ("@tcp(", "@unix("),
    "sig": ("sig=", "signature="),
}
# The rows of which every match holds a name that is one of the words.
NAMED_PLACES = tuple(
    (place, pattern)
    for place, pattern in PLACES
    if (place.rule, place.held) in _NEED_A_NAME
    or (
        all(anchor in NAME_ANCHORS for anchor, _ in place.seen)
        and any(word in place.held for word in WORDS)
    )
)
Follows = Callable[[bytes, int], object]  # whether what makes a word count stands at this place


class Look(IntEnum):
    """What bytes may hold."""

    NOTHING = 0
    NAMED = 1  # nothing but what has a name
    ANYTHING = 2
    TOKEN = 3  # the beginning of a token stands there


class _Words:
    """Looks for all these words at once, exactly as they stand."""

    def __init__(self, words: list[bytes]) -> None:
        self._overlap = max(map(len, words)) - 1
        automaton = BytesAhoCorasick(words, implementation=Implementation.DFA)
        self._find = automaton.find_matches_as_indexes

    def found(self, data: bytes, known: Container[int] = ()) -> Iterable[tuple[int, int]]:
        """Number and end of each word in the bytes, in the order of the ends.

        Long bytes are searched as they are asked for, and without the words that are `known` then.
        """
        if len(data) <= AT_ONCE:
            return [(word, end) for word, _, end in self._find(data, overlapping=True)]
        return self._found_in_parts(data, known)

    def _found_in_parts(self, data: bytes, known: Container[int]) -> Iterator[tuple[int, int]]:
        for start in range(0, len(data), AT_ONCE):
            before = max(0, start - self._overlap)
            for word, _, end in self._find(data[before : start + AT_ONCE], overlapping=True):
                if word not in known:
                    yield word, before + end


def look(low: bytes) -> Look:
    """What these raw JSON bytes, or this UTF-8 text, may hold at most; in lower case."""
    at_most = Look.NOTHING
    words, kinds, _ = _words()
    for word, end in words.found(low):
        kind = kinds[word]
        if kind is Look.NAMED:
            at_most = Look.NAMED
        elif isinstance(kind, Look):
            return Look.ANYTHING
        elif kind(low, end):
            return Look.TOKEN
    if b"@" in low and b"://" in low:
        return Look.ANYTHING
    for _, pattern in _single():
        if pattern.search(low):
            return Look.TOKEN
    return at_most


def ends(low: bytes) -> list[int]:
    """Where the words end that `look` looks for, in order; bytes without one hold nothing."""
    words, kinds, _ = _words()
    found = [
        end
        for word, end in words.found(low)
        if isinstance(kind := kinds[word], Look) or kind(low, end)
    ]
    for _, pattern in _single():
        found += [match.start() + 1 for match in pattern.finditer(low)]
    if b"@" in low and b"://" in low:
        found += [match.end() for match in re.finditer(b"@", low)]
    return sorted(found)


def text_look(text: str) -> tuple[Look, list[Format]]:
    """What a text may hold at most next to tokens, and the formats of its tokens, in order."""
    low = text.encode("utf-8", "surrogatepass").lower()
    at_most = Look.ANYTHING if b"@" in low and b"://" in low else Look.NOTHING
    plain = low.translate(SPACED)
    if plain != low:  # control characters hide something, and may be most of a text
        low, at_most = plain, Look.ANYTHING
    words, kinds, rows = _words()
    found: set[int] = set()
    known: set[int] = set()
    for word, end in words.found(low, known):
        kind = kinds[word]
        if isinstance(kind, Look):
            at_most = max(at_most, kind)
            known.add(word)
        elif not kind(low, end):
            continue
        found.update(rows[word])
    for number, pattern in _single():
        if pattern.search(low):
            found.add(number)
            at_most = Look.ANYTHING  # what a place needs as well
    return at_most, [FORMATS[number] for number in sorted(found)]


@cache
def _words() -> tuple[_Words, list[Look | Follows], list[list[int]]]:
    """All words; what each says, or what must follow it; the rows of formats that it begins."""
    found: set[str] = set()
    for row in PLACES:
        if row not in NAMED_PLACES:
            found |= {*_INSTEAD.get(row[0].held, (row[0].held,))}
    kinds: dict[bytes, Look | Follows] = dict.fromkeys(HIDING, Look.ANYTHING)
    kinds |= {word.encode(): Look.ANYTHING for word in found - {*_SINGLE}}
    kinds |= {word.encode(): Look.NAMED for word in WORDS}
    rows: dict[bytes, list[int]] = {}
    for number, form in enumerate(FORMATS):
        if form.literal not in _SINGLE:
            rows.setdefault(form.literal.encode(), []).append(number)
    for literal, numbers in rows.items():
        follows = "|".join(dict.fromkeys(FORMATS[number].follows for number in numbers))
        kinds.setdefault(literal, _match_of(follows, at_once=literal in _FREQUENT))
    return _Words([*kinds]), [*kinds.values()], [rows.get(word, []) for word in kinds]


def _match_of(follows: str, at_once: bool) -> Follows:
    """Whether this follows; compiled `at_once` or when its word is met: most processes meet few."""
    if at_once:
        return re.compile(follows.encode()).match
    return lambda low, end: _expression(follows).match(low, end)


@cache
def _expression(follows: str) -> re.Pattern[bytes]:
    return re.compile(follows.encode())


@cache
def _single() -> list[tuple[int, re.Pattern[bytes]]]:
    """The rows of the formats of single bytes, and what to look for."""
    return [
        (number, re.compile((re.escape(form.literal) + form.follows).encode()))
        for number, form in enumerate(FORMATS)
        if form.literal in _SINGLE
    ]
