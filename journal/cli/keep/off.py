"""`journal off` and `journal on`: stop and resume recording."""

import os
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.screen.health import resume_command
from journal.cli.screen.output import say
from journal.errors import JournalError

if TYPE_CHECKING:
    from journal.setup.capture import Capture

_HERE = click.option("--here", is_flag=True, help="Only for the project of this directory.")


@click.command()
@_HERE
@pass_app
def off(app: App, here: bool) -> None:
    """Stop recording, everywhere or for this project.

    The hooks stay installed and do nothing. What a session does in the meantime is not recorded.
    --here applies to the project's folder, everything below it, and its git worktrees.
    """
    from journal.setup import capture

    found = capture.look(app.layout, os.curdir)
    if here:
        say(_off_here(app, found))
    else:
        already = " already" if found.off else ""
        capture.stop(app.layout)
        say(f"Capture is off{already}: nothing is recorded. To resume: journal on")
    if not found.obeyed:
        message = "the installed hooks are of an older version and still record"
        raise JournalError(message, "run: journal install")


@click.command()
@_HERE
@pass_app
def on(app: App, here: bool) -> None:
    """Resume recording, everywhere or for this project."""
    from journal.setup import capture

    before = capture.look(app.layout, os.curdir)
    if here:
        capture.resume_here(app.layout, os.curdir, app.now_us)
    else:
        capture.resume(app.layout, app.now_us)
    found = capture.look(app.layout, os.curdir)
    changed = bool(before.here if here else before.off)
    for line in _on_text(found, here, changed):
        say(line)


def _off_here(app: App, found: "Capture") -> str:
    from journal.printable import one_line
    from journal.setup import capture

    if found.here:
        text = f"Capture is off already in {one_line(found.here)}. {resume_command(found)}"
    else:
        folder = capture.stop_here(app.layout, os.curdir)
        text = f"Capture is off in {one_line(folder)}. To resume: journal on --here"
    return text + ("\nIt is off everywhere, too: journal on" if found.off else "")


def _on_text(found: "Capture", here: bool, changed: bool) -> list[str]:
    """How it is now; first what is still off, because that is not what was asked for."""
    from journal.printable import one_line

    if found.off:
        return ["Capture is still off everywhere. To resume: journal on"]
    if found.here:
        return [f"Capture is still off in {one_line(found.here)}. {resume_command(found)}"]
    lines = ["Capture is on." if changed else "Capture is on already."]
    return lines + [f"Still off: {one_line(folder)}" for folder in found.folders if not here]
