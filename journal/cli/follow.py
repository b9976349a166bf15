"""The database as it changes, followed at next to no cost.

Nothing is asked twice: `data_version` says whether a process has written the database, a few `stat`
whether hooks have written the journal. What is new is synced by the home's watcher; where none
runs, or it does not come to it, by a bounded pass from here.
"""

import io
import time
from contextlib import redirect_stderr

import apsw

from hooks.autostart import watcher
from journal.cli.app import CATCH_UP_SECONDS, App
from journal.errors import BusyError, JournalError
from sync.ingest.backlog import backlog
from sync.ingest.recent_writes import Newest
from sync.store import connection

REST_SECONDS = 30.0  # a pass runs at least so often: dead agents, files that rested for long
PATIENCE_SECONDS = 1.5  # with a watcher that has not synced what is new
TROUBLE_SECONDS = 2.0  # until what failed is tried again
# Passes that find nothing, and counting what is not synced, take no more than one part in so
# many of a core, however large the journal is.
REST_SHARE = 400
COUNT_SHARE = 40


class Follower:
    """One reader's sight of a home, from its making on.

    `problem`: why the last pass failed. `unsynced_bytes`: of the journal, not in the database.
    """

    def __init__(self, app: App) -> None:
        self.problem: JournalError | None = None
        self.unsynced_bytes = 0
        self._app = app
        self._newest = Newest(app.layout)
        self._db: apsw.Connection | None = None
        self._inode = 0
        self._seen: tuple[int, int] | None = None
        self._pass_at = (
            time.monotonic()
        )  # a command that looked before may not have come to the end
        self._unsure = True  # of the unsynced bytes
        self._count_at = 0.0

    def close(self) -> None:
        """Let go of the database."""
        db, self._db, self._seen = self._db, None, None
        if db is not None:
            db.close()

    def changed(self) -> bool:
        """Look, and sync what is new if no other process does; whether the database was written.

        JournalError: the journal or the database cannot be read.
        """
        now = time.monotonic()
        if self._newest.changed():
            patience = PATIENCE_SECONDS if self._is_watched() else 0.0
            self._pass_at = min(self._pass_at, now + patience)
            self._count_at = max(self._count_at, now + patience)
            self._unsure = True
        synced = now >= self._pass_at and self._sync()
        db = self.database()
        try:
            seen = (self._inode, int(db.pragma("data_version")))
        except apsw.Error as error:
            raise connection.explain(error, self._app.layout.database) from error
        if seen == self._seen:
            return False
        self._seen = seen
        if not synced:
            self._unsure = True
            if self._is_watched():
                self._pass_at = now + REST_SECONDS  # it does its work
        return True

    def database(self) -> apsw.Connection:
        """The database that is at its place at this moment. JournalError: it cannot be opened."""
        path = self._app.layout.database
        try:
            inode = path.stat().st_ino
        except OSError as error:
            self.close()
            raise JournalError(f"{path} is gone", "run: journal sync") from error
        if self._db is None or inode != self._inode:  # another one: it was rebuilt
            self.close()
            self._db, self._inode = connection.open_store(self._app.layout), inode
        return self._db

    def count_unsynced(self) -> None:
        """Bring `unsynced_bytes` up to date, if that may be needed and is due."""
        began = time.monotonic()
        if not self._unsure or began < self._count_at:
            return
        behind = backlog(self.database(), self._app.layout)
        self.unsynced_bytes = sum(part.bytes for part in behind.unsynced)
        self._unsure = False
        now = time.monotonic()
        self._count_at = now + COUNT_SHARE * (now - began)

    def _is_watched(self) -> bool:
        return watcher(str(self._app.layout.home)) != 0

    def _sync(self) -> bool:
        """Run a pass, as bounded as before any other look; whether it came to the end of all."""
        began = time.monotonic()
        said = io.StringIO()  # what it complains of is shown, and not printed over the screen
        try:
            with redirect_stderr(said):
                report = self._app.sync(wait_seconds=0, seconds=CATCH_UP_SECONDS)
        except BusyError:
            return False  # another process is taking it in: ask again at the next look
        except JournalError as error:
            self.problem = error
            self._pass_at = time.monotonic() + TROUBLE_SECONDS
            return False
        complaint = said.getvalue().strip().removeprefix("journal: ")
        self.problem = JournalError(complaint) if complaint else None
        if report.seen_bytes is None:
            return False  # there is more, for the next look
        now = time.monotonic()
        self._pass_at = now + max(REST_SECONDS, REST_SHARE * (now - began))
        self._unsure, self.unsynced_bytes = False, 0
        return True
