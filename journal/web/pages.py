"""The pages. Each is a template with what its questions answer; parts of them are asked for alone.

A part is what follows what happens: the page asks for it again when the stream says that something
changed. Its template is included in the page's own, so that both show the same.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any
from urllib.parse import quote, urlencode

import apsw
from jinja2 import ChoiceLoader, Environment, PackageLoader
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from journal.agents import resuming
from journal.cli.screen.health import size
from journal.context import briefing
from journal.errors import JournalError, UsageError
from journal.printable import one_line
from journal.session.summary import Summary
from journal.web import charts, questions, words
from journal.web.asked import Asked, file
from journal.web.site import Site
from journal.web.steps import chunk, one_step
from sync.checkup import home_status
from sync.pages import session_html
from sync.query import days, digest, files, listing, projects
from sync.query.costs.prices import Prices, source
from sync.query.costs.usage import KEYS, Usage, Used
from sync.query.cursors import Cursor
from sync.query.detail import Detail
from sync.query.filters import Calls, Wanted
from sync.query.listing import Place, Session

ROWS = 30  # of a list, before more is asked for
FEW = 12
HITS = 30
COST_DAYS = 30
MOST_BARS = 60
MOST_ROWS = 400

Context = dict[str, Any]
Question = Callable[[Site, apsw.Connection, Asked], Context]


def _now(site: Site, db: apsw.Connection, _: Asked) -> Context:
    """Who waits for the person, and what runs."""
    waiting, more = questions.page(db, site, questions.shown(site, "awaiting"), ROWS)
    working, _more = questions.page(db, site, questions.shown(site, "working"), ROWS)
    states = listing.states(db, questions.shown(site))
    running = [one for one in working if not one.is_silent(site.app.now_us)]
    states["working"] -= len(working) - len(running)
    return {"waiting": waiting, "more_wait": more, "working": running, "states": states}


def _today(site: Site, db: apsw.Connection, _: Asked) -> Context:
    """What was done since midnight, in the sessions that neither wait nor run."""
    now_us = site.app.now_us
    midnight_us = days.start_us(days.today(now_us))
    found = days.since(db, midnight_us, files.EDIT_TOOLS)
    sessions = listing.read(db, found.sessions, site.adopt_on)
    resting = (one for one in sessions if one.status not in ("awaiting", "working"))
    done = [digest.done(db, session, midnight_us) for session in islice(resting, FEW)]
    return {"day": found, "day_done": done}


def _year(site: Site, db: apsw.Connection, _: Asked) -> Context:
    """What was asked on each day of the last year."""
    today = days.today(site.app.now_us)
    first = charts.first_day(today)
    stamp = (site.live.number, today)
    counts = site.kept("year", stamp, lambda: days.prompts_by_day(db, first, today))
    recent = sum(counts.get(today - timedelta(days=n), 0) for n in range(7))
    return {"year": charts.year(counts, today, "prompts"), "week_prompts": recent}


def _latest(site: Site, db: apsw.Connection, _: Asked) -> Context:
    """Those that were active last before today."""
    midnight_us = days.start_us(days.today(site.app.now_us))
    wanted = questions.shown(site)._replace(until_us=midnight_us)
    found = list(listing.read(db, listing.newest_first(db, wanted, FEW), site.adopt_on))
    return {"latest": found}


def _sessions(site: Site, db: apsw.Connection, asked: Asked) -> Context:
    wanted = asked.sessions(site.adopt_on, site.app.now_us)
    after = asked.text("after")
    place = Place.of(after) if after else None
    found, more = questions.page(db, site, wanted, ROWS, place)
    return {
        "sessions": found,
        "following": _with(asked, after=str(more)) if more else "",
        "total": None if place else listing.count(db, wanted),
        "is_more": place is not None,
    }


def _search(site: Site, db: apsw.Connection, asked: Asked) -> Context:
    after = asked.text("after")
    if not asked.text("q"):
        return {"groups": [], "following": "", "found": None, "is_more": False}
    cursor = Cursor.of(after) if after else None
    found = questions.search(db, site, asked, HITS, cursor)
    groups: dict[str, list[Any]] = {}
    for hit in found.hits:
        groups.setdefault(hit.session, []).append(hit)
    return {
        "groups": list(groups.values()),
        "following": _with(asked, after=str(found.more)) if found.more else "",
        "found": len(found.hits),
        "is_more": cursor is not None,
    }


def _projects(site: Site, db: apsw.Connection, _: Asked) -> Context:
    return {"projects": projects.projects(db, questions.shown(site))}


def _files(site: Site, db: apsw.Connection, asked: Asked) -> Context:
    path = asked.text("path")
    wanted = questions.shown(site)
    if not path:
        return {"worked": None, "latest_files": files.latest(db, wanted, ROWS), "path": ""}
    found = files.sessions_of(db, wanted, Calls(file=file(path)))
    sessions = list(listing.read(db, found, site.adopt_on))
    sessions.sort(key=lambda session: -session.last_us)
    worked = [(session, found[session.key]) for session in sessions]
    return {"worked": worked, "latest_files": [], "path": path}


def _usage_of(site: Site, db: apsw.Connection, wanted: Wanted, stamp: object) -> Usage:
    """The sums of these sessions, kept until something happens."""
    whole = wanted._replace(filters=wanted.filters._replace(adopt_on=None))
    prices = Prices(site.app.settings.prices)
    stamp = (site.live.number, stamp)
    return site.kept(("usage", wanted.sql()), stamp, lambda: Usage.of_home(db, whole, prices))


def _cost(site: Site, db: apsw.Connection, _: Asked) -> Context:
    """Tokens and cost of the last weeks, by day, project and model."""
    today = days.today(site.app.now_us)
    first = today - timedelta(days=COST_DAYS - 1)
    wanted = questions.shown(site)._replace(since_us=days.start_us(first))
    found = _usage_of(site, db, wanted, today)
    by_day = {used.key: used for used in found.by("day")}
    bars = []
    for number in range(COST_DAYS):
        day = str(first + timedelta(days=number))
        used = by_day.get(day, Used(day))
        bars.append(charts.Bar(day, _size(used), _said(used)))
    total = found.total()
    name = f"Cost of the last {COST_DAYS} days: {_said(total)}"
    return {
        "cost_total": total,
        "cost_days": charts.columns(bars, name),
        "cost_by": [(name, found.by(name)[:5]) for name in ("project", "model")],
        "cost_size": _size,
    }


def _size(used: Used) -> float:
    """How long a bar is: by its cost, or by its tokens if nothing has a price."""
    return used.tokens / 1e9 if used.cost_usd is None else used.cost_usd


def _said(used: Used) -> str:
    return f"{words.money(used.cost_usd)}, {words.short(used.tokens)} tokens"


def _usage(site: Site, db: apsw.Connection, asked: Asked) -> Context:
    wanted = asked.sessions(site.adopt_on, site.app.now_us)
    by = asked.text("by") or "day"
    if by not in KEYS:
        raise UsageError(f"{one_line(by)[:40]!r} cannot be summed up by", ", ".join(KEYS))
    found = _usage_of(site, db, wanted, wanted.since_us)
    rows = found.by(by)
    is_time = by in ("day", "week", "month")
    chart = None
    if is_time and rows:
        bars = [charts.Bar(row.key, _size(row), _said(row)) for row in rows[-MOST_BARS:]]
        chart = charts.columns(bars, f"Cost by {by}: {_said(found.total())}")
    return {
        "by": by,
        "usage": list(reversed(rows))[:MOST_ROWS] if is_time else rows[:MOST_ROWS],
        "usage_total": found.total(),
        "usage_chart": chart,
        "source": source(),
        "keys": KEYS,
    }


def _health(site: Site, _: apsw.Connection, __: Asked) -> Context:
    found = site.checks()
    order = {"error": 0, "warning": 1, "ok": 2}
    app = site.app
    return {
        "findings": sorted(found, key=lambda one: order[one.status.value]),
        "condition": home_status.look(app.layout, app.settings, app.now_us),
    }


def _session(site: Site, db: apsw.Connection, asked: Asked) -> Context:
    told = questions.told(db, site, asked.values["name"])
    session = told.detail.session
    return {
        "told": told,
        "session": session,
        "steps": chunk(told, asked.text("event"), asked.number("from", -1, 0, 10**9)),
        "about": Markup(session_html.about(told.detail, "")),  # made by a template
        "resume": resuming.line(session.agent, session.id, session.cwd),
        "context": _told_next(told.detail),
    }


def _told_next(detail: Detail) -> str:
    """What the context of the project's next session has of this one; "" for nothing."""
    if detail.summary is None:
        return ""
    session, zone = detail.session, datetime.now().astimezone().tzinfo or UTC
    summary = Summary.model_validate(detail.summary, strict=False)
    made = briefing.block(session.id, detail.state, summary, session.short_id, zone)
    return made.full.replace("&lt;", "<") if made else ""


