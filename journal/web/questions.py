"""What pages and API both ask of the home."""

from typing import Any, NamedTuple

import apsw

from journal.errors import JournalError
from journal.session.texts import TextKind
from journal.web.request_parameters import Asked
from journal.web.site import Site
from sync.pages import story
from sync.pages.steps import Block
from sync.query import detail, listing
from sync.query import search as index
from sync.query.candidates import ENDLESS_US, Query
from sync.query.cursors import Cursor
from sync.query.filters import Filters, Wanted
from sync.query.listing import Place, Session
from sync.query.search import Found
from sync.query.session_detail import Detail
from sync.query.terms import parse

Context = dict[str, Any]  # of a template


class UnknownError(JournalError):
    """What an address names is not there."""


class Reported(NamedTuple):
    """A session and its conversation, in blocks."""

    detail: Detail
    blocks: list[Block]


def shown(site: Site, state: str = "") -> Wanted:
    """The sessions that people are shown."""
    return Wanted(Filters(adopt_on=site.adopt_on, state=state))


def page(
    db: apsw.Connection, site: Site, wanted: Wanted, limit: int, after: Place | None = None
) -> tuple[list[Session], Place | None]:
    """So many sessions, and the place behind them if there are more."""
    keys = listing.page(db, wanted, limit + 1, after)
    found = list(listing.read(db, keys[:limit], site.adopt_on))
    return found, Place.behind(found[-1]) if len(keys) > limit and found else None


def find(db: apsw.Connection, name: str) -> int:
    """The session (row) with this id. UnknownError: there is none, or there are several."""
    try:
        return listing.find(db, name)
    except JournalError as error:
        raise UnknownError(str(error), error.hint) from error


def search(
    db: apsw.Connection, site: Site, asked: Asked, limit: int, after: Cursor | None
) -> Found:
    """The best texts for `q` and the filters."""
    now_us = after.now_us if after else site.app.now_us
    wanted = asked.sessions(site.adopt_on, now_us)
    kind = asked.kind()
    query = Query(
        parse(asked.text("q")),
        wanted._replace(since_us=None, until_us=None),  # the times are those of the texts
        kinds=(TextKind[kind.upper()],) if kind else tuple(TextKind),
        limit=limit,
        since_us=-ENDLESS_US if wanted.since_us is None else wanted.since_us,
        until_us=ENDLESS_US if wanted.until_us is None else wanted.until_us,
        calls=asked.calls(),
    )
    return index.search(db, query, now_us, after)


def reported(db: apsw.Connection, site: Site, name: str) -> Reported:
    """A session with its steps; those of the last few are kept until something happens in them.

    Its calls have no input and output: a page shows few of them.

    UnknownError: there is none with this id.
    """
    key = find(db, name)
    session = next(listing.read(db, [key], site.adopt_on), None)
    if session is None:
        raise UnknownError(
            "this session does not exist any more", "to list the others: journal sessions"
        )

    def make() -> Reported:
        found = detail.read(db, key, site.adopt_on, with_values=False)
        return Reported(found, story.blocks(found))

    return site.kept(("steps", key), session, make)
