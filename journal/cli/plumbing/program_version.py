"""Whether a long-running process still is what it was started from.

Asked at each scan of the watcher, so it costs a hundred `stat` and no more. A code that is being
replaced at this moment is neither the old nor the new one: nothing is done with it until it has
settled, because a lazy import would mix them.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import hooks
import journal
import sync
from hooks.autostart import LOCK
from journal.errors import JournalError, UsageError
from journal.layout import Layout
from journal.settings.sources import load_settings
from sync.store import schema
from sync.watch import Program

SETTLED_SECONDS = 2.0  # an upgrade writes its files in less; what is gone for longer is gone
_PACKAGES = tuple(Path(package.__file__ or "").parent for package in (journal, sync, hooks))
# "A big-endian integer stored in the user version": https://sqlite.org/fileformat2.html, 1.3
_VERSION_OFFSET = 60

Stamp = tuple[int, int, int, int]


class RunningProgram:
    """The code, settings, schema and home of this process, compared with those of now.

    `report` gets what is wrong with changed settings, or nothing.
    """

    def __init__(self, layout: Layout, on_problem: Callable[..., None]) -> None:
        self.reason = ""  # why it is no longer current
        self._layout = layout
        self._on_problem = on_problem
        self._lock = _stamp(layout.home / LOCK)
        self._config = _stamp(layout.config)
        self._schema = _schema_version(layout.database)
        self._code = self._code_seen = _code()
        self._seen_at = 0.0

    def state(self) -> Program:
        """Look now; `reason` says what is no longer as it was."""
        lock = _stamp(self._layout.home / LOCK)
        if lock is None or self._lock is None or lock[:2] != self._lock[:2]:
            self.reason = f"{self._layout.home / LOCK} was deleted"
            return Program.GONE  # with the home, or for another watcher: it no longer holds us back
        code = _code()
        if code != self._code:
            return self._replaced(code)
        if self._other_settings():
            self.reason = f"{self._layout.config} was changed"
            return Program.CHANGED
        version = _schema_version(self._layout.database)
        if version > schema.VERSION and version != self._schema:
            self.reason = f"{self._layout.database} has a newer schema"
            return Program.CHANGED
        return Program.CURRENT

    def _replaced(self, code: int) -> Program:
        now = time.monotonic()
        if code != self._code_seen:
            self._code_seen, self._seen_at = code, now
        if now - self._seen_at < SETTLED_SECONDS:
            return Program.UNSETTLED
        self.reason = "the application was changed" if code else "the application was removed"
        return Program.CHANGED if code else Program.GONE

    def _other_settings(self) -> bool:
        """Whether there are new valid settings; bad ones are reported, the old ones stay."""
        if _stamp(self._layout.config) == self._config:
            self._on_problem()
            return False
        try:
            load_settings(self._layout)
        except UsageError as error:
            self._on_problem(JournalError(f"the old settings still apply: {error}", error.hint))
            return False
        return True


def _code() -> int:
    """A number made from the files of the application; 0: it cannot be run any more."""
    if not Path(sys.executable).exists() or not all(path.is_dir() for path in _PACKAGES):
        return 0
    found = frozenset(file for package in _PACKAGES for file in _sources(str(package)))
    main = str(_PACKAGES[0] / "__main__.py")
    return hash(found) or 1 if any(name == main for name, _ in found) else 0


def _sources(folder: str) -> Iterator[tuple[str, Stamp]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return  # being replaced
    for entry in entries:
        if entry.name.endswith(".py"):
            stamp = _stamp(Path(entry.path))
            if stamp:
                yield entry.path, stamp
        elif entry.name != "__pycache__" and entry.is_dir(follow_symlinks=False):
            yield from _sources(entry.path)


def _stamp(path: Path) -> Stamp | None:
    """What changes when a file is replaced or written; None: there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _schema_version(database: Path) -> int:
    """`user_version` as the file's header has it, read without SQLite; 0: no database.

    A schema that is still in the WAL of another process is seen when that process has ended.
    """
    try:
        with database.open("rb") as file:
            file.seek(_VERSION_OFFSET)
            return int.from_bytes(file.read(4), "big")
    except OSError:
        return 0
