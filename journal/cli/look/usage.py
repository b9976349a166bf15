"""`journal usage`: tokens and what they cost."""

from datetime import UTC
from typing import TYPE_CHECKING, Any

import click

from journal.cli.app import App, pass_app
from journal.cli.filters import (
    AtLeast,
    archive_options,
    check_owner,
    chosen_sessions,
    chosen_times,
    session_options,
)
from journal.cli.screen.output import print_json
from journal.printable import one_line

if TYPE_CHECKING:
    from sync.query.costs.usage import Usage, Used

KEYS = ("day", "week", "month", "project", "model", "agent", "session")
_HEADS = ("SESSIONS", "INPUT", "OUTPUT", "CACHE READ", "CACHE WRITE", "COST")


@click.command()
@click.option(
    "--by",
    "key",
    type=click.Choice(KEYS),
    default="day",
    show_default=True,
    help="Group by this.",
)
@session_options
@archive_options
@click.option("--limit", type=AtLeast(0), metavar="N", default=0, help="Maximum number of lines.")
@click.option("--utc", is_flag=True, help="Days, weeks and months in UTC, not in local time.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@pass_app
def usage(app: App, /, key: str, limit: int, utc: bool, as_json: bool, **chosen: Any) -> None:
    """Sum up tokens and their cost in USD.

    --since and --until apply to the times of messages. Prices come from a built-in table, for the
    day of each message; [prices] in config.toml overrides them. Tokens that a subscription covers
    are priced, too. A message that several forks of a session share counts once.

    \b
    Examples:
      journal usage --since 7d
      journal usage --by model --project billing-api
      journal usage --by week --json
      journal usage --archive --by project
    """
    from sync.query.costs.prices import Prices

    check_owner(chosen)
    since_us, until_us = chosen_times(chosen, app.now_us)
    wanted = chosen_sessions(app, chosen)._replace(since_us=since_us, until_us=until_us)
    if not chosen["with_all"]:  # tokens cost whether a session is shown or not
        wanted = wanted._replace(filters=wanted.filters._replace(adopt_on=None))
    prices = Prices(app.settings.prices)
    zone = UTC if utc else None
    hints: list[str] = []
    if chosen["in_archive"]:
        from sync.team_archive.usage import read

        with app.team_archive() as archive:
            found = read(archive, wanted, chosen["owner"] or "", prices, zone)
        rows = found.by(key)
    else:
        from sync.query.costs.usage import Usage
        from sync.query.hints import unknown

        with app.reading(ends_matter=chosen["state"] is not None) as db:
            found = Usage.of_home(db, wanted, prices, zone)
            rows = found.by(key)
            hints += [] if rows else unknown(db, wanted)
    for hint in hints:
        click.echo(f"journal: {hint}", err=True)
    if limit:
        rows = rows[-limit:] if key in KEYS[:3] else rows[:limit]
    if as_json:
        for row in rows:
            print_json(row.json())
        return
    _print(rows, found, key)


def _print(rows: "list[Used]", found: "Usage", key: str) -> None:
    from rich.table import Table
    from rich.text import Text

    from journal.cli.screen.tables import print_rich, screen
    from sync.query.costs import prices

    out = screen()
    if not rows:
        print_rich(out, Text("No tokens are recorded for these sessions.", style="dim"))
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
    table.add_column(key.upper(), overflow="fold")
    for head in _HEADS:
        table.add_column(head, justify="right", no_wrap=True)
    total = found.total()
    for row in [*rows, *([total] if len(rows) > 1 else [])]:
        style = "bold" if row is total else ""
        table.add_row(*(Text(cell, style=style) for cell in _cells(row)))
    notes = [f"Prices: {prices.source()}."]
    if total.unpriced:
        names = ", ".join(one_line(name) for name in sorted(total.unpriced))
        notes.append(f"Not in COST, because no price is known: {names} (set one in [prices]).")
    print_rich(out, table, *(Text(note, style="dim") for note in notes))


def _cells(row: "Used") -> tuple[str, ...]:
    cost = "-" if row.cost_usd is None else f"${row.cost_usd:,.2f}"
    counts = (len(row.sessions), row.input, row.output, row.cache_read, row.cache_write)
    key = f"{row.owner}: {row.key}" if row.owner else row.key  # as lists name a session's owner
    return (one_line(key), *(f"{count:,}" for count in counts), cost + "*" * bool(row.unpriced))
