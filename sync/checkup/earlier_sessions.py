"""The sessions from before `journal install`: how many there are, where, and whether imported."""

import os
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from journal.agents.claude_code import transcript_lines

if TYPE_CHECKING:
    from journal.layout import Layout

IMPORTED = "imported"  # in the home; its time is that of the last import of all transcripts


class Earlier(NamedTuple):
    """Sessions that the agent keeps transcripts of."""

    folder: Path
    sessions: int
    bytes: int

    def __str__(self) -> str:
        noun = "session" if self.sessions == 1 else "sessions"
        size = max(1, round(self.bytes / 1e6))
        return f"{self.sessions:,} earlier {noun} ({size:,} MB) in {self.folder}"


def earlier(settings: Path | None) -> Earlier | None:
    """The history next to the agent's settings, else at its usual place; None: there is none."""
    usual = transcript_lines.folders(os.environ)
    for folder in [settings.parent / "projects"] if settings else usual:
        files = [path for path in folder.glob("*/*.jsonl") if _is_of_session(path)]
        if files:
            return Earlier(folder, len(files), sum(path.stat().st_size for path in files))
    return None


def not_imported(layout: "Layout") -> str:
    """In few words how many sessions of the agent were not imported; "" for none.

    What was written after the hooks were installed, or before the last import, does not count: it
    was recorded, or left out for a reason.
    """
    from sync.transcripts.discovery import installed_ns

    until_ns = installed_ns(layout) or _NEVER_NS
    after_ns = _modified_ns(layout.home / IMPORTED)
    known: set[str] | None = None
    found = 0
    for folder in transcript_lines.folders(os.environ):
        for path in folder.glob("*/*.jsonl"):
            with suppress(OSError):
                written_ns = path.stat().st_mtime_ns
                if not after_ns < written_ns < until_ns or not _is_of_session(path):
                    continue
                known = _known(layout) if known is None else known
                found += path.stem not in known
    if not found:
        return ""
    noun = "session is" if found == 1 else "sessions are"
    return f"{found:,} earlier {noun} not imported"


def note_import(layout: "Layout") -> None:
    """All transcripts have been imported by now."""
    from journal.layout import write_whole

    write_whole(layout.home / IMPORTED, b"")


_NEVER_NS = 2**62


def _modified_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _known(layout: "Layout") -> set[str]:
    """The ids of the sessions that are stored."""
    import apsw

    from journal.errors import JournalError
    from sync.store import connection

    try:
        with closing(connection.open_to_look(layout)) as db:
            return {str(name) for (name,) in db.execute("select id from sessions")}
    except (apsw.Error, JournalError):
        return set()


def _is_of_session(path: Path) -> bool:
    return not path.name.startswith("agent-") and path.is_file()
