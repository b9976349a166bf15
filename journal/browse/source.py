"""What the screens ask for, from threads: one connection, one question at a time."""

import threading
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import apsw

from journal.browse.search_line import Wish
from journal.cli.app import App
from journal.cli.follow import Follower
from journal.errors import JournalError
from sync.pages import story
from sync.pages.steps import Block
from sync.query import detail, listing
from sync.query import search as index
from sync.query.candidates import Query
from sync.query.filters import Filters, Wanted
from sync.query.listing import Session
from sync.query.search import Hit
from sync.query.session_detail import Detail
from sync.query.terms import parse
from sync.store import connection

ROWS = 200
HITS = 40
_BEGINNING_CHARS = 3


class Found(NamedTuple):
    """What the list shows, of one reading of the database.

    `sessions`, or the places (`hits`) in which words were found. `states`: of all sessions that
    match. `unsynced_bytes`: of the journal, not in the database when this was read.
    """

    sessions: Sequence[Session] = ()
    hits: Sequence[Hit] | None = None
    states: Mapping[str, int] = MappingProxyType({})
    last_us: int | None = None
    unsynced_bytes: int = 0
    by_time: bool = False  # a filter by time: sessions leave the list without any change


class Source:
    """A home, read. `problem`: why nothing new is synced.

    `wanted`: the sessions that the options of the command leave; `limit`: of the list.
    """

    def __init__(
        self, app: App, wanted: Callable[[], Wanted] | None = None, limit: int = 0
    ) -> None:
        self.app = app
        self._wanted = wanted or (lambda: Wanted(Filters(adopt_on=self.adopt_on)))
        self._limit = limit or ROWS
        self._follower = Follower(app)
        self._one = threading.Lock()

    @property
    def adopt_on(self) -> tuple[str, ...]:
        """The setting `sessions.adopt_on`."""
        return tuple(self.app.settings.sessions.adopt_on)

    @property
    def problem(self) -> JournalError | None:
        """Why what is new could not be synced."""
        return self._follower.problem

    def close(self) -> None:
        """Let go of the database."""
        with self._one:
            self._follower.close()

    def changed(self, shown: Found) -> bool:
        """Sync what is new; whether `shown` is out of date. JournalError."""
        with self._one:
            changed = self._follower.changed()
            try:
                self._follower.count_unsynced()
            except apsw.Error as error:
                raise connection.explain(error, self.app.layout.database) from error
            return changed or self._follower.unsynced_bytes != shown.unsynced_bytes

    def find(self, text: str) -> Found:
        """The sessions, or the hits if there are words. JournalError."""
        wish = Wish.of(text, self._wanted(), self.app.now_us)
        with self._one:
            db = self._follower.database()
            unsynced_bytes = self._follower.unsynced_bytes  # before the reading, never after it
            try:
                found = self._hits(db, wish) if wish.words else self._list(db, wish.wanted)
            except apsw.Error as error:
                raise connection.explain(error, self.app.layout.database) from error
        return found._replace(unsynced_bytes=unsynced_bytes)

    def _hits(self, db: apsw.Connection, wish: Wish) -> Found:
        wanted = wish.wanted._replace(since_us=None)
        query = Query(parse(as_beginning(wish.words)), wanted, limit=HITS)
        if wish.wanted.since_us is not None:
            query = query._replace(since_us=wish.wanted.since_us)
        hits = index.search(db, query, self.app.now_us).hits
        return Found(hits=hits, last_us=listing.last_us(db))

    def _list(self, db: apsw.Connection, wanted: Wanted) -> Found:
        with db:  # one transaction: the counts are those of the list
            keys = listing.page(db, wanted, self._limit)
            found = list(listing.read(db, keys, self.adopt_on))
            states, last_us = listing.states(db, wanted), listing.last_us(db)
        by_time = wanted.since_us is not None or wanted.until_us is not None
        return Found(found, None, states, last_us, by_time=by_time)

    def session(self, name: str) -> Session:
        """One session. JournalError: it is gone."""
        with self._one:
            db = self._follower.database()
            key = listing.find(db, name)
            found = next(listing.read(db, [key], self.adopt_on), None)
        if found is None:
            raise JournalError("this session does not exist any more", "go back to the list")
        return found

    def reported(self, name: str) -> tuple[Detail, list[Block]]:
        """One session with all that was said and done. JournalError: it is gone."""
        with self._one:
            db = self._follower.database()
            found = detail.read(db, listing.find(db, name), self.adopt_on)
        return found, story.blocks(found)


def as_beginning(words: str) -> str:
    """The query for what is typed so far: its last word may go on.

    One or two letters are a word of their own: half of all texts have a word that begins so.
    """
    last = words.rpartition(" ")[2]
    goes_on = len(last) >= _BEGINNING_CHARS or not last.isascii()
    return f"{words}*" if goes_on else words
