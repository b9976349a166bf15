"""`journal forget`: one session, deleted from everything in the home."""

import sys
import time
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.completing import session_names
from journal.cli.screen.output import say
from journal.cli.waiting import polling
from journal.errors import JournalError, UsageError

if TYPE_CHECKING:
    import apsw

    from sync.forgetting.forget import Forgotten

WAIT_SECONDS = 10.0  # for a pass, a delivery and a model's call to end


@click.command()
@click.argument("session", shell_complete=session_names)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--archive",
    "in_archive",
    is_flag=True,
    help="Also delete it from the team archive.",
)
@pass_app
def forget(app: App, session: str, yes: bool, in_archive: bool) -> None:
    """Delete a session from everything in the home.

    That includes days/, packs/, the spool, the database with its index, contexts, waiting pieces,
    dead letters, logs and copies of the database. The command asks first, and reports what a remote
    still has. If the session continues, its new events are recorded. If the command is interrupted,
    run it again.

    SESSION is an id, a unique prefix of one, or AGENT/ID.
    """
    from sync.forgetting import forget as forgetting

    if in_archive:
        app.team_archive()  # wrong usage is said before anything is removed
    _run_pass(app)
    agent, session_id, about = _found(app, session, in_archive=in_archive)
    if not yes:
        _ask(about)
    order = forgetting.Order(app.layout, app.settings, time.time_ns(), polling(WAIT_SECONDS))
    done = forgetting.forget(order, agent, session_id)
    app.sync(WAIT_SECONDS)
    say(_text(done))
    if in_archive:
        _delete_in_archive(app, agent, session_id)
    for line in _remote_lines(done):
        if not (in_archive and line.startswith("team archive")):
            say(line)
    if done.problems:
        raise JournalError(
            "; ".join(done.problems), "repair or remove it, then run journal forget again"
        )


def _delete_in_archive(app: App, agent: str, session: str) -> None:
    """JournalError: the archive does not answer; the same command again finishes it."""
    from sync.team_archive import deletion

    try:
        with app.team_archive(read_only=False) as archive:
            records = deletion.delete(archive, app.layout, agent, session, app.now_us)
    except UsageError:
        raise
    except JournalError as error:
        problem = f"removed from this home, but not from the team archive: {error}"
        raise JournalError(problem, "repeat the command to finish it") from error
    counted = f"{records:,} record{'' if records == 1 else 's'}"
    say(f"Removed {counted} from the team archive; your other homes follow with their next pull.")


def _run_pass(app: App) -> None:
    """Store all that is new, so that nothing of the session comes later. JournalError: no home."""
    if not app.layout.days.exists() and not app.layout.database.exists():
        raise app.nothing_yet()
    app.sync(WAIT_SECONDS)


def _found(app: App, name: str, *, in_archive: bool) -> tuple[str, str, str]:
    """Agent and id of the session that is meant, and what people know it by."""
    from contextlib import closing

    from sync.forgetting.find_again import find_again
    from sync.query import listing
    from sync.store import connection, facts

    with closing(connection.open_store(app.layout)) as db:
        try:
            key = listing.find(db, name)
        except JournalError:
            again = find_again(db, name)
            if again is None and in_archive:
                return _found_in_archive(app, name)
            if again is None:
                raise
            return *again, f"{again[1]}: no longer in the database"
        return *facts.identity(db, key), _about(app, db, key)


def _found_in_archive(app: App, name: str) -> tuple[str, str, str]:
    """The same of a session of mine that this home does not hold. JournalError: there is none."""
    from sync.team_archive import listing

    with app.team_archive() as archive:
        found = listing.find(archive, name, archive.role(), ())
    said = found.shown
    return said["agent"], said["session"], f"{said['session']}: only in the team archive"


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
    """UsageError: no terminal to ask on."""
    if not sys.stdin.isatty():
        first = about.partition("\n")[0]
        raise UsageError(f"not deleted: {first}", "no terminal to ask on; use --yes")
    say(f"This deletes the session everywhere in the home:\n  {about}")
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
        text += f"\nAlso deleted, because they contained it: {', '.join(done.copies)}."
    return text


def _counted(number: int, word: str, more: str = "") -> list[str]:
    return [f"{number:,} {word}{'' if number == 1 else 's'}{more}"] if number else []


def _remote_lines(done: "Forgotten") -> list[str]:
    return [
        f"{remote} still has {pieces:,} piece{'' if pieces == 1 else 's'} of it: delete them there."
        for remote, pieces in done.delivered.items()
    ]
