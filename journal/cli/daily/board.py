"""Bare `journal`: the board. What waits for you first, and one line of health."""

import click

from journal.cli.app import App
from journal.errors import JournalError

BOARD_ROWS = 10


def show_board(app: App) -> None:
    """Print ten sessions and one line of health; where nothing is installed, how to begin."""
    layout = app.layout
    if not layout.days.exists() and not layout.database.exists():
        from sync.checkup.earlier_sessions import not_imported

        if warning := unrecorded_text(app, None):
            click.echo(f"Nothing is recorded yet in {layout.home}: {warning}.")
        elif (layout.hooks / "run.py").exists():
            click.echo(f"Nothing is recorded yet in {layout.home}: {_what_to_do(app)}.")
            _say_what_is_off(app)
        else:
            click.echo("Not installed yet. Run: journal install")
        if earlier := not_imported(layout, app.transcript_roots):
            click.echo(f"{earlier}. Run: journal import")
        return
    _show(app)


def _what_to_do(app: App) -> str:
    """Why nothing can be recorded, if the agents' settings say so."""
    from journal.doctor import registration

    problems = registration.problems(app.layout)
    return "; ".join(f"{one} ({one.hint})" for one in problems) or "start your agent"


def _show(app: App) -> None:
    from rich.text import Text

    from journal.cli.daily.sessions import print_sessions
    from journal.cli.screen.health import health
    from journal.cli.screen.tables import print_rich, screen
    from sync.checkup import home_status
    from sync.query import listing
    from sync.query.filters import Filters, Wanted

    adopt_on = tuple(app.settings.sessions.adopt_on)
    wanted = Wanted(Filters(adopt_on=adopt_on))
    with app.reading() as db:
        found = list(listing.read(db, listing.page(db, wanted, BOARD_ROWS), adopt_on))
        left = listing.count(db, wanted) - len(found)
    note = f"… and {left:,} more (journal sessions)" if left > 0 else ""
    print_sessions(app, found, note if found else _nothing(app))
    state = home_status.look(app.layout, app.settings, app.now_us)
    click.echo()
    warning = unrecorded_text(app, state.last_us)
    line = health(state, app.now_us)
    style = "bold red" if state.problems or warning else "dim"
    print_rich(screen(), Text(f"{warning} · {line}" if warning else line, style=style))
    _say_what_is_off(app)


def _nothing(app: App) -> str:
    from sync.checkup.earlier_sessions import not_imported

    text = "No session has done anything yet."
    earlier = not_imported(app.layout, app.transcript_roots)
    return f"{text} {earlier}. Run: journal import" if earlier else text


def unrecorded_text(app: App, last_us: int | None) -> str:
    """In few words that the agent ran behind the newest record, or what was not copied; or ""."""
    from journal.cli.screen.tables import ago
    from journal.doctor import activity
    from journal.setup import settings_file
    from sync.checkup.earlier_sessions import compare

    folder = settings_file.default_path().parent
    try:
        found = activity.unrecorded(app.layout, folder, last_us, activity.FEW_FOLDERS)
    except JournalError:
        return ""  # a folder that cannot be read is among the problems
    if found is None:
        uncopied = compare(app.layout, app.transcript_roots).not_copied
        return f"{uncopied} (journal doctor)" if uncopied else ""
    return f"Claude ran {ago(app.now_us - found.ran_us)}, no record (journal doctor)"


def _say_what_is_off(app: App) -> None:
    import os

    from rich.text import Text

    from journal.cli.screen.health import notice
    from journal.cli.screen.tables import print_rich, screen
    from journal.setup import capture

    if text := notice(capture.look(app.layout, os.curdir)):
        print_rich(screen(), Text(text, style="bold red"))
