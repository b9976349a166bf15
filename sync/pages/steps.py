"""The steps of a session on a page: words, calls, sub-agents, and groups of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sync.pages.edits import Change, change
from sync.pages.outcome import outcome
from sync.pages.pictures import named
from sync.pages.value_text import Field, fields, texts

if TYPE_CHECKING:
    from sync.query.session_detail import Observation

_COMMANDS = ("command", "cmd", "script")


@dataclass(frozen=True, slots=True)
class Words:
    """A prompt, an answer, or why a turn failed."""

    at_us: int
    head: str  # who says it
    text: str
    by_person: bool = False
    failed: bool = False
    id: str = ""  # of its event
    agent: str = ""  # the sub-agent that said it; "" is the session itself
    taken_back: bool = False
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class Child:
    """A sub-agent that began."""

    at_us: int
    type: str
    took: str  # "" while it runs
    agent: str = ""  # its id
    id: str = ""
    taken_back: bool = False
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call, or several equal ones; its texts but those of the fields are one line."""

    at_us: int
    tool: str
    by: str  # the type of the sub-agent that made it; "" is the session itself
    target: str
    ended: str  # ok, failed, unfinished
    count: int
    made: "Observation"
    id: str = ""  # of its event
    agent: str = ""  # the id of the sub-agent that made it
    taken_back: bool = False
    inherited: bool = False

    @property
    def change(self) -> Change | None:
        """What it changed in a file."""
        return None if self.made.ok is False else change(self.made.input, self.made.output)

    @property
    def result(self) -> str:
        """How it ended, in a few words: `+4 -1`, `2 failed, 14 passed`."""
        failed = self.made.ok is False
        return outcome(_action(self.made.input), self.change, self.made.output, failed)

    @property
    def input(self) -> list[Field]:
        """What the tool was given; nothing if that is not known."""
        return [] if self.made.input is None else fields(named(self.made.input))

    @property
    def output(self) -> list[Field]:
        """What it gave back, without the texts that its input holds."""
        if self.made.output is None:
            return []
        return fields(named(self.made.output), texts(self.made.input))


Step = Words | Child | Call


@dataclass(frozen=True, slots=True)
class Group:
    """Steps that are folded: a sub-agent's, a turn that was taken back, what a fork inherited."""

    kind: str  # agent, taken-back or inherited
    head: str
    steps: list[Step]
    at_us: int
    id: str

    @property
    def failures(self) -> int:
        """How many of its calls failed."""
        return sum(isinstance(step, Call) and step.made.ok is False for step in self.steps)


Block = Step | Group


def _action(given: Any) -> str:
    """What a call does, as far as its input says it: `run`, `read` or nothing."""
    if not isinstance(given, Mapping):
        return ""
    if any(isinstance(given.get(key), (str, list)) for key in _COMMANDS):
        return "run"
    return "read" if any(key in given for key in ("file_path", "filePath")) else ""
