"""Copies the transcripts of sessions that hooks reported into the journal, as they grow.

Invariant: a record is appended to the journal only if the database does not hold its id, and the
offset is saved in the transaction that stores the records before it, see `ingest.Reader.batches`.
So a copy that is killed anywhere, or begins again because a file was replaced, adds what is missing
and nothing twice. What is copied stays when the agent deletes its file.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from journal.agents import AGENTS
from journal.agents.claude_code import transcript_lines
from journal.agents.transcript_entry import Row
from journal.layout import Layout
from journal.record import record
from journal.settings.sources import Settings
from sync.ingest.appending import Appender
from sync.ingest.dead_letters import Dead
from sync.ingest.line_reader import OpenFile
from sync.ingest.screening import Screen
from sync.store import facts
from sync.store.file_cursors import Cursor
from sync.transcripts import discovery
from sync.transcripts.agent_reading import AgentReading
from sync.transcripts.allowed_paths import allowed_roots, is_allowed
from sync.transcripts.history import Projects
from sync.transcripts.records import (
    BEGINNING_BYTES,
    Keeping,
    Reading,
    TornLineError,
    beginning,
    keeping,
    lines_before,
    too_long,
)
from sync.views import sessions, transcripts
from sync.views.transcripts import Copied

Git = Callable[[str, str], dict[str, str] | None]


@dataclass(slots=True)
class Copies:
    """What one run copied. `reached` is to be saved with the records."""

    records: int = 0
    rejected: int = 0  # lines that are not records, in whole or in part; kept in dead/
    reached: list[Copied] = field(default_factory=list)


def copy(
    db: apsw.Connection,
    layout: Layout,
    settings: Settings,
    screen: Screen,
    dead: Dead,
    environ: Mapping[str, str],
    now_us: int,
    *,
    follow: bool,
) -> Copies:
    """Append what is new in transcripts to the journal. JournalError: it cannot be written.

    `follow`: walk the agents' folders, too, for transcripts that no hook named.
    """
    copies = Copies()
    # Where settings switch all hooks off, what hooks named before is not copied, either.
    named = settings.capture.transcript_roots
    roots = allowed_roots(discovery.followed(discovery.roots(named, environ, layout)))
    kept = keeping(layout, settings)
    with Appender(db, layout, exclusions=screen.exclusions) as appender:
        into = _Into(db, appender, screen, dead, copies)
        for one, due in transcripts.to_copy(db, now_us):
            if not _look_at(one, into, kept, roots) and due:
                copies.reached.append(one)  # gone, or nothing is new: done
            for path in _subagent_files(one):
                inner = transcripts.reached(db, path, one.agent, one.session)
                _look_at(inner, into, kept, roots)
        if follow and settings.capture.follow:
            _follow(db, layout, settings, environ, into, kept)
        appender.flush()
        copies.records = appender.appended
    return copies


def _follow(
    db: apsw.Connection,
    layout: Layout,
    settings: Settings,
    environ: Mapping[str, str],
    into: "_Into",
    kept: Keeping,
) -> None:
    """Copy what no hook named, or named wrongly, and what grew although its session had ended."""
    done = {str(one.path) for one in into.copies.reached}
    git = Projects()
    grown, note = discovery.grown(db, layout, settings.capture.transcript_roots, environ)
    into.copies.reached += [] if note is None else [note]
    for found, before in grown:
        if str(found.path) not in done:
            is_hooked = sessions.is_hooked(db, before.agent, before.session)
            _read_on(before, into, kept, no_git if is_hooked else git)


@dataclass(frozen=True, slots=True)
class _Into:
    """Where the records go."""

    db: apsw.Connection
    appender: Appender
    screen: Screen
    dead: Dead
    copies: Copies

    def add(
        self, reading: Reading | AgentReading, offset: int, line: bytes, *, only_known: bool = False
    ) -> None:
        """What one line holds; `only_known`: of sessions that are here already."""
        try:
            for made in reading.records(offset, line):
                if only_known and facts.known_key(self.db, made.agent, made.session) is None:
                    continue
                clean = self.screen.record(made)
                data = record.dump(clean).rstrip()
                self.appender.add(clean, data, (made.agent, made.session))
        except TornLineError as error:
            self.refuse(reading.path, offset, error)

    def refuse(self, path: Path, offset: int, error: TornLineError) -> None:
        """Keep what is not a record."""
        self.copies.rejected += self.dead.put(path, offset, error.torn, str(error))


def settle(db: apsw.Connection, copies: Copies) -> None:
    """Remember how far files were read that had nothing to be copied."""
    if copies.reached:  # in most passes nothing is written
        with db:
            transcripts.save(db, copies.reached)


def _subagent_files(one: Copied) -> list[Path]:
    """The files of a session's sub-agents."""
    agent = AGENTS.get(one.agent)
    if agent is None or agent.transcripts is None:
        return transcript_lines.subagent_files(one.path)
    return agent.transcripts.subagent_files(one.path)


