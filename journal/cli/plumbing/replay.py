"""`journal replay`: what waits for the remote, sent now."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.screen.output import print_json, say

if TYPE_CHECKING:
    from sync.delivery.sending import Delivered

LEAST_PIECES = 10  # for a bar to be worth its line


@click.command()
@click.option("--all", "every", is_flag=True, help="Whatever the schedule says.")
@click.option("--dead", is_flag=True, help="Also what was given up.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_app
def replay(app: App, every: bool, dead: bool, as_json: bool) -> None:
    """Send what waits in retry/ to the remote.

    Harmless while the remote is down, and as often as you like: what waits goes on waiting. Exits
    with 75 if another process is sending.
    """
    from sync.delivery import deliveries
    from sync.slow_stages import Outside

    with _progress() as progress:
        wish = deliveries.Wish(
            all=every or dead, dead=dead, cut=False, probe=True, progress=progress
        )
        conditions = app.conditions(lambda: False, lambda: app.sync(wait_seconds=1.0))
        done = deliveries.run(conditions, wish)
    if as_json:
        print_json(replay_json(done))
    else:
        say(_text(done, app.settings.remote.kind))
    for problem in Outside(delivered=done).problems:
        say(f"journal: {problem}", err=True)


def replay_json(done: "Delivered") -> dict[str, object]:
    """The shape of the public interface, with a few keys more."""
    from sync.daily_log import error_json

    return {
        "tried": done.tried,
        "sent": done.sent,
        "failed": done.failed,
        "dead": done.dead,
        "pending": done.pending,
        "waiting": done.waiting,
        "error": error_json(done.error),
    }


def _text(done: "Delivered", kind: str) -> str:
    from journal.cli.screen.sync_report import remote_text

    if kind == "none":
        waiting = f" (in retry/: {done.waiting:,})" if done.waiting else ""
        return f"No remote is set{waiting}."
    return remote_text(done).lstrip() or "Nothing waits."


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal's stderr, if there is much to send."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task("Sending")

    def advance(done: int, total: int) -> None:
        if total >= LEAST_PIECES:
            bar.start()
            bar.update(task, completed=done, total=total)

    try:
        yield advance
    finally:
        bar.stop()
