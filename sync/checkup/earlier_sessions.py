"""The sessions from before `journal install`: how many agents keep, where, and whether imported.

One comparison (`discovery.compare`) says for every agent what is kept and not stored.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from journal.agents import AGENTS
from journal.durable_files import write_whole
from journal.errors import JournalError
from sync.transcripts import discovery
from sync.transcripts.discovery import Found

if TYPE_CHECKING:
    import apsw

    from journal.layout import Layout
    from journal.settings.sources import Settings

IMPORTED = "imported"  # in the home; its time is that of the last import of all transcripts


class Earlier(NamedTuple):
    """Sessions that agents keep transcripts of."""

    folders: tuple[Path, ...]
    sessions: int
    bytes: int

    def __str__(self) -> str:
        noun = "session" if self.sessions == 1 else "sessions"
        size = max(1, round(self.bytes / 1e6))
        places = ", ".join(map(str, self.folders))
        return f"{self.sessions:,} earlier {noun} ({size:,} MB) in {places}"


def earlier(layout: "Layout", settings: "Settings", file: Path | None) -> Earlier | None:
    """The history next to this settings file, else that of all agents; None: there is none."""
    folders = discovery.roots(settings.capture.transcript_roots, os.environ, layout)
    if file is not None:
        folders = {discovery.CLAUDE_CODE: [file.parent / "projects"]}
    used, sessions, size = list[Path](), set[tuple[str, str]](), 0
    for agent, tops in folders.items():
        for top in dict.fromkeys(tops):
            found = list(discovery.walk({agent: [top]}))
            if found:
                used.append(top)
                sessions |= {*_sessions(found)}
                size += sum(one.status.st_size for one in found)
    return Earlier(tuple(used), len(sessions), size) if sessions else None


def not_imported(layout: "Layout", roots: Iterable[str]) -> str:
    """In few words how many sessions of agents were not imported; "" for none.

    What was written after the hooks were installed, or before the last import, does not count: it
    was recorded, or left out for a reason. `roots`: the setting `capture.transcript_roots`.
    """
    import apsw

    after_ns = _modified_ns(layout.home / IMPORTED)
    try:
        with closing(_database(layout)) as db:
            older = discovery.compare(db, layout, roots, os.environ).older
            kept = {*_sessions(one for one in older if one.status.st_mtime_ns > after_ns)}
            stored = set(db.execute("select agent, id from sessions")) if kept else set()
    except apsw.Error:
        return ""  # damaged: that is said in other words
    found = len(kept - stored)
    if not found:
        return ""
    noun = "session is" if found == 1 else "sessions are"
    return f"{found:,} earlier {noun} not imported"


def note_import(layout: "Layout") -> None:
    """All transcripts have been imported by now."""
    write_whole(layout.home / IMPORTED, b"")


def _database(layout: "Layout") -> "apsw.Connection":
    from sync.store import connection

    try:
        return connection.open_to_look(layout)
    except JournalError:
        return connection.empty_database()


def _modified_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _sessions(found: Iterable[Found]) -> Iterator[tuple[str, str]]:
    """Agent and id of the sessions in these files."""
    for one in found:
        agent = AGENTS.get(one.agent)
        if agent is not None and agent.transcripts is not None and agent.transcripts.sessions:
            yield from ((one.agent, session) for session in agent.transcripts.sessions(one.path))
        else:
            yield one.agent, one.session
