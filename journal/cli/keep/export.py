"""`journal export`: the records as they are, or pages for people."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.completing import session_names
from journal.cli.filters import archive_options, check_owner
from journal.cli.screen.output import say
from journal.times import EARLIEST_US

if TYPE_CHECKING:
    import apsw

    from sync.team_archive.archive import Archive


_WHOLE = {"markdown": "page", "html": "page", "transcript": "transcript"}


@click.command()
@click.argument("session", required=False, shell_complete=session_names)
@click.option(
    "--format",
    "form",
    type=click.Choice(("jsonl", "markdown", "html", "transcript")),
    default="jsonl",
    show_default=True,
    help="Records, pages for people, or the agent's own transcript.",
)
@click.option("--since", metavar="WHEN", help="Only since this time: 2h, 3d, today, 2026-11-21.")
@archive_options
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write to this file (default, or -: standard output).",
)
@click.option(
    "--open", "to_open", is_flag=True, help="Write an HTML page and open it in the browser."
)
@pass_app
def export(
    app: App, session: str | None, form: str, since: str | None, output: Path | None,
    to_open: bool, in_archive: bool, owner: str | None,
) -> None:  # fmt: skip
    """Export one session, or all of them.

    jsonl has one record per line, ordered by time, complete except for redacted secrets. Without
    SESSION it also has memory ids, summaries and pins; journal import can read it.

    markdown has a page for each session. html is one file that can be opened in any browser. Both
    leave out sessions that only started and, with --since, sessions without later activity.

    transcript is the copy of the agent's own transcript, to restore one that the agent has deleted.
    With --output DIR the files of its sub-agents are written as well.

    SESSION is an id, a unique prefix of one, or AGENT/ID.

    \b
    Examples:
      journal export --since 7d --output week.jsonl
      journal export 7f3a91 --format html --output session.html
      journal export 7f3a91 --open
    """
    from sync.query.filters import moment_us
    from sync.transfer.export import write_file

    if to_open:
        form = "html"
        output = _page_file() if output in (None, Path("-")) else output
    _check(session, form, since)
    since_us = None if since is None else moment_us(since, app.now_us)
    check_owner({"in_archive": in_archive, "owner": owner})
    with ExitStack() as stack:
        if in_archive:
            archive = stack.enter_context(app.team_archive())
            parts = _archive_parts(archive, app, session, form, since_us, owner or "")
        else:
            db = stack.enter_context(app.reading())
            parts = _parts(db, app, session, form, since_us)
        if form == "transcript" and output is not None and output.is_dir() and session:
            _write_transcripts(db, session, output)
            return
        if output is None or str(output) == "-":
            _write_out(parts)
            return
        write_file(output, parts)
    say(f"Wrote {output} ({output.stat().st_size:,} bytes).")
    if to_open:
        _open(output)


def _open(page: Path) -> None:
    import webbrowser

    webbrowser.open(page.absolute().as_uri())


def _check(session: str | None, form: str, since: str | None) -> None:
    """UsageError: these options cannot be combined."""
    from journal.errors import UsageError

    if session is not None and since is not None and form != "jsonl":
        hint = "leave out --since, or use --format jsonl"
        raise UsageError(f"--since cannot be combined with SESSION and --format {form}", hint)
    if session is None and form == "transcript":
        raise UsageError("--format transcript needs a SESSION", "list them: journal sessions")


def _page_file() -> Path:
    """Where a page goes that is only to be looked at: a folder that no other user can read."""
    import tempfile

    return Path(tempfile.mkdtemp(prefix="journal-")) / "journal.html"


def _archive_parts(
    archive: "Archive", app: App, name: str | None, form: str, since_us: int | None, owner: str
) -> Iterator[bytes]:
    """The same of what the team archive shows me."""
    from sync.query.filters import Filters, Wanted
    from sync.team_archive import export as exports
    from sync.team_archive import listing

    adopt_on = tuple(app.settings.sessions.adopt_on)
    from_us = EARLIEST_US if since_us is None else since_us
    if name is None:
        wanted = Wanted(Filters(None if form == "jsonl" else adopt_on), since_us=since_us)
        return exports.sessions(archive, wanted, owner, form, from_us, adopt_on)
    session = listing.find(archive, name, owner, adopt_on)
    return exports.session(archive, session, form, from_us)


def _parts(
    db: "apsw.Connection", app: App, name: str | None, form: str, since_us: int | None
) -> Iterator[bytes]:
    from sync.query import listing
    from sync.query.filters import Filters, Wanted
    from sync.transcripts import restored
    from sync.transfer import export as exports

    adopt_on = tuple(app.settings.sessions.adopt_on)
    wanted = Wanted(Filters(adopt_on), since_us=since_us)
    from_us = EARLIEST_US if since_us is None else since_us
    if name is None:
        whole = {
            "jsonl": lambda: exports.record_lines(db, from_us),
            "markdown": lambda: exports.pages(db, wanted, adopt_on),
            "html": lambda: exports.html(db, wanted, adopt_on),
        }
        return whole[form]()
    key = listing.find(db, name)
    one = {
        "jsonl": lambda: exports.lines_of(db, key, from_us),
        "markdown": lambda: iter([exports.page(db, key, adopt_on)]),
        "html": lambda: exports.html_of(db, key, adopt_on),
        "transcript": lambda: restored.lines(db, key),
    }
    return one[form]()


def _write_transcripts(db: "apsw.Connection", name: str, folder: Path) -> None:
    from sync.query import listing
    from sync.transcripts.put_back import write_into

    for path in write_into(db, listing.find(db, name), folder):
        say(f"Wrote {path} ({path.stat().st_size:,} bytes).")


def _write_out(parts: Iterable[bytes]) -> None:
    stdout = sys.stdout.buffer
    for part in parts:
        stdout.write(part)
    stdout.flush()
