"""Raw JSON: its strings are found, decoded and put back, and what is too much is left out.

Every other byte stays as it came.
"""

import json
import re

# A string that nothing closes (a torn line) goes on to the end of the data.
STRING = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)(?:"|\\?\Z)', re.DOTALL)
WHOLE = re.compile(rb"(?:[^\"\\]++|\\(?:u[0-9a-fA-F]{4}|[^u]))*+", re.DOTALL)  # no half an escape
_BRACKET = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)
_TOKEN = re.compile(_BRACKET.pattern + b"|,", re.DOTALL)
_KEPT_DEPTH = 2  # what a payload, and a transcript's line in it, says of itself

_quoted = json.JSONEncoder(ensure_ascii=False).encode


def decoded(raw: bytes) -> str:
    """The text of a JSON string without its quotes; unchanged if its escapes are not JSON's."""
    text = raw.decode("utf-8", "replace")
    if "\\" not in text:
        return text
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text


def encoded(text: str) -> bytes:
    """The inside of a JSON string; lone surrogates are escaped, other characters are UTF-8."""
    return _quoted(text).encode("utf-8", "backslashreplace")[1:-1]


def beginnings(data: bytes, most_bytes: int = 1 << 20) -> bytes:
    """JSON with its longer strings cut to so many bytes; the same object if there are none."""
    parts: list[bytes] = []
    done = 0
    for match in STRING.finditer(data):
        start, end = match.span(1)
        if end - start > most_bytes:
            cut = WHOLE.match(data[start : start + most_bytes])
            parts += (data[done:start], cut[0].decode("utf-8", "ignore").encode() if cut else b"")
            done = end
    return b"".join((*parts, data[done:])) if parts else data


def first_values(data: bytes, most: int) -> bytes:
    """JSON without what follows so many values in its lists and objects; the same object if short.

    The keys of the outermost objects stay, up to twice as many.
    """
    if sum(map(data.count, (b",", b"[", b"{"))) <= most:
        return data
    parts: list[bytes] = []
    done = at = depth = values = 0
    while token := _TOKEN.search(data, at):
        at = token.end()
        sign = data[token.start() : token.start() + 1]
        depth += (sign in b"[{") - (sign in b"]}")
        values += sign in b"[{,"
        is_over = values > most * (1 if depth > _KEPT_DEPTH else 2)
        if sign == b"," and is_over:
            parts.append(data[done : token.start()])
            done = at = _end_of_container(data, at)
    return b"".join((*parts, data[done:])) if parts else data


def _end_of_container(data: bytes, at: int) -> int:
    """Where the list or object ends in which this place is."""
    depth = 0
    for token in _BRACKET.finditer(data, at):
        sign = data[token.start() : token.start() + 1]
        depth += (sign in b"[{") - (sign in b"]}")
        if depth < 0:
            return token.start()
    return len(data)
