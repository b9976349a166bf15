"""The lists: sessions, places where words were found, projects, files; page by page."""

from typing import Any
from urllib.parse import urlencode

import apsw

from journal.web import questions
from journal.web.questions import Context
from journal.web.request_parameters import Asked, file
from journal.web.site import Site
from sync.query import files as file_query
from sync.query import listing
from sync.query import projects as project_query
from sync.query.cursors import Cursor
from sync.query.filters import Calls
from sync.query.listing import Place

_ROWS = 30  # before more is asked for
_HITS = 30


def sessions(site: Site, db: apsw.Connection, asked: Asked) -> Context:
    """One page of the sessions that the filters leave."""
    wanted = asked.sessions(site.adopt_on, site.app.now_us)
    after = asked.text("after")
    place = Place.of(after) if after else None
    found, more = questions.page(db, site, wanted, _ROWS, place)
    return {
        "sessions": found,
        "following": _with(asked, after=str(more)) if more else "",
        "total": None if place else listing.count(db, wanted),
        "is_more": place is not None,
    }


def search(site: Site, db: apsw.Connection, asked: Asked) -> Context:
    """One page of what was found, by session."""
    after = asked.text("after")
    if not asked.text("q"):
        return {"groups": [], "following": "", "found": None, "is_more": False}
    cursor = Cursor.of(after) if after else None
    found = questions.search(db, site, asked, _HITS, cursor)
    groups: dict[str, list[Any]] = {}
    for hit in found.hits:
        groups.setdefault(hit.session, []).append(hit)
    return {
        "groups": list(groups.values()),
        "following": _with(asked, after=str(found.more)) if found.more else "",
        "found": len(found.hits),
        "is_more": cursor is not None,
    }


def projects(site: Site, db: apsw.Connection, _: Asked) -> Context:
    """All projects with their sessions in numbers."""
    return {"projects": project_query.projects(db, questions.shown(site))}


def files(site: Site, db: apsw.Connection, asked: Asked) -> Context:
    """The sessions that worked on a file; without one, the files that were edited last."""
    path = asked.text("path")
    wanted = questions.shown(site)
    if not path:
        return {"worked": None, "latest_files": file_query.latest(db, wanted, _ROWS), "path": ""}
    found = file_query.sessions_of(db, wanted, Calls(file=file(path)))
    sessions = list(listing.read(db, found, site.adopt_on))
    sessions.sort(key=lambda session: -session.last_us)
    worked = [(session, found[session.key]) for session in sessions]
    return {"worked": worked, "latest_files": [], "path": path}


def _with(asked: Asked, **more: str) -> str:
    """The query of an address: the same values with some others."""
    return urlencode({name: value for name, value in {**asked.values, **more}.items() if value})
