"""Which formats bytes may hold, found by one rare letter of each: the table's part of the filter.

CPython finds a single byte very quickly, and an alternative that begins with a letter costs next to
nothing where another letter is. So each format is looked for from a letter of its prefix that
texts seldom have, and all formats with the same one share a search.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property
from typing import NamedTuple

from journal.redaction.formats import FORMATS, Format
from journal.redaction.places import PLACES

_RARE = "qzxjkvwy"  # letters, the rarest first
_CAPITALS = "AND"  # looked for in the bytes as they are; the rest in lower-case ones
_OTHERS = "pcgub:-"
_TREE = 8  # so many endings of prefixes make a look at what follows worth its price

Search = Callable[[bytes], "re.Match[bytes] | None"]


class Expression:
    """A regular expression, compiled when it is first needed: few records need all of them."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        return re.compile(self.text)

    def search(self, data: bytes) -> re.Match[bytes] | None:
        """As of a compiled one."""
        return self._pattern.search(data)

    def finditer(self, data: bytes) -> Iterator[re.Match[bytes]]:
        """As of a compiled one."""
        return self._pattern.finditer(data)


class Group(NamedTuple):
    """One search. `exact`: over bytes as they are."""

    anchor: str
    alternatives: frozenset[str]
    expression: Expression
    exact: bool


@cache
def groups() -> tuple[Group, ...]:
    """All groups."""
    rows: dict[str, list[tuple[Format, str, int]]] = {}
    for form in FORMATS:
        literal, place = _anchor(form)
        rows.setdefault(literal[place], []).append((form, literal, place))
    seen: dict[str, list[str]] = {}
    for where, _ in PLACES:
        for anchor, follows in where.seen:
            seen.setdefault(anchor, []).append(follows)
    return tuple(
        _group(anchor, rows.get(anchor, []), seen.get(anchor, []))
        for anchor in sorted({*rows, *seen})
    )


def _anchor(form: Format) -> tuple[str, int]:
    """The literal of a format, and which of its letters is looked for."""
    literal = form.literal
    start = form.template.lower().index(literal)
    exact = form.template[start : start + len(literal)]
    if literal[-1] == "_":
        return literal, len(literal) - 1
    for letter in _RARE:
        if letter in literal:
            return literal, literal.index(letter)
    if literal[-1] in ".~":
        return literal, len(literal) - 1
    if "_" in literal or "." in literal:
        return literal, max(literal.rfind("_"), literal.rfind("."))
    for letter in _CAPITALS:
        if letter in exact:
            return exact, exact.index(letter)
    for letter in _OTHERS:
        if letter in literal:
            return literal, literal.index(letter)
    raise AssertionError(f"no letter to look for in {form.template}")


def _group(anchor: str, rows: list[tuple[Format, str, int]], seen: list[str]) -> Group:
    """From the anchor: what follows it in the prefix, what is before, what a token begins with.

    Prefixes that end with the anchor are distinguished first by the letter before it.
    """
    ends: dict[str, dict[str, set[str]]] = {}
    alternatives = {*seen}
    for form, literal, place in rows:
        follows = f"(?i:{form.follows})" if anchor.isupper() else form.follows
        after = re.escape(literal[place + 1 :])
        if after or place == 0:
            behind = f"(?<={re.escape(literal)})" if place else ""
            alternatives.add(after + behind + follows)
        else:
            of_letter = ends.setdefault(literal[place - 1], {})
            of_letter.setdefault(follows, set()).add(literal)
    for letter, of_letter in ends.items():
        inner = "|".join(
            f"(?:{'|'.join(f'(?<={re.escape(one)})' for one in sorted(literals))}){follows}"
            for follows, literals in sorted(of_letter.items())
        )
        alternatives.add(f"(?<={re.escape(letter + anchor)})(?:{inner})")
    look = r"(?=[\w.~+/=$:-]{14})" if len(ends) > _TREE else ""
    expression = Expression(f"{re.escape(anchor)}{look}{any_of(alternatives)}".encode())
    return Group(anchor, frozenset(alternatives), expression, anchor.isupper())


_FIRST = re.compile(r"(\\[-.~+:/$]|[A-Za-z0-9_])(?![*+?{])")


def any_of(alternatives: Iterable[str]) -> str:
    """An alternation that looks at a common first letter once."""
    of_letter: dict[str, list[str]] = {}
    for one in sorted(alternatives):
        first = _FIRST.match(one)
        of_letter.setdefault(first[1] if first else "", []).append(one)
    found = []
    for letter, ones in of_letter.items():
        if letter and len(ones) > 1:
            found.append(letter + any_of([one[len(letter) :] for one in ones]))
        else:
            found += ones
    return f"(?:{'|'.join(found)})"
