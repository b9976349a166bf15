"""Bare `journal`: the board. What waits for its person first, and one line of health."""

import click

from journal.cli.app import App

BOARD_ROWS = 10


def show_board(app: App) -> None:
    """Print ten sessions and one line of health; where nothing is installed, how to begin."""
    layout = app.layout
    if not layout.days.exists() and not layout.database.exists():
        if (layout.hooks / "run.py").exists():
            click.echo(f"Nothing is recorded yet in {layout.home}: start your agent.")
        else:
            click.echo("Not installed yet. Run: journal install")
        return
    _show(app)


def _show(app: App) -> None:
    from rich.text import Text

    from journal.cli.sessions import print_sessions
    from journal.cli.status import health
    from journal.cli.tables import print_rich, screen
    from sync import condition, listing
    from sync.filters import Filters

    adopt_on = tuple(app.settings.sessions.adopt_on)
    wanted = listing.Wanted(Filters(adopt_on=adopt_on))
    with app.reading() as db:
        found = list(listing.read(db, listing.page(db, wanted, BOARD_ROWS), adopt_on))
        left = listing.count(db, wanted) - len(found)
    note = f"… and {left:,} more (journal sessions)" if left > 0 else ""
    print_sessions(app, found, note if found else "No session has done anything yet.")
    state = condition.look(app.layout, app.settings, app.now_us)
    click.echo()
    style = "bold red" if state.problems else "dim"
    print_rich(screen(), Text(health(state, app.now_us), style=style))
