"""Sessions as one HTML page: one file that needs no other and fetches nothing.

The page is data that others wrote. Every text on it is escaped, so none is a tag, and none
holds invisible characters; it has links only to its own sections, no image, no script, and its
policy forbids what a browser might fetch all the same (W3C CSP 3). The style is in the page, named
by its hash.
"""

import hashlib
import html
from base64 import b64encode
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from journal.printable import clean, one_line
from sync.pages import session_html, story

if TYPE_CHECKING:
    from sync.query.listing import Session
    from sync.query.session_detail import Detail

STYLES = ("session.css", "page.css")
_FOOT = "</main>\n</body>\n</html>\n"


def page(detail: "Detail") -> Iterator[str]:
    """The page of one session, in parts."""
    yield _head(story.title(detail.session))
    yield from _session(detail, "h1")
    yield _FOOT


def pages(listed: "Iterable[Session]", details: "Iterable[Detail]") -> Iterator[str]:
    """One page of many sessions, in parts: their contents, then one after the other.

    `details` are those of `listed`, in this order; only one of either is in memory at a time.
    """
    yield _head("Sessions")
    yield "<h1>Sessions</h1>\n<nav>\n<ol>\n"
    number = 0
    for session in listed:
        number += 1
        yield _entry(session)
    yield "</ol>\n</nav>\n" if number else "</ol>\n</nav>\n<p>No session.</p>\n"
    for detail in details:
        yield from _session(detail, "h2")
        del detail  # before the next one is read
    yield _FOOT


@cache
def _style() -> str:
    return "".join((files("sync.pages") / name).read_text("utf-8") for name in STYLES)


def _head(title: str) -> str:
    digest = b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{_text(title)}</title>
<style>{_style()}</style>
</head>
<body>
<main>
"""


def _entry(session: "Session") -> str:
    where = f"{_line(session.project)} · " if session.project else ""
    when = story.moment(session.started_us)[:16]
    link = f'<a href="#{_anchor(session)}">{_text(story.title(session))}</a>'
    return f"<li>{link} <span>{where}{when}</span></li>\n"


def _anchor(session: "Session") -> str:
    """The same in every export of this session, for any id."""
    who = f"{session.agent}/{session.id}".encode("utf-8", "replace")
    return "s" + hashlib.blake2b(who, digest_size=8).hexdigest()


def _session(detail: "Detail", heading: str) -> Iterator[str]:
    anchor = _anchor(detail.session)
    yield f'<article class="session" id="{anchor}">\n'
    yield session_html.about(detail, heading)
    shown = story.blocks(detail)
    place = session_html.Destination(story.clock(detail.session))
    yield from session_html.steps(shown, place)
    if not shown:
        yield f"<p>{_text(story.nothing(detail))}</p>\n"
    yield "</article>\n"


def _text(text: str) -> str:
    return html.escape(clean(text))


def _line(text: str) -> str:
    return html.escape(one_line(text))
