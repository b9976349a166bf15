"""A transcript that is imported as history: read whole, from any folder."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from hooks.project import Place, locate
from journal.agents import AGENTS
from journal.agents.claude_code.transcript_lines import session_of
from journal.agents.transcript_entry import Row
from journal.printable import one_line
from journal.record import record
from sync.ingest.foreign_lines import Line, UnreadableError, lines
from sync.ingest.line_reader import MAX_LINE_BYTES, OpenFile
from sync.store.file_cursors import Cursor
from sync.transcripts.agent_reading import AgentReading
from sync.transcripts.records import (
    BEGINNING_BYTES,
    Keeping,
    Reading,
    beginning,
    lines_before,
    too_long,
)
from sync.views.transcripts import Copied

_BEGINNING_LINES = 200


class Projects:
    """The projects of the directories that transcripts name, as they are on this machine today."""

    def __init__(self, scope: str = "") -> None:
        """`scope`: what the paths of this home are paths of, see hooks/project.py."""
        self._scope = scope or os.uname().nodename
        self._known: dict[str, Place] = {}

    def __call__(self, directory: str, branch: str) -> dict[str, str] | None:
        """What SessionStart would have recorded: the branch of then, and no commit."""
        if not directory:
            return None
        if directory not in self._known:
            self._known[directory] = locate(directory, self._scope)
        place = self._known[directory]
        return {
            "key": place.key,
            "name": place.name,
            "top": place.top,
            "branch": "" if branch == "HEAD" else branch,  # none was checked out
            "head": "",
            **({"folder": place.folder} if place.folder else {}),
        }


class TranscriptSource:
    """One file and how far its meaning is known. UnreadableError: it cannot be read."""

    def __init__(
        self, path: Path, agent: str, kept: Keeping, projects: Projects, before: Copied
    ) -> None:
        self.path = path
        self.reached = before  # as far as `lines` were taken
        self._reading: Reading | AgentReading
        self._rows: Iterator[Row] | None = None
        known = AGENTS[agent]
        if known.transcripts is None:
            last_us, session = beginning(_beginning(path), path.stat().st_mtime_ns)
            self._reading = Reading(path, session or session_of(path), last_us, kept, projects)
            return
        self._rows = known.transcripts.rows(path, 0)
        data = _beginning(path) if self._rows is None else b""
        last_us, _ = beginning(data, path.stat().st_mtime_ns)
        self._reading = AgentReading(path, known, last_us, kept, projects)

    def lines(self) -> Iterator[Line]:
        """The lines that are not read yet, or what is made of rows. UnreadableError."""
        if self._rows is not None:
            return _numbered(self.path, self._rows)
        is_plain = self.path.suffix in (".jsonl", ".json")
        return self._read_on() if is_plain else lines(self.path)

    def _read_on(self) -> Iterator[Line]:
        """From where the file was reached; a last line without its end is read, not reached."""
        number = 0
        try:
            with OpenFile(self.path) as file:
                offset = file.resume(self.reached.cursor)
                for line in lines_before(file, offset):
                    with suppress(record.BadLineError):  # it was counted when it was read
                        self._reading.recall(line)
                for chunk in file.chunks(offset):
                    for at, data in chunk.lines:
                        number += 1
                        yield Line(number, at, data, len(data) + 1, at)
                    if chunk.too_long is not None:
                        number += 1
                        at, size, head = chunk.too_long
                        yield Line(number, at, head, size, at)
                    last_us = self._reading.last_us
                    self.reached = self.reached._replace(cursor=chunk.cursor, last_us=last_us)
                if not self.reached.cursor.inode:  # no whole line is in it yet
                    none_yet = Cursor(file.inode, file.modified_ns, 0, b"")
                    self.reached = self.reached._replace(cursor=none_yet)
                tail = os.pread(file.fd, MAX_LINE_BYTES, max(offset, self.reached.cursor.offset))
                if tail.strip():
                    at = max(offset, self.reached.cursor.offset)
                    yield Line(number + 1, at, tail, len(tail), at)
        except OSError as error:
            raise _unreadable(self.path, error) from error

    def records(self, line: Line) -> Iterator[record.Record]:
        """What one line says. TornLineError: not all of it could be read."""
        if line.size > len(line.data) + 1:
            raise too_long(line.data, line.size)
        return self._reading.records(line.offset, line.data)


def _unreadable(path: Path, error: OSError) -> UnreadableError:
    message = one_line(f"cannot read {path} to its end: {error.strerror}")
    return UnreadableError(message, "check its rights")


def _numbered(path: Path, rows: Iterator[Row]) -> Iterator[Line]:
    """Rows as lines: all of the file is read for the first one."""
    try:
        size = path.stat().st_size
        for number, row in enumerate(rows, 1):
            yield Line(number, 0, row.line, len(row.line), size)
    except (OSError, ValueError) as error:
        message = one_line(f"cannot read {path} to its end: {error}")
        raise UnreadableError(message, "close its program, or take a copy of the file") from error


def _beginning(path: Path) -> bytes:
    """UnreadableError: it cannot be read."""
    if path.suffix == ".jsonl":
        try:
            with path.open("rb", buffering=0) as file:
                return file.read(BEGINNING_BYTES)
        except OSError as error:
            raise _unreadable(path, error) from error
    parts: list[bytes] = []
    size = 0
    for line in lines(path):
        parts.append(line.data)
        size += len(line.data)
        if size > BEGINNING_BYTES or line.number >= _BEGINNING_LINES:
            break
    return b"\n".join(parts)
