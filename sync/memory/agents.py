"""The three kinds of memory agents, behind one small protocol.

`builtin` never has to be asked: the deterministic summary and the minted id are views of the
session's events (see sync/views). `external` is not asked either: it says its ids with binds, when
it likes. `command` is asked, one session at a time, and answers or fails within its time-out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from journal.settings.sections import Memory
from sync.memory import process
from sync.memory.answer import Answer, read_answer
from sync.memory.digest import prompt
from sync.memory.errors import ModelError

MAX_OUTPUT_BYTES = 16 << 20


class MemoryAgent(Protocol):
    """Who is asked about sessions, if anybody is."""

    @property
    def is_asked(self) -> bool:
        """Whether it has to be asked."""

    def check(self) -> None:
        """ModelError: it could not be asked now, and the attempt does not count as a call."""

    def ask(self, digest: str, stopping: Callable[[], bool]) -> Answer:
        """What it makes of a session. ModelError: it failed, or `stopping` became true."""


class Unasked:
    """`builtin` and `external`."""

    is_asked = False

    def check(self) -> None:
        """There is nothing that could fail."""

    def ask(self, digest: str, stopping: Callable[[], bool]) -> Answer:
        """ModelError: always; it must not be asked."""
        raise ModelError("unasked", "this memory agent is not asked")


@dataclass(frozen=True, slots=True)
class Command:
    """`command`: a model program, started for each session."""

    command: tuple[str, ...]
    timeout_seconds: float
    folder: Path  # where it runs: what it may find there (rules, settings) is of no project
    environ: Mapping[str, str]

    @property
    def is_asked(self) -> bool:
        return True

    def check(self) -> None:
        """NotStartedError: the program does not exist, or may not be executed."""
        process.find(self.command, self.folder, process.environment(self.environ))

    def ask(self, digest: str, stopping: Callable[[], bool]) -> Answer:
        """One call of the program."""
        output = process.run(
            self.command,
            prompt(digest),
            self.timeout_seconds,
            MAX_OUTPUT_BYTES,
            stopping,
            self.folder,
            process.environment(self.environ),
        )
        try:
            answer = read_answer(output.stdout)
        except ModelError as error:
            if output.code == 0 or error.kind == "refused":
                raise
        else:
            if output.code == 0:
                return answer
        said = f": {output.stderr_end[:200]}" if output.stderr_end else ""
        raise ModelError("exit", f"the program ended with code {output.code}{said}")


def agent_of(memory: Memory, folder: Path, environ: Mapping[str, str]) -> MemoryAgent:
    """The memory agent of the settings."""
    if memory.agent != "command":
        return Unasked()
    return Command(memory.command, memory.timeout_seconds, folder, environ)
