"""What is kept of an agent's own file of a session: its entries, and how fields are read there.

Each agent's `transcript.py` has a reader that turns the lines of one file into entries, and a
function that says what a kept entry means. A field of the wrong type counts as absent.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import orjson

from journal.record import record
from journal.session.meaning import Meaning, Place, Usage

_MOST_TOKENS = 2**53
MOST_NAME_CHARS = 256


class Entry(NamedTuple):
    """One thing that a line says. Texts are "" where it says nothing.

    `own_id` names it within its session and sub-agent, for every reader of the file and however
    much of it; "" if the line has no name, then its bytes name it. `context`: what earlier lines
    say that its meaning needs (`call`, `model`, `turn`, ...).
    """

    own_id: str
    at: str  # ISO 8601
    session: str
    subagent: str
    subagent_type: str
    cwd: str
    branch: str
    entrypoint: str
    line: bytes  # JSON, as the agent wrote it unless something was taken out
    context: Mapping[str, Any] = MappingProxyType({})
    offset: int | None = None  # of a row that lies in no file of lines: its place in the session
    part: int = 0  # of a row with several entries: which of them


class Row(NamedTuple):
    """What a file says that does not consist of lines: a line made of it, and when it changed."""

    changed_ms: int  # since 1970; 0 if the file does not say
    line: bytes


class Reader(Protocol):
    """Reads one file from its beginning, or, after lines were recalled, from anywhere in it."""

    def entries(self, line: bytes) -> list[Entry]:
        """What is kept of the next line. BadLineError: it is not a JSON object."""


def load(line: bytes) -> dict[str, Any]:
    """A line as an object. BadLineError: it is none."""
    fields = record.load_body(line)
    if not isinstance(fields, dict):
        raise record.BadLineError("not an object")
    return fields


def dump(fields: Mapping[str, Any]) -> bytes:
    """An object as JSON, also with numbers beyond 64 bits and lone surrogates."""
    try:
        return orjson.dumps(fields)
    except TypeError:
        return json.dumps(fields).encode()


def digest(fields: Mapping[str, Any]) -> str:
    """A name for an object that has none: 16 hex digits."""
    from hashlib import blake2b  # slow to load: most entries have names

    return blake2b(dump(fields), digest_size=8).hexdigest()


def text(fields: Any, *keys: str) -> str:
    """A text at the end of a path of keys; "" if there is none."""
    value = deep(fields, *keys)
    return value if isinstance(value, str) else ""


def name(fields: Any, *keys: str) -> str:
    """A text that names something; "" if it is too long for a name."""
    value = text(fields, *keys)
    return value if len(value) <= MOST_NAME_CHARS else ""


def deep(fields: Any, *keys: str) -> Any:
    """What lies at the end of a path of keys; None if the path ends before."""
    for key in keys:
        if not isinstance(fields, dict):
            return None
        fields = fields.get(key)
    return fields


def obj(fields: Any, *keys: str) -> dict[str, Any]:
    """An object at the end of a path of keys; an empty one if there is none."""
    value = deep(fields, *keys)
    return value if isinstance(value, dict) else {}


def objects(fields: Any, *keys: str) -> list[dict[str, Any]]:
    """The objects of a list at the end of a path of keys."""
    value = deep(fields, *keys)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def texts(parts: list[dict[str, Any]], key: str = "text") -> str:
    """The texts of a list of parts, one below the other."""
    return "\n".join(found for part in parts if (found := text(part, key)))


def tokens(fields: Any, *keys: str) -> int:
    """A number of tokens; 0 if there is none."""
    value = deep(fields, *keys)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value < _MOST_TOKENS else 0


def usage(
    message: str, model: str, prompt: int, output: int, cache_read: int, cache_write: int = 0
) -> Usage:
    """Tokens where the agent counts what came from the cache as a part of the prompt."""
    fresh = max(0, prompt - cache_read - cache_write)
    return Usage(message, model, fresh, output, cache_read, cache_write)


def placed(made: Meaning, payload: Mapping[str, Any]) -> Meaning:
    """The meaning of an entry, with what its record says of all entries."""
    offset, part = payload.get("offset"), payload.get("part")
    return made._replace(
        session=text(payload, "session_id"),
        subagent=text(payload, "agent_id"),
        subagent_type=text(payload, "agent_type"),
        cwd=text(payload, "cwd"),
        turn=made.turn or text(payload, "turn"),
        place=Place(
            text(payload, "file").rpartition("/")[2],  # its folder may be another one tomorrow
            offset if type(offset) is int else 0,
            part if type(part) is int else 0,
        ),
    )
