"""The sections of the settings: every key with its type, its default and its bounds.

Frozen, strict, and closed: an unknown key is an error. `config.example.toml` explains each key.
"""

import re
import warnings
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

SHOWN_CHARS = 60  # of a name or reason from outside


def plain(text: str, limit: int = SHOWN_CHARS) -> str:
    """Text of a stranger on one line: escapes for what is not printable, cut to `limit`."""
    escaped = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[:limit])
    return escaped + ("…" if len(text) > limit else "")


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


def _project(entry: str) -> str:
    if not entry.startswith(("/", "~")) and not re.search(r"[*?\[]", entry):
        message = "must be an absolute path, start with ~/ or be a glob like */name"
        raise PydanticCustomError("project", message)
    return entry


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
        raise PydanticCustomError("regex", message, {"reason": plain(reason, 120)}) from error
    if empty:
        raise PydanticCustomError("regex", "matches the empty text; write + for *")
    return pattern


def _database(url: str) -> str:
    """An address of PostgreSQL that holds no password."""
    if not re.match(r"postgres(ql)?://", url):
        raise PydanticCustomError("url", "must start with postgresql:// and name a database")
    beyond = url.partition("://")[2]
    person, at, _ = beyond.partition("/")[0].rpartition("@")
    if (at and ":" in person) or re.search(r"[?&](ssl)?password=", url):
        message = "must not hold a password: put it into ~/.pgpass, or use token_env"
        raise PydanticCustomError("url", message)
    return url


def _need(value: object, info: ValidationInfo, key: str, choice: str) -> None:
    if not value and info.data.get(key) == choice:
        context = {"because": key, "choice": choice}
        raise PydanticCustomError("needed", 'is needed with {because} = "{choice}"', context)


Line = Annotated[str, AfterValidator(_without_nul)]
Text = Annotated[Line, AfterValidator(_not_empty)]
Folder = Annotated[Line, AfterValidator(_absolute)]
NamedFolder = Annotated[Text, AfterValidator(_absolute)]
Project = Annotated[Text, AfterValidator(_project)]
Regex = Annotated[Text, AfterValidator(_regex)]
Lax = Field(strict=False)  # of a tuple: TOML and JSON have lists; what is in it stays strict
Texts = Annotated[tuple[Text, ...], Lax]
Regexes = Annotated[tuple[Regex, ...], Lax]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Usd = Annotated[float, Field(ge=0, le=1e6)]
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

    exclude_projects: Annotated[tuple[Project, ...], Lax] = ()
    exclude_tools: Texts = ()
    transcript_roots: Annotated[tuple[NamedFolder, ...], Lax] = ()
    follow: bool = True
    thinking: bool = False
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
    max_calls_per_day: Annotated[int, Field(ge=0, le=1_000_000)] = 200
    warn_calls_per_day: Annotated[int, Field(ge=0, le=1_000_000)] = 100

    @field_validator("command")
    @classmethod
    def _a_model_needs_a_command(
        cls, command: tuple[str, ...], info: ValidationInfo
    ) -> tuple[str, ...]:
        _need(command, info, "agent", "command")
        return command


class Context(Section):
    """What the context of a session has of earlier ones."""

    sessions: Annotated[int, Field(ge=0, le=100)] = 3
    max_chars: Annotated[int, Field(ge=200, le=4000)] = 2000
    sources: Annotated[tuple[Literal["startup", "resume", "fork"], ...], Lax] = (
        "startup", "resume", "fork"
    )  # fmt: skip


class Sessions(Section):
    """When a session is shown, after how long a silence it counts as ended, and what then goes."""

    adopt_on: Annotated[tuple[Trigger, ...], Lax] = (
        "PreToolUse", "PostToolUse", "PostToolUseFailure", "attended_prompt", "planned"
    )  # fmt: skip
    reap_after_hours: Annotated[int, Field(ge=1, le=876_000)] = 24
    started_only_days: Days = 30


class Remote(Section):
    """Where finished work is sent. Holds no token, only the way to one."""

    kind: Literal["none", "folder", "mindspring", "postgres"] = "none"
    url: Annotated[Line, Dependent, Field(repr=False)] = ""
    # pydantic has a method called `schema`, and warns of a field of that name.
    db_schema: Annotated[Text, Field(alias="schema", max_length=63)] = "agent_journal"
    pull: Literal["none", "own", "shared"] = "none"
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
    raw: bool = False

    @field_validator("path")
    @classmethod
    def _a_folder_needs_a_path(cls, path: str, info: ValidationInfo) -> str:
        _need(path, info, "kind", "folder")
        return path

    @field_validator("url", "workspace")
    @classmethod
    def _a_server_needs_an_address(cls, value: str, info: ValidationInfo) -> str:
        _need(value, info, "kind", "mindspring")
        if info.field_name == "url":
            _need(value, info, "kind", "postgres")
        return value

    @field_validator("url")
    @classmethod
    def _an_address_fits_its_kind(cls, url: str, info: ValidationInfo) -> str:
        if url and info.data.get("kind") == "postgres":
            return _database(url)
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


class Notify(Section):
    """A program that is run when a session begins to wait for its person."""

    command: Texts = ()


class Price(Section):
    """What a model costs, in USD per million tokens. Cached tokens without a price: as input."""

    input: Usd
    output: Usd
    cache_read: Usd | None = None
    cache_write: Usd | None = None


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
    notify: Notify = Notify()
    prices: dict[Text, Price] = {}
