"""Sessions as one HTML page: a file that stands for itself, and asks nothing of anybody.

The page is data that others wrote. Every text on it has passed `_text`, so none is a tag, and none
holds what nobody can see; there is no link but to its own sections, no image, no script, and its
policy forbids what a browser might fetch all the same (W3C CSP 3). The style is in the page, named
by its hash.
"""

import hashlib
import html
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING

from journal.printable import clean, one_line
from journal.times import to_text
from sync.pages import story
from sync.pages.fences import Line, Place, placed, spans
from sync.pages.story import Call, Child, Words
from sync.pages.value_text import Field, Form

if TYPE_CHECKING:
    from sync.query.detail import Detail
    from sync.query.listing import Session

_LINE_END = "\n"
_FOOT = "</main>\n</body>\n</html>\n"


def page(detail: "Detail") -> Iterator[str]:
    """The page of one session, in parts."""
    yield _head(story.title(detail.session))
    yield from _session(detail, "h1")
    yield _FOOT


def pages(listed: "Iterable[Session]", details: "Iterable[Detail]") -> Iterator[str]:
    """One page of many sessions, in parts: their contents, then one after the other.

    `details` are those of `listed`, in this order; no more than one of either is held at a time.
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
    yield _FOOT


@cache
def _style() -> str:
    return (files("sync.pages") / "page.css").read_text("utf-8")


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
    """The same in every export of this session, whatever its id holds."""
    who = f"{session.agent}/{session.id}".encode("utf-8", "replace")
    return "s" + hashlib.blake2b(who, digest_size=8).hexdigest()


def _session(detail: "Detail", heading: str) -> Iterator[str]:
    session = detail.session
    clock = story.clock(session)
    yield f'<article class="session" id="{_anchor(session)}">\n'
    yield f"<{heading}>{_text(story.title(session))}</{heading}>\n"
    yield "<dl>\n"
    for label, words, exact in story.facts(detail):
        code = f"<code>{_line(exact)}</code>" if exact else ""
        value = " ".join(part for part in (_line(words), code) if part)
        yield f"<dt>{label}</dt><dd>{value}</dd>\n"
    yield "</dl>\n"
    yield from _summary(detail)
    steps = story.steps(detail)
    for step in steps:
        yield _step(step, clock)
    if not steps:
        yield f"<p>{_text(story.nothing(detail))}</p>\n"
    yield "</article>\n"


def _summary(detail: "Detail") -> Iterator[str]:
    told = story.summary(detail)
    if told is None:
        return
    author, parts = told
    yield '<section class="summary">\n'
    for name, text in parts:
        yield f"<h3>{name}</h3>\n<p>{_text(text)}</p>\n"
    yield f"<p>{_text(author)}</p>\n</section>\n"


def _step(step: story.Step, clock: Callable[[int], str]) -> str:
    time = f'<time datetime="{to_text(step.at_us)}">{clock(step.at_us)}</time>'
    if isinstance(step, Call):
        return _call(step, time)
    if isinstance(step, Child):
        took = f", {step.took}" if step.took else ""
        return f'<p class="child">{time} Sub-agent {_text(step.type)}{took}</p>\n'
    return _said(step, time)


def _said(words: Words, time: str) -> str:
    kind = "asked" if words.by_person else "failure" if words.failed else "said"
    head = f"<h3>{words.head} {time}</h3>\n"
    return f'<section class="{kind}">\n{head}{_words(words.text)}</section>\n'


def _call(call: Call, time: str) -> str:
    by = f" <i>{_text(call.by)}</i>" if call.by else ""
    target = f" <code>{_text(call.target)}</code>" if call.target else ""
    times = f" \u00d7{call.count}" if call.count > 1 else ""
    ended = f' <span class="{call.ended}">{call.ended}{times}</span>'
    head = f"<summary>{time} <b>{_text(call.tool)}</b>{by}{target}{ended}</summary>\n"
    body = _fields("Input", call.input) + _fields("Output", call.output)
    kind = ' class="inner"' if call.by else ""
    return f"<details{kind}>{head}{body}</details>\n"


def _fields(label: str, found: list[Field]) -> str:
    parts = [f"<h4>{label}</h4>\n"] if found else []
    for field in found:
        name = f"<b>{_line(field.name)}</b>" if field.name else ""
        text = html.escape(field.text)
        if field.form is Form.REST:
            parts.append(f"<p><i>{text}</i></p>\n")
        elif field.form is Form.LINE:
            parts.append(f"<p>{name} <code>{text or '(blank)'}</code></p>\n")
        else:
            parts.append(f"<p>{name}</p>\n" if name else "")
            parts.append(_pre(text))
    return "".join(parts)


def _words(text: str) -> str:
    """What somebody said, its lines as they are; what stands in fences is set as code."""
    parts = []
    lines = placed(clean(text).strip("\n"))
    for is_prose, group in groupby(lines, lambda line: line.place is Place.PROSE):
        if is_prose:
            inner = "\n".join("".join(map(_span, spans(line.text))) for line in group)
            parts.append(f"<p>{inner.strip(_LINE_END)}</p>\n" if inner.strip() else "")
        else:
            parts.append(_pre("\n".join(map(_code_line, group))))
    return "".join(parts)


def _span(part: Line) -> str:
    text = html.escape(part.text)
    return f"<code>{text}</code>" if part.place is Place.CODE else text


def _code_line(line: Line) -> str:
    text = html.escape(line.text)
    return f"<i>{text}</i>" if line.place is Place.FENCE else text


def _pre(inner: str) -> str:
    """Parsers take a newline behind the tag away (WHATWG HTML, 13.2.6.4.7)."""
    return f"<pre>\n{inner}</pre>\n"


def _text(text: str) -> str:
    return html.escape(clean(text))


def _line(text: str) -> str:
    return html.escape(one_line(text))
