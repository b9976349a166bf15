"""The pages. Each is a template with what its questions answer; parts of them are asked for alone.

A part is what follows what happens: the page asks for it again when the stream says that something
changed. Its template is included in the page's own, so that both show the same.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

import apsw
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from journal.agents import resuming
from journal.context.session_text import block
from journal.errors import JournalError
from journal.printable import one_line
from journal.session.summary import Summary
from journal.web import lists, overview, questions, rendering, sums
from journal.web.questions import Context
from journal.web.request_parameters import Asked
from journal.web.site import Site
from journal.web.step_chunks import chunk, one_step
from sync.checkup import home_status
from sync.pages import session_html
from sync.query.session_detail import Detail

Question = Callable[[Site, apsw.Connection, Asked], Context]


def _health(site: Site, _: apsw.Connection, __: Asked) -> Context:
    found = site.checks()
    order = {"error": 0, "warning": 1, "ok": 2}
    app = site.app
    return {
        "findings": sorted(found, key=lambda one: order[one.status.value]),
        "condition": home_status.look(app.layout, app.settings, app.now_us),
    }


def _session(site: Site, db: apsw.Connection, asked: Asked) -> Context:
    reported = questions.reported(db, site, asked.values["name"])
    session = reported.detail.session
    return {
        "reported": reported,
        "session": session,
        "steps": chunk(db, reported, asked.text("event"), asked.number("from", -1, 0, 10**9)),
        "about": Markup(session_html.about(reported.detail, "")),  # made by a template
        "resume": resuming.line(session.agent, session.id, session.cwd),
        "context": _told_next(reported.detail),
    }


def _told_next(detail: Detail) -> str:
    """What the context of the project's next session has of this one; "" for nothing."""
    if detail.summary is None:
        return ""
    session, zone = detail.session, datetime.now().astimezone().tzinfo or UTC
    summary = Summary.model_validate(detail.summary, strict=False)
    made = block(session.id, detail.state, summary, session.short_id, zone)
    return made.full.replace("&lt;", "<") if made else ""


_PARTS: Mapping[str, tuple[str, Question]] = {
    "now": ("part/now.html", overview.now),
    "today": ("part/today.html", overview.today),
    "year": ("part/year.html", overview.year),
    "cost": ("part/cost.html", sums.cost),
    "latest": ("part/latest.html", overview.latest),
    "sessions": ("part/sessions.html", lists.sessions),
    "search": ("part/search.html", lists.search),
    "projects": ("part/projects.html", lists.projects),
    "files": ("part/files.html", lists.files),
    "usage": ("part/usage.html", sums.usage),
}
_OVERVIEW = (overview.now, overview.today, overview.year, sums.cost, overview.latest)
_PAGES: Mapping[str, tuple[str, tuple[Question, ...]]] = {
    "/": ("overview.html", _OVERVIEW),
    "/sessions": ("sessions.html", (lists.sessions,)),
    "/search": ("search.html", (lists.search,)),
    "/projects": ("projects.html", (lists.projects,)),
    "/files": ("files.html", (lists.files,)),
    "/usage": ("usage.html", (sums.usage,)),
    "/health": ("health.html", (_health,)),
}


def warm_up(site: Site) -> None:
    """Ask all that the overview asks: the first page is then as quick as those after it."""
    with suppress(JournalError), site.reading() as db:  # a page will say what is wrong
        for ask in _PAGES["/"][1]:
            ask(site, db, Asked({}))
    rendering.templates().get_template("session.html")


def _page(path: str) -> Callable[[Request], Response]:
    template, asks = _PAGES[path]
    title = dict(rendering.NAVIGATION)[path]

    def answer(request: Request) -> Response:
        site: Site = request.app.state.site
        asked = Asked.of(request.query_params.multi_items())
        context: Context = {"asked": asked}
        with site.reading() as db:
            for ask in asks:
                context |= ask(site, db, asked)
        return rendering.answer(request, template, context, title=title)

    return answer


def _part(name: str) -> Callable[[Request], Response]:
    template, ask = _PARTS[name]

    def answer(request: Request) -> Response:
        site: Site = request.app.state.site
        asked = Asked.of(request.query_params.multi_items())
        with site.reading() as db:
            context = {"asked": asked, **ask(site, db, asked)}
        return rendering.answer(request, template, context, title="")

    return answer


def _named(request: Request, name: str) -> Asked:
    asked = Asked.of(request.query_params.multi_items())
    return Asked({**asked.values, "name": name})


def _session_page(request: Request) -> Response:
    site: Site = request.app.state.site
    asked = _named(request, request.path_params["name"])
    with site.reading() as db:
        context = {"asked": asked, **_session(site, db, asked)}
    title = one_line(context["session"].title) or "Session"
    return rendering.answer(request, "session.html", context, title=title)


def _session_part(template: str) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        site: Site = request.app.state.site
        asked = _named(request, request.query_params.get("session", ""))
        with site.reading() as db:
            context = {"asked": asked, **_session(site, db, asked)}
        return rendering.answer(request, template, context, title="")

    return answer


def _step(request: Request) -> Response:
    """What is folded below a call or a group."""
    site: Site = request.app.state.site
    with site.reading() as db:
        reported = questions.reported(db, site, request.query_params.get("session", ""))
        html = one_step(db, reported, request.query_params.get("step", ""))
    return HTMLResponse(html)


def problem(request: Request, status: int, message: str, hint: str) -> Response:
    """A page that says what is wrong."""
    context = {"message": message, "hint": hint, "asked": Asked({})}
    return rendering.answer(request, "problem.html", context, title="Problem", status=status)


ROUTES: Mapping[str, Callable[[Request], Response]] = {
    **{path: _page(path) for path in _PAGES},
    **{f"/part/{name}": _part(name) for name in _PARTS},
    "/part/steps": _session_part("part/steps.html"),
    "/part/about": _session_part("part/about.html"),
    "/part/step": _step,
    "/sessions/{name:path}": _session_page,
}
