"""`journal sync`: one pass, now."""

import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.filters import Seconds
from journal.cli.screen.output import print_json, say
from journal.cli.screen.progress import progress
from journal.cli.screen.sync_report import (
    model_text,
    rebuild_problems,
    remote_text,
    report_json,
    report_text,
)
from journal.errors import JournalError, UsageError

if TYPE_CHECKING:
    from sync.report import Report


@click.command()
@click.option(
    "--wait",
    type=Seconds(),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Maximum wait for another sync to end.",
)
@click.option("--rebuild", is_flag=True, help="Rebuild the database from the journal.")
@click.option(
    "--yes",
    is_flag=True,
    help="With --rebuild: accept the loss of records that only the damaged database has.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@pass_app
def sync(app: App, wait: float, rebuild: bool, yes: bool, as_json: bool) -> None:
    """Store what the hooks have recorded, then deliver what is new.

    It also runs the model program, packs old days and deletes what is older than [retention] in
    config.toml allows. It can be run at any time, interrupted and repeated. Exits with 75 if
    another sync is still running after --wait.
    """
    from sync.slow_stages import Outside

    started = time.monotonic()
    if yes and not rebuild:
        raise UsageError("--yes goes with --rebuild", "run: journal sync --rebuild --yes")
    with progress() as advance:
        report = app.sync(
            wait, progress=partial(advance, "Storing"), rebuild=rebuild, accept_loss=yes
        )
    later: list[Report] = []
    failed: JournalError | None = None
    try:
        with progress(counts=True) as advance:
            outside = app.outside(
                lambda: False, lambda: later.append(app.sync(wait)), _say_on_stderr, advance
            )
    except JournalError as error:  # what the pass did is said all the same
        outside, failed = Outside(), error
    report.resolved += sum(one.resolved for one in later)
    seconds = time.monotonic() - started
    if as_json:
        print_json(report_json(app, report, outside, seconds))
    else:
        text = report_text(report, seconds)
        say(text + remote_text(outside.delivered) + model_text(outside.asked))
    for problem in (*outside.problems, *rebuild_problems(report)):
        say(f"journal: {problem}", err=True)
    for problem in report.unreadable:
        say(f"journal: cannot read {problem}", err=True)
    for problem in report.packed.kept:
        say(f"journal: {problem}", err=True)
    for left in report.problems:
        say(f"journal: {left} ({left.hint})", err=True)
    if report.clock_problem:
        from sync.store import clock

        say(f"journal: {report.clock_problem} ({clock.HINT})", err=True)
    if failed is not None:
        raise failed


def _say_on_stderr(text: str) -> None:
    """What is being waited for, to people alone."""
    if sys.stderr.isatty():
        say(f"journal: {text}", err=True)
