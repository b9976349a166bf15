"""A transcript that is imported as history: read whole, wherever it lies."""

import os
from collections.abc import Iterator
from pathlib import Path

from hooks.project import Place, locate
from journal.record import record
from sync.ingest.foreign_lines import Line, lines
from sync.transcripts.records import (
    BEGINNING_BYTES,
    Keeping,
    Reading,
    beginning,
    session_of,
    too_long,
)

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

    def __init__(self, path: Path, kept: Keeping, projects: Projects) -> None:
        self.path = path
        last_us, session = beginning(_beginning(path), path.stat().st_mtime_ns)
        self._reading = Reading(path, session or session_of(path), last_us, kept, projects)

    def records(self, line: Line) -> Iterator[record.Record]:
        """What one line says. TornLineError: not all of it could be read."""
        if line.size > len(line.data) + 1:
            raise too_long(line.data, line.size)
        return self._reading.records(line.offset, line.data)


def _beginning(path: Path) -> bytes:
    parts: list[bytes] = []
    size = 0
    for line in lines(path):
        parts.append(line.data)
        size += len(line.data)
        if size > BEGINNING_BYTES or line.number >= _BEGINNING_LINES:
            break
    return b"\n".join(parts)
