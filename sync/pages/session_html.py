"""A session as HTML: the same templates make the exported file and the page of `journal web`.

Every text of a session passes `clean` or `one_line` and is escaped, by the templates unless a
function of this package has made HTML of it. `place` says where the HTML goes: an exported file
holds everything, a page on the web loads what is folded when a person opens it.
"""

import html
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import BaseLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from journal.printable import clean, one_line
from journal.times import to_text
from sync.pages import story
from sync.pages.code import coloured, coloured_lines
from sync.pages.edits import Change
from sync.pages.fences import Line, Place, placed, spans
from sync.pages.prose import prose
from sync.pages.steps import Block, Call, Child, Group, Words
from sync.pages.value_text import Field, Form

if TYPE_CHECKING:
    from sync.query.session_detail import Detail

DIFF_LINES = 400  # of one change; more is said in a line
_SIGNS = {"+": "ins", "-": "del", "@": "at", " ": "same"}


class Destination(NamedTuple):
    """Where the HTML goes. `url` makes the address of what is loaded when it is opened."""

    clock: Callable[[int], str]
    url: Callable[[str], str] | None = None  # of a step or group by its id; None: all is inside
    anchors: bool = False  # each step has an id and a link to itself


def new_environment(loader: BaseLoader) -> Environment:
    """Templates in which every text is escaped, and what is not defined is an error."""
    made = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"clean": clean, "line": one_line, "iso": to_text}
    return made


@cache
def environment() -> Environment:
    """The templates of this package, with what they need."""
    made = new_environment(PackageLoader("sync.pages"))
    made.filters |= {
        "prose": _prose,
        "said": said,
    }
    made.tests |= {
        "words": lambda block: isinstance(block, Words),
        "call": lambda block: isinstance(block, Call),
        "child": lambda block: isinstance(block, Child),
        "group": lambda block: isinstance(block, Group),
    }
    made.globals |= {"diff": diff, "fields": value_fields, "call_body": _body}
    return made


def steps(blocks: Sequence[Block], place: Destination) -> Iterator[str]:
    """The HTML of these steps, in parts: no more than a step is in memory at a time."""
    # A rendered template is garbage in a cycle for a while: it may hold an iterator, and no step.
    return environment().get_template("steps.html").generate(blocks=iter(blocks), place=place)


def body(call: Call) -> str:
    """The HTML of what is folded below a call."""
    return environment().get_template("call.html").render(call=call)


def _body(call: Call) -> Markup:
    return Markup(body(call))


def about(detail: "Detail", heading: str) -> str:
    """The HTML of a session's title, facts and summary."""
    reported = story.summary(detail)
    return (
        environment()
        .get_template("about.html")
        .render(
            title=story.title(detail.session),
            facts=story.facts(detail),
            summary=reported,
            heading=heading,
        )
    )


def _prose(text: str) -> Markup:
    return Markup(prose(text))


def said(text: str) -> Markup:
    """What a person typed, its lines as they are; what is in fences is set as code."""
    parts = []
    lines = placed(clean(text).strip("\n"))
    for is_prose, group in groupby(lines, lambda line: line.place is Place.PROSE):
        if is_prose:
            inner = "\n".join("".join(map(_span, spans(line.text))) for line in group)
            words = inner.strip("\n")
            parts.append(f"<p>{words}</p>\n" if inner.strip() else "")
        else:
            parts.append(_pre("\n".join(map(_code_line, group))))
    return Markup("".join(parts))


def _span(part: Line) -> str:
    text = html.escape(part.text)
    return f"<code>{text}</code>" if part.place is Place.CODE else text


def _code_line(line: Line) -> str:
    text = html.escape(line.text)
    return f"<i>{text}</i>" if line.place is Place.FENCE else text


def _pre(inner: str) -> str:
    """Parsers take a newline behind the tag away (WHATWG HTML, 13.2.6.4.7)."""
    return f"<pre>\n{inner}</pre>\n"


def diff(change: Change, file: str) -> Markup:
    """A change as lines in colours; what was taken out and put in can be seen without colours."""
    lines = change.lines[:DIFF_LINES]
    inner = coloured_lines([clean(line.text).replace("\n", " ") for line in lines], file)
    parts = []
    for sign, group in groupby(zip(lines, inner, strict=True), lambda pair: pair[0].sign):
        rows = [f"{'' if sign == '@' else html.escape(sign)}{text}" for _, text in group]
        parts.append(f'<span class="{_SIGNS[sign]}">{chr(10).join(rows)}</span>')
    left = len(change.lines) - DIFF_LINES
    note = f"<p><i>{left:,} more lines</i></p>\n" if left > 0 else ""
    return Markup(f'<pre class="diff">\n{"".join(parts)}</pre>\n{note}')


def value_fields(label: str, found: list[Field], file: str = "") -> Markup:
    """What a tool was given or gave back."""
    parts = [f"<h4>{label}</h4>\n"] if found else []
    for field in found:
        name = f"<b>{html.escape(one_line(field.name))}</b>" if field.name else ""
        text = html.escape(field.text)
        if field.form is Form.REST:
            parts.append(f"<p><i>{text}</i></p>\n")
        elif field.form is Form.LINE:
            parts.append(f"<p>{name} <code>{text or '(blank)'}</code></p>\n")
        else:
            language = "json" if field.form is Form.JSON else _language(field.name)
            parts.append(f"<p>{name}</p>\n" if name else "")
            parts.append(_pre(coloured(field.text, language=language, file=file)))
    return Markup("".join(parts))


def _language(name: str) -> str:
    return "bash" if name.rpartition(".")[2] in ("command", "cmd") else ""
