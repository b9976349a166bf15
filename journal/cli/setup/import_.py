"""`journal import`: existing sessions, of the agent or of other machines."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.screen.output import print_json
from journal.cli.screen.progress import progress
from sync.checkup.earlier_sessions import note_import

if TYPE_CHECKING:
    from sync.cycle import Report
    from sync.transfer.importing import Imported

WAIT_SECONDS = 10.0  # for another sync to end


@click.command("import")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be imported, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@pass_app
def import_(app: App, paths: tuple[Path, ...], dry_run: bool, as_json: bool) -> int:
    """Import existing sessions from Claude Code or another machine.

    Without PATH it imports the transcripts that Claude Code keeps (~/.claude/projects), including
    those from before the hooks were installed. A session that the hooks recorded stays one session.

    PATH is a file or folder of such transcripts, a remote folder, another journal's home (or its
    days/, its packs/ or a day), or a file that journal export --format jsonl wrote, gzipped or not.

    It is safe to interrupt and to repeat: what is known already is left as it is. Exits with 1 if
    a file cannot be read to its end; what could be read is imported.

    \b
    Examples:
      journal import
      journal import /mnt/nas/journal
      journal import --dry-run laptop-home week.jsonl.gz
    """
    code = run_import(app, paths or tuple(_default_folders()), dry_run=dry_run, as_json=as_json)
    if code == 0 and not paths and not dry_run:
        note_import(app.layout)
    return code


def run_import(app: App, paths: tuple[Path, ...], *, dry_run: bool, as_json: bool) -> int:
    """Import and say what was done; the exit code."""
    from sync.transfer import importing, sources

    started = time.monotonic()
    found = sources.find(paths)
    report: Report | None = None
    with progress() as advance:

        def take_in() -> None:
            nonlocal report
            report = app.sync(WAIT_SECONDS, progress=lambda *on: advance("Storing", *on))

        done = importing.run(
            importing.Order(
                app.layout,
                app.settings,
                found.sources,
                time.time_ns,
                take_in,
                dry_run,
                lambda *on: advance("Reading", *on),
            )
        )
    seconds = time.monotonic() - started
    if as_json:
        print_json(import_json(done, seconds, dry_run=dry_run))
    else:
        click.echo(import_text(done, seconds, dry_run=dry_run))
    for problem in (*_refusals(done), *found.foreign, *_problems(done, report)):
        click.echo(f"journal: {problem}", err=True)
    return 1 if done.problems else 0


def _default_folders() -> list[Path]:
    """Where the agent keeps its transcripts. JournalError: it has none."""
    from journal.agents.claude_code.transcript_lines import folders
    from journal.errors import JournalError

    found = [folder for folder in folders(os.environ) if folder.is_dir()]
    if not found:
        looked = ", ".join(map(str, folders(os.environ)))
        message = f"there are no transcripts of Claude Code in {looked or 'a home of yours'}"
        raise JournalError(message, "name what is to be imported: journal import PATH")
    return found


def import_json(done: "Imported", seconds: float, *, dry_run: bool) -> dict[str, object]:
    """The report for programs."""
    return {
        "files": done.files,
        "records": done.records,
        "imported": done.imported,
        "known": done.known,
        "left_out": done.left_out,
        "excluded": done.excluded,
        "rejected": done.rejected,
        "sessions": done.sessions,
        "seconds": round(seconds, 3),
        "dry_run": dry_run,
    }


def import_text(done: "Imported", seconds: float, *, dry_run: bool) -> str:
    """The report in one line."""
    what = f"{_count(done.imported, 'record')} of {_count(done.sessions, 'session')}"
    files = _count(done.files, "file")
    if not done.imported:
        text = f"Nothing new in {files} ({seconds:.1f} s)"
    elif dry_run:
        text = f"Would import {what} from {files}"
    else:
        text = f"Imported {what} from {files} in {seconds:.1f} s"
    parts = [f"{done.known:,} known already"] if done.known else []
    if done.left_out:
        parts.append(f"{done.left_out:,} left out that only the other journal needs")
    if done.excluded:
        parts.append(f"{done.excluded:,} excluded by the configuration")
    if done.rejected:
        parts.append(f"{done.rejected:,} refused" + ("" if dry_run else ", kept in dead/"))
    return f"{text}{': ' if parts else ''}{', '.join(parts)}."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _refusals(done: "Imported") -> Iterator[str]:
    from journal.printable import one_line

    for refusal in done.refusals:
        yield one_line(f"{refusal.path}:{refusal.line}: {refusal.reason}")
    more = done.rejected - len(done.refusals)
    if more:
        yield f"{more:,} more {'part' if more == 1 else 'parts'} of these files refused"


def _problems(done: "Imported", report: "Report | None") -> Iterator[str]:
    yield from done.problems
    if report is not None:
        yield from (f"cannot read {problem}" for problem in report.unreadable)
        yield from report.packed.kept
