"""Temporary files that killed passes have left: a file that is written whole begins as one."""

import os
from pathlib import Path

from journal.durable_files import remove_abandoned
from journal.layout import Layout


def remove_temporary(layout: Layout, now_us: int) -> None:
    """Remove them; to be called under the lock, for without it no process writes these files.

    Those that are written under other locks go when they are an hour old. OSError, JournalError:
    the home cannot be written.
    """
    written = (
        layout.id_file, layout.clock, layout.synced, layout.up_to_date, layout.pruned,
        layout.redaction_key,
    )  # fmt: skip
    own = tuple(f".{path.name}." for path in written)
    for path in _hidden(layout.home):
        if path.name.startswith(own):
            path.unlink(missing_ok=True)
    for path in _hidden(layout.contexts):
        if ".tsv." in path.name or ".folders." in path.name:
            path.unlink(missing_ok=True)
    remove_abandoned(layout.home, now_us)


def _hidden(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if entry.name[0] == "."]
    except (FileNotFoundError, PermissionError):
        return []  # a closed folder is named by the pass
