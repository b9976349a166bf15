"""The JSON API: the shapes of the commands' `--json`, lists as `{"items": [...], "next": ...}`."""

from collections.abc import AsyncIterator
from datetime import UTC
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from journal.cli.daily.search import hit_json
from journal.cli.setup.status_json import condition_json
from journal.errors import UsageError
from journal.web import questions
from journal.web.request_parameters import FILTERS, Asked
from journal.web.site import Site
from sync.checkup import home_status
from sync.query import detail, listing
from sync.query.costs.prices import Prices
from sync.query.costs.usage import KEYS, Usage
from sync.query.cursors import Cursor

LIMIT = 50


class Json(Response):
    """One JSON object."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """As the commands print it."""
        try:
            return orjson.dumps(content) + b"\n"
        except TypeError:  # nested too deeply, or a number beyond 64 bits
            import json

            return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def _site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


def sessions(request: Request) -> Response:
    """`/api/sessions`: as `journal sessions --json`."""
    site = _site(request)
    known = (*FILTERS, "limit", "after")
    asked = Asked.of(request.query_params.multi_items(), known)
    wanted = asked.sessions(site.adopt_on, site.app.now_us)
    after = asked.text("after")
    place = listing.Place.of(after) if after else None
    limit = asked.number("limit", LIMIT)
    with site.reading() as db:
        found, more = questions.page(db, site, wanted, limit, place)
    return Json({"items": [one.json() for one in found], "next": str(more) if more else None})


def session(request: Request) -> Response:
    """`/api/sessions/ID`: as `journal show --json`."""
    site = _site(request)
    Asked.of(request.query_params.multi_items(), ())
    with site.reading() as db:
        key = questions.find(db, request.path_params["name"])
        found = detail.read(db, key, site.adopt_on)
    return Json(found.json())


def search(request: Request) -> Response:
    """`/api/search?q=`: as `journal search --json`."""
    site = _site(request)
    known = (*FILTERS, "q", "kind", "tool", "file", "limit", "after")
    asked = Asked.of(request.query_params.multi_items(), known)
    after = asked.text("after")
    cursor = Cursor.of(after) if after else None
    if not asked.text("q"):
        raise UsageError("nothing to search for", "give some words: ?q=rounding")
    with site.reading() as db:
        found = questions.search(db, site, asked, asked.number("limit", 20), cursor)
    following = str(found.more) if found.more else None
    return Json({"items": list(map(hit_json, found.hits)), "next": following})


def usage(request: Request) -> Response:
    """`/api/usage?by=`: as `journal usage --json`."""
    site = _site(request)
    asked = Asked.of(request.query_params.multi_items(), (*FILTERS, "by", "limit", "utc"))
    by = asked.text("by") or "day"
    if by not in KEYS:
        raise UsageError(f"by={by[:40]!r} is none of the keys", f"there are: {', '.join(KEYS)}")
    wanted = asked.sessions(site.adopt_on, site.app.now_us)
    whole = wanted._replace(filters=wanted.filters._replace(adopt_on=None))
    prices = Prices(site.app.settings.prices)
    zone = UTC if asked.flag("utc") else None
    with site.reading() as db:
        rows = Usage.of_home(db, whole, prices, zone).by(by)
    if limit := asked.number("limit", 0, most=10**6):
        rows = rows[-limit:] if by in ("day", "week", "month") else rows[:limit]
    return Json({"items": [row.json() for row in rows], "next": None})


def status(request: Request) -> Response:
    """`/api/status`: as `journal status --json`."""
    site = _site(request)
    Asked.of(request.query_params.multi_items(), ())
    site.live.look()
    app = site.app
    return Json(condition_json(app, home_status.look(app.layout, app.settings, app.now_us)))


async def changes(request: Request) -> Response:
    """`/api/changes`: an event for each change, `data: {"number", "sessions": [ids]}`."""
    site = _site(request)

    async def told() -> AsyncIterator[bytes]:
        async for event in site.live.stream():
            yield event

    return StreamingResponse(told(), media_type="text/event-stream")
