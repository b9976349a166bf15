"""The state of one session, as its events in order have made it. Plain data, bounded in size."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

# What is kept of each list and text: enough for a summary, bounded for a session of any length.
MAX_FILES = 200
MAX_COMMANDS = 60
MAX_SEARCHES = 40
MAX_PROMPTS = 6
MAX_SUBAGENTS = 100
MAX_PARENTS = 50
MAX_TEXT_CHARS = 4_000
MAX_TARGET_CHARS = 400

# Front ends at which no person sits: scripts, pipelines, other programs.
_HEADLESS = (
    "sdk", "exec", "codex_exec", "headless", "mcp", "github-action", "claude-code-github-action",
    "ci",
)  # fmt: skip

# Raised whenever fold or this shape changes: stored states are then folded again.
STATE_VERSION = 3


def is_attended(origin: Mapping[str, Any]) -> bool:
    """Whether a person sits at the front end: a terminal, an editor, a desktop or web page.

    A program that drives the agent may have a person before it: then the record says so.
    """
    if isinstance(said := origin.get("attended"), bool):
        return said
    entrypoint: str = origin.get("entrypoint") or ""
    return entrypoint != "" and not entrypoint.startswith(_HEADLESS)


@dataclass(slots=True)
class Command:
    """A command that was run, however often."""

    runs: int = 0
    failures: int = 0
    last_failed: bool = False
    last_error: str = ""
    last_us: int = 0


@dataclass(slots=True)
class OpenTool:
    """A tool that began and has not ended."""

    tool: str
    target: str
    action: str
    since_us: int
    subagent: str


@dataclass(slots=True)
class Subagent:
    """A child of the session."""

    type: str
    since_us: int
    ended_us: int | None = None


@dataclass(slots=True)
class Said:
    """Words with their time."""

    at_us: int
    text: str


@dataclass(slots=True)
class SessionState:
    """One session. Times are microseconds since 1970; "" and None mean not known."""

    version: int = STATE_VERSION
    started_us: int = 0
    last_us: int = 0
    events: int = 0
    # where
    host: str = ""
    home: str = ""  # the id of the home that recorded it
    process: str = ""  # the agent's, see hooks.emit.process
    processes: int = 0  # records in a row that named it
    folder: str = ""  # the repository that names the project
    shown: str = ""  # a commit of the project that the folder contains
    pid: int | None = None
    entrypoint: str = ""
    attended: bool = False  # a person sat at its front end at least once
    hooked: bool = False  # a hook has reported something of it
    forked_us: int = 0  # when it began as a fork of another session
    plan: str = ""
    cwd: str = ""
    project: str = ""  # the key of hooks.project
    project_name: str = ""
    top: str = ""
    branch: str = ""
    head: str = ""
    # what runs, what waits
    turn_open: bool = False
    question: str = ""  # what waits for the person
    question_tool: str = ""
    question_by: str = ""  # the sub-agent that asks; "" is the session itself
    question_us: int | None = None
    ended_us: int | None = None
    end_reason: str = ""
    inferred_end: str = ""  # why it counts as ended although it did not say so
    open_tools: dict[str, OpenTool] = field(default_factory=dict)
    subagents: dict[str, Subagent] = field(default_factory=dict)
    triggers: list[str] = field(default_factory=list)  # of adoption, seen so far
    # what was asked, done and said
    prompts: int = 0
    first_prompt: Said | None = None  # a person's, or one of whom nothing says who wrote it
    last_prompts: list[Said] = field(default_factory=list)  # likewise
    has_person: bool = False  # a person wrote one of the prompts
    named: str = ""  # by the person
    named_by_agent: str = ""
    turn_index: int = 0  # the highest number of a prompt, as the transcript counts
    unnumbered: int = 0  # prompts since the last one that has such a number
    parents: list[str] = field(default_factory=list)  # what the last prompts follow
    tools: int = 0
    failures: int = 0
    files_read: dict[str, int] = field(default_factory=dict)
    files_edited: dict[str, int] = field(default_factory=dict)
    searches: dict[str, int] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)
    last_words: Said | None = None
    turn_error: str = ""
    interrupted: str = ""  # the tool that an interrupt or the end cut off
    interrupted_us: int | None = None

    @property
    def status(self) -> str:
        """`working`, `awaiting`, `idle` or `finished` (interface, section 5)."""
        if self.ended_us is not None or self.inferred_end:
            return "finished"
        if self.question_us is not None:
            return "awaiting"
        running = any(child.ended_us is None for child in self.subagents.values())
        return "working" if self.turn_open or running else "idle"

    @property
    def ending(self) -> str:
        """How a finished session ended: `ended` by itself, `failed` or `cut off`; else "".

        Failed: its last turn did. Cut off: in the middle of one.
        """
        if self.status != "finished":
            return ""
        if self.turn_error:
            return "failed"
        running = any(child.ended_us is None for child in self.subagents.values())
        if self.turn_open or running or self.question_us is not None:
            return "cut off"
        is_cut = self.ended_us is not None and self.interrupted_us == self.ended_us
        return "cut off" if is_cut else "ended"

    def adopted(self, adopt_on: tuple[str, ...]) -> bool:
        """Whether it is shown to people, given the settings' `sessions.adopt_on`."""
        return not set(adopt_on).isdisjoint(self.triggers)

    def dump(self) -> bytes:
        """The state as JSON, without most of what is as in the state of no events."""
        values = ((name, getattr(self, name)) for name in _NAMES)
        return orjson.dumps(
            {name: value for name, value in values if name in _ASKED or value != _EMPTY[name]}
        )

    @classmethod
    def load(cls, data: bytes | str) -> "SessionState | None":
        """The state of `dump`, or None if another version wrote it."""
        fields: dict[str, Any] = orjson.loads(data)
        if fields.get("version") != STATE_VERSION:
            return None
        kinds = {"open_tools": OpenTool, "subagents": Subagent, "commands": Command}
        for name, kind in kinds.items():
            fields[name] = {k: kind(**v) for k, v in fields.get(name, {}).items()}
        fields["last_prompts"] = [Said(**v) for v in fields.get("last_prompts", [])]
        for name in ("first_prompt", "last_words"):
            fields[name] = Said(**fields[name]) if fields.get(name) else None
        return cls(**fields)


_EMPTY = {name: getattr(SessionState(), name) for name in SessionState.__slots__}
_NAMES = tuple(_EMPTY)
# Some queries ask a stored state for these.
_ASKED = frozenset(
    ("version", "pid", "host", "home", "hooked", "process", "processes", "open_tools")
)
