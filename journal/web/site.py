"""What all answers share: the home's database for reading, the clock, the secrets, what is live."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import apsw

from journal.cli.app import App
from journal.errors import JournalError
from journal.web.live import Live
from journal.web.security import Access
from sync.errors import StoreError
from sync.store import connection

if TYPE_CHECKING:
    from journal.doctor import Finding

_SPARE = 4  # connections that wait for the next request
_KEPT = 8  # answers that took some work: sessions with their steps, sums
T = TypeVar("T")


class UnavailableError(JournalError):
    """The database cannot be read at this moment: the page says why."""


class Site:
    """One home, served. `checks` looks at the installation as `journal doctor` does."""

    def __init__(self, app: App, access: Access, checks: "Callable[[], list[Finding]]") -> None:
        self.app = app
        self.access = access
        self.checks = checks
        self.live = Live(app)
        self._spare: list[tuple[int, apsw.Connection]] = []
        self._kept: OrderedDict[object, tuple[object, Any]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def adopt_on(self) -> tuple[str, ...]:
        """The setting `sessions.adopt_on`."""
        return tuple(self.app.settings.sessions.adopt_on)

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """The database as it is now, after a look at what is new.

        UnavailableError: it is missing, damaged, in use by a newer version.
        """
        self.live.look()
        inode, db = self._connection()
        try:
            yield db
        except apsw.Error as error:
            db.close()
            raise UnavailableError(*_said(connection.explain(error, self._path))) from error
        except BaseException:
            self._give_back(inode, db)
            raise
        self._give_back(inode, db)

    def kept(self, key: object, stamp: object, make: Callable[[], T]) -> T:
        """What was made for this key and stamp, if it is still there, else made now."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None and found[0] == stamp:
                self._kept.move_to_end(key)
                value: T = found[1]
                return value
        value = make()
        with self._lock:
            self._kept[key] = stamp, value
            self._kept.move_to_end(key)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return value

    def close(self) -> None:
        """Stop following, let go of the database."""
        self.live.close()
        for _, db in self._spare:
            db.close()

    @property
    def _path(self) -> Any:
        return self.app.layout.database

    def _connection(self) -> tuple[int, apsw.Connection]:
        try:
            inode = self._path.stat().st_ino
        except OSError as error:
            raise UnavailableError(f"no database at {self._path}", "run: journal sync") from error
        while True:
            with self._lock:
                if not self._spare:
                    break
                known, db = self._spare.pop()
            if known == inode and db.pragma("user_version") == _version():
                return inode, db
            db.close()  # of another file: it was rebuilt
        try:
            return inode, connection.open_to_look(self.app.layout)
        except StoreError as error:
            raise UnavailableError(*_said(error)) from error
        except apsw.Error as error:
            raise UnavailableError(*_said(connection.explain(error, self._path))) from error

    def _give_back(self, inode: int, db: apsw.Connection) -> None:
        with self._lock:
            if len(self._spare) < _SPARE:
                self._spare.append((inode, db))
                return
        db.close()


def _version() -> int:
    from sync.store import schema

    return schema.VERSION


def _said(error: JournalError) -> tuple[str, str]:
    return str(error), error.hint
