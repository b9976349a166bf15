"""`journal show`: one session."""

import os
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.output import print_json

if TYPE_CHECKING:
    import apsw


@click.command()
@click.argument("name", required=False, metavar="[SESSION]")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown"]),
    default="text",
    help="Text is what fits a screen (the default), markdown everything.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with everything.")
@pass_app
def show(app: App, name: str | None, form: str, as_json: bool) -> None:
    """Show one session: what was asked, what was done, how it ended.

    SESSION is an id, a unique beginning of one, or AGENT/ID; without one it is the newest session
    of the current directory's project.

    \b
    Examples:
      journal show 7f3a91
      journal show 7f3a91 --format markdown > session.md
    """
    from sync import detail, listing

    in_full = as_json or form == "markdown"
    with app.reading() as db:
        key = newest_here(app, db) if name is None else listing.find(db, name)
        found = detail.read(db, key, app.settings.sessions.adopt_on, with_values=in_full)
    if as_json:
        print_json(found.json())
    elif form == "markdown":
        from journal.markdown import session_markdown

        click.echo(session_markdown(found), nl=False)
    else:
        from journal.cli.session_text import print_session

        print_session(found, app.now_us)


def newest_here(app: App, db: "apsw.Connection") -> int:
    """The session (row) of this project that was active last. JournalError: there is none."""
    from journal.cli.sessions import folder
    from journal.errors import JournalError
    from sync import listing
    from sync.filters import Filters

    place = folder(os.curdir)
    filters = Filters(adopt_on=tuple(app.settings.sessions.adopt_on))
    key = listing.newest(db, listing.Wanted(filters, (place,)))
    if key is None:
        hint = "name one: journal sessions lists those of all projects"
        raise JournalError(f"no session of this project is recorded: {place.top}", hint)
    return key
