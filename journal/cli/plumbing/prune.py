"""`journal prune`: retention, now."""

from typing import TYPE_CHECKING

import click

from journal.cli import logged_pass
from journal.cli.app import App, pass_app
from journal.cli.filters import AtLeast
from journal.cli.screen.output import print_json, say
from journal.cli.waiting import polling
from journal.errors import JournalError

if TYPE_CHECKING:
    from journal.settings.sources import Settings
    from sync.retention.prune_plan import Plan

WAIT_SECONDS = 10.0
LOOK_SECONDS = 60.0  # to store what is new before a dry run
MAX_SESSIONS = 10  # named one by one


@click.command()
@click.option("--dry-run", is_flag=True, help="Print what would be deleted; delete nothing.")
@click.option(
    "--max-age",
    metavar="DAYS",
    type=AtLeast(1),
    help="Delete sessions older than this; overrides [retention].",
)
@click.option(
    "--remote",
    is_flag=True,
    help="Delete old sessions from the remote folder instead of this home.",
)
@click.option("--yes", is_flag=True, help="Delete although the clock has moved: its date is right.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_app
def prune(
    app: App, dry_run: bool, max_age: int | None, remote: bool, yes: bool, as_json: bool
) -> None:
    """Delete what is older than [retention] in config.toml allows.

    It deletes finished sessions that are not pinned, sessions that only started, the texts of old
    events, packs whose sessions are deleted, and old copies of the database. A sync and a watcher
    do the same once an hour. The age of a session counts from its last event, or from its arrival
    in this home if that was later. Sessions that the remote has not acknowledged are kept. If the
    clock has moved by more than a day, nothing is deleted without --yes.

    --remote deletes the pieces that this machine has sent of sessions older than
    retention.sessions_days. It works for a folder; MindSpring cannot delete single sources.

    \b
    Examples:
      journal prune --dry-run
      journal prune --max-age 90
    """
    settings = _settings(app, max_age)
    if remote:
        _prune_remote(app, settings, dry_run=dry_run, as_json=as_json)
        return
    made, ended = _planned(app, settings) if dry_run else _pruned(app, settings, yes=yes)
    if as_json:
        print_json({**made.json(dry_run=dry_run), "ended": ended})
    else:
        say(_text(made, ended, dry_run=dry_run))
    for why in made.kept:
        say(f"journal: {why}", err=True)


def _settings(app: App, max_age_days: int | None) -> "Settings":
    if max_age_days is None:
        return app.settings
    days = min(max_age_days, 36_500)
    retention = app.settings.retention.model_copy(update={"sessions_days": days})
    return app.settings.model_copy(update={"retention": retention})


def _prune_remote(app: App, settings: "Settings", *, dry_run: bool, as_json: bool) -> None:
    from contextlib import closing

    from sync.delivery import remote_retention
    from sync.store import connection
    from sync.store.locks import locked

    with (
        locked(app.layout.deliver_lock, polling(WAIT_SECONDS)),
        closing(connection.open_store(app.layout)) as db,
    ):
        old = remote_retention.plan(db, settings, app.now_us)
        if not dry_run:
            remote_retention.delete(old)
    pieces, size = sum(len(one.paths) for one in old), sum(one.bytes for one in old)
    if as_json:
        sessions = [one.session for one in old]
        said = {"dry_run": dry_run, "sessions": sessions, "pieces": pieces, "bytes": size}
        print_json(said)
        return
    verb = "Would delete" if dry_run else "Deleted"
    counted = ", ".join([*_counted(pieces, "piece"), *_counted(len(old), "session")])
    lines = (
        [f"{verb} in the remote: {counted}, {size / 1e6:.1f} MB."] if old else ["Nothing is due."]
    )
    lines += [f"  session {one.session}" for one in old[:MAX_SESSIONS]]
    if len(old) > MAX_SESSIONS:
        lines.append(f"  and {len(old) - MAX_SESSIONS:,} more")
    say("\n".join(lines))


def _planned(app: App, settings: "Settings") -> tuple["Plan", int]:
    """What a prune would delete now: after the same look at what is new and what has ended."""
    from contextlib import closing

    from sync.retention import prune_plan
    from sync.store import clock, connection

    if not app.layout.days.exists() and not app.layout.database.exists():
        raise app.nothing_yet()
    if problem := clock.problem(app.layout, app.now_us):
        say(f"journal: {problem}: prune deletes nothing without --yes", err=True)
    ended = app.sync(WAIT_SECONDS, seconds=LOOK_SECONDS).ended
    with closing(connection.open_store(app.layout)) as db:
        return prune_plan.plan(db, app.layout, settings, app.now_us, {}), ended


def _pruned(app: App, settings: "Settings", *, yes: bool) -> tuple["Plan", int]:
    from sync.conditions import Pass

    conditions = Pass(
        app.layout,
        settings,
        app.now_us,
        polling(WAIT_SECONDS),
        prune=True,
        accept_clock=yes,
        reading=app.clock_reading,
    )
    report = logged_pass.run(conditions, "sync")
    if report.clock_problem:
        hint = "if the date is right: journal prune --yes"
        raise JournalError(f"nothing is deleted: {report.clock_problem}", hint)
    return report.pruned, report.ended


def _text(made: "Plan", ended: int, *, dry_run: bool) -> str:
    said = f"{ended:,} silent {'session was' if ended == 1 else 'sessions were'} marked finished."
    before = [said] if ended else []
    if not made:
        return "\n".join([*before, "Nothing is due."])
    verb = "Would delete" if dry_run else "Deleted"
    parts = [
        *_counted(len(made.sessions), "session"),
        *_counted(made.events, "old event's text", "old events' texts"),
        *_counted(len(made.days), "pack"),
        *_counted(len(made.copies), "old copy of the database", "old copies of the database"),
    ]
    lines = [
        *before,
        f"{verb} {', '.join(parts) or 'records in packs'}: {made.bytes / 1e6:.1f} MB.",
    ]
    lines += [f"  session {grave.session}" for grave in made.sessions[:MAX_SESSIONS]]
    if len(made.sessions) > MAX_SESSIONS:
        lines.append(f"  and {len(made.sessions) - MAX_SESSIONS:,} more")
    lines += [f"  pack {day}" for day in made.days]
    return "\n".join(lines)


def _counted(number: int, one: str, many: str = "") -> list[str]:
    return [f"{number:,} {one if number == 1 else many or one + 's'}"] if number else []
