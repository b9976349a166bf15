"""`journal context`: what the next session of a project will be shown."""

import os
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app

if TYPE_CHECKING:
    import apsw


@click.command()
@click.option("--project", "directory", metavar="DIR",
              help="The project of this directory, which need not exist any more.")
@pass_app
def context(app: App, directory: str | None) -> None:
    """Print what the next session of this project will be shown.

    It is the text that the agent gets when it is started anew, to the letter.

    \b
    Example:
      journal context --project ~/code/billing-api
    """
    from hooks import start
    from hooks.project import locate
    from journal.errors import UsageError

    if directory is not None and (not directory or os.path.isfile(directory)):
        raise UsageError(f"{directory!r} is not a directory", "name a project's directory")
    place = locate(directory or os.getcwd(), os.uname().nodename)
    with app.reading() as db:
        missing = missing_records(db, app)
    prepared = start.read_file(str(app.layout.context_file(place.key)))
    told = "startup" in start.parsed(prepared).sources
    text, _ = start.compose(prepared, "", "startup", place.name, missing) if told else ("", 0)
    if text:
        click.echo(start.unescape(text))
    else:
        reason = "nothing to tell" if told else "new sessions are told nothing ([context] sources)"
        click.echo(f"journal: {place.name}: {reason}", err=True)
