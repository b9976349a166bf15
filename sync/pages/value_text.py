"""What a tool was given or gave back, as people read it: each field with its text.

Strings are shown as what they say, not as JSON with its escapes; numbers and empty fields, of which
there are many and few matter, share one field at the end. A value with more fields than anybody
reads, or nested too deeply to name, is JSON.
"""

import json
from collections.abc import Iterator, Mapping
from enum import Enum
from itertools import islice
from typing import Any, NamedTuple

from journal.printable import clean, one_line

MOST_FIELDS = 60
DEEPEST = 4
LINE_CHARS = 100
REPEATED_CHARS = 8


class Form(Enum):
    """How much room a text needs."""

    LINE = "line"
    BLOCK = "block"
    JSON = "json"  # a block, too
    REST = "rest"  # one line about several fields


class Field(NamedTuple):
    """One field's text, clean. `name` is a path such as `file.content`; "" is the value itself."""

    name: str
    text: str
    form: Form


def fields(value: Any, known: frozenset[str] = frozenset()) -> list[Field]:
    """The fields of a JSON value. A text that is `known` from elsewhere is not repeated."""
    leaves = list(islice(_leaves("", value, 0), MOST_FIELDS + 1))
    if len(leaves) > MOST_FIELDS:
        return [Field("", _json(value), Form.JSON)]
    found: list[Field] = []
    rest: list[str] = []
    for name, leaf in leaves:
        if isinstance(leaf, str) and leaf in known:
            rest.append(f"{name} as in the input".lstrip())
        elif leaf and isinstance(leaf, str):
            found.append(_text(name, leaf))
        elif leaf and isinstance(leaf, (Mapping, list)):
            found.append(Field(name, _json(leaf), Form.JSON))
        else:
            rest.append(f"{name} {json.dumps(leaf)}".lstrip())
    return [*found, Field("", ", ".join(rest), Form.REST)] if rest else found


def texts(value: Any) -> frozenset[str]:
    """The texts in a JSON value that need not be shown twice."""
    leaves = [leaf for _, leaf in islice(_leaves("", value, 0), MOST_FIELDS)]
    return frozenset(one for one in leaves if isinstance(one, str) and len(one) >= REPEATED_CHARS)


def _leaves(name: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Fields that hold no others, with their paths; strings in a list are the lines of one."""
    if isinstance(value, Mapping) and value and depth < DEEPEST:
        for key, item in value.items():
            path = f"{name}.{one_line(key)}" if name else one_line(key)
            yield from _leaves(path, item, depth + 1)
    elif isinstance(value, list) and value and all(_is_line(item) for item in value):
        yield name, "\n".join(value)
    elif isinstance(value, list) and value and depth < DEEPEST:
        for number, item in enumerate(value):
            yield from _leaves(f"{name}[{number}]", item, depth + 1)
    else:
        yield name, value


def _is_line(item: Any) -> bool:
    return isinstance(item, str) and "\n" not in item


def _text(name: str, leaf: str) -> Field:
    text = clean(leaf).rstrip("\n")
    is_line = len(text) <= LINE_CHARS and "\n" not in text
    return Field(name, text, Form.LINE if is_line else Form.BLOCK)


def _json(value: Any) -> str:
    try:
        return clean(json.dumps(value, ensure_ascii=False, indent=2))
    except RecursionError:
        return '"nested too deeply for a page: journal export has it"'
