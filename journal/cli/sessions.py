"""`journal sessions`: the list of sessions, with filters."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from journal.cli.app import App, pass_app
from journal.cli.output import print_json

if TYPE_CHECKING:
    import apsw

    from sync.listing import Folder, Session, Wanted

TABLE_ROWS = 20
STATES = ("working", "awaiting", "idle", "finished")


@click.command()
@click.option("--here", is_flag=True, help="Only the project of the current directory.")
@click.option("--project", metavar="NAME", help="Only this project: its name, key or directory.")
@click.option("--branch", metavar="NAME", help="Only sessions on this branch.")
@click.option("--state", type=click.Choice(STATES), help="Only sessions in this state.")
@click.option("--agent", metavar="NAME", help="Only sessions of this agent.")
@click.option("--since", metavar="WHEN", help="Only those active since: 2h, 3d, 2w, 2026-11-20.")
@click.option("--all", "with_all", is_flag=True, help="Also those that only started and stopped.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"At most so many, 0 for all (default: {TABLE_ROWS}; --json: all; --live: what fits).",
)
@click.option("--live", is_flag=True, help="Keep the list on the screen as it changes; q leaves.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@pass_app
def sessions(app: App, /, as_json: bool, live: bool, limit: int | None, **chosen: Any) -> None:
    """List the sessions: what waits for you first, then what works, is idle, is finished.

    \b
    Examples:
      journal sessions --here --since 3d
      journal sessions --project billing-api --state awaiting
      journal sessions --live
    """
    from sync import listing

    if live:
        _follow(app, as_json, limit, chosen)
        return

    wanted = chosen_sessions(app, chosen)
    adopt_on = app.settings.sessions.adopt_on
    with app.reading() as db:
        if as_json:
            for session in listing.read(db, listing.page(db, wanted, limit or 0), adopt_on):
                print_json(session.json())
            return
        most = TABLE_ROWS if limit is None else limit
        found = list(listing.read(db, listing.page(db, wanted, most), adopt_on))
        total = listing.count(db, wanted) if found else 0
        note = _more(total - len(found)) if found else _none(app, db, chosen)
    print_sessions(app, found, note)


def _follow(app: App, as_json: bool, limit: int | None, chosen: dict[str, Any]) -> None:
    """The list until its person leaves. UsageError: there is no screen, or JSON is wanted."""
    from journal.cli.live import show_live
    from journal.cli.terminal import check_terminal
    from journal.errors import UsageError

    if as_json:
        raise UsageError("--live and --json do not go together", "leave one of them out")
    check_terminal()
    chosen_sessions(app, chosen)  # wrong usage is said before anything else
    show_live(app, lambda: chosen_sessions(app, chosen), limit)


def chosen_sessions(app: App, chosen: dict[str, Any]) -> "Wanted":
    """What the options of the filters mean. UsageError: `--since` is no time."""
    from sync.filters import Filters, moment_us
    from sync.listing import Wanted

    project = chosen["project"] or ""
    folders = [folder(os.curdir)] if chosen["here"] else []
    if project and _is_path(project):
        folders.append(folder(str(Path(project).expanduser())))
        project = ""
    filters = Filters(
        adopt_on=None if chosen["with_all"] else tuple(app.settings.sessions.adopt_on),
        project=project,
        branch=chosen["branch"] or "",
        state=chosen["state"] or "",
        agent=chosen["agent"] or "",
    )
    since = moment_us(chosen["since"], app.now_us) if chosen["since"] is not None else None
    return Wanted(filters, tuple(folders), since)


def folder(directory: str) -> "Folder":
    """The project of a directory of this host; it need not exist any more."""
    from hooks.project import locate
    from sync.listing import Folder

    host = os.uname().nodename
    place = locate(directory, host)
    return Folder(place.key, host, place.top)


def _is_path(project: str) -> bool:
    return project[:1] in ("/", "~", ".") or ("/" in project and Path(project).is_dir())


def print_sessions(app: App, found: "list[Session]", note: str) -> None:
    """The table, and a line below it that says what is not in it."""
    from rich.text import Text

    from journal.cli.tables import print_rich, screen, sessions_table

    out = screen()
    if found:
        print_rich(out, sessions_table(found, app.now_us, out.width))
    if note:
        print_rich(out, Text(note, style="dim"))


def _more(number: int) -> str:
    return f"… and {number:,} more (--limit 0 shows all)" if number > 0 else ""


def _none(app: App, db: "apsw.Connection", chosen: dict[str, Any]) -> str:
    """Why the list is empty: perhaps the sessions have done nothing yet."""
    from sync import listing

    hidden = 0
    if not chosen["with_all"]:
        hidden = listing.count(db, chosen_sessions(app, {**chosen, "with_all": True}))
    if not hidden:
        return "No session matches."
    started = "1 only started" if hidden == 1 else f"{hidden:,} only started"
    return f"No session matches ({started} and did nothing: --all shows it)."
