"""`journal export`: the records as they are, or pages for people."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app

if TYPE_CHECKING:
    import apsw


@click.command()
@click.argument("session", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(("jsonl", "markdown")),
    default="jsonl",
    show_default=True,
    help="The records themselves, or pages for people.",
)
@click.option("--since", metavar="WHEN", help="Only what is newer: 2h, 3d, today, 2026-11-21.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write to this file, whole or not at all (else to standard output).",
)
@pass_app
def export(
    app: App, session: str | None, form: str, since: str | None, output: Path | None
) -> None:
    """Write out one session, or everything.

    jsonl is lossless but for redaction: a record a line in the order of time, the journal's own
    records too if no SESSION is named. markdown has a page for each session; --since leaves out
    those without any activity after it.

    SESSION is an id, a unique beginning of one, or AGENT/ID.

    \b
    Examples:
      journal export --since 7d --output week.jsonl
      journal export 7f3a91 --format markdown
    """
    from journal.errors import UsageError
    from sync.export import write_file
    from sync.filters import moment_us

    if session is not None and since is not None and form == "markdown":
        hint = "leave out --since, or use --format jsonl"
        raise UsageError("a page holds a session as a whole", hint)
    since_us = None if since is None else moment_us(since, app.now_us)
    with app.reading() as db:
        parts = _parts(db, app, session, form, since_us)
        if output is None:
            _write_out(parts)
            return
        write_file(output, parts)
    click.echo(f"Wrote {output} ({output.stat().st_size:,} bytes).")


def _parts(
    db: "apsw.Connection", app: App, name: str | None, form: str, since_us: int | None
) -> Iterator[bytes]:
    from sync import export as exports
    from sync import listing
    from sync.filters import Filters

    adopt_on = tuple(app.settings.sessions.adopt_on)
    key = None if name is None else listing.find(db, name)
    if form == "jsonl":
        first_us = since_us or 0
        if key is None:
            return exports.record_lines(db, first_us)
        return exports.lines_of(db, key, first_us)
    if key is not None:
        return iter([exports.page(db, key, adopt_on)])
    wanted = listing.Wanted(Filters(adopt_on), since_us=since_us)
    return exports.pages(db, wanted, adopt_on)


def _write_out(parts: Iterable[bytes]) -> None:
    stdout = sys.stdout.buffer
    for part in parts:
        stdout.write(part)
    stdout.flush()
