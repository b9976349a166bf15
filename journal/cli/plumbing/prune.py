"""`journal prune`: retention, now."""

from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app, polling
from journal.cli.screen.output import print_json, say
from journal.errors import JournalError

if TYPE_CHECKING:
    from sync.retention.prune_plan import Plan

WAIT_SECONDS = 10.0
MAX_SESSIONS = 10  # named one by one


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would go, and delete nothing.")
@click.option("--yes", is_flag=True, help="The clock is right: delete although it has moved.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_app
def prune(app: App, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete what is older than [retention] in config.toml allows.

    Finished sessions that are not pinned, bodies of old events, packs whose sessions are gone, old
    copies of the database. A sync and a watcher do it once an hour. What a remote that is set has
    not acknowledged stays. If the clock has moved by more than a day, nothing is deleted without
    --yes.
    """
    made = _planned(app) if dry_run else _pruned(app, yes=yes)
    if as_json:
        print_json(made.json(dry_run=dry_run))
    else:
        say(_text(made, dry_run=dry_run))
    for why in made.kept:
        say(f"journal: {why}", err=True)


def _planned(app: App) -> "Plan":
    from sync.retention import prune_plan
    from sync.store import clock

    with app.reading() as db:
        time, _ = clock.look(app.layout, app.clock_reading)
        if time.problem:
            say(f"journal: {time.problem}: prune deletes nothing without --yes", err=True)
        return prune_plan.plan(db, app.layout, app.settings, app.now_us, {})


def _pruned(app: App, *, yes: bool) -> "Plan":
    from sync import cycle

    conditions = cycle.Pass(
        app.layout,
        app.settings,
        app.now_us,
        polling(WAIT_SECONDS),
        prune=True,
        accept_clock=yes,
        reading=app.clock_reading,
    )
    report = app.run_pass(conditions, "sync")
    if report.clock_problem:
        hint = "if the date is right now: journal prune --yes"
        raise JournalError(f"nothing is deleted: {report.clock_problem}", hint)
    return report.pruned


def _text(made: "Plan", *, dry_run: bool) -> str:
    if not made:
        return "Nothing is due."
    verb = "Would delete" if dry_run else "Deleted"
    parts = [
        *_counted(len(made.sessions), "session"),
        *_counted(made.events, "old event's body", "old events' bodies"),
        *_counted(len(made.days), "pack"),
        *_counted(len(made.copies), "old copy of the database", "old copies of the database"),
    ]
    lines = [f"{verb} {', '.join(parts) or 'what packs held of it'}: {made.bytes / 1e6:.1f} MB."]
    lines += [f"  session {grave.session}" for grave in made.sessions[:MAX_SESSIONS]]
    if len(made.sessions) > MAX_SESSIONS:
        lines.append(f"  and {len(made.sessions) - MAX_SESSIONS:,} more")
    lines += [f"  pack {day}" for day in made.days]
    return "\n".join(lines)


def _counted(number: int, one: str, many: str = "") -> list[str]:
    return [f"{number:,} {one if number == 1 else many or one + 's'}"] if number else []
