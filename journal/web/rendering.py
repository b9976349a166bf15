"""The templates, and what they are given beyond the answers to questions."""

from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import ChoiceLoader, Environment, PackageLoader
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from journal.cli.screen.health import size
from journal.web import charts, formatting
from journal.web.questions import Context
from journal.web.site import Site
from sync.pages import session_html
from sync.query.listing import Session

NAVIGATION = (
    ("/", "Overview"), ("/sessions", "Sessions"), ("/search", "Search"), ("/projects", "Projects"),
    ("/files", "Files"), ("/usage", "Usage"), ("/health", "Health"),
)  # fmt: skip


def answer(
    request: Request, template: str, context: Context, *, title: str, status: int = 200
) -> HTMLResponse:
    """A page, or a part of one."""
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


@cache
def templates() -> Environment:
    """The templates of the pages."""
    loaders = [PackageLoader("journal.web"), PackageLoader("sync.pages")]
    made = session_html.new_environment(ChoiceLoader(loaders))
    made.filters |= {
        "href": _href,
        "age": formatting.age,
        "ago": formatting.ago,
        "when": formatting.when,
        "clock": formatting.clock,
        "day": formatting.day,
        "short": formatting.short,
        "money": formatting.money,
        "size": size,
        "q": lambda text: quote(text, safe=""),
        "marked": _marked,
    }
    made.globals |= {
        "count": formatting.count,
        "share": charts.share,
        "navigation": NAVIGATION,
    }
    return made


def _href(session: Session | str) -> str:
    """The address of a session's page."""
    name = session if isinstance(session, str) else session.id
    return "/sessions/" + quote(name, safe="")


def _marked(snippet: Any) -> Markup:
    """A line with the words that were found in it."""
    parts, at = [], 0
    for start, end in snippet.marks:
        parts += [snippet.text[at:start], Markup("<mark>{}</mark>").format(snippet.text[start:end])]
        at = end
    return Markup("").join([*parts, snippet.text[at:]])
