"""What a person marks as private: `<private>…</private>` becomes `[private]`.

In any case, over several lines, nested, and also where JSON spells the signs as escapes. One that
is not closed goes on to the end of its string; a closing tag alone is text like any other.
"""

import re
from collections.abc import Iterable, Iterator
from typing import AnyStr

from journal.record.json_strings import STRING, decoded, encoded
from journal.redaction.long_strings import LONG_BYTES

MARKER = "[private]"
# JSON in JSON still has its escapes. A run of backslashes is tried from its first one alone.
_TAG = re.compile(
    r"(?:<|(?<!\\)\\++u003c)(?P<closes>\\*+/|\\++u002f)?private[ \t\r\n]*+(?:>|\\++u003e)",
    re.IGNORECASE | re.ASCII,
)
# The same in a long string that is not decoded: each sign and letter may be an escape of JSON.
_RAW_BLANK = rb"(?:[ \t\r\n]|\\++(?:[trn]|u00(?:20|09|0a|0d)))*+"
_RAW_TAG = re.compile(
    rb"(?:<|(?<!\\)\\++u003c)(?P<closes>\\*+/|\\++u002f)?"
    + b"".join(
        rb"(?:%c|\\++u00(?:%02x|%02x))" % (letter, letter, letter - 32) for letter in b"private"
    )
    + _RAW_BLANK
    + rb"(?:>|\\++u003e)",
    re.IGNORECASE,
)
_RAW_SOME = re.compile(rb"private|\\u00", re.IGNORECASE)


def without_private(data: bytes) -> bytes:
    """JSON without what is marked as private in its strings; the same object if there is nothing.

    Valid JSON stays valid, and strings without a tag stay byte for byte.
    """
    if not _may_hold_tag(data):
        return data
    parts: list[bytes | memoryview] = []
    view = memoryview(data)
    done = 0
    for match in STRING.finditer(data):
        if match.end() - match.start() > LONG_BYTES:
            for start, end in _spans(_RAW_TAG.finditer(data, *match.span(1)), match.end(1)):
                parts += (view[done:start], MARKER.encode())
                done = end
            continue
        if not _may_hold_tag(match[1]):
            continue
        old = decoded(match[1])
        new = text_without_private(old)
        if new is not old:
            parts += (view[done : match.start(1)], encoded(new))
            done = match.end(1)
    return b"".join((*parts, view[done:])) if parts else data


def text_without_private(text: str) -> str:
    """The same for text that is not JSON; there an unclosed tag goes on to the text's end."""
    if "private" not in text.lower():
        return text
    parts: list[str] = []
    done = 0
    for start, end in _spans(_TAG.finditer(text), len(text)):
        parts += (text[done:start], MARKER)
        done = end
    return "".join((*parts, text[done:])) if parts else text


def _may_hold_tag(data: bytes) -> bool:
    """False only if no string of this JSON holds a tag: an escape can be any letter."""
    if len(data) > LONG_BYTES:  # no copy of it is made
        return _RAW_SOME.search(data) is not None
    low = data.lower()
    return b"private" in low or b"\\u00" in low


def _spans(tags: Iterable[re.Match[AnyStr]], last: int) -> Iterator[tuple[int, int]]:
    """Where private texts begin and end, with their tags; the outermost of nested ones."""
    depth = start = 0
    for tag in tags:
        if not tag["closes"]:
            start = start if depth else tag.start()
            depth += 1
        elif depth:
            depth -= 1
            if not depth:
                yield start, tag.end()
    if depth:
        yield start, last
