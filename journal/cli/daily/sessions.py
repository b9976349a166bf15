"""`journal sessions`: the list of sessions, with filters."""

import os
from typing import TYPE_CHECKING, Any

import click

from journal.cli.app import App, pass_app
from journal.cli.filters import (
    AtLeast,
    archive_options,
    check_owner,
    chosen_sessions,
    chosen_times,
    file,
    folder,
    session_options,
)
from journal.cli.screen.output import print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw

    from sync.query.commits import Commit
    from sync.query.filters import Wanted
    from sync.query.listing import Session

TABLE_ROWS = 20


@click.command()
@session_options
@archive_options
@click.option(
    "--file",
    metavar="PATH",
    help="Only sessions that read or changed this file (a path, or its end).",
)
@click.option("--commit", metavar="REV", help="Only sessions that made this commit.")
@click.option(
    "--limit",
    type=AtLeast(0),
    metavar="N",
    help=f"Maximum number, 0 for all (default: {TABLE_ROWS}; --json: all; --live: 200).",
)
@click.option(
    "--memory",
    type=click.Choice(("pending", "resolved")),
    help="Only sessions without a memory id, or with one.",
)
@click.option("--live", is_flag=True, help="Open the list in `journal browse`, which updates it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@pass_app
def sessions(app: App, /, as_json: bool, live: bool, limit: int | None, **chosen: Any) -> None:
    """List the sessions: what waits for you first, then what works, is idle, is finished.

    \b
    Examples:
      journal sessions --here --since 3d
      journal sessions --project billing-api --state awaiting
      journal sessions --file src/money.py
      journal sessions --commit HEAD~3
      journal sessions --live
    """
    from sync.query import listing

    check_owner(chosen)
    if live:
        _follow(app, as_json, limit, chosen)
        return

    wanted = _wanted(app, chosen)
    if chosen["in_archive"]:
        _print_archive(app, wanted, chosen["owner"] or "", limit, as_json)
        return
    adopt_on = app.settings.sessions.adopt_on
    commit = _commit(chosen)
    with app.reading() as db:
        if commit is not None:
            wanted = wanted._replace(only=_made(app, db, commit))
        if as_json:
            for session in listing.read(db, listing.page(db, wanted, limit or 0), adopt_on):
                print_json(session.json())
            if not listing.page(db, wanted, 1):
                for hint in _unknown(db, wanted):
                    click.echo(f"journal: {hint}", err=True)
            return
        most = TABLE_ROWS if limit is None else limit
        found = list(listing.read(db, listing.page(db, wanted, most), adopt_on))
        total = listing.count(db, wanted) if found else 0
        note = _more(total - len(found)) if found else _none(db, chosen, wanted)
        if found and chosen["memory"] == "pending":
            note = "\n".join(filter(None, (note, _oldest_pending(app, db))))
        hints = [] if found else [*_unknown(db, wanted), *_earlier(app)]
    print_sessions(app, found, note)
    for hint in hints:
        click.echo(f"journal: {hint}", err=True)


def _unknown(db: "apsw.Connection", wanted: "Wanted") -> "Iterator[str]":
    from sync.query.hints import unknown

    return unknown(db, wanted, wanted.calls)


def _follow(app: App, as_json: bool, limit: int | None, chosen: dict[str, Any]) -> None:
    """The list until its person leaves. UsageError: no screen, or JSON is wanted."""
    from journal.cli.browsing import browse_here, check_terminal
    from journal.errors import UsageError

    others = {"--archive": chosen["in_archive"], "--json": as_json, "--commit": chosen["commit"]}
    for name in (name for name, given in others.items() if given):
        raise UsageError(f"--live and {name} cannot be combined", "leave one out")
    check_terminal()
    _wanted(app, chosen)  # wrong usage is said before anything else
    browse_here(app, wanted=lambda: _wanted(app, chosen), limit=limit or 0)


def _print_archive(
    app: App, wanted: "Wanted", owner: str, limit: int | None, as_json: bool
) -> None:
    """The sessions of the team archive. JournalError: it does not answer."""
    from sync.team_archive import listing

    adopt_on = tuple(app.settings.sessions.adopt_on)
    most = limit if as_json or limit is not None else TABLE_ROWS
    with app.team_archive() as archive:
        found = listing.page(archive, wanted, owner, adopt_on, most or 0)
        if as_json:
            for session in found:
                print_json(session.json())
            return
        total = listing.count(archive, wanted, owner) if found else 0
    note = _more(total - len(found)) if found else "No session of the team archive matches."
    print_sessions(app, [session.session() for session in found], note)


def _wanted(app: App, chosen: dict[str, Any]) -> "Wanted":
    """The sessions that the options name. UsageError: a time is none."""
    from sync.query.filters import Calls

    since_us, until_us = chosen_times(chosen, app.now_us)
    wanted = chosen_sessions(app, chosen)
    return wanted._replace(
        filters=wanted.filters._replace(memory=chosen["memory"] or ""),
        since_us=since_us,
        until_us=until_us,
        calls=Calls(file=file(chosen["file"])) if chosen["file"] is not None else None,
    )


def _commit(chosen: dict[str, Any]) -> "Commit | None":
    """The commit that the option names. UsageError: there is none such here."""
    if chosen["commit"] is None:
        return None
    from journal.cli.daily.commit import named

    return named(chosen["commit"])


def _made(app: App, db: "apsw.Connection", commit: "Commit") -> tuple[int, ...]:
    """The sessions that made a commit of the current directory's repository."""
    from sync.query.commits import sessions_of

    return tuple(sessions_of(db, commit, folder(app, os.curdir)))


def print_sessions(app: App, found: "list[Session]", note: str) -> None:
    """The table, and a line below it that says what is not in it."""
    from rich.text import Text

    from journal.cli.screen.tables import print_rich, screen, sessions_table

    out = screen()
    if found:
        print_rich(out, sessions_table(found, app.now_us, out.width))
    if note:
        print_rich(out, Text(note, style="dim"))


def _more(number: int) -> str:
    return f"… and {number:,} more (--limit 0 shows all)" if number > 0 else ""


def _oldest_pending(app: App, db: "apsw.Connection") -> str:
    """Since when the session waits that waits longest for a memory id."""
    from journal.cli.screen.tables import ago, when
    from sync.checkup.home_status import memory_ids

    oldest_us = memory_ids(db, tuple(app.settings.sessions.adopt_on)).oldest_pending_us
    if oldest_us is None:
        return ""
    since = f"{when(oldest_us)} ({ago(app.now_us - oldest_us)})"
    return f"The oldest has waited for its memory id since {since}; to record one: journal bind"


def _earlier(app: App) -> list[str]:
    from sync.checkup.earlier_sessions import not_imported

    earlier = not_imported(app.layout, app.transcript_roots)
    return [f"{earlier} (run: journal import)"] if earlier else []


def _none(db: "apsw.Connection", chosen: dict[str, Any], wanted: "Wanted") -> str:
    """Why the list is empty: perhaps the sessions have done nothing yet."""
    from sync.query import listing

    hidden = 0
    if not chosen["with_all"]:
        every = wanted._replace(filters=wanted.filters._replace(adopt_on=None))
        hidden = listing.count(db, every)
    if not hidden:
        return "No session matches."
    started = "1 only started" if hidden == 1 else f"{hidden:,} only started"
    return f"No session matches ({started} and did nothing: --all shows it)."
