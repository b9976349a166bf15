"""`journal context`: what the next session of a project will be shown."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.filters import scope
from journal.printable import one_line

if TYPE_CHECKING:
    from journal.layout import Layout


@click.command()
@click.option(
    "--project",
    "directory",
    metavar="DIR",
    help="A directory of the project; it need not exist any more.",
)
@pass_app
def context(app: App, directory: str | None) -> None:
    """Show the context of the next session of this project.

    It is exactly what the agent gets when a new session starts here.

    \b
    Example:
      journal context --project ~/code/billing-api
    """
    from hooks.belonging import context_key
    from hooks.project import locate
    from journal.errors import JournalError, UsageError
    from journal.layout import is_closed
    from sync.ingest.backlog import missing_records

    if directory is not None and (not directory or Path(directory).is_file()):
        message = f"{one_line(directory)!r} is not a directory"
        raise UsageError(message, "name a directory of the project")
    with app.reading() as db:
        missing = [] if is_closed(app.layout.days) else missing_records(db, app.layout)
    # After it: the first pass gives a home of an older version the id that keys are made of.
    place = locate(str(Path(directory or os.curdir).absolute()), scope(app))
    key = context_key(str(app.layout.home), place)
    text = context_text(app.layout, key, place.name, missing)
    if text:
        click.echo(text)
    elif is_closed(app.layout.contexts):
        raise JournalError(
            f"cannot read {app.layout.contexts}: its rights forbid it",
            "check the owner and rights of the home",
        )
    else:
        name = one_line(place.name)
        click.echo(f"journal: the next session of {name} has no context", err=True)


def context_text(layout: "Layout", key: str, name: str, missing: list[tuple[int, str]]) -> str:
    """What the hook of SessionStart prints for a new session; "" for nothing.

    `key` and `name` are the project's; `missing` are numbers of records by session.
    """
    from hooks.context import compose, parsed, unescape
    from hooks.local_pass import read_file

    prepared = read_file(str(layout.context_file(key)))
    allowed = parsed(prepared)
    if "startup" not in allowed.sources or not allowed.sessions:
        return ""
    escaped, _ = compose(prepared, "", "startup", name, missing)
    return unescape(escaped)
