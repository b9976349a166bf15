"""The sessions from before `journal install`: how many there are, and where."""

import os
from pathlib import Path
from typing import NamedTuple

from journal.agents.claude_code import transcript_lines


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
    """What lies beside the settings of the agent, else where it keeps it; None: nothing."""
    usual = transcript_lines.folders(os.environ)
    for folder in [settings.parent / "projects"] if settings else usual:
        files = [path for path in folder.glob("*/*.jsonl") if _is_of_session(path)]
        if files:
            return Earlier(folder, len(files), sum(path.stat().st_size for path in files))
    return None


def _is_of_session(path: Path) -> bool:
    return not path.name.startswith("agent-") and path.is_file()
