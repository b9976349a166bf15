"""What the screens ask for, from threads: one connection, one question at a time."""

import threading
from typing import NamedTuple

from journal.browse.wishes import Wish
from journal.cli.app import App
from journal.cli.screen.follow import Follower
from journal.errors import JournalError
from sync.pages import story
from sync.pages.steps import Block
from sync.query import detail, listing
from sync.query import search as index
from sync.query.candidates import Query
from sync.query.detail import Detail
from sync.query.listing import Session
from sync.query.search import Hit
from sync.query.terms import parse

ROWS = 200
HITS = 40


class Found(NamedTuple):
    """What the list shows: sessions, or the places in which words were found."""

    sessions: list[Session]
    hits: list[Hit]
    total: int


class Source:
    """A home, read. `problem`: why nothing new is synced."""

    def __init__(self, app: App) -> None:
        self.app = app
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

    def changed(self) -> bool:
        """Sync what is new; whether anything is."""
        with self._one:
            return self._follower.changed()

    def find(self, text: str) -> Found:
        """The sessions, or the hits if there are words. JournalError: a filter is none."""
        wish = Wish.of(text, self.adopt_on, self.app.now_us)
        with self._one:
            db = self._follower.database()
            if not wish.words:
                keys = listing.page(db, wish.wanted, ROWS)
                found = list(listing.read(db, keys, self.adopt_on))
                return Found(found, [], listing.count(db, wish.wanted))
            wanted = wish.wanted._replace(since_us=None)
            since_us = wish.wanted.since_us or 0
            query = Query(parse(f"{wish.words}*"), wanted, limit=HITS, since_us=since_us)
            hits = index.search(db, query, self.app.now_us).hits
            return Found([], hits, len(hits))

    def session(self, name: str) -> Session:
        """One session. JournalError: it is gone."""
        with self._one:
            db = self._follower.database()
            key = listing.find(db, name)
            found = next(listing.read(db, [key], self.adopt_on), None)
        if found is None:
            raise JournalError("this session does not exist any more", "go back to the list")
        return found

    def told(self, name: str) -> tuple[Detail, list[Block]]:
        """One session with all that was said and done. JournalError: it is gone."""
        with self._one:
            db = self._follower.database()
            found = detail.read(db, listing.find(db, name), self.adopt_on)
        return found, story.blocks(found)
