"""`journal show`: one session."""

import os
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.completing import session_names
from journal.cli.filters import AtLeast, archive_options, check_owner
from journal.cli.screen.output import print_json

if TYPE_CHECKING:
    import apsw

    from sync.query.session_detail import Detail

CONTEXT = 10  # events before and after one


@click.command()
@click.argument("name", required=False, metavar="[SESSION]", shell_complete=session_names)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown"]),
    help="text: overview (default); markdown: the whole session.",
)
@click.option("--around", metavar="EVENT", help="Show the conversation around this event.")
@click.option(
    "--context",
    type=AtLeast(0),
    metavar="N",
    help=f"With --around: number of events before and after (default: {CONTEXT}).",
)
@archive_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with everything.")
@pass_app
def show(
    app: App,
    name: str | None,
    form: str | None,
    around: str | None,
    context: int | None,
    as_json: bool,
    in_archive: bool,
    owner: str | None,
) -> None:
    """Show one session: what was asked, what was done and how it ended.

    SESSION is an id, a unique prefix of one, or AGENT/ID; without one it is the newest session
    of the current directory's project. EVENT is an event id from `journal search`, or a unique
    prefix of one; SESSION is not needed with it.

    \b
    Examples:
      journal show 7f3a91
      journal show 7f3a91 --format markdown > session.md
      journal show --around 01939c8a2b
    """
    from journal.errors import UsageError
    from sync.query import detail, listing

    check_owner({"in_archive": in_archive, "owner": owner})
    if in_archive:
        if name is None or around is not None or context is not None:
            hint = "journal sessions --archive lists them; --around is for this home"
            raise UsageError("--archive needs a SESSION", hint)
        _show_archive(app, name, owner or "", form, as_json)
        return
    if around is not None:
        if form is not None:
            raise UsageError("--around and --format cannot be combined", "leave one out")
        _show_around(app, name, around, CONTEXT if context is None else context, as_json)
        return
    if context is not None:
        raise UsageError("--context needs --around", "name an event: --around EVENT")
    in_full = as_json or form == "markdown"
    with app.reading() as db:
        key = newest_here(app, db) if name is None else listing.find(db, name)
        found = detail.read(db, key, app.settings.sessions.adopt_on, with_values=in_full)
    if as_json:
        print_json(found.json())
    else:
        _print(app, found, form)


def _show_archive(app: App, name: str, owner: str, form: str | None, as_json: bool) -> None:
    """A session of the team archive. JournalError: there is none that I may read."""
    from sync.team_archive import listing, records

    adopt_on = tuple(app.settings.sessions.adopt_on)
    with app.team_archive() as archive:
        session = listing.find(archive, name, owner, adopt_on)
        found = records.read(archive, session, with_values=as_json or form == "markdown")
    if as_json:
        print_json(records.json_of(session, found))
    else:
        _print(app, found, form)


def _print(app: App, found: "Detail", form: str | None) -> None:
    if form == "markdown":
        from sync.pages.markdown import session_markdown

        click.echo(session_markdown(found), nl=False)
    else:
        from journal.cli.screen.session import print_session

        print_session(found, app.now_us)


def _show_around(app: App, name: str | None, event: str, context: int, as_json: bool) -> None:
    """The conversation around an event. JournalError: it is not there, or not one."""
    from sync.query import around, listing

    with app.reading() as db:
        session = None if name is None else listing.find(db, name)
        place = around.find(db, event, session)
        found = around.read(db, place, context)
        (shown,) = listing.read(db, [place.session], app.adopt_on)
    if as_json:
        steps = [step.json() for step in found.steps]
        print_json({"session": shown.json(), "events": steps})
    else:
        from journal.cli.screen.around import print_around

        print_around(shown, found, context)


def newest_here(app: App, db: "apsw.Connection") -> int:
    """The session (row) of this project that was active last. JournalError: there is none."""
    from journal.cli.filters import folder
    from journal.errors import JournalError
    from sync.query import listing
    from sync.query.filters import Filters, Wanted

    place = folder(app, os.curdir)
    filters = Filters(adopt_on=tuple(app.settings.sessions.adopt_on))
    key = listing.newest(db, Wanted(filters, (place,)))
    if key is None:
        hint = "name one: journal sessions lists those of all projects"
        raise JournalError(f"no session of this project is recorded: {place.top}", hint)
    return key