def _look_at(before: Copied, into: _Into, kept: Keeping, roots: list[str]) -> bool:
    """Copy what is new of one file; whether anything was."""
    if not _has_rows(before):
        try:
            status = os.stat(before.path)  # noqa: PTH116 - of each open session, in each pass
        except (OSError, ValueError):
            return False  # gone, or a name that no file can have
        if before.cursor.unchanged(status):
            return False
    return is_allowed(before.path, roots) and _read_on(before, into, kept, no_git)


def _has_rows(one: Copied) -> bool:
    """Whether the file does not consist of lines, as a database."""
    agent = AGENTS.get(one.agent)
    return (
        agent is not None
        and agent.transcripts is not None
        and agent.transcripts.rows(one.path, one.cursor.offset) is not None
    )


def _read_on(before: Copied, into: _Into, kept: Keeping, git: Git) -> bool:
    """Copy one file from where it was reached; whether anything was new."""
    agent = AGENTS.get(before.agent)
    if agent is not None and agent.transcripts is not None:
        rows = agent.transcripts.rows(before.path, before.cursor.offset)
        if rows is not None:
            return _copy_rows(before, rows, into, kept, git)
    return _copy(before, into, kept, git)


def _copy(before: Copied, into: _Into, kept: Keeping, git: Git) -> bool:
    """One file, from where it was reached. One that cannot be read is left for the next run."""
    try:
        with OpenFile(Path(os.path.realpath(before.path))) as file:
            offset = file.resume(before.cursor)
            cursor = before.cursor
            reading = _reading(before, file, offset, kept, git)
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


def _copy_rows(before: Copied, rows: Iterator[Row], into: _Into, kept: Keeping, git: Git) -> bool:
    """What has changed in a file that does not consist of lines, as a database."""
    try:
        changed_ns = _changed_ns(before.path)
        if changed_ns == before.cursor.modified_ns:
            return False
        reading = AgentReading(before.path, AGENTS[before.agent], before.last_us, kept, git)
        since_ms = before.cursor.offset
        for row in rows:
            into.add(reading, 0, row.line, only_known=True)  # others are for `journal import`
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


def _reading(
    before: Copied, file: OpenFile, offset: int, kept: Keeping, git: Git
) -> Reading | AgentReading:
    last_us = before.last_us
    if not offset:
        last_us, _ = beginning(os.pread(file.fd, BEGINNING_BYTES, 0), file.modified_ns)
    agent = AGENTS.get(before.agent)
    reading: Reading | AgentReading
    if agent is not None and agent.transcripts is not None:
        reading = AgentReading(before.path, agent, last_us, kept, git)
    else:
        reading = Reading(before.path, before.session, last_us, kept, git)
    for line in lines_before(file, offset):
        try:
            reading.recall(line)
        except record.BadLineError:
            continue  # it was counted when it was read
    return reading


def no_git(directory: str, branch: str) -> None:
    """Hooks know a session's project better than its transcript."""
