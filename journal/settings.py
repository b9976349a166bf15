"""The user's settings: `config.toml` in the home, beaten by `JOURNAL_<SECTION>__<KEY>`.

Read with tomllib and pydantic alone: importing pydantic-settings doubles the start of every command
(90 ms more), and its errors do not say whether the file or the environment is wrong.
No message repeats a value, since an address or a pattern may hold a secret.
"""

import os
import re
import stat
import tomllib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from journal.errors import UsageError
from journal.layout import Layout

PREFIX = "JOURNAL_"
MAX_CONFIG_BYTES = 1_000_000
_EXAMPLE = "config.example.toml explains every key"
_SHOWN = 60  # characters of a name or reason from outside
_WORDS = {
    "Input should": "must",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid boolean": "true or false",
    "a valid string": "text",
}
_SWITCHES = {"true": True, "1": True, "false": False, "0": False}


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("nul", "must not hold a NUL character")
    return text


def _not_empty(text: str) -> str:
    if not text:
        raise PydanticCustomError("empty", "must not be empty")
    return text


def _absolute(path: str) -> str:
    if path and not Path(path).is_absolute() and path != "~" and not path.startswith("~/"):
        raise PydanticCustomError("relative", "must be an absolute path or start with ~/")
    return path


def _regex(pattern: str) -> str:
    try:
        with warnings.catch_warnings(action="ignore"):
            empty = re.compile(pattern).search("")
    except (re.error, OverflowError, RecursionError) as error:
        reason = "too large"
        if isinstance(error, re.error):  # what it quotes may be the secret to be taken out
            reason = (
                f"{error.msg.partition(chr(39))[0].strip()} at character {(error.pos or 0) + 1}"
            )
        message = "is not a regular expression: {reason}"
        raise PydanticCustomError("regex", message, {"reason": _plain(reason, 120)}) from error
    if empty:
        raise PydanticCustomError("regex", "matches the empty text; write + for *")
    return pattern


def _need(value: object, info: ValidationInfo, key: str, choice: str) -> None:
    if not value and info.data.get(key) == choice:
        context = {"because": key, "choice": choice}
        raise PydanticCustomError("needed", 'is needed with {because} = "{choice}"', context)


Line = Annotated[str, AfterValidator(_without_nul)]
Text = Annotated[Line, AfterValidator(_not_empty)]
Folder = Annotated[Line, AfterValidator(_absolute)]
NamedFolder = Annotated[Text, AfterValidator(_absolute)]
Regex = Annotated[Text, AfterValidator(_regex)]
Lax = Field(strict=False)  # of a tuple: TOML and JSON have lists; what is in it stays strict
Texts = Annotated[tuple[Text, ...], Lax]
Regexes = Annotated[tuple[Regex, ...], Lax]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Days = Annotated[int, Field(ge=0, le=36_500)]
Dependent = Field(validate_default=True)  # checked against the keys above it, also when left out

Trigger = Literal["PreToolUse", "PostToolUse", "PostToolUseFailure", "attended_prompt", "planned"]


