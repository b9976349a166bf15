"""`journal redact --rescan`: changed rules of redaction, applied to what is stored already."""

import textwrap
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.filters import Seconds
from journal.cli.screen.output import print_json, say
from journal.cli.screen.progress import progress
from journal.cli.waiting import polling
from journal.errors import JournalError, UsageError

if TYPE_CHECKING:
    from journal.redaction.redactor import Redactor
    from sync.rescan.counts import Rescanned
    from sync.rescan.rescan import Order

COLUMNS = 80
MOST_SESSIONS = 20  # named one by one


@click.command()
@click.option("--rescan", is_flag=True, help="Apply the current rules to all stored data.")
@click.option("--dry-run", is_flag=True, help="Count what each rule finds; change nothing.")
@click.option(
    "--wait",
    type=Seconds(),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Maximum wait for a running sync or delivery.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_app
def redact(app: App, rescan: bool, dry_run: bool, wait: float, as_json: bool) -> None:
    """Re-apply the current redaction rules to stored data.

    Run it after a change of [redact] in config.toml, or when journal status says that an upgrade
    brought new rules. It redacts the database with its index, contexts, packs, waiting pieces, dead
    letters and logs, and deletes copies of the database. The files in days/ stay as the agent sent
    them.

    Redacted text stays redacted. Pieces that a remote already has are not changed; the report names
    their sessions. If the command is interrupted, run it again.

    \b
    Examples:
      journal redact --rescan --dry-run
      journal redact --rescan
    """
    if not rescan:
        hint = "run: journal redact --rescan, first with --dry-run to see what it finds"
        raise UsageError("redact needs --rescan", hint)
    started = time.monotonic()
    done = _done(app, dry_run, wait)
    seconds = time.monotonic() - started
    if as_json:
        print_json(rescanned_json(done, seconds))
    else:
        say(rescanned_text(done, seconds))
    if done.problems:
        raise JournalError("; ".join(done.problems), "repair or remove it, then rescan again")


def _done(app: App, dry_run: bool, wait: float) -> "Rescanned":
    from sync.ingest.screening import make_redactor
    from sync.rescan import rescan
    from sync.store import redactions

    if not app.settings.redact.enabled:
        hint = "set it to true in config.toml, then rescan"
        raise UsageError("redaction is off (redact.enabled), so no rules apply", hint)
    if not app.layout.days.exists() and not app.layout.database.exists():
        raise app.nothing_yet()
    if not dry_run:
        app.sync(wait)
    with progress() as advance:
        advanced = partial(advance, "Redacting")
        if dry_run:
            redactor = redactions.to_look(app.layout, app.settings)
            return rescan.look(_order(app, redactor, wait, advanced))
        redactor = make_redactor(app.layout, app.settings)
        return rescan.run(_order(app, redactor, wait, advanced))


def _order(
    app: App, redactor: "Redactor", wait: float, advanced: Callable[[int, int], None]
) -> "Order":
    from sync.rescan.rescan import Order

    return Order(app.layout, app.settings, redactor, time.time_ns(), polling(wait), advanced)


def rescanned_json(done: "Rescanned", seconds: float) -> dict[str, object]:
    """The report in the shape of the public interface."""
    return {
        "dry_run": done.dry_run,
        "looked_at": done.looked_at,
        "changed": done.changed,
        "rules": dict(sorted(done.rules.items())),
        "packs": done.packs,
        "retry": done.retry,
        "dead": done.dead,
        "seconds": round(seconds, 3),
        "logs": done.logs,
        "copies": list(done.copies),
        "delivered": [one._asdict() for one in done.delivered],
        "problems": done.problems,
    }


def rescanned_text(done: "Rescanned", seconds: float) -> str:
    """The report in a few lines, none longer than 80 columns."""
    looked = f"Checked {_counted(done.looked_at, 'record')} in {seconds:.1f} s"
    lines = [f"{looked}: {_result(done)}."]
    width = max(map(len, done.rules), default=0)
    lines += [f"  {rule:<{width}}  {number:,}" for rule, number in sorted(done.rules.items())]
    places = _places(done)
    if places:
        verb = "Would change" if done.dry_run else "Changed"
        lines.append(f"{verb} {', '.join(places)}.")
    if done.copies:
        verb = "Would remove" if done.dry_run else "Removed"
        lines += textwrap.wrap(f"{verb} old copies: {', '.join(done.copies)}.", COLUMNS)
    lines += _remote_lines(done)
    if done.dry_run:
        lines.append("Nothing was changed.")
    return "\n".join(lines)


def _remote_lines(done: "Rescanned") -> list[str]:
    """The sessions of which a remote has what is redacted here."""
    if not done.delivered:
        return []
    lines = ["A remote still has these sessions as they were sent. Delete the pieces there:"]
    for one in done.delivered[:MOST_SESSIONS]:
        pieces = _counted(one.pieces, "piece")
        lines.append(f"  {one.session}  {pieces} in {one.remote}")
    if len(done.delivered) > MOST_SESSIONS:
        lines.append(f"  and {len(done.delivered) - MOST_SESSIONS:,} more (--json names them all)")
    return lines


def _result(done: "Rescanned") -> str:
    if not done.changed:
        return "nothing more to redact"
    secrets = done.rules.total()
    if done.dry_run:
        return f"{_counted(secrets, 'secret')} in {done.changed:,} of them"
    return f"{_counted(secrets, 'secret')} in {done.changed:,} of them redacted"


def _places(done: "Rescanned") -> list[str]:
    """What else than records in the database changes."""
    numbers = (
        (done.packs, "pack"),
        (done.retry, "waiting piece"),
        (done.dead, "dead letter"),
        (done.logs, "log"),
    )
    return [_counted(number, noun) for number, noun in numbers if number]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
