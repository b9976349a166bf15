"""What agents keep, compared with the journal session by session, for everything that looks.

The sessions from before `journal install`: how many there are, where, and whether imported. And
transcripts that passes could not copy.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from journal.agents import AGENTS
from journal.durable_files import write_whole
from journal.errors import JournalError
from journal.times import DAY_US
from sync.transcripts import discovery
from sync.transcripts.discovery import Found

if TYPE_CHECKING:
    import apsw

    from journal.layout import Layout
    from journal.settings.sources import Settings

IMPORTED = "imported"  # in the home; its time is that of the last import of all transcripts


_RECENT_US = 7 * DAY_US  # agents delete their transcripts after some weeks
_NEVER_COPIED = """
select t.agent, t.session, t.path from transcripts t
join session_states s on s.agent = t.agent and s.id = t.session
where not t.due and t.inode = 0 and t.offset = 0 and s.triggers <> '' and s.status = 'finished'
  and s.last_us > ? and not exists (
    select 1 from transcripts o where o.agent = t.agent and o.session = t.session and o.offset > 0)
order by s.last_us desc
"""


class Uncopied(NamedTuple):
    """A transcript that no pass could copy, and why in few words."""

    agent: str
    session: str
    path: Path
    why: str


class Compared(NamedTuple):
    """What agents keep, compared with the journal."""

    earlier: int  # sessions from before the hooks were installed that are not imported
    uncopied: list[Uncopied]  # the latest first

    @property
    def not_imported(self) -> str:
        """In few words how many sessions; "" for none."""
        noun = "session is" if self.earlier == 1 else "sessions are"
        return f"{self.earlier:,} earlier {noun} not imported" if self.earlier else ""

    @property
    def not_copied(self) -> str:
        """In few words how many transcripts no pass could copy; "" for none."""
        found = len(self.uncopied)
        noun = "transcript is" if found == 1 else "transcripts are"
        return f"{found:,} {noun} not copied" if found else ""


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
    return compare(layout, roots, copies=False).not_imported


def compare(layout: "Layout", roots: Iterable[str], *, copies: bool = True) -> Compared:
    """What agents keep and the journal does not hold, session by session; `roots` as above.

    Without `copies`, what is not copied although hooks record it is left out.
    """
    import apsw

    try:
        with closing(_database(layout)) as db:
            found = discovery.compare(db, layout, roots, os.environ)
            uncopied = [*_unread(found), *_never_copied(db, layout, roots)] if copies else []
            return Compared(_earlier(db, layout, found.older), uncopied)
    except apsw.Error:
        return Compared(0, [])  # damaged: that is said in other words


def _earlier(db: "apsw.Connection", layout: "Layout", older: list[Found]) -> int:
    after_ns = _modified_ns(layout.home / IMPORTED)
    kept = {*_sessions(one for one in older if one.status.st_mtime_ns > after_ns)}
    return len(kept - set(db.execute("select agent, id from sessions"))) if kept else 0


def _unread(found: discovery.Comparison) -> Iterator[Uncopied]:
    """What has grown and no pass can read."""
    for one, _ in found.grown:
        if not os.access(one.path, os.R_OK):
            yield Uncopied(one.agent, one.session, one.path, "cannot be read")


def _never_copied(
    db: "apsw.Connection", layout: "Layout", roots: Iterable[str]
) -> Iterator[Uncopied]:
    """What hooks named, and no file of that session was read by a pass since."""
    since_us = time.time_ns() // 1000 - _RECENT_US
    tops = discovery.roots(roots, os.environ, layout).values()
    for agent, session, name in db.execute(_NEVER_COPIED, (since_us,)):
        path = Path(name)
        yield Uncopied(agent, session, path, _why(path, tops))


def _why(path: Path, tops: Iterable[Iterable[Path]]) -> str:
    """Why no pass copies a file that hooks named."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return "does not exist"
    except OSError:
        return "cannot be read"
    if not any(path.is_relative_to(top) for some in tops for top in some):
        return "is outside the agent's folders (see capture.transcript_roots)"
    return "cannot be read"


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
