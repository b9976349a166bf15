"""The conversation around an event, on a screen."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from journal.cli.screen.lines import Page, cut, folded
from journal.cli.screen.tables import GAP
from journal.printable import clean, one_line
from journal.times import to_datetime
from sync.pages.value_text import Form, fields

if TYPE_CHECKING:
    from sync.query.around import Around, Step
    from sync.query.listing import Session

MOST_LINES = 40  # of a prompt, an answer, a tool's input or output
_INDENT = "    "
_NAMES = {"input": "called", "output": "gave back"}


def print_around(session: "Session", around: "Around", context: int) -> None:
    """Print the session's name and the steps to standard output."""
    page = Page()
    name, project = one_line(session.short_id), one_line(session.project)
    title = cut(one_line(session.title), page.columns - len(name + project) - 2 * len(GAP))
    page.add(GAP.join((page.style(name, fg="cyan"), page.style(project, bold=True), title)))
    before, after = around.more
    if before:
        page.add(page.style("… more before", dim=True))
    for step in around.steps:
        page.add("")
        _add(page, step)
    page.add("")
    if after:
        page.add(page.style("… more after", dim=True))
    if before or after:
        page.add(f"To see more: --context {2 * max(context, 1)}")
    page.show()


def _add(page: Page, step: "Step") -> None:
    """A line that says when, what and which event, then what it says."""
    at = f"{to_datetime(step.at_us).astimezone():%Y-%m-%d %H:%M:%S}"
    mark = ">" if step.is_match else " "
    head = GAP.join((at, _what(step), step.short_id))
    page.add(
        f"{mark} {page.style(head, bold=True) if step.is_match else page.style(head, dim=True)}"
    )
    lines = list(_lines(step, page.columns - len(_INDENT)))
    for line in lines[:MOST_LINES]:
        page.add(_INDENT + line)
    left = len(lines) - MOST_LINES
    if left > 0:
        page.add(page.style(f"{_INDENT}… {left:,} more lines (--json has all)", dim=True))


def _lines(step: "Step", columns: int) -> Iterator[str]:
    text = _text(step).strip("\n")
    for line in text.split("\n") if text else ():
        yield from (line[start:end] for start, end in folded(line, columns) or [(0, 0)])


def _what(step: "Step") -> str:
    words = _NAMES.get(step.kind, step.kind.replace("_", " "))
    if step.tool:
        words = f"{one_line(step.tool)} {'failed' if step.failed else words}"
    return f"{words} ({one_line(step.subagent)})" if step.subagent else words


def _text(step: "Step") -> str:
    value = step.output if step.kind == "output" else step.input
    if step.kind != "output" and value is None:
        return clean(step.text)
    shown = [field for field in fields(value) if field.form is not Form.REST]
    if len(shown) == 1:
        return shown[0].text
    gaps = {Form.LINE: " "}
    return "\n".join(f"{f.name}:{gaps.get(f.form, chr(10))}{f.text}" for f in shown)
