"""Which of the agents' files may be read: their paths come from outside.

Only a regular file of this user is read, and only if it lies below the agent's own folders of
transcripts or `capture.transcript_roots`, or is reached through a link that the user put there.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from journal.agents import AGENTS


def allowed_roots(folders: Mapping[str, list[Path]]) -> list[str]:
    """The folders of agents below which transcripts may lie, without links."""
    return [os.path.realpath(folder) for tops in folders.values() for folder in tops]


def is_allowed(path: Path, roots: list[str]) -> bool:
    """Whether a path from outside may be read."""
    try:
        real = os.path.realpath(path, strict=True)
        status = os.stat(real, follow_symlinks=False)  # noqa: PTH116
    except (OSError, ValueError):
        return False  # gone, a loop of links, a NUL
    is_ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid()
    if not is_ours or not _is_named_so(Path(real)):
        return False
    return any(_is_below(real, root) for root in roots) or _is_linked(path, roots)


def _is_linked(path: Path, roots: list[str]) -> bool:
    """Whether a path leads through one of these folders; where its links lead does not matter."""
    if ".." in path.parts:
        return False
    return any(os.path.realpath(parent) in roots for parent in path.parents)


def _is_named_so(path: Path) -> bool:
    """Whether some agent gives its transcripts such a name."""
    known = (agent.transcripts for agent in AGENTS.values())
    return path.suffix == ".jsonl" or any(one.holds(path) for one in known if one)


def _is_below(path: str, root: str) -> bool:
    return path.startswith(root.rstrip("/") + "/")
