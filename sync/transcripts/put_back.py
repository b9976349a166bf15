"""Puts the agent's own file of a session back from our copy, so that the agent can go on from it.

Nothing that is there is replaced: a dangling link counts as something. A file is written whole or
not at all. Only below the folders in which the agent keeps transcripts.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import apsw

from journal.agents import HISTORY, TRANSCRIPT
from journal.agents.claude_code import transcript_lines
from journal.errors import JournalError
from journal.layout import Layout
from journal.settings.sources import Settings
from sync.store import facts
from sync.transcripts import discovery, restored
from sync.transcripts.allowed_paths import allowed_roots

_AGENT = "claude-code"  # of the others nothing is known of where such a file would lie
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_PATHS = "select path from transcripts where agent = ? and session = ?"
_AT_ONCE = 200


def put_back(
    db: apsw.Connection,
    session: int,
    cwd: str,
    layout: Layout,
    settings: Settings,
    environ: Mapping[str, str],
) -> list[Path]:
    """The files that were missing and have been written, the session's own first.

    JournalError: there is neither a file nor a copy, or it cannot be written.
    """
    agent, name = facts.identity(db, session)
    if agent != _AGENT or not _NAME.fullmatch(name):
        return []
    path = _place(db, agent, name, cwd, layout, settings, environ)
    if path is None or os.path.lexists(path):
        return []
    if _write(path, restored.lines(db, session)) == 0:
        hint = "nothing was copied of it; what hooks recorded: journal show"
        raise JournalError(f"the agent's file does not exist and no copy was kept: {path}", hint)
    written = [path]
    folder = path.with_suffix("") / "subagents"
    for subagent in _subagents(db, session):
        inner = folder / f"agent-{subagent}.jsonl"
        if _NAME.fullmatch(subagent) and not os.path.lexists(inner):
            _write(inner, restored.lines(db, session, subagent))
            written.append(inner)
    return written


def write_into(db: apsw.Connection, session: int, folder: Path) -> list[Path]:
    """Write a session's file and its sub-agents' into a folder, laid out as the agent does.

    JournalError: nothing was copied of the session, or something of these names is there already.
    """
    _, name = facts.identity(db, session)
    if not _NAME.fullmatch(name):
        raise JournalError(
            "the session's id cannot be a file's name", "write one file: --output FILE"
        )
    files = {folder / f"{name}.jsonl": restored.lines(db, session)}
    for subagent in filter(_NAME.fullmatch, _subagents(db, session)):
        path = folder / name / "subagents" / f"agent-{subagent}.jsonl"
        files[path] = restored.lines(db, session, subagent)
    for path in files:
        if os.path.lexists(path):
            raise JournalError(f"{path} exists already", "name an empty folder")
    written = [path for path, lines in files.items() if _write(path, lines)]
    if not written:
        raise JournalError("no copy of its transcript was kept", "journal show has what is known")
    return written


def _place(
    db: apsw.Connection,
    agent: str,
    name: str,
    cwd: str,
    layout: Layout,
    settings: Settings,
    environ: Mapping[str, str],
) -> Path | None:
    """Where the agent looks for the file: where it was, else where it would make it."""
    named = settings.capture.transcript_roots
    roots = allowed_roots(discovery.roots(named, environ, layout))
    noted = [Path(str(path)) for (path,) in db.execute(_PATHS, (agent, name))]
    own = (path for path in noted if path.name == f"{name}.jsonl")
    made = (
        folder / re.sub("[^a-zA-Z0-9]", "-", cwd) / f"{name}.jsonl"
        for folder in transcript_lines.folders(environ)
        if cwd
    )
    for path in (*own, *made):
        real = os.path.realpath(path.parent)
        if any(f"{real}/".startswith(f"{root.rstrip('/')}/") for root in roots):
            return path
    return None


def _subagents(db: apsw.Connection, session: int) -> list[str]:
    """The sub-agents of which lines were copied."""
    query = "select seq from events where session = ? and name in (?, ?)"
    rows: list[Any] = db.execute(query, (session, TRANSCRIPT, HISTORY)).fetchall()
    seqs = [seq for (seq,) in rows]
    found: dict[str, None] = {}
    for start in range(0, len(seqs), _AT_ONCE):
        for stored in facts.events_at(db, seqs[start : start + _AT_ONCE]).values():
            said = stored.payload
            if isinstance(said, dict) and isinstance(said.get("agent_id"), str):
                found[said["agent_id"]] = None
    return [name for name in found if name]


def _write(path: Path, lines: Iterator[bytes]) -> int:
    """Write a new file; how many lines. Without any, none is made."""
    first = next(lines, None)
    if first is None:
        return 0
    number = 1
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".journal-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(first)
                for line in lines:
                    file.write(line)
                    number += 1
                file.flush()
                os.fsync(file.fileno())
            os.link(name, path)  # fails if something is there by now
        finally:
            Path(name).unlink()
    except FileExistsError:
        return number  # the agent made it meanwhile
    except OSError as error:
        raise JournalError(f"cannot write {path}: {error.strerror}", "check its folder") from error
    return number
