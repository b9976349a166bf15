"""The strings of raw JSON: found, decoded and put back; every other byte stays as it came."""

import json
import re

# A string that nothing closes (a torn line) goes on to the end of the data.
STRING = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)(?:"|\\?\Z)', re.DOTALL)

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
