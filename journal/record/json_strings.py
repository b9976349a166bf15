"""The strings of raw JSON: found, decoded and put back; every other byte stays as it came."""

import json
import re

# A string that nothing closes (a torn line) goes on to the end of the data.
STRING = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)(?:"|\\?\Z)', re.DOTALL)
WHOLE = re.compile(rb"(?:[^\"\\]++|\\(?:u[0-9a-fA-F]{4}|[^u]))*+", re.DOTALL)  # no half an escape

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
