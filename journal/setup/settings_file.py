"""An agent's settings file as it is read, and with our hooks merged into it, or taken out.

Read as strict JSON, because what the agent itself would refuse we must not rewrite. Key order,
indentation, line ends, a byte order mark and what follows the last brace are kept; numbers and
strings keep their values.
"""

import json
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from journal.agents.claude_code.install import SETUP
from journal.errors import JournalError, UsageError
from journal.setup.hook_command import is_ours

Values = dict[str, Any]

_BOM = "\ufeff"
_FIRST_INDENT = re.compile(r'\{[ \t]*\r?\n([ \t]+)"')


@dataclass(frozen=True, slots=True)
class Document:
    """A settings file as it was read. `data`: its bytes, None without a file."""

    path: Path
    data: bytes | None
    values: Values
    indent: str = "  "
    newline: str = "\n"
    ending: str = "\n"
    bom: str = ""

    def render(self, values: Values) -> bytes:
        """`values` in the style of this file."""
        text = json.dumps(values, ensure_ascii=False, indent=self.indent)
        text = self.bom + text.replace("\n", self.newline) + self.ending
        return text.encode("utf-8", "backslashreplace")  # a lone surrogate is an escape again


def default_path() -> Path:
    """Claude Code's settings of this user."""
    return SETUP.folder(os.environ) / SETUP.file


def load(path: Path) -> Document:
    """The settings at `path`, following symlinks; a missing file is an empty one.

    UsageError: it is not a file, not JSON, or not the object that the agent expects. JournalError:
    it cannot be read.
    """
    data = read(path)
    if data is None:
        return Document(path, None, {})
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise _refused(path, f"byte {error.start + 1} is not UTF-8") from error
    bom = _BOM if text.startswith(_BOM) else ""
    text = text.removeprefix(_BOM)
    values = _parsed(path, text)
    first = _FIRST_INDENT.match(text.lstrip())
    return Document(
        path,
        data,
        values,
        indent=first[1] if first else "  ",
        newline="\r\n" if "\r\n" in text else "\n",
        ending=text[len(text.rstrip()) :],
        bom=bom,
    )


def read(path: Path) -> bytes | None:
    """The bytes of a regular file, None if there is none; errors as for `load`."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _refused(path, "it is not a regular file")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        hint = "check the owner and rights of the file"
        raise JournalError(f"cannot read {path}: {error.strerror}", hint) from error


def merged(values: Values, wanted: Mapping[str, Values]) -> Values:
    """`values` with exactly the handlers `wanted`, by event, as our hooks, of any home.

    Ours are replaced where they are, or added last in a matcher group of their own; those of
    other events go, and with them the groups and lists that they leave empty.
    """
    old = values.get("hooks", {})
    new = {}
    for event, groups in old.items():
        kept = _replaced(groups, wanted.get(event))
        if kept or not groups:
            new[event] = kept
    for event, entry in wanted.items():
        if not commands({"hooks": {event: new.get(event, [])}}):
            new[event] = [*new.get(event, ()), {"hooks": [entry]}]
    if not new and old:
        return {key: value for key, value in values.items() if key != "hooks"}
    return {**values, "hooks": new} if new or "hooks" in values else values


def without(values: Values) -> Values:
    """`values` without our hooks."""
    return merged(values, {})


def commands(values: Values, home: Path | None = None) -> list[tuple[str, str]]:
    """Event and command of each of our hooks (those of `home`, if given)."""
    return [
        (event, item["command"])
        for event, groups in values.get("hooks", {}).items()
        for group in groups
        for item in _handlers(group)
        if _is_ours(item, home)
    ]


def _parsed(path: Path, text: str) -> Values:
    try:
        values = json.loads(
            text, object_pairs_hook=_object, parse_constant=_refuse, parse_float=_float
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _refused(path, f"it is not JSON: {error.msg} ({where})") from error
    except (ValueError, RecursionError) as error:
        raise _refused(path, f"it is not JSON that can be kept: {error}") from error
    if not isinstance(values, dict):
        raise _refused(path, "it is not a JSON object")
    hooks = values.get("hooks", {})
    if not isinstance(hooks, dict):
        raise _refused(path, '"hooks" is not an object')
    for event, groups in hooks.items():
        if not isinstance(groups, list):
            raise _refused(path, f'"hooks.{event}" is not a list')
    return values


def _object(pairs: list[tuple[str, Any]]) -> Values:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is twice in one object")
    return values


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number of JSON")


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"{digits} is too large a number")
    return value


def _refused(path: Path, reason: str) -> UsageError:
    return UsageError(f"{path} was not changed: {reason}", "correct it, then run this again")


def _replaced(groups: list[Any], entry: Values | None) -> list[Any]:
    """The groups with ours replaced by `entry` once, and taken out where there is none."""
    kept = []
    for group in groups:
        if not any(_is_ours(item, None) for item in _handlers(group)):
            kept.append(group)
            continue
        items = []
        for item in group["hooks"]:
            if not _is_ours(item, None):
                items.append(item)
            elif entry is not None and group.get("matcher") in (None, "", "*"):
                items.append(entry)
                entry = None
        if items:
            kept.append({**group, "hooks": items})
    return kept


def _handlers(group: Any) -> Iterator[Any]:
    """What hangs in a matcher group; nothing if it is of a shape that we do not know."""
    items = group.get("hooks") if isinstance(group, dict) else None
    yield from items if isinstance(items, list) else ()


def _is_ours(item: Any, home: Path | None) -> bool:
    command = item.get("command") if isinstance(item, dict) else None
    return isinstance(command, str) and is_ours(command, home)
