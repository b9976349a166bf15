"""The user's settings: `config.toml` in the home, beaten by `JOURNAL_<SECTION>__<KEY>`.

Read with tomllib and pydantic alone: importing pydantic-settings doubles the start of every command
(90 ms more), and its errors do not say whether the file or the environment is wrong.
No message repeats a value, since an address or a pattern may hold a secret.
"""

import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_origin

import orjson
from pydantic import (
    ValidationError,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from journal.errors import UsageError
from journal.layout import Layout
from journal.settings.sections import SHOWN_CHARS, Section, Settings, plain

__all__ = ["Settings", "load_settings"]

PREFIX = "JOURNAL_"
MAX_CONFIG_BYTES = 1_000_000
_EXAMPLE = "config.example.toml explains every key"
_WORDS = {
    "Input should": "must",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid boolean": "true or false",
    "a valid string": "text",
}
_SWITCHES = {"true": True, "1": True, "false": False, "0": False}


def load_settings(layout: Layout, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of a home; without a `config.toml` the defaults.

    In `environ` (`os.environ` if None) lists are JSON, switches `true` or `false`.
    UsageError: the file cannot be read, a key is unknown or a value bad; the first is named.
    """
    tables = _read(layout.config)
    origins = _overlay(tables, os.environ if environ is None else environ)
    try:
        return Settings.model_validate(tables)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise _explain(found, str(layout.config), origins) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        # Non-blocking: a FIFO without a writer would hold up every command.
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(_regular(fd, path), "rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
    except FileNotFoundError as error:
        if path.is_symlink():
            hint = "mount or restore what it points to, or remove the link to use the defaults"
            raise UsageError(f"{path} is a broken symbolic link", hint) from error
        return {}
    except OSError as error:
        hint = "check its owner and rights, or remove it to use the defaults"
        raise UsageError(f"cannot read {path}: {error.strerror}", hint) from error
    if len(data) > MAX_CONFIG_BYTES:
        raise UsageError(f"{path} is larger than {MAX_CONFIG_BYTES:,} bytes", _EXAMPLE)
    return _parse(data, path)


def _regular(fd: int, path: Path) -> int:
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    hint = "move it away; without config.toml the defaults apply"
    raise UsageError(f"{path} is not a regular file", hint)


def _parse(data: bytes, path: Path) -> dict[str, Any]:
    try:
        text = data.decode("utf-8-sig")
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path} is not UTF-8 at line {line}", "save it as UTF-8") from error
    except RecursionError as error:
        raise UsageError(f"{path} is not valid TOML: nested too deeply", _EXAMPLE) from error
    except ValueError as error:  # TOMLDecodeError, and what int() says of 5,000 digits
        reason, _, place = str(error).removesuffix(")").rpartition(" (at ")
        place = place.replace("end of document", f"its end, line {len(text.splitlines()) or 1}")
        where = f" at {place}" if reason else ""
        reason = plain(reason or str(error).partition(";")[0])
        hint = "texts need quotes, lists [ ]; " + _EXAMPLE
        raise UsageError(f"{path} is not valid TOML{where}: {reason}", hint) from error


def _overlay(
    tables: dict[str, Any], environ: Mapping[str, str]
) -> dict[tuple[str, str | None], str]:
    """Put the environment's values into `tables`; which variable set (section, key)."""
    origins: dict[tuple[str, str | None], str] = {}
    for name in sorted(environ):
        section, separator, key = name.removeprefix(PREFIX).lower().partition("__")
        if not name.startswith(PREFIX) or not separator:
            continue
        if section not in tables:
            origins[section, None] = name
        table = tables.setdefault(section, {})
        if isinstance(table, dict):  # else the file is wrong, and validation says so
            table[key] = _from_text(section, key, environ[name])
            origins[section, key] = name
    return origins


def _from_text(section: str, key: str, text: str) -> Any:
    """The value of a variable; the text itself where it is none, for validation to name."""
    field = _keys(section).get(key)
    kind = field.annotation if field else str
    if kind is bool:
        return _SWITCHES.get(text.lower(), text)
    try:
        if kind is int or kind is float:
            return kind(text)
        return orjson.loads(text) if get_origin(kind) is tuple else text
    except ValueError:
        return text


def _keys(section: str) -> dict[str, FieldInfo]:
    field = Settings.model_fields.get(section)
    model = field.annotation if field else None
    if not (isinstance(model, type) and issubclass(model, Section)):
        return {}
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _place(error: ErrorDetails) -> tuple[str, str | None, int | None]:
    """Section, key (None: the section itself is wrong), index in a list."""
    section, key, item = (*error["loc"], None, None)[:3]
    return str(section), None if key is None else str(key), item if isinstance(item, int) else None


def _explain(
    found: list[ErrorDetails], path: str, origins: Mapping[tuple[str, str | None], str]
) -> UsageError:
    """The first of the errors, with where it comes from: the variable, else the file."""
    section, key, item = _place(found[0])
    because = found[0].get("ctx", {}).get("because")
    origin = origins.get((section, key)) or origins.get((section, because)) or path
    name = plain(section) + ("" if key is None else f".{plain(key)}")
    if item is not None:
        name += f", item {item + 1},"
    more = f" (+{len(found) - 1} more)" if len(found) > 1 else ""
    problem, hint = _problem(found[0], section, key)
    return UsageError(f"{plain(origin, 4096)}: {name} {problem}{more}", hint)


def _problem(error: ErrorDetails, section: str, key: str | None) -> tuple[str, str]:
    """What is wrong, in plain words, and what would be right."""
    kind, message = error["type"], error["msg"]
    if section == "prices":
        return f"is not a price: {message}", 'write "MODEL" = { input = 3.0, output = 15.0 }'
    if kind == "extra_forbidden":
        return f"is not a known {'section' if key is None else 'key'}", _suggest(section, key)
    if kind == "model_type":
        return f"must be a section, [{section}]", f"its keys are {', '.join(_keys(section))}"
    if kind == "tuple_type":
        return "must be a list", 'like ["one", "two"], in the environment too; ' + _EXAMPLE
    for pydantic_word, word in _WORDS.items():
        message = message.replace(pydantic_word, word)
    default = orjson.dumps(_keys(section)[key or ""].default).decode()
    return message, f"the default is {default}; {_EXAMPLE}"


def _suggest(section: str, key: str | None) -> str:
    from difflib import get_close_matches

    wanted = section if key is None else key
    known = Settings.model_fields if key is None else _keys(section)
    if homes := [f"[{other}]" for other in Settings.model_fields if wanted in _keys(other)]:
        return f"`{wanted}` belongs under {' or '.join(homes)}"
    if close := get_close_matches(wanted[:SHOWN_CHARS].lower(), known, 1):
        return f"did you mean `{close[0]}`?"
    owner = "sections" if key is None else f"keys of [{section}]"
    return f"the {owner} are {', '.join(known)}; {_EXAMPLE}"
