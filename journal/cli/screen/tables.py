"""How sessions are laid out for people: ages, times, and the table of the board and the list.

Every text of a session is a stranger's: it is cleaned, and it becomes rich Text, never markup.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from journal.printable import one_line
from journal.times import DAY_US, SECOND_US, to_datetime

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from sync.query.listing import Session

WIDE_COLUMNS = 100
ENDLESS_COLUMNS = 500  # of a pipe: its reader finds each title whole
GAP = "  "
TIMES = "\u00d7"  # the sign before a number of times
_LIMITS = {"PROJECT": 16, "BRANCH": 24, "AGENT": 11}
_LEAST_TITLE_COLUMNS = 12
_STYLES = {"awaiting": "bold yellow", "working": "green", "finished": "dim"}
# A unit is used from so many of it on.
_UNITS = (
    ("y", 365 * DAY_US, 1),
    ("w", 7 * DAY_US, 2),
    ("d", DAY_US, 2),
    ("h", 3600 * SECOND_US, 1),
    ("m", 60 * SECOND_US, 1),
    ("s", SECOND_US, 1),
)


def age(span_us: int) -> str:
    """A span in one unit and at most three characters: `now`, `40s`, `5m`, `47h`, `13d`, `9w`."""
    for letter, unit_us, least in _UNITS:
        if span_us >= least * unit_us:
            return f"{span_us // unit_us}{letter}"
    return "now"


def ago(span_us: int) -> str:
    """`5m ago`, or `now`."""
    text = age(span_us)
    return text if text == "now" else f"{text} ago"


def when(at_us: int) -> str:
    """A moment in the person's own time zone: `2026-11-21 08:05`."""
    return f"{to_datetime(at_us).astimezone():%Y-%m-%d %H:%M}"


def screen() -> "Console":
    """Standard output; lines are as wide as the terminal, in a pipe as wide as they need to be."""
    from journal.cli.screen.output import console

    made = console()
    if not made.is_terminal and not os.environ.get("COLUMNS"):
        made.width = ENDLESS_COLUMNS
    return made


def print_rich(out: "Console", *parts: "RenderableType", paged: bool = False) -> None:
    """Print parts below each other; if `paged`, what does not fit a terminal goes to the pager.

    A reader that has left is a BrokenPipeError.
    """
    with out.capture() as captured:  # rich itself would end the program
        for part in parts:
            out.print(part)
    lines = captured.get().splitlines()
    text = "\n".join(line.rstrip() for line in lines)
    if paged and out.is_terminal and len(lines) >= out.height:
        os.environ.setdefault("LESS", "-FRX")  # as git does: colours, and the screen stays
        click.echo_via_pager(text, color=True)
    else:
        click.echo(text, color=out.is_terminal)


def sessions_table(sessions: Sequence["Session"], now_us: int, columns: int) -> "Text":
    """A line for each session, and one below for what it asks its person, or what it runs."""
    from rich.text import Text

    groups = session_lines(sessions, now_us, columns)
    return Text("\n").join(line for group in groups for line in group)


def session_lines(sessions: Sequence["Session"], now_us: int, columns: int) -> "list[list[Text]]":
    """The same in lines that belong together: those of the heading, then those of each session."""
    from rich.text import Text

    rows = [_cells(session, now_us) for session in sessions]
    left_out = set() if columns >= WIDE_COLUMNS else {"BRANCH"}
    if len({session.agent for session in sessions}) == 1:
        left_out.add("AGENT")
    names = [name for name in rows[0] if name not in left_out]
    widths = {
        name: min(_LIMITS.get(name, columns), max(len(name), *(row[name].cell_len for row in rows)))
        for name in names
    }
    taken = sum(width + len(GAP) for name, width in widths.items() if name != "TITLE")
    widths["TITLE"] = max(_LEAST_TITLE_COLUMNS, min(widths["TITLE"], columns - taken))
    at = sum(width + len(GAP) for width in list(widths.values())[: names.index("TITLE")])
    groups = [[aligned([Text(name, style="dim") for name in names], list(widths.values()))]]
    for session, row in zip(sessions, rows, strict=True):
        lines = [aligned([row[name] for name in names], list(widths.values()))]
        room = max(columns - at, _LEAST_TITLE_COLUMNS)
        if not session.is_silent(now_us) and (below := _below(session, room)):
            lines.append(Text(" " * at) + below)
        groups.append(lines)
    for line in (line for lines in groups for line in lines):
        line.truncate(columns, overflow="ellipsis")  # a screen of fewer columns cuts rows
    return groups


def _below(session: "Session", columns: int) -> "Text | None":
    """What an open session asks or runs, and how many sub-agents run; None for nothing."""
    from rich.text import Text

    asks = session.waiting_us is not None and session.question
    runs = " ".join(filter(None, (session.tool, session.target)))
    number = session.subagents if session.status != "finished" else 0
    children = f"{number:,} sub-agent{'s' if number > 1 else ''}" if number else ""
    if not (asks or runs or children):
        return None
    words = one_line(session.question if asks else runs)
    tail = f" \u00b7 {children}" if words and children else children
    style = _STYLES["awaiting" if asks else "working"].removeprefix("bold ")
    text = Text("asks: " if asks else "runs: ", style=style) + Text(words, style=style)
    text.truncate(max(columns - len(tail), 1), overflow="ellipsis")
    text.append(tail, style="dim")
    text.truncate(columns, overflow="ellipsis")
    return text


def aligned(cells: Sequence["Text"], widths: Sequence[int]) -> "Text":
    """Cells as one line, each as wide as it should be; the last one is not filled up."""
    from rich.text import Text

    fitted: list[Text] = []
    for cell, width in zip(cells, widths, strict=True):
        cell.truncate(width, overflow="ellipsis", pad=len(fitted) + 1 < len(cells))
        fitted.append(cell)
    return Text(GAP).join(fitted)


def _cells(session: "Session", now_us: int) -> dict[str, "Text"]:
    from rich.text import Text

    is_quiet = not session.adopted or session.is_silent(now_us)
    style = "dim" if is_quiet else _STYLES.get(session.status, "")
    return {
        "ID": Text(one_line(session.short_id), style="cyan"),
        "STATE": Text(_state(session, now_us), style=style),
        "PROJECT": Text(one_line(session.project)),
        "BRANCH": Text(one_line(session.branch)),
        "AGENT": Text(one_line(session.agent)),
        "TITLE": _title(session),
        "AGE": Text(age(now_us - session.last_us), style="dim"),
    }


def _state(session: "Session", now_us: int) -> str:
    if session.waiting_us is None:
        return session.state_at(now_us)
    return f"{session.status} {age(now_us - session.waiting_us)}"


def _title(session: "Session") -> "Text":
    from rich.text import Text

    title = one_line(session.title)
    if not session.adopted:
        return Text(f"(only started) {title}".rstrip(), style="dim")
    return Text(title) if title else Text("(no prompt)", style="dim")
