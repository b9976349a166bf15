"""One session as a Markdown page: a pure function of its story.

The page is data that others wrote. Prompts and answers are block quotes, what tools were given
and gave back in fences longer than any run of backticks in it, so that an open fence or a heading
in one of them does not reach the next. HTML outside of code is shown, not obeyed; a program that
puts the page on the web lets its Markdown program sanitise it, as with any other. Times are UTC.
"""

import html
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from journal.printable import clean, one_line
from sync.pages import story
from sync.pages.fences import Place, longest_run, placed, spans
from sync.pages.steps import Call, Child, Words
from sync.pages.value_text import Field, Form

if TYPE_CHECKING:
    from sync.query.session_detail import Detail

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
# An underscore inside a word means nothing (CommonMark 0.31, 6.2).
_SPECIAL = re.compile(r"([\\`*\[\]<>#|~]|(?<![^\W_])_|_(?![^\W_]))")


def session_markdown(detail: "Detail") -> str:
    """The page: what the session was, its summary, then all that happened in order."""
    parts = [_heading(detail), *_summary(detail), "## What happened", *_story(detail)]
    return "\n\n".join(parts) + "\n"


def _heading(detail: "Detail") -> str:
    lines = [f"# {_plain(story.title(detail.session))}", ""]
    for label, words, exact in story.facts(detail):
        value = " ".join(part for part in (_plain(words), _code(exact)) if part)
        lines.append(f"- {label}: {value}")
    return "\n".join(lines)


def _summary(detail: "Detail") -> Iterator[str]:
    reported = story.summary(detail)
    if reported is None:
        return
    author, parts = reported
    yield f"## Summary\n\n*{author}*"
    for name, text in parts:
        yield f"**{name}**\n\n{_quote(text, hard_breaks=True)}"


def _story(detail: "Detail") -> Iterator[str]:
    clock = story.clock(detail.session)
    steps = story.steps(detail)
    for step in steps:
        if isinstance(step, Words):
            yield f"### {step.head} · {clock(step.at_us)}\n\n{_quote(step.text)}"
        elif isinstance(step, Child):
            took = f", {step.took}" if step.took else ""
            yield f"*Sub-agent {_plain(step.type)}{took} · {clock(step.at_us)}*"
        else:
            yield _call(step, clock)
    if not steps:
        yield story.nothing(detail)


def _call(call: Call, clock: Callable[[int], str]) -> str:
    times = f" \u00d7{call.count}" if call.count > 1 else ""
    by = f" ({call.by})" if call.by else ""
    what = html.escape(call.tool + by, quote=False)
    target = html.escape(call.target, quote=False)
    shown = f" <code>{target}</code>" if target else ""
    result = f" ({html.escape(call.result, quote=False)})" if call.result else ""
    head = f"<summary><b>{what}</b>{shown} {call.ended}{times}{result}</summary>"
    parts = [f"<details>\n{head}", clock(call.at_us)]
    parts += [*_fields("Input", call.input), *_fields("Output", call.output)]
    return "\n\n".join([*parts, "</details>"])


def _fields(label: str, found: list[Field]) -> Iterator[str]:
    """What a tool was given or gave back: short texts in a list, long ones in fences."""
    rows: list[str] = []
    if found:
        yield f"**{label}**"
    for field in found:
        if field.form in (Form.LINE, Form.REST):
            name = f"{_plain(field.name)}: " if field.name else ""
            rows.append(f"- {name}{_code(field.text) or '(blank)'}")
            continue
        if rows:
            yield "\n".join(rows)
            rows = []
        if field.name:
            yield f"{_plain(field.name)}:"
        yield _fenced(field)
    if rows:
        yield "\n".join(rows)


def _fenced(field: Field) -> str:
    """A text in a fence that it cannot close."""
    language = "json" if field.form is Form.JSON else ""
    fence = "`" * max(3, longest_run(field.text) + 1)
    return f"{fence}{language}\n{field.text}\n{fence}"


def _quote(text: str, hard_breaks: bool = False) -> str:
    """A block quote with HTML escaped outside of code. With `hard_breaks` lines stay lines."""
    lines = []
    for place, line in placed(clean(text).strip("\n")):
        if place is Place.PROSE:
            lines.append(f"> {_escaped(line)}".rstrip() + ("\\" if hard_breaks else ""))
        else:
            lines.append(f"> {line}".rstrip())
    return "\n".join(lines).removesuffix("\\")


def _escaped(line: str) -> str:
    """A line of Markdown whose `<` outside of code spans opens nothing."""
    return "".join(
        _TAG.sub(r"\\<", part) if place is Place.PROSE else part for place, part in spans(line)
    )


def _plain(text: str) -> str:
    """One line in which no character means anything to Markdown."""
    return _SPECIAL.sub(r"\\\1", one_line(text))


def _code(text: str) -> str:
    line = one_line(text)
    if not line:
        return ""
    ticks = "`" * (longest_run(line) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{space}{line}{space}{ticks}"
