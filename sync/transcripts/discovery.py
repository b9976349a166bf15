"""All transcripts that agents keep here, found at the cost of one `stat` a file.

Hooks do not name every transcript, and name some wrongly: the session's file lies in another
folder, hooks were switched off, or the agent ran without them. So the folders are walked. Links
that the person put below an agent's folder are followed, each file once.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from journal.agents import AGENTS
from journal.agents.claude_code import transcript_lines
from journal.layout import Layout
from journal.settings.sources import Settings
from sync.store.file_cursors import START
from sync.transcripts.records import session_of
from sync.views import transcripts
from sync.views.transcripts import Copied

CLAUDE_CODE = "claude-code"
_MOST_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Found:
    """A transcript where its agent keeps it."""

    path: Path
    agent: str
    session: str
    status: os.stat_result


@dataclass(slots=True)
class Comparison:
    """What agents keep, compared with what the journal holds, session by session."""

    grown: list[Found] = field(default_factory=list)  # since they were read, or never read
    older: list[Found] = field(default_factory=list)  # from before `install`: import brings them


def compare(
    db: apsw.Connection, layout: Layout, settings: Settings, environ: Mapping[str, str]
) -> Comparison:
    """Every transcript that is not read to its end; opens none."""
    known = transcripts.all_reached(db)
    since_ns = installed_ns(layout)
    found = Comparison()
    for one in walk(roots(settings, environ)):
        before = known.get(str(one.path))
        if before is not None and before.cursor.unchanged(one.status):
            continue
        is_new = since_ns is not None and one.status.st_mtime_ns > since_ns
        if is_new or (before is not None and before.cursor.offset):
            found.grown.append(one)
        elif before is None:
            found.older.append(one)
    return found


def installed_ns(layout: Layout) -> int | None:
    """When the hooks were first installed, nanoseconds since 1970; None: they are not."""
    if not (layout.hooks / "run.py").exists():
        return None
    try:
        return (layout.home / "installed").stat().st_mtime_ns
    except OSError:
        return (layout.hooks / "run.py").stat().st_mtime_ns


def roots(settings: Settings, environ: Mapping[str, str]) -> dict[str, list[Path]]:
    """The folders of each agent, and those that the settings name (for all agents: "")."""
    found = {CLAUDE_CODE: transcript_lines.folders(environ)}
    for name, agent in AGENTS.items():
        if agent.transcripts is not None:
            found[name] = agent.transcripts.folders(environ)
    named = [Path(root).expanduser() for root in settings.capture.transcript_roots]
    return {**found, "": named}


def walk(folders: Mapping[str, Iterable[Path]]) -> Iterator[Found]:
    """Every transcript below these folders, own files only, each once."""
    seen: set[tuple[int, int]] = set()
    for agent, tops in folders.items():
        for top in tops:
            for path, status in _files(str(top), _MOST_DEPTH, seen):
                whose = agent or _agent_of(path)
                if _is_one(path, whose):
                    yield Found(path, whose, _session(path, whose), status)


def _files(
    folder: str, depth: int, seen: set[tuple[int, int]]
) -> Iterator[tuple[Path, os.stat_result]]:
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        try:
            status = entry.stat()
        except OSError:
            continue  # gone, or a link to nothing
        key = status.st_dev, status.st_ino
        if key in seen or status.st_uid != os.getuid():
            continue
        if stat.S_ISDIR(status.st_mode) and depth:
            seen.add(key)
            yield from _files(entry.path, depth - 1, seen)
        elif stat.S_ISREG(status.st_mode):
            seen.add(key)
            yield Path(entry.path), status


def _is_one(path: Path, agent: str) -> bool:
    known = AGENTS.get(agent)
    if known is not None and known.transcripts is not None:
        return known.transcripts.holds(path)
    return path.suffix == ".jsonl"


def _agent_of(path: Path) -> str:
    for name, agent in AGENTS.items():
        if agent.transcripts is not None and agent.transcripts.holds(path):
            return name
    return CLAUDE_CODE


def _session(path: Path, agent: str) -> str:
    known = AGENTS.get(agent)
    if known is not None and known.transcripts is not None:
        return known.transcripts.session_of(path)
    return session_of(path)


def copied(found: Found, known: Copied | None) -> Copied:
    """How far a transcript was read."""
    return known or Copied(found.path, found.agent, found.session, START, 0)
