"""Opens the list in the terminal, and goes back into a session from there."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from journal.cli.app import App
from journal.cli.process import go_back, prepare_resume
from journal.errors import UsageError

if TYPE_CHECKING:
    from sync.query.filters import Wanted


def browse_here(
    app: App, text: str = "", *, wanted: "Callable[[], Wanted] | None" = None, limit: int = 0
) -> None:
    """Show the list until its person leaves.

    `text`: what is typed in it at first. `wanted`: the sessions that it shows at most, None for
    all; `limit`: the maximum number. UsageError: without a terminal.
    """
    check_terminal()
    with app.reading():
        pass  # what is wrong from the beginning is said before the screen is taken
    from journal.browse.app import Browse
    from journal.browse.source import Source

    chosen = Browse(Source(app, wanted, limit), text).run(mouse=True)
    if chosen is None:
        return
    if isinstance(chosen, Exception):
        raise chosen
    with app.reading(ends_matter=False) as db:
        command = prepare_resume(app, db, chosen.resume)
    go_back(chosen.resume, command)


def check_terminal() -> None:
    """UsageError: without a terminal that can move its cursor."""
    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        raise UsageError("the list needs a terminal", "in a pipe use: journal sessions")
    if os.environ.get("TERM", "").lower() in ("", "dumb", "unknown"):
        hint = "set TERM, or use: journal sessions"
        raise UsageError("the list needs a terminal that can move its cursor", hint)
