"""A program that takes the place of this one; and the one that goes back into a session."""

import errno
import os
import shutil
from typing import TYPE_CHECKING

import click

from journal.cli.app import App
from journal.errors import JournalError, UsageError
from journal.printable import one_line

if TYPE_CHECKING:
    import apsw

    from sync.query.listing import Session


def become(command: tuple[str, ...], environ: dict[str, str]) -> None:
    """Replace this process. Errors only: UsageError, the command does not exist."""
    import signal

    # Python ignores them, and what is ignored stays so in the command (as subprocess does).
    for name in ("SIGPIPE", "SIGXFSZ"):
        if number := getattr(signal, name, None):
            signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(command[0], command, environ)
    except OSError as error:
        shown = click.format_filename(command[0])
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise UsageError(f"no such command: {shown}", "check its name and $PATH") from error
        hint = "check that it is a program that you may run"
        raise JournalError(f"cannot run {shown}: {error.strerror}", hint) from error
    except ValueError as error:  # an empty name
        raise UsageError("COMMAND is empty", "name the agent after --") from error


def resume_line(session: "Session") -> str:
    """One line for any shell. JournalError: no way back into it is known."""
    from journal.agents import resuming

    line = resuming.line(session.agent, session.id, session.cwd)
    if not line:
        message = f"sessions of {one_line(session.agent)} cannot be resumed"
        raise JournalError(message, f"read it: journal show {one_line(session.short_id)}")
    return line


def prepare_resume(app: App, db: "apsw.Connection", session: "Session") -> tuple[str, ...]:
    """The agent's command, after its file of the session was put back if it is gone.

    JournalError: the folder or the agent is not on this machine, or no copy exists.
    """
    from journal.agents import resuming
    from sync.transcripts.put_back import put_back

    resume_line(session)
    words = resuming.command(session.agent, session.id) or []
    _check(session, words[0])
    for path in put_back(db, session.key, session.cwd, app.layout, app.settings, os.environ):
        click.echo(f"journal: restored {path}", err=True)
    return tuple(words)


def go_back(session: "Session", command: tuple[str, ...]) -> None:
    """Become the agent, in the session's folder."""
    os.chdir(session.cwd)
    become(command, {**os.environ, "PWD": session.cwd})


def _check(session: "Session", program: str) -> None:
    if not os.path.isdir(session.cwd):  # noqa: PTH112 - the path is text of others
        where = one_line(session.cwd) or "unknown"
        here = os.uname().nodename
        other = f", it ran on {one_line(session.host)}" if session.host not in ("", here) else ""
        message = f"the session's folder is not on this machine: {where}{other}"
        hint = f"there: {program} in that folder; here: journal show {one_line(session.short_id)}"
        raise JournalError(message, hint)
    if shutil.which(program) is None:
        raise JournalError(f"{program} is not on this machine's $PATH", "install the agent")
