"""Opens the list in the terminal, and goes back into a session from there."""

import sys

from journal.cli.app import App
from journal.cli.process import go_back, prepare_resume
from journal.errors import UsageError


def browse_here(app: App, text: str = "") -> None:
    """UsageError: no terminal."""
    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        raise UsageError("browse needs a terminal", "lists for pipes: journal sessions")
    with app.reading():
        pass  # what is wrong from the beginning is said before the screen is taken
    from journal.browse.app import Browse

    chosen = Browse(app, text).run(mouse=True)
    if chosen is None:
        return
    with app.reading(ends_matter=False) as db:
        command = prepare_resume(app, db, chosen.resume)
    go_back(chosen.resume, command)
