"""The quick look before redaction: whether these bytes may hold a secret at all.

Never wrong when it says no. Each search begins with one rare byte, because a literal prefix is
what the regex engine finds fastest; most payloads are passed over at 60 MB/s and more.
"""

import re
from collections.abc import Iterator

from journal.redaction.anchors import may_hold_any
from journal.redaction.hyperscan_filter import Prefilter
from journal.redaction.readings import may_hide
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


def _raw(pattern: str) -> re.Pattern[bytes]:
    return re.compile(pattern.replace("(?P<suffix>", "(?:").encode())


_NAMES = tuple(
    _raw(anchor + _RAW_ASSIGNED)
    for anchor in (
        r"k(?:(?<=tok)en|(?<=cook)ie|ey)",
        r"p(?:ass(?:phrase|w(?:or)?d)?|wd)",
        r"c(?:(?<=sec)ret|redential)",
        r"u(?<=au)th(?:orization)?",
        r"j(?:wt)",
    )
)
_NAME_SEARCHES = tuple((pattern.search, pattern.finditer) for pattern in _NAMES)
# Escapes of what needs none can hide any word.
_RAW_ESCAPES = re.compile(rb"\\(?:u00(?:0[9a-d]|[2-7])|/)")
_RAW_USER = re.compile(rb":\\*/\\*/[^ \t\r\n/\"@]*+@|@(?:tcp|unix)\(")

_PREFILTER = Prefilter()


def may_hold(data: bytes) -> bool:
    """False only if no rule finds anything in these raw JSON bytes, or in UTF-8 text."""
    return _PREFILTER.may_hold(data) and holds_candidate(data)


def holds_candidate(data: bytes) -> bool:
    """The same, worked out by nothing but this module."""
    low = data.lower()
    if may_hold_any(data, low) or _RAW_ESCAPES.search(low) or may_hide(data):
        return True
    for search, candidates in _NAME_SEARCHES:
        if search(low) and _assigns(data, candidates(low)):
            return True
    return (b"@" in low and _RAW_USER.search(low) is not None) or (
        _FLAGS(low) is not None and _has_flag(data)
    )


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
            return True  # an escaped letter is before the name: where it begins cannot be told
    return False


def _has_flag(data: bytes) -> bool:
    text = data.decode("latin-1")
    return any(strength(match["name"]) for match in _RAW_FLAG.finditer(text))
