"""`journal forget`: one session, deleted from everything in the home."""

import sys
import time
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app, polling
from journal.errors import JournalError, UsageError

if TYPE_CHECKING:
    import apsw

    from sync.forgetting.forget import Forgotten

WAIT_SECONDS = 10.0  # for a pass, a delivery and a model's call to end


@click.command()
@click.argument("session")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_app
def forget(app: App, session: str, yes: bool) -> None:
    """Delete a session from everything in the home.

    That is days, packs, spool, database, index, contexts, waiting pieces, dead letters, logs and
    copies of the database. It asks first, and says what a remote still has. What the session does
    afterwards is recorded as usual. If the command is interrupted, run it again.

    SESSION is an id, a unique prefix of one, or AGENT/ID.
    """
    from sync.forgetting import forget as forgetting

    _take_in(app)
    agent, session_id, about = _found(app, session)
    if not yes:
        _ask(about)
    order = forgetting.Order(app.layout, app.settings, time.time_ns(), polling(WAIT_SECONDS))
    done = forgetting.forget(order, agent, session_id)
    app.sync(WAIT_SECONDS)
    click.echo(_text(done))
    for line in _remote_lines(done):
        click.echo(line)
    if done.problems:
        raise JournalError(
            "; ".join(done.problems), "repair or remove it, then run journal forget again"
        )


def _take_in(app: App) -> None:
    """Store all that is new, so that nothing of the session comes later. JournalError: no home."""
    if not app.layout.days.exists() and not app.layout.database.exists():
        raise app.nothing_yet()
    app.sync(WAIT_SECONDS)


def _found(app: App, name: str) -> tuple[str, str, str]:
    """Agent and id of the session that is meant, and what people know it by."""
    from contextlib import closing

    from sync.forgetting import forget
    from sync.query import listing
    from sync.store import connection, facts

    with closing(connection.open_store(app.layout)) as db:
        try:
            key = listing.find(db, name)
        except JournalError:
            again = forget.find_again(db, name)
            if again is None:
                raise
            return *again, f"{again[1]}: nothing of it is in the database any more"
        return *facts.identity(db, key), _about(app, db, key)


def _about(app: App, db: "apsw.Connection", key: int) -> str:
    from journal.cli.screen.tables import when
    from journal.printable import one_line
    from sync.query import listing

    (found,) = listing.read(db, [key], app.settings.sessions.adopt_on)
    title = one_line(found.title) or "no prompt"
    span = f"{when(found.started_us)} to {when(found.last_us)}"
    events = f"{found.events:,} event" + ("" if found.events == 1 else "s")
    return f"{found.short_id}, {one_line(found.project)}: {title}\n  {span}, {events}"


def _ask(about: str) -> None:
    """UsageError: there is nobody to ask."""
    if not sys.stdin.isatty():
        first = about.partition("\n")[0]
        raise UsageError(f"not deleted: {first}", "no terminal to ask on; use --yes")
    click.echo(f"This deletes the session everywhere in the home:\n  {about}")
    if not click.confirm("Delete it?", default=False):
        raise click.Abort


def _text(done: "Forgotten") -> str:
    gone = [
        *_counted(done.events, "event"),
        *_counted(done.lines, "line", " of the journal"),
        *_counted(done.pieces, "waiting piece"),
    ]
    text = f"Deleted: {', '.join(gone)}." if gone else "Nothing of it was left to delete."
    if done.copies:
        text += f"\nDeleted, because they held it: {', '.join(done.copies)}."
    return text


def _counted(number: int, word: str, more: str = "") -> list[str]:
    return [f"{number:,} {word}{'' if number == 1 else 's'}{more}"] if number else []


def _remote_lines(done: "Forgotten") -> list[str]:
    return [
        f"{remote} still has {pieces:,} piece{'' if pieces == 1 else 's'} of it: delete them there."
        for remote, pieces in done.delivered.items()
    ]
