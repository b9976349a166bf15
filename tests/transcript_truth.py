"""What a made-up history of transcripts holds, known because it was made so."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from transcript_records import Record, Tokens

Ended = Literal["ok", "failed", "none"]
FRAME = "<agent-journal project="


class Prompt(NamedTuple):
    """Something a person asked for."""

    uuid: str
    text: str
    queued: bool = False  # typed into a running turn: an attachment tells of it, and no hook
    copied: bool = False


class Call(NamedTuple):
    """A tool call. `failed`: its result is an error, and so is one that was refused."""

    id: str
    tool: str
    ended: Ended
    agent: str = ""  # the sub-agent that called
    refused: bool = False  # a person said no, or stopped it: no hook tells how it ended
    invalid: bool = False  # the agent rejected the input: no hook fires at all
    copied: bool = False


class Answer(NamedTuple):
    """A text of the model; `final`: the last of its turn."""

    uuid: str
    text: str
    final: bool
    agent: str = ""
    copied: bool = False


class Used(NamedTuple):
    """The tokens of one message."""

    message: str
    tokens: Tokens
    agent: str = ""
    copied: bool = False


class Subagent(NamedTuple):
    """A sub-agent, and the call that began it."""

    id: str
    type: str
    call: str
    path: Path


class Needle(NamedTuple):
    """Where a word stands that stands nowhere else. Kinds: see KINDS."""

    session: str
    kind: str


KINDS = (
    "prompt",
    "input",
    "output",
    "error",
    "answer",  # the last words of a turn
    "aside",  # a text on the way
    "subagent_input",
    "subagent_output",
    "subagent_aside",
)


@dataclass
class Session:
    """One transcript with its sub-agents' files. `copied` things came from the session forked."""

    id: str
    path: Path
    cwd: str  # at its beginning
    started_us: int
    ended_us: int = 0
    prompts: list[Prompt] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    used: list[Used] = field(default_factory=list)
    subagents: list[Subagent] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)  # what the service answered instead
    lines: int = 0  # whole and no torn ones, of all files
    kept: int = 0  # of these; see is_kept
    copied: int = 0  # of the kept: they came from the session it was forked from
    copies: frozenset[str] = frozenset()  # the uuids of these, and of copies that are not kept
    twice: int = 0  # of the kept: they stand there a second time
    torn: int = 0  # lines with bytes that belong to no record
    tail: int = 0  # bytes after the last newline
    resumed: int = 0
    forked: str = ""  # the session it began as
    how: str = ""  # cli, branch or sdk
    size: int = 0  # bytes

    @property
    def files(self) -> list[Path]:
        """Its own transcript and those of its sub-agents."""
        return [self.path, *(subagent.path for subagent in self.subagents)]


@dataclass
class History:
    """A folder as ~/.claude/projects."""

    root: Path
    sessions: list[Session] = field(default_factory=list)
    needles: dict[str, Needle] = field(default_factory=dict)
    forbidden: list[str] = field(default_factory=list)  # words that nobody may ever find

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(session.size for session in self.sessions)

    def used(self, sessions: Iterable[Session] | None = None) -> dict[str, Tokens]:
        """The tokens by message, each once however many sessions hold it."""
        chosen = self.sessions if sessions is None else sessions
        return {used.message: used.tokens for one in chosen for used in one.used}


def is_kept(record: Record) -> bool:
    """Whether a record says something that is not a secret of the agent's, or our own words."""
    kind = record["type"]
    if kind == "assistant":
        return any(block["type"] != "thinking" for block in record["message"]["content"])
    if kind == "attachment":
        ours = FRAME in json.dumps(record["attachment"])
        return record["attachment"]["type"] != "prompt_snapshot" and not ours
    return not kind.startswith("api-request")
