"""`journal sync`: one pass, now."""

import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.screen.output import print_json, say
from journal.cli.screen.progress import progress
from journal.cli.screen.sync_report import (
    model_text,
    rebuild_problems,
    remote_text,
    report_json,
    report_text,
)
from journal.errors import UsageError

if TYPE_CHECKING:
    from sync.cycle import Report

CLOCK_HINT = "nothing goes by its age for 24 hours; if the date is right: journal prune --yes"


@click.command()
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another sync to end.",
)
@click.option("--rebuild", is_flag=True, help="Make the database anew from the journal.")
@click.option(
    "--yes", is_flag=True, help="With --rebuild: go on without what a damaged database has lost."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@pass_app
def sync(app: App, wait: float, rebuild: bool, yes: bool, as_json: bool) -> None:
    """Take in what the hooks have recorded.

    Then, if they are set, it sends what is new to the remote and asks the model program; closed
    days are packed, and what is older than [retention] allows is deleted. Safe to run at any
    time, to interrupt and to repeat. Exits with 75 if another sync is still running after --wait.
    """
    started = time.monotonic()
    if yes and not rebuild:
        raise UsageError("--yes goes with --rebuild", "run: journal sync --rebuild --yes")
    with progress() as advance:
        report = app.sync(
            wait, progress=partial(advance, "Taking in"), rebuild=rebuild, accept_loss=yes
        )
    later: list[Report] = []
    outside = app.outside(lambda: False, lambda: later.append(app.sync(wait)), _tell)
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
    for error in report.problems:
        say(f"journal: {error} ({error.hint})", err=True)
    if report.clock_problem:
        say(f"journal: {report.clock_problem} ({CLOCK_HINT})", err=True)


def _tell(text: str) -> None:
    """What is being waited for, to people alone."""
    if sys.stderr.isatty():
        say(f"journal: {text}", err=True)