_PARTS: Mapping[str, tuple[str, Question]] = {
    "now": ("part/now.html", _now),
    "today": ("part/today.html", _today),
    "year": ("part/year.html", _year),
    "cost": ("part/cost.html", _cost),
    "latest": ("part/latest.html", _latest),
    "sessions": ("part/sessions.html", _sessions),
    "search": ("part/search.html", _search),
    "projects": ("part/projects.html", _projects),
    "files": ("part/files.html", _files),
    "usage": ("part/usage.html", _usage),
}
_PAGES: Mapping[str, tuple[str, str, tuple[Question, ...]]] = {
    "/": ("Overview", "overview.html", (_now, _today, _year, _cost, _latest)),
    "/sessions": ("Sessions", "sessions.html", (_sessions,)),
    "/search": ("Search", "search.html", (_search,)),
    "/projects": ("Projects", "projects.html", (_projects,)),
    "/files": ("Files", "files.html", (_files,)),
    "/usage": ("Usage", "usage.html", (_usage,)),
    "/health": ("Health", "health.html", (_health,)),
}
NAVIGATION = tuple((path, title) for path, (title, _, _) in _PAGES.items())


def _with(asked: Asked, **more: str) -> str:
    """The query of an address: the same values with some others."""
    return urlencode({name: value for name, value in {**asked.values, **more}.items() if value})


