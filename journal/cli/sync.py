"""`journal sync`: one pass, now."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.output import print_json

if TYPE_CHECKING:
    from sync.cycle import Report

PROGRESS_AFTER_SECONDS = 1.0


@click.command()
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another sync to end.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@pass_app
def sync(app: App, wait: float, as_json: bool) -> None:
    """Take in what the hooks have recorded.

    Safe to run at any time, to interrupt and to repeat. Exits with 75 if another sync is still
    running after --wait.
    """
    started = time.monotonic()
    with _progress() as progress:
        report = app.sync(wait, progress=progress)
    seconds = time.monotonic() - started
    if as_json:
        print_json(report_json(app, report, seconds))
    else:
        click.echo(report_text(report, seconds))
    for problem in report.unreadable:
        click.echo(f"journal: cannot read {problem}", err=True)
    for problem in report.packed.kept:
        click.echo(f"journal: {problem}", err=True)


def report_text(report: "Report", seconds: float) -> str:
    """The report in one to three lines."""
    packed = packed_text(report)
    if not report.read:
        return f"Nothing new ({seconds:.1f} s).{packed}"
    parts = [f"{report.stored:,} stored"]
    parts += [f"{report.duplicate:,} known already"] if report.duplicate else []
    parts += [f"{report.rejected:,} unreadable, kept in dead/"] if report.rejected else []
    records = "record" if report.read == 1 else "records"
    sessions = "session" if report.summaries == 1 else "sessions"
    return (
        f"Read {report.read:,} {records} in {seconds:.1f} s: {', '.join(parts)}."
        f"\n{report.summaries:,} {sessions} updated.{packed}"
    )


def packed_text(report: "Report") -> str:
    """What became of closed days, on a line of its own; empty if nothing did."""
    packed = report.packed
    if not packed.days:
        return ""
    days = "day" if len(packed.days) == 1 else "days"
    before, after = (size / 1e6 for size in (packed.bytes_before, packed.bytes_after))
    return f"\nPacked {len(packed.days):,} closed {days}: {before:.1f} MB are {after:.1f} MB now."


def report_json(app: App, report: "Report", seconds: float) -> dict[str, object]:
    """The report in the shape of the public interface."""
    from sync import store
    from sync.condition import memory_ids

    db = store.open_store(app.layout)
    try:
        ids = memory_ids(db, tuple(app.settings.sessions.adopt_on))
    finally:
        db.close()
    return {
        "records": {
            "read": report.read,
            "stored": report.stored,
            "duplicate": report.duplicate,
            "rejected": report.rejected,
        },
        "memory_ids": ids,
        "summaries": report.summaries,
        "remote": {"sent": 0, "failed": 0, "waiting": 0, "dead": 0, "error": None},
        "sessions": {"adopted": report.adopted, "reaped": 0, "deleted": 0},
        "pruned": {"days": len(report.packed.days), "events": 0, "sessions": 0},
        "seconds": round(seconds, 3),
    }


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a terminal's stderr, from the second second on."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    started = time.monotonic()
    task = bar.add_task("Taking in", start=True)

    def advance(done: int, total: int) -> None:
        if time.monotonic() - started > PROGRESS_AFTER_SECONDS:
            bar.start()
            bar.update(task, completed=done, total=max(total, done))

    try:
        yield advance
    finally:
        bar.stop()
