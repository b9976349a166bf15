"""`journal web`: the journal in a browser."""

from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.filters import AtLeast

if TYPE_CHECKING:
    from journal.doctor import Finding

CANARY = "canary"


@click.command()
@click.option(
    "--port",
    type=AtLeast(1, 65535),
    metavar="N",
    help="The port to listen on (default: 7878, or any free one if that is in use).",
)
@click.option("--no-open", is_flag=True, help="Print the address and open no browser.")
@pass_app
def web(app: App, port: int | None, no_open: bool) -> None:
    """Show the journal in a browser: what waits, what runs, what was done, what it cost.

    Serves pages on 127.0.0.1 until Ctrl-C. The address has a token that is new at each start;
    without it no page is served. The pages load nothing from other servers and change no data.

    \b
    Examples:
      journal web
      journal web --port 8080 --no-open
    """
    from journal.web.server import serve

    with app.reading():
        pass  # what is wrong from the beginning is said here, not on a page
    serve(app, port, not no_open, lambda: findings(app))


def findings(app: App) -> "list[Finding]":
    """What `journal doctor` finds without its canary: nothing is sent, no agent is started."""
    from journal.cli.setup.doctor_checks import checks
    from journal.doctor import examine

    found: list[Finding] = []
    for name, check in checks(app, None):
        if name != CANARY:
            found += examine(name, check, fix=False)
    return found
