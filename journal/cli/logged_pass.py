"""One local pass of a command, with its line in the daily log."""

import time
from typing import TYPE_CHECKING

import click

from journal.errors import BusyError, JournalError
from journal.layout import Layout
from journal.verbose import step

if TYPE_CHECKING:
    from sync.conditions import Pass
    from sync.daily_log import Entry
    from sync.report import Report


def run(conditions: "Pass", kind: str) -> "Report":
    """One pass, with its line in the daily log. JournalError: it failed, in words."""
    started = time.monotonic()
    step(f"pass ({kind}): store what is new in {conditions.layout.days}")
    try:
        report = _report(conditions)
    except BusyError as error:
        step(f"pass ({kind}): {error}")
        raise  # it never began
    except Exception as error:  # the log has any error; it goes on to the boundary
        _log(conditions, kind, started, None, error)
        raise
    _log(conditions, kind, started, report, None)
    step(
        f"pass ({kind}): read {report.read}, stored {report.stored}, known {report.duplicate}, "
        f"rejected {report.rejected}; sessions: {report.adopted} adopted, "
        f"{report.ended} ended, {len(report.pruned.sessions)} deleted; "
        f"{len(report.packed.days)} days packed"
    )
    return report


def _report(conditions: "Pass") -> "Report":
    from sync import cycle

    try:
        return cycle.run(conditions)
    except OSError as error:
        hint = "check the owner and rights of the home, and the free space"
        raise JournalError(f"cannot sync: {error}", hint) from error


def _log(
    conditions: "Pass",
    kind: str,
    started: float,
    report: "Report | None",
    error: Exception | None,
) -> None:
    from sync import daily_log

    seconds = time.monotonic() - started
    write_log(conditions.layout, daily_log.Entry(kind, conditions.now_us, seconds, report, error))


def write_log(layout: Layout, entry: "Entry") -> None:
    """A log that cannot be written is reported, but does not make the pass fail."""
    from sync import daily_log

    try:
        daily_log.write(layout, entry)
    except JournalError as problem:
        if entry.error is None:
            click.echo(f"journal: the daily log is not written: {problem}", err=True)
