"""The routes, and what is answered when something is wrong."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from journal.errors import JournalError, UsageError
from journal.web import api, pages
from journal.web.questions import UnknownError
from journal.web.security import METHODS, Guard
from journal.web.site import Site

# Every file that is served, with the package that holds it: an address is looked up, never opened.
_ASSETS = {
    "htmx.min.js": ("journal.web", "static/htmx.min.js", "text/javascript"),
    "idiomorph.min.js": ("journal.web", "static/idiomorph.min.js", "text/javascript"),
    "journal.js": ("journal.web", "static/journal.js", "text/javascript"),
    "web.css": ("journal.web", "static/web.css", "text/css"),
    "session.css": ("sync.pages", "session.css", "text/css"),
    "icon.svg": ("journal.web", "static/icon.svg", "image/svg+xml"),
    "LICENSE.txt": ("journal.web", "static/LICENSE.txt", "text/plain"),
}
_STATUS: tuple[tuple[type[JournalError], int], ...] = ((UsageError, 400), (UnknownError, 404))


def build(site: Site) -> Starlette:
    """The application that serves this home."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        site.live.start()
        yield
        site.close()

    routes = [
        _get("/api/sessions", api.sessions),
        _get("/api/sessions/{name:path}", api.session),
        _get("/api/search", api.search),
        _get("/api/usage", api.usage),
        _get("/api/status", api.status),
        _get("/api/changes", api.changes),
        _get("/static/{name}", _asset),
        _get("/favicon.ico", _icon),
        *(_get(path, page) for path, page in pages.ROUTES.items()),
    ]
    made = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(Guard, access=site.access)],
        exception_handlers={
            JournalError: _problem,
            HTTPException: _refused,
            Exception: _unexpected,
        },
    )
    made.state.site = site
    return made


def _get(path: str, answer: Callable[[Request], Any]) -> Route:
    return Route(path, answer, methods=list(METHODS))


@cache
def _read(package: str, name: str) -> bytes:
    return (files(package) / name).read_bytes()


def _asset(request: Request) -> Response:
    found = _ASSETS.get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    package, name, kind = found
    return Response(_read(package, name), media_type=kind)


def _icon(_: Request) -> Response:
    package, name, kind = _ASSETS["icon.svg"]
    return Response(_read(package, name), media_type=kind)


def _problem(request: Request, error: Exception) -> Response:
    """What is wrong, in the words of the command line."""
    assert isinstance(error, JournalError)  # it is registered for these
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 503)
    return _reported(request, status, str(error), error.hint)


def _refused(request: Request, error: Exception) -> Response:
    code = error.status_code if isinstance(error, HTTPException) else 500
    words = {404: "no such page", 405: "only GET"}.get(code, "this cannot be answered")
    return _reported(request, code, words, "the links above lead to what is there")


def _unexpected(request: Request, error: Exception) -> Response:
    what = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    hint = "nothing is lost; JOURNAL_DEBUG=1 shows where, please report it"
    return _reported(request, 500, f"unexpected {what}", hint)


def _reported(request: Request, status: int, message: str, hint: str) -> Response:
    if request.url.path.startswith("/api/"):
        return api.Json({"error": {"message": message, "hint": hint or None}}, status)
    return pages.problem(request, status, message, hint)