class Section(BaseModel):
    """Frozen, strict (no bool for an int, no text for a number), without unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, allow_inf_nan=False
    )


class Capture(Section):
    """What is recorded at all. `exclude_projects`: path prefixes on whole components, or globs."""

    exclude_projects: Texts = ()
    exclude_tools: Texts = ()
    transcript_roots: Annotated[tuple[NamedFolder, ...], Lax] = ()
    durable: bool = False
    autostart: bool = True


class Memory(Section):
    """Who writes the summary and mints the memory id."""

    agent: Literal["builtin", "external", "command"] = "builtin"
    command: Annotated[Texts, Dependent] = (
        "claude", "-p", "--output-format", "stream-json", "--verbose"
    )  # fmt: skip
    timeout_seconds: Seconds = 120.0
    max_calls_per_session: Annotated[int, Field(ge=0, le=1000)] = 3

    @field_validator("command")
    @classmethod
    def _a_model_needs_a_command(
        cls, command: tuple[str, ...], info: ValidationInfo
    ) -> tuple[str, ...]:
        _need(command, info, "agent", "command")
        return command


class Context(Section):
    """What a session is told of earlier ones."""

    sessions: Annotated[int, Field(ge=0, le=100)] = 3
    max_chars: Annotated[int, Field(ge=200, le=4000)] = 2000
    sources: Annotated[tuple[Literal["startup", "resume"], ...], Lax] = ("startup", "resume")


class Sessions(Section):
    """When a session is shown, and after how long a silence it counts as ended."""

    adopt_on: Annotated[tuple[Trigger, ...], Lax] = (
        "PreToolUse", "PostToolUse", "PostToolUseFailure", "attended_prompt", "planned"
    )  # fmt: skip
    reap_after_hours: Annotated[int, Field(ge=1, le=876_000)] = 24


class Remote(Section):
    """Where finished work is sent. Holds no token, only the way to one."""

    kind: Literal["none", "folder", "mindspring"] = "none"
    url: Annotated[Line, Dependent, Field(repr=False)] = ""
    path: Annotated[Folder, Dependent] = ""
    workspace: Annotated[Line, Dependent] = ""
    notebook: Text = "session_history"
    token_env: Line = ""
    token_command: Texts = ()
    connect_timeout_seconds: Seconds = 2.0
    timeout_seconds: Seconds = 10.0
    pass_seconds: Seconds = 60.0
    min_interval_seconds: Annotated[float, Field(ge=0, le=86_400)] = 300.0
    max_source_bytes: Annotated[int, Field(ge=1, le=2**40)] = 1_000_000

    @field_validator("path")
    @classmethod
    def _a_folder_needs_a_path(cls, path: str, info: ValidationInfo) -> str:
        _need(path, info, "kind", "folder")
        return path

    @field_validator("url", "workspace")
    @classmethod
    def _a_server_needs_an_address(cls, value: str, info: ValidationInfo) -> str:
        _need(value, info, "kind", "mindspring")
        return value

    @field_validator("url")
    @classmethod
    def _an_address_is_http(cls, url: str) -> str:
        if url and not re.match(r"https?://[^/\s]", url):
            raise PydanticCustomError("url", "must start with https:// or http:// and name a host")
        return url

    @field_validator("token_env")
    @classmethod
    def _a_token_is_not_its_variable(cls, name: str) -> str:
        if name and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            message = "must be the name of an environment variable, not the token itself"
            raise PydanticCustomError("token_env", message)
        return name


class Retry(Section):
    """How often a delivery that failed is tried again. `max_attempts` = 0: never give up."""

    first_seconds: Seconds = 1.0
    max_seconds: Annotated[Seconds, Dependent] = 600.0
    max_attempts: Annotated[int, Field(ge=0, le=2**31)] = 0

    @field_validator("max_seconds")
    @classmethod
    def _the_longest_wait_is_not_below_the_first(
        cls, longest: float, info: ValidationInfo
    ) -> float:
        if longest < info.data.get("first_seconds", 0):
            because = {"because": "first_seconds"}
            raise PydanticCustomError("order", "must not be below first_seconds", because)
        return longest


class Retention(Section):
    """Days after which things go; 0 keeps them for ever. Compared strictly: `age > limit`."""

    journal_days: Days = 7
    events_days: Days = 0
    sessions_days: Days = 0


class Redact(Section):
    """Secrets to take out beyond the built-in rules, and what is none. Python's `re` syntax."""

    enabled: bool = True
    patterns: Regexes = ()
    allow: Regexes = ()


class Watch(Section):
    """How soon and how often `watch` looks."""

    settle_ms: Annotated[int, Field(ge=0, le=60_000)] = 200
    scan_seconds: Seconds = 30.0


class Settings(Section):
    """All settings; `Settings()` is every default. Paths are as written, `~` not yet expanded."""

    capture: Capture = Capture()
    memory: Memory = Memory()
    context: Context = Context()
    sessions: Sessions = Sessions()
    remote: Remote = Remote()
    retry: Retry = Retry()
    retention: Retention = Retention()
    redact: Redact = Redact()
    watch: Watch = Watch()


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
            raise UsageError(f"{path} is a link to nothing", hint) from error
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
    hint = "move it away; without config.toml the defaults hold"
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
        reason = _plain(reason or str(error).partition(";")[0])
        hint = "texts stand in quotes, lists in [ ]; " + _EXAMPLE
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
    """The value a variable stands for; the text itself where it is none, for validation to name."""
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
    return model.model_fields if isinstance(model, type) and issubclass(model, Section) else {}


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
    name = _plain(section) + ("" if key is None else f".{_plain(key)}")
    if item is not None:
        name += f", item {item + 1},"
    more = f" (+{len(found) - 1} more)" if len(found) > 1 else ""
    problem, hint = _problem(found[0], section, key)
    return UsageError(f"{_plain(origin, 4096)}: {name} {problem}{more}", hint)


def _problem(error: ErrorDetails, section: str, key: str | None) -> tuple[str, str]:
    """What is wrong, in plain words, and what would be right."""
    kind, message = error["type"], error["msg"]
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
    if close := get_close_matches(wanted[:_SHOWN].lower(), known, 1):
        return f"did you mean `{close[0]}`?"
    owner = "sections" if key is None else f"keys of [{section}]"
    return f"the {owner} are {', '.join(known)}; {_EXAMPLE}"


def _plain(text: str, limit: int = _SHOWN) -> str:
    """Text of a stranger on one line: escapes for what is not printable, cut to `limit`."""
    escaped = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[:limit])
    return escaped + ("…" if len(text) > limit else "")
