"""`journal run`: an agent as a planned session."""

import errno
import os
import time

import click

from journal.cli.app import App, pass_app
from journal.cli.screen.output import say
from journal.errors import JournalError, UsageError
from journal.session import plan


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--name", default="", metavar="NAME", help="What lists call the session.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@pass_app
def run(app: App, name: str, command: tuple[str, ...]) -> None:
    """Start an agent as a planned session, which is shown from its start.

    COMMAND takes the place of this program: terminal, signals and exit code are its own. It may
    be a script that starts agents; those that an agent's tools start are sessions like any other.

    \b
    Examples:
      journal run --name "nightly audit" -- claude -p "audit the dependencies"
      journal run -- timeout 1h claude -p "fix the build"
    """
    if os.name != "posix":
        raise UsageError("run needs a POSIX system", "use it in WSL, Linux or macOS")
    from hooks import emit

    value = plan.compose(emit.new_id(time.time_ns()), os.getsid(0), _checked(name))
    _warn(app)
    _become(command, {**os.environ, plan.VARIABLE: value})


def _checked(name: str) -> str:
    name = name.strip()
    if len(name) > plan.NAME_CHARS or not name.isprintable():
        hint = f"one line of at most {plan.NAME_CHARS} characters"
        raise UsageError("--name is too long or cannot be printed", hint)
    return name


def _warn(app: App) -> None:
    """Say that the session will not be recorded, as far as the home tells."""
    from journal.setup import capture

    found = capture.look(app.layout, os.curdir)
    if not (app.layout.hooks / "run.py").exists():
        say("journal: hooks not installed, nothing is recorded (journal install)", err=True)
    elif found.off or found.here:
        how = "journal on" if found.off else "journal on --here"
        say(f"journal: capture is off, nothing is recorded ({how})", err=True)


def _become(command: tuple[str, ...], environ: dict[str, str]) -> None:
    """Replace this process. Errors only: UsageError, there is no such command."""
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
