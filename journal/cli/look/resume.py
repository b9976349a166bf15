"""`journal resume`: back into a session."""

import os
import shutil
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.completing import session_names
from journal.errors import JournalError
from journal.printable import one_line

if TYPE_CHECKING:
    from sync.query.listing import Session


@click.command()
@click.argument("name", required=False, metavar="[SESSION]", shell_complete=session_names)
@click.option(
    "--print", "only_print", is_flag=True, help="Print the command for any shell, start nothing."
)
@pass_app
def resume(app: App, name: str | None, only_print: bool) -> None:
    """Go back into a session: its folder, its agent, its conversation.

    Starts the agent's own resume command in the session's folder; the agent takes the place of this
    program. If the agent has deleted its file of the session, our copy is put back first; a file
    that is there is never touched.

    SESSION is an id, a unique beginning of one, or AGENT/ID; without one it is the newest session
    of the current directory's project.

    \b
    Examples:
      journal resume
      journal resume 7f3a91
      journal resume 7f3a91 --print
    """
    from journal.agents import resuming
    from journal.cli.daily.show import newest_here
    from journal.cli.plumbing.run import become
    from sync.query import listing
    from sync.transcripts.put_back import put_back

    with app.reading(ends_matter=False) as db:
        key = newest_here(app, db) if name is None else listing.find(db, name)
        (session,) = listing.read(db, [key], app.adopt_on)
        words = resuming.command(session.agent, session.id)
        line = resuming.line(session.agent, session.id, session.cwd)
        if words is None or not line:
            message = f"no way back into a session of {one_line(session.agent)} is known"
            raise JournalError(message, f"read it: journal show {one_line(session.short_id)}")
        if only_print:
            click.echo(line)
            return
        _check(session, words[0])
        for path in put_back(db, key, session.cwd, app.settings, os.environ):
            click.echo(f"journal: put back {path}", err=True)
    os.chdir(session.cwd)
    become(tuple(words), {**os.environ, "PWD": session.cwd})


def _check(session: "Session", program: str) -> None:
    """JournalError: its folder or its agent is not on this machine."""
    if not os.path.isdir(session.cwd):  # noqa: PTH112 - the path is text of others
        where = one_line(session.cwd) or "unknown"
        here = os.uname().nodename
        other = f", it ran on {one_line(session.host)}" if session.host not in ("", here) else ""
        message = f"the session's folder is not on this machine: {where}{other}"
        hint = f"there: {program} in that folder; here: journal show {one_line(session.short_id)}"
        raise JournalError(message, hint)
    if shutil.which(program) is None:
        raise JournalError(f"{program} is not on this machine's $PATH", "install the agent")
