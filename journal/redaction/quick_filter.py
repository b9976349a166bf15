"""The quick look before redaction: whether these bytes may hold a secret at all.

Never wrong when it says no. Each search begins with one rare byte, because a literal prefix is
what the regex engine finds fastest; most payloads are passed over at 60 MB/s and more.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from journal.redaction.anchors import Expression, Search, any_of, groups
from journal.redaction.escapes import ENCODED, hides_characters, may_hide
from journal.redaction.hyperscan_filter import Prefilter
from journal.redaction.literals import Look, look
from journal.redaction.rules import SUFFIX, WORD, name_around, separator, strength

MARGIN = 96  # bytes around a word that hold its whole name and the beginning of its value
# The filter works on lower-case bytes; each of its patterns is at least as wide as its rule. What
# JSON may put between a name and a value as well: escapes, and any white space outside strings.
_RAW_SPACE = r"(?:[ \t]|\\t){0,8}"
_RAW_LINE_END = r"(?:[ \t\r\n]|\\{1,63}[nrt]){0,8}"
_RAW_QUOTE = r"\\{0,63}[\"'`]"
_BLANK = r"[ \t\r\n]*+"
_RAW_ASSIGNED = (
    rf"(?P<suffix>{SUFFIX})(?:{separator(_RAW_SPACE, _RAW_LINE_END, _RAW_QUOTE)}"
    rf"(?=\[|[bfru@$]{{0,2}}{_RAW_QUOTE}"
    r"|(?!\d++\\[nrt])(?:[A-Za-z]{3,9}[ ]{1,4})?[^ \t\r\n\"'`,;<>(){}\[\]|&]{6})"
    rf"|=(?=[^ \t\r\n\"'`<>]{{6}})|\"{_BLANK}(?::{_BLANK}[\[\"]|,{_BLANK}\"value\")"
    rf"|[\\\"',]{{0,8}}\"{_BLANK},{_BLANK}\"(?:[-+ ]|\\t){{0,40}}(?:\\\"|')?value)"
)
_RAW_ASSIGNMENT = re.compile(f"(?i:{WORD}){_RAW_ASSIGNED}", re.ASCII)
_FLAGS = re.compile(rb"--[a-z][\w.-]{0,60}[\\\"'`= \t]").search
_RAW_FLAG = re.compile(r"--(?P<name>[A-Za-z][\w.-]{0,60})[\\\"'`= \t]", re.ASCII)


def _raw(pattern: str) -> Expression:
    return Expression(pattern.replace("(?P<suffix>", "(?:").encode())


# By the letter that is looked for; see `anchors`, whose searches these join. All of NAME_ANCHORS.
_NAMES = {
    "k": (r"en(?<=token)", r"ie(?<=cookie)", r"ey"),
    "p": (r"ass(?:phrase|w(?:or)?d)?", r"wd"),
    "c": (r"ret(?<=secret)", r"redential"),
    "u": (r"th(?<=auth)(?:orization)?",),
    "j": (r"wt",),
}
_NAMED = _RAW_ASSIGNED.replace("(?P<suffix>", "(?:")


# Letters that texts have often are looked for one by one, the others all at once.
_OFTEN = "_:pcub"
_FREQUENT = b"v.kwjgx=y&%(q|z~"  # the others, as texts have them: alternatives are tried in order


class _Searches(NamedTuple):
    """All searches. Of one with names: itself, that of its formats, and one of the names alone."""

    seldom: Search  # all that follow, in one
    seldom_plain: list[Search]
    seldom_named: list[tuple[Search, Search, Expression]]
    often: list[Search]
    often_named: list[tuple[Search, Search, Expression]]
    of_values: list[Search]  # of a value before its name
    exact: list[Search]  # over bytes as they are, all others over lower-case ones


@cache
def _searches() -> _Searches:
    found = _Searches(re.compile(b"").search, [], [], [], [], [], [])
    at_once = [*ENCODED]
    for group in groups():
        search, pattern = group.expression.search, group.expression.text
        often = group.anchor in _OFTEN
        if name := _NAMES.get(group.anchor):
            of_name = _raw(group.anchor + any_of(name) + _RAW_ASSIGNED)
            alternatives = [*group.alternatives, *(one + _NAMED for one in name)]
            both = Expression((group.anchor + any_of(alternatives)).encode())
            pattern = both.text
            named = found.often_named if often else found.seldom_named
            named.append((both.search, search, of_name))
        elif group.exact:
            found.exact.append(search)
            continue
        else:
            (found.often if often else found.seldom_plain).append(search)
        if group.anchor == "v":
            found.of_values.append(search)
        if not often:
            at_once.append(pattern)
    at_once.sort(key=lambda pattern: _FREQUENT.find(pattern.lstrip(b"\\")[:1]))
    return found._replace(seldom=Expression(b"|".join(at_once)).search)


# Colours, and control characters that JSON escapes; see `readings`, which takes out the same.
_COLOURS = re.compile(
    rb"(?=[\x1b\\])(?:(?:\x1b|\\++(?:u001[bB]|x1[bB]|033|e))\[[0-?]{0,64}[ -/]{0,8}[@-Z^-~\]]"
    rb"|(?<!\\)\\u00(?:0[0-8eEfF]|1[0-9aAc-fC-F]|7[fF]))++"  # possessive: see sync/store/bodies.py
)
_RAW_USER = re.compile(rb":\\*/\\*/[^ \t\r\n/\"@]*+@|@(?:tcp|unix)\(")

_PREFILTER = Prefilter()


def expect(size: int) -> None:
    """So many bytes are about to be looked at, see `Prefilter.expect`."""
    _PREFILTER.expect(size)


def may_hold(data: bytes) -> bool:
    """False only if no rule finds anything in these raw JSON bytes, or in UTF-8 text."""
    if not _PREFILTER.may_hold(data):
        return False
    low = data.lower()
    match look(low):
        case Look.NOTHING:
            return False
        case Look.NAMED:
            return _matches_names(data, low)
        case Look.TOKEN:
            return True
    return holds_candidate(data, low)


def holds_candidate(data: bytes, low: bytes) -> bool:
    """The same, by nothing but the expressions of this module. `low`: the bytes in lower case."""
    seldom = _searches().seldom(low) is not None
    if may_hide(low, encodes=seldom):
        return (
            _matches(data, low, seldom) or hides_characters(low) or _matches_without_colours(data)
        )
    return _matches(data, low, seldom)


def _matches_without_colours(data: bytes) -> bool:
    """The same of bytes that hide something: most of them nothing but colours."""
    for instead in (b"", b" "):
        plain = _COLOURS.sub(instead, data)
        low = plain.lower()
        if look(low) is Look.NOTHING:
            continue
        if may_hide(low) or _matches(plain, low, seldom=True):
            return True
    return False


def text_may_hold(text: str) -> bool:
    """False only if no rule finds anything in this text, read literally."""
    data = text.encode("utf-8", "surrogatepass")
    low = data.lower()
    match look(low):
        case Look.NOTHING:
            return False
        case Look.TOKEN:
            return True
    return _matches(data, low, _searches().seldom(low) is not None)


def _matches(data: bytes, low: bytes, seldom: bool) -> bool:
    searches = _searches()
    for search in searches.often:
        if search(low):
            return True
    for search in searches.exact:
        if search(data):
            return True
    if seldom:
        for search in searches.seldom_plain:
            if search(low):
                return True
        if _names(data, low, searches.seldom_named):
            return True
    return (
        _names(data, low, searches.often_named)
        or (b"@" in low and _RAW_USER.search(low) is not None)
        or (_FLAGS(low) is not None and _has_flag(data))
    )


def _matches_names(data: bytes, low: bytes) -> bool:
    """The same of bytes that hold nothing but what has a name."""
    searches = _searches()
    named = (searches.often_named, searches.seldom_named)
    return (
        any(_names(data, low, one) for one in named)
        or any(search(low) for search in searches.of_values)
        or (_FLAGS(low) is not None and _has_flag(data))
    )


def _names(data: bytes, low: bytes, searches: list[tuple[Search, Search, Expression]]) -> bool:
    for both, formats, names in searches:
        if both(low) and (formats(low) or _assigns(data, names.finditer(low))):
            return True
    return False


def _assigns(data: bytes, candidates: Iterator[re.Match[bytes]]) -> bool:
    """Whether a name is secret around one of the candidates; no byte is looked at twice."""
    start = end = 0
    for match in candidates:
        if match.start() - MARGIN > end:
            if _names_secret(data[start:end]):
                return True
            start = match.start() - MARGIN
        end = match.end() + MARGIN
    return end > 0 and _names_secret(data[start:end])


def _names_secret(data: bytes) -> bool:
    text = data.decode("latin-1")
    for match in _RAW_ASSIGNMENT.finditer(text):
        name = name_around(text, match.start(), match.end("suffix"))
        if strength(name):
            return True
        start = match.end("suffix") - len(name)
        if name[0] == "u" and text[max(0, start - 1) : start] == "\\":
            return True  # an escaped letter is before the name: its start is unknown
    return False


def _has_flag(data: bytes) -> bool:
    text = data.decode("latin-1")
    return any(strength(match["name"]) for match in _RAW_FLAG.finditer(text))
