"""The records of an agent's own file, by what its folder in journal/agents says of such files.

The id of a record follows from its session, its sub-agent and the own id of what it holds, so
every reader of the same file makes records with the same ids, whole, in parts or written again.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from journal.agents import TRANSCRIPT
from journal.agents.claude_code import transcript_torn_lines
from journal.agents.contract import Agent, Transcripts
from journal.agents.transcript_entry import Entry, Reader, dump
from journal.record import record
from sync.transcripts.records import (
    Keeping,
    TornLineError,
    harmless,
    moment_us,
    record_id,
)


@dataclass(slots=True)
class AgentReading:
    """One file, read from some line on to its end."""

    path: Path
    agent: Agent
    last_us: int  # the time of lines that have none
    keeping: Keeping
    git: Callable[[str, str], dict[str, str] | None]  # of a directory and a branch
    host: str = field(default_factory=lambda: os.uname().nodename)
    _reader: Reader = field(init=False)
    _files: Transcripts = field(init=False)

    def __post_init__(self) -> None:
        assert self.agent.transcripts is not None
        self._files = self.agent.transcripts
        self._reader = self._files.reader(self.path, self.keeping.thinking)

    def records(self, offset: int, line: bytes) -> Iterator[record.Record]:
        """What one line says. TornLineError, after the last record: not all of it could be read."""
        if not line.strip():
            return
        for part, entry in enumerate(self._entries(line)):
            self.last_us = moment_us(entry.at) or self.last_us
            if entry.session and self.keeping.wants(entry.cwd, self.last_us):
                yield self._record(entry, offset, part)

    def recall(self, line: bytes) -> None:
        """Note what a line before the ones that are read says of these. BadLineError."""
        for _ in self._entries(line):
            pass

    def _entries(self, line: bytes) -> Iterator[Entry]:
        try:
            yield from self._reader.entries(line)
        except record.BadLineError as error:
            whole, torn = transcript_torn_lines.parts(line, self._files.is_record)
            for part in whole:
                yield from self._reader.entries(part)
            if torn:
                raise TornLineError(torn, "no whole record: cut off or damaged") from error

    def _record(self, entry: Entry, offset: int, part: int) -> record.Record:
        said: dict[str, Any] = {"session_id": entry.session}
        if entry.subagent:
            said |= {"agent_id": entry.subagent, "agent_type": entry.subagent_type}
        place = offset if entry.offset is None else entry.offset
        said |= {"cwd": entry.cwd, "file": str(self.path), "offset": place}
        if number := entry.part or part:
            said["part"] = number
        said |= entry.context
        origin: dict[str, Any] = {
            "host": self.host, "pid": None, "entrypoint": entry.entrypoint or None
        }  # fmt: skip
        if git := self.git(entry.cwd, entry.branch):
            origin["git"] = git
        own_id = entry.own_id or hashlib.blake2b(entry.line.strip(), digest_size=12).hexdigest()
        named = f"{self.agent.name}\0{entry.session}\0{entry.subagent}\0{own_id}"
        return record.Record(
            record_id(moment_us(entry.at), named),
            self.last_us,
            self.agent.name,
            TRANSCRIPT,
            entry.session,
            origin,
            dump(said)[:-1] + b',"line":' + harmless(entry.line) + b"}",
            False,
        )
