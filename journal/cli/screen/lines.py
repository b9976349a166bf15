"""Lines for people without rich, which takes longer to load than a search takes."""

import os
import re
import sys
from collections.abc import Sequence

import click

from journal.cli.screen.tables import ENDLESS_COLUMNS

LEAST_COLUMNS = 10
NARROW_COLUMNS = 60  # a screen with fewer cuts every line, so that none takes two rows
_WIDE = re.compile(r"[^\x00-\u02ff\u2010-\u2027]")  # what may take another room than one column


class Page:
    """Standard output: how wide its lines are, and whether they may have colours.

    The same as `tables.screen`: a pipe has endless lines, unless $COLUMNS says how long they are.
    """

    def __init__(self) -> None:
        terminal = sys.stdout.isatty()
        self.colours = (
            terminal
            and not os.environ.get("NO_COLOR")
            and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")
        )
        self.columns = _columns(terminal)
        self._lines: list[str] = []

    def add(self, line: str) -> None:
        """One line, as `style` and `marked` make them."""
        plain = click.unstyle(line)
        if self.columns < NARROW_COLUMNS and _fitting(plain, 0, self.columns) < len(plain):
            line = cut(plain, self.columns)
        self._lines.append(line.rstrip())

    def style(self, text: str, **style: bool | str) -> str:
        """The text in colours, where there are any."""
        return click.style(text, **style) if self.colours else text  # type: ignore[arg-type]

    def marked(self, text: str, marks: Sequence[tuple[int, int]], indent: str) -> None:
        """Add a text as lines that fit, its marks in bold, or in [brackets] without colours."""
        if not self.colours:
            for start, end in reversed(marks):
                text = f"{text[:start]}[{text[start:end]}]{text[end:]}"
            marks = ()
        for start, end in folded(text, max(1, self.columns - len(indent))):
            line, at = "", start
            for mark in marks:
                begin, stop = max(mark[0], at), min(mark[1], end)
                if begin < stop:
                    line += text[at:begin] + click.style(text[begin:stop], bold=True)
                    at = stop
            self.add(indent + line + text[at:end])

    def show(self) -> None:
        """Print what was added. A reader that has left is a BrokenPipeError."""
        click.echo("\n".join(self._lines), color=self.colours)


def _columns(terminal: bool) -> int:
    named = os.environ.get("COLUMNS", "")
    if named.isdecimal() and int(named):
        return max(LEAST_COLUMNS, int(named))
    if not terminal:
        return ENDLESS_COLUMNS
    try:
        return max(LEAST_COLUMNS, os.get_terminal_size(sys.stdout.fileno()).columns)
    except OSError:
        return 80


def cut(text: str, columns: int) -> str:
    """The text in so many columns, with an ellipsis if that is not all of it."""
    if _fitting(text, 0, columns) == len(text):
        return text
    return text[: _fitting(text, 0, columns - 1)] + "…"


def folded(text: str, columns: int) -> list[tuple[int, int]]:
    """Where each line of the text begins and ends: between words, if there are any."""
    lines: list[tuple[int, int]] = []
    start = 0
    while start < len(text):
        end = _fitting(text, start, columns)
        if end < len(text):
            space = text.rfind(" ", start + 1, end + 1)
            end = space if space > 0 else max(end, start + 1)
        lines.append((start, end))
        start = end + (text[end : end + 1] == " ")
    return lines


def _fitting(text: str, start: int, columns: int) -> int:
    """The end of as much as fits, from `start` on."""
    if not _WIDE.search(text):
        return min(len(text), start + columns)
    from rich.cells import get_character_cell_size

    for place in range(start, len(text)):
        columns -= get_character_cell_size(text[place])
        if columns < 0:
            return place
    return len(text)
