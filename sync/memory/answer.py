"""How a model program's answer is read: its memory id, and the five texts of a summary.

Understood are Claude Code's `--output-format stream-json` (one message a line) and `json` (one
message, or a list of them), and any program that prints the JSON object itself, in a fence or a
few words if it likes. Any bytes give an Answer or a ModelError, in time
that grows with their number alone.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import orjson

from journal.printable import clean, one_line
from journal.session.meaning import leaves
from journal.session.summary import TOLD_CHARS, plain
from sync.memory.errors import ModelError

FIELDS = tuple(TOLD_CHARS)
REQUEST_CHARS = TOLD_CHARS["request"]
TEXT_CHARS = max(TOLD_CHARS.values())  # each of the others
_ERROR_CHARS = 200
_REASONS = ("result", "errors", "subtype")  # where a failed result says why, the best one first
_QUOTE_CHARS = 80
_MOST_LINES = 1_000  # of one text; an item of a list is one
_MOST_STARTS = 1_000  # places at which an object is looked for in other words
# The messages that are read; a line without one of these is not parsed.
_MESSAGE = re.compile(rb'[{,]\s*"type"\s*:\s*"(?:system|result)"')
_DECODER = json.JSONDecoder(parse_int=len, parse_float=len)  # numbers are not looked at


class Answer(NamedTuple):
    """What a model program said. `fields` has exactly the keys of FIELDS, at least one text.

    `memory_id` is the id that the program gave its own session, as it was sent; None: it named
    none. Texts are plain lines, at most REQUEST_CHARS or TEXT_CHARS long.
    """

    memory_id: str | None
    fields: dict[str, str]


def read_answer(stdout: bytes) -> Answer:
    """The answer in a model program's whole output.

    ModelError: `refused`, the program reported an error; `garbage`, no answer can be read.
    """
    memory_id: str | None = None
    result: dict[str, Any] | None = None
    is_stream = False
    for message in _messages(stdout):
        if (message.get("type"), message.get("subtype")) == ("system", "init"):
            is_stream = True
            memory_id = memory_id or _id(message)  # before it, hooks show an id that is thrown away
        elif message.get("type") == "result" and _is_result(message):
            result = message
    if result is None:
        if is_stream:
            raise ModelError("garbage", "the model program ended without a result")
        return Answer(None, _fields(_decoded(stdout)))
    if memory_id is None and not is_stream:
        memory_id = _id(result)  # of `json`, where it may be the only message
    return Answer(memory_id, _fields(_result_text(result)))


def _messages(stdout: bytes) -> Iterator[dict[str, Any]]:
    """The messages that matter, in order; what is not JSON is passed over."""
    found = _MESSAGE.search(stdout)
    if found is None:
        return
    whole = _parsed(stdout)
    if whole is not None:
        items = whole if isinstance(whole, list) else [whole]
        yield from (item for item in items if isinstance(item, dict))
        return
    while found is not None:
        start = stdout.rfind(b"\n", 0, found.start()) + 1
        end = stdout.find(b"\n", found.end())
        end = len(stdout) if end < 0 else end
        message = _parsed(stdout[start:end])
        if isinstance(message, dict):
            yield message
        found = _MESSAGE.search(stdout, end)


def _parsed(data: bytes | str) -> Any:
    """The value of a JSON text; None for anything else, and for `null`."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def _id(message: dict[str, Any]) -> str | None:
    value = message.get("session_id")
    return value if isinstance(value, str) and value else None


def _is_result(message: dict[str, Any]) -> bool:
    """Not an answer that only has a key called `type`."""
    return not message.keys().isdisjoint(("result", "subtype", "is_error"))


def _result_text(message: dict[str, Any]) -> str:
    """The text of a message that says it went well."""
    subtype, text = message.get("subtype") or "success", message.get("result")
    if message.get("is_error") or subtype != "success":
        reasons = (leaves(message.get(key), 20 * _ERROR_CHARS) for key in _REASONS)
        said = next(filter(None, (plain(reason, _ERROR_CHARS) for reason in reasons)), "")
        raise ModelError("refused", said or "the model program reported an error")
    if not isinstance(text, str):
        raise ModelError("garbage", "the model program's result is not a text")
    return text


def _decoded(stdout: bytes) -> str:
    try:
        return stdout.decode()
    except UnicodeDecodeError:
        raise _garbage("is not UTF-8", stdout.decode(errors="replace")) from None


def _fields(text: str) -> dict[str, str]:
    """The five texts of the first object in `text` that has one of them."""
    for found in _objects(text):
        if found.keys().isdisjoint(FIELDS):
            continue
        lines = {name: _lines(found.get(name, "")) for name in FIELDS}
        wrong = next((name for name, value in lines.items() if value is None), None)
        if wrong is not None:
            raise _garbage(f'has a value that is not text in "{wrong}"', text)
        fields = {name: _cut(name, value or []) for name, value in lines.items()}
        if not any(fields.values()):
            raise _garbage("says nothing", text)
        return fields
    raise _garbage("is not a JSON object of the summary's fields", text)


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The text as an object, else the objects in it from the first on."""
    whole = _parsed(text)
    if isinstance(whole, dict):
        yield whole
        return
    start = text.find("{")
    for _ in range(_MOST_STARTS):
        if start < 0:
            return
        try:
            _, end = _DECODER.raw_decode(text, start)
        except json.JSONDecodeError as error:
            end = max(start + 1, error.pos)  # what was read is not read again
        except (RecursionError, ValueError):
            return
        else:
            found = _parsed(text[start:end])  # strictly: no NaN, no half of a surrogate pair
            if isinstance(found, dict):
                yield found
        start = text.find("{", end)


def _lines(value: Any) -> list[str] | None:
    """The text or list of texts in lines; None for any other value. JSON's null is not a text."""
    if value is None:
        return []
    if isinstance(value, str):
        return clean(value[: 20 * TEXT_CHARS]).split("\n")
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return [item[: 2 * TEXT_CHARS] for item in islice(value, _MOST_LINES)]
    return None


def _cut(name: str, lines: list[str]) -> str:
    limit = TOLD_CHARS[name]
    text = ""
    for line in islice(lines, _MOST_LINES):
        if shown := one_line(line):
            text += "\n" * bool(text) + shown
        if len(text) > limit:
            return text[: limit - 1].rstrip() + "…"
    return text


def _garbage(why: str, text: str) -> ModelError:
    quoted = plain(text[: 20 * _QUOTE_CHARS], _QUOTE_CHARS)
    return ModelError("garbage", f"the answer {why}: {quoted}" if quoted else "the answer is empty")
