"""Whether hooks have just written something: a few `stat`, for who looks several times a second.

A reason to look sooner, no promise: a file that has rested for long is found by a whole scan. Hooks
write into the directory of the day, so only the newest days are looked at, and of their files those
that were written last.
"""

import os
from collections.abc import Iterable

from journal.layout import Layout

DAYS = 2  # around midnight two days grow
FILES = 100

Stamp = tuple[int, int, int]


class Newest:
    """The newest files of the journal as they were at the last look; at first, as they are now."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._folders: dict[str, Stamp] = {}
        self._files: dict[str, Stamp] = {}
        self.changed()

    def changed(self) -> bool:
        """Whether anything is other than at the last call. JournalError: `days/` is unreadable."""
        folders = _stamps(self._folders)
        if not folders or folders != self._folders:
            # Stamped before they are listed: what comes meanwhile is seen by the next call.
            self._folders = _stamps(self._newest_folders())
            before, self._files = self._files, self._newest_files()
            return folders != self._folders or before != self._files
        before, self._files = self._files, _stamps(self._files)
        return before != self._files

    def _newest_folders(self) -> list[str]:
        days = self._layout.days
        return [str(days), *(str(days / name) for name in self._layout.day_names()[-DAYS:])]

    def _newest_files(self) -> dict[str, Stamp]:
        found = _stamps(
            entry.path
            for name in self._layout.day_names()[-DAYS:]
            for entry in self._layout.entries_of(name)
        )
        last = sorted(found, key=lambda path: found[path][2])[-FILES:]
        return {path: found[path] for path in last}


def _stamps(paths: Iterable[str]) -> dict[str, Stamp]:
    """What changes when a file or directory does; one that is not there has none."""
    found = {}
    for path in paths:
        try:
            status = os.stat(path)  # noqa: PTH116 - a hundred of them, several times a second
        except OSError:
            continue
        found[path] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return found
