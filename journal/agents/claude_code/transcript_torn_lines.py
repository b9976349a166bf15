"""Lines of a transcript that are not JSON: agents that were killed leave halves, and NULs.

Of a line that holds a torn record and whole ones glued to it, the whole ones are found again. A
record of Claude Code names itself (`uuid` or `sessionId`) and its `type`; no object inside of one
does both. Other agents' records are distinguished by their own marks.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

_BEGINNING = re.compile(r'\{"[$A-Za-z]{2,24}":')
_MOST_BEGINNINGS = 2_000
_decoder = json.JSONDecoder()


class Parts(NamedTuple):
    """The whole records of a line, and what is left of it."""

    whole: list[bytes]
    torn: bytes


def _is_record(fields: Mapping[str, Any]) -> bool:
    return "type" in fields and ("uuid" in fields or "sessionId" in fields)


def parts(line: bytes, is_record: Callable[[Mapping[str, Any]], bool] = _is_record) -> Parts:
    """Take a line apart. Memory is a few times the line's."""
    text = line.decode("utf-8", "surrogateescape").strip("\0 \t\r\n")
    whole: list[bytes] = []
    torn: list[str] = []
    at = tried = 0
    for found in _BEGINNING.finditer(text):
        if found.start() < at:
            continue  # inside of the record before it
        tried += 1
        if tried > _MOST_BEGINNINGS:
            break
        end = _end_of_record(text, found.start(), is_record)
        if end:
            torn.append(text[at : found.start()])
            whole.append(_bytes(text[found.start() : end]))
            at = end
    torn.append(text[at:])
    return Parts(whole, _bytes("".join(torn)).strip(b"\0 \t\r\n"))


def _end_of_record(text: str, start: int, is_record: Callable[[Mapping[str, Any]], bool]) -> int:
    """Where the record that begins here ends; 0 if none does."""
    try:
        value, end = _decoder.raw_decode(text, start)
    except (ValueError, RecursionError):
        return 0
    return end if is_record(value) else 0


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
