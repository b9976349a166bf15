"""Copies the transcripts of sessions that hooks reported into the journal, as they grow.

Invariant: a record is appended to the journal only if the database does not hold its id, and the
offset is saved in the transaction that stores the records before it, see `ingest.Reader.batches`.
So a copy that is killed anywhere, or begins anew because a file was replaced, adds what is missing
and nothing twice. What is copied stays when the agent deletes its file.

A path is input from outside: only a regular file of this user is read, and only if it lies, links
resolved, below the agent's own folders of transcripts or `capture.transcript_roots`.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from journal.agents import AGENTS
from journal.agents.claude_code import transcript_lines
from journal.agents.entry import Row
from journal.layout import Layout
from journal.record import record
from journal.settings.sources import Settings
from sync.ingest.appending import Appender
from sync.ingest.dead_letters import Dead
from sync.ingest.line_reader import OpenFile
from sync.ingest.screening import Screen
from sync.store.file_cursors import Cursor
from sync.transcripts.agent_reading import AgentReading
from sync.transcripts.records import (
    BEGINNING_BYTES,
    Keeping,
    Reading,
    TornLineError,
    beginning,
    keeping,
    too_long,
)
from sync.views import transcripts
from sync.views.transcripts import Copied

_RECALLED_BYTES = 4 << 20  # before an offset: calls that began there may end behind it


@dataclass(slots=True)
class Copies:
    """What one run copied. `reached` is to be saved with the records."""

    records: int = 0
    rejected: int = 0  # lines that are no records, in whole or in part; kept in dead/
    reached: list[Copied] = field(default_factory=list)


def copy(
    db: apsw.Connection,
    layout: Layout,
    settings: Settings,
    screen: Screen,
    dead: Dead,
    environ: Mapping[str, str],
    now_us: int,
) -> Copies:
    """Append what is new in transcripts to the journal. JournalError: it cannot be written."""
    copies = Copies()
    roots = allowed_roots(settings, environ)
    kept = keeping(layout, settings)
    with Appender(db, layout, exclusions=screen.exclusions) as appender:
        into = _Into(appender, screen, dead, copies)
        for one, due in transcripts.to_copy(db, now_us):
            if not _look_at(one, into, kept, roots) and due:
                copies.reached.append(one)  # gone, or nothing is new: that is settled
            for path in _beside(one):
                inner = transcripts.reached(db, path, one.agent, one.session)
                _look_at(inner, into, kept, roots)
        appender.flush()
        copies.records = appender.appended
    return copies


@dataclass(frozen=True, slots=True)
class _Into:
    """Where the records go."""

    appender: Appender
    screen: Screen
    dead: Dead
    copies: Copies

    def add(self, reading: Reading | AgentReading, offset: int, line: bytes) -> None:
        """What one line holds."""
        try:
            for made in reading.records(offset, line):
                clean = made._replace(body=self.screen.body(made))
                data = record.dump(clean).rstrip()
                self.appender.add(clean, data, (made.agent, made.session))
        except TornLineError as error:
            self.refuse(reading.path, offset, error)

    def refuse(self, path: Path, offset: int, error: TornLineError) -> None:
        """Keep what is no record."""
        self.copies.rejected += self.dead.put(path, offset, error.torn, str(error))


def settle(db: apsw.Connection, copies: Copies) -> None:
    """Remember how far files were read that had nothing to be copied."""
    if copies.reached:  # in most passes nothing is written
        with db:
            transcripts.save(db, copies.reached)


def allowed_roots(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """The folders below which transcripts may lie, without links."""
    configured = [Path(root).expanduser() for root in settings.capture.transcript_roots]
    folders = [*transcript_lines.folders(environ), *configured]
    for agent in AGENTS.values():
        folders += agent.transcripts.folders(environ) if agent.transcripts else []
    return [os.path.realpath(folder) for folder in folders]


def _beside(one: Copied) -> list[Path]:
    """The files of a session's sub-agents."""
    agent = AGENTS.get(one.agent)
    if agent is None or agent.transcripts is None:
        return transcript_lines.subagent_files(one.path)
    return agent.transcripts.beside(one.path)


def is_allowed(path: Path, roots: list[str]) -> bool:
    """Whether a path from outside may be read."""
    try:
        real = os.path.realpath(path, strict=True)
        status = os.stat(real, follow_symlinks=False)  # noqa: PTH116
    except (OSError, ValueError):
        return False  # gone, a loop of links, a NUL
    is_ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid()
    return is_ours and _is_named_so(Path(real)) and any(_is_below(real, root) for root in roots)


