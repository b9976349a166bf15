"""`journal replay`: what waits for the remote, sent now."""

from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.screen.output import print_json, say
from journal.cli.screen.progress import progress

if TYPE_CHECKING:
    from sync.delivery.order import Delivered


@click.command()
@click.option("--all", "every", is_flag=True, help="Also send pieces that are not due yet.")
@click.option("--dead", is_flag=True, help="Also send pieces that were given up.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_app
def replay(app: App, every: bool, dead: bool, as_json: bool) -> None:
    """Send what waits in retry/ to the remote.

    It sends the pieces that are due; after a failed attempt a piece waits before the next one. It
    can be run at any time, also while the remote is down: nothing is lost or sent twice. Exits with
    75 if another process is sending.
    """
    from sync.delivery import deliveries
    from sync.slow_stages import Outside

    with progress(counts=True) as advance:
        wish = deliveries.Wish(
            all=every or dead, dead=dead, cut=False, probe=True, progress=advance
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
    from sync.slow_stages import remote_error_json

    return {
        "tried": done.tried,
        "sent": done.sent,
        "failed": done.failed,
        "dead": done.dead,
        "pending": done.pending,
        "waiting": done.waiting,
        **({"elsewhere": done.elsewhere} if done.elsewhere else {}),
        "error": remote_error_json(done),
    }


def _text(done: "Delivered", kind: str) -> str:
    from journal.cli.screen.sync_report import remote_text

    if kind == "none":
        waiting = f" (in retry/: {done.waiting:,})" if done.waiting else ""
        return f"No remote is set{waiting}."
    return remote_text(done).lstrip() or "Nothing waits."
