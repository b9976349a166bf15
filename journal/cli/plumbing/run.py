"""`journal run`: an agent as a planned session."""

import os
import time

import click

from journal.cli.app import App, pass_app
from journal.cli.process import become
from journal.cli.screen.output import say
from journal.errors import UsageError
from journal.session import plan


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--name", default="", metavar="NAME", help="The session's name in lists.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@pass_app
def run(app: App, name: str, command: tuple[str, ...]) -> None:
    """Start an agent as a planned session, which is shown from its start.

    This process becomes COMMAND, so terminal, signals and exit code are those of COMMAND. COMMAND
    may be a script that starts agents. Agents that another agent's tools start are not planned.

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
    become(command, {**os.environ, plan.VARIABLE: value})


def _checked(name: str) -> str:
    name = name.strip()
    if len(name) > plan.NAME_CHARS or not name.isprintable():
        hint = f"one line of at most {plan.NAME_CHARS} characters"
        raise UsageError("--name is too long or cannot be printed", hint)
    return name


def _warn(app: App) -> None:
    """Say that the session will not be recorded, as far as the home shows."""
    from journal.setup import capture

    found = capture.look(app.layout, os.curdir)
    if not (app.layout.hooks / "run.py").exists():
        say("journal: hooks not installed, nothing is recorded (journal install)", err=True)
    elif found.off or found.here:
        how = "journal on" if found.off else "journal on --here"
        say(f"journal: capture is off, nothing is recorded ({how})", err=True)