def _is_named_so(path: Path) -> bool:
    """Whether some agent gives its transcripts such a name."""
    known = (agent.transcripts for agent in AGENTS.values())
    return path.suffix == ".jsonl" or any(one.holds(path) for one in known if one)


def _is_below(path: str, root: str) -> bool:
    return path.startswith(root.rstrip("/") + "/")


def _look_at(before: Copied, into: _Into, kept: Keeping, roots: list[str]) -> bool:
    """Copy what is new of one file; whether anything was."""
    if (agent := AGENTS.get(before.agent)) is not None and agent.transcripts is not None:
        rows = agent.transcripts.rows(before.path, before.cursor.offset)
        if rows is not None:
            return _copy_rows(before, rows, into, kept, roots)
    try:
        status = os.stat(before.path)  # noqa: PTH116 - of each open session, in each pass
    except (OSError, ValueError):
        return False  # gone, or a name that no file can have
    if before.cursor.unchanged(status) or not is_allowed(before.path, roots):
        return False
    return _copy(before, into, kept)


def _copy(before: Copied, into: _Into, kept: Keeping) -> bool:
    """One file, from where it was reached. One that cannot be read is left for the next run."""
    try:
        with OpenFile(Path(os.path.realpath(before.path))) as file:
            offset = file.resume(before.cursor)
            cursor = before.cursor
            reading = _reading(before, file, offset, kept)
            for chunk in file.chunks(offset):
                for at, line in chunk.lines:
                    into.add(reading, at, line)
                if chunk.too_long is not None:
                    at, size, head = chunk.too_long
                    into.refuse(reading.path, at, too_long(head, size))
                cursor = chunk.cursor
    except OSError:
        return False
    reached = Copied(*before[:3], cursor, reading.last_us)
    if reached != before:
        into.copies.reached.append(reached)
    return reached != before


def _copy_rows(
    before: Copied, rows: Iterator[Row], into: _Into, kept: Keeping, roots: list[str]
) -> bool:
    """What has changed in a file that does not consist of lines, as a database."""
    try:
        changed_ns = _changed_ns(before.path)
        if changed_ns == before.cursor.modified_ns or not is_allowed(before.path, roots):
            return False
        reading = AgentReading(before.path, AGENTS[before.agent], before.last_us, kept, no_git)
        since_ms = before.cursor.offset
        for row in rows:
            into.add(reading, 0, row.line)
            since_ms = max(since_ms, row.changed_ms)
    except (OSError, ValueError):
        return False  # it is left for the next pass
    cursor = Cursor(0, changed_ns, since_ms, b"")
    into.copies.reached.append(Copied(*before[:3], cursor, reading.last_us))
    return True


def _changed_ns(path: Path) -> int:
    """When a file, or the log in which SQLite first writes its changes, was changed."""
    times = [path.stat().st_mtime_ns]
    with suppress(FileNotFoundError):
        times.append(path.with_name(f"{path.name}-wal").stat().st_mtime_ns)
    return max(times)


def _reading(before: Copied, file: OpenFile, offset: int, kept: Keeping) -> Reading | AgentReading:
    last_us = before.last_us
    if not offset:
        last_us, _ = beginning(os.pread(file.fd, BEGINNING_BYTES, 0), file.modified_ns)
    agent = AGENTS.get(before.agent)
    reading: Reading | AgentReading
    if agent is not None and agent.transcripts is not None:
        reading = AgentReading(before.path, agent, last_us, kept, no_git)
    else:
        reading = Reading(before.path, before.session, last_us, kept, no_git)
    for line in _lines_before(file, offset):
        try:
            reading.recall(line)
        except record.BadLineError:
            continue  # it was counted when it was read
    return reading


def no_git(directory: str, branch: str) -> None:
    """Hooks know a session's project better than its transcript."""


def _lines_before(file: OpenFile, offset: int) -> Iterator[bytes]:
    start = max(0, offset - _RECALLED_BYTES)
    if start:  # the first line may say whose file it is
        yield os.pread(file.fd, BEGINNING_BYTES, 0).partition(b"\n")[0]
    lines = os.pread(file.fd, offset - start, start).split(b"\n")
    yield from lines[1 if start else 0 :]