def _href(session: Session | str) -> str:
    """The address of a session's page."""
    name = session if isinstance(session, str) else session.id
    return "/sessions/" + quote(name, safe="")


@cache
def templates() -> Environment:
    """The templates of the pages."""
    loaders = [PackageLoader("journal.web"), PackageLoader("sync.pages")]
    made = session_html.new_environment(ChoiceLoader(loaders))
    made.filters |= {
        "href": _href,
        "age": words.age,
        "ago": words.ago,
        "when": words.when,
        "clock": words.clock,
        "day": words.day,
        "short": words.short,
        "money": words.money,
        "size": size,
        "q": lambda text: quote(text, safe=""),
        "marked": _marked,
    }
    made.globals |= {"count": words.count, "share": charts.share, "navigation": NAVIGATION}
    return made


def _marked(snippet: Any) -> Markup:
    """A line with the words that were found in it."""
    parts, at = [], 0
    for start, end in snippet.marks:
        parts += [snippet.text[at:start], Markup("<mark>{}</mark>").format(snippet.text[start:end])]
        at = end
    return Markup("").join([*parts, snippet.text[at:]])


def _answer(
    request: Request, template: str, context: Context, *, title: str, status: int = 200
) -> HTMLResponse:
    site: Site = request.app.state.site
    made = (
        templates()
        .get_template(template)
        .render(
            context,
            title=title,
            here=request.url.path,
            now_us=site.app.now_us,
            home=str(site.app.layout.home),
            trouble=site.live.problem,
        )
    )
    return HTMLResponse(made, status)


def warm_up(site: Site) -> None:
    """Ask all that the overview asks: the first page is then as quick as those after it."""
    with suppress(JournalError), site.reading() as db:  # a page will say what is wrong
        for ask in _PAGES["/"][2]:
            ask(site, db, Asked({}))
    templates().get_template("session.html")


def _page(path: str) -> Callable[[Request], Response]:
    title, template, asks = _PAGES[path]

    def answer(request: Request) -> Response:
        site: Site = request.app.state.site
        asked = Asked.of(request.query_params.multi_items())
        context: Context = {"asked": asked}
        with site.reading() as db:
            for ask in asks:
                context |= ask(site, db, asked)
        return _answer(request, template, context, title=title)

    return answer


def _part(name: str) -> Callable[[Request], Response]:
    template, ask = _PARTS[name]

    def answer(request: Request) -> Response:
        site: Site = request.app.state.site
        asked = Asked.of(request.query_params.multi_items())
        with site.reading() as db:
            context = {"asked": asked, **ask(site, db, asked)}
        return _answer(request, template, context, title="")

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
    return _answer(request, "session.html", context, title=title)


def _session_part(template: str) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        site: Site = request.app.state.site
        asked = _named(request, request.query_params.get("session", ""))
        with site.reading() as db:
            context = {"asked": asked, **_session(site, db, asked)}
        return _answer(request, template, context, title="")

    return answer


def _step(request: Request) -> Response:
    """What is folded below a call or a group."""
    site: Site = request.app.state.site
    with site.reading() as db:
        told = questions.told(db, site, request.query_params.get("session", ""))
    return HTMLResponse(one_step(told, request.query_params.get("step", "")))


def problem(request: Request, status: int, message: str, hint: str) -> Response:
    """A page that says what is wrong."""
    context = {"message": message, "hint": hint, "asked": Asked({})}
    return _answer(request, "problem.html", context, title="Problem", status=status)


ROUTES: Mapping[str, Callable[[Request], Response]] = {
    **{path: _page(path) for path in _PAGES},
    **{f"/part/{name}": _part(name) for name in _PARTS},
    "/part/steps": _session_part("part/steps.html"),
    "/part/about": _session_part("part/about.html"),
    "/part/step": _step,
    "/sessions/{name:path}": _session_page,
}
