"""`journal import`: existing sessions, of the agent or of other machines."""

import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.screen.output import print_json, say
from journal.cli.screen.progress import progress
from sync.checkup.earlier_sessions import note_import

if TYPE_CHECKING:
    from sync.report import Report
    from sync.transfer.importing import Imported
    from sync.transfer.sources import Found

WAIT_SECONDS = 10.0  # for another sync to end


@click.command("import")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option("--agent", "agents", multiple=True, help="Import only the history of this agent.")
@click.option("--verify", is_flag=True, help="Read every transcript again, also unchanged ones.")
@click.option("--dry-run", is_flag=True, help="Print what would be imported; write nothing.")
@click.option(
    "--archive",
    "in_archive",
    is_flag=True,
    help="Import from the team archive: your other homes.",
)
@click.option("--shared", is_flag=True, help="With --archive: also what others share with you.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@pass_app
def import_(
    app: App,
    paths: tuple[Path, ...],
    agents: tuple[str, ...],
    verify: bool,
    dry_run: bool,
    in_archive: bool,
    shared: bool,
    as_json: bool,
) -> int:
    """Import existing sessions from agents or another machine.

    Without PATH it imports the history that each agent on this machine keeps (claude-code, codex,
    copilot-cli, opencode, gemini-cli, qwen-code), including sessions from before the hooks were
    installed. A session that the hooks recorded stays one session.

    PATH is a file or folder of such transcripts, a remote folder, another journal's home (or its
    days/, its packs/ or a day), or a file that journal export --format jsonl wrote, gzipped or not.

    It can be interrupted and repeated: records that are known already are not changed. Exits with 1
    if a file cannot be read to its end; the records before that place are imported.

    \b
    Examples:
      journal import
      journal import --agent codex
      journal import /mnt/nas/journal
      journal import --dry-run laptop-home week.jsonl.gz
    """
    if in_archive or shared:
        return _pull(app, paths, dry_run=dry_run, in_archive=in_archive, shared=shared,
                     as_json=as_json)  # fmt: skip
    code = run_import(app, paths, agents=agents, dry_run=dry_run, as_json=as_json, verify=verify)
    if code == 0 and not (paths or agents or dry_run):
        note_import(app.layout)
    return code


def _pull(
    app: App, paths: tuple[Path, ...], *, dry_run: bool, in_archive: bool, shared: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Bring in what the team archive has; the exit code. JournalError: it does not answer."""
    from journal.cli.waiting import polling
    from journal.errors import UsageError
    from sync.team_archive import pulling

    if not in_archive:
        raise UsageError("--shared needs --archive", "journal import --archive --shared")
    if paths or dry_run:
        raise UsageError("--archive takes neither a PATH nor --dry-run", "leave it out")
    started = time.monotonic()
    with progress() as advance:
        done = pulling.run(
            pulling.Order(
                app.layout, app.settings, os.environ, time.time_ns,
                lambda: app.sync(WAIT_SECONDS), polling(WAIT_SECONDS), shared,
                progress=lambda *on: advance("Pulling", *on),
            )
        )  # fmt: skip
    seconds = round(time.monotonic() - started, 3)
    if as_json:
        said = {"records": done.records, "sessions": done.sessions, "deleted": done.deleted}
        print_json({**said, "left_out": done.left_out, "seconds": seconds})
        return 0
    what = f"{_count(done.records, 'record')} of {_count(done.sessions, 'session')}"
    text = f"Imported {what}" if done.records else "Nothing new in the team archive"
    if done.deleted:
        text += f", removed {_count(done.deleted, 'session')} that were deleted or are not shared"
    click.echo(f"{text} ({seconds:.1f} s).")
    return 0


def run_import(
    app: App,
    paths: tuple[Path, ...],
    *,
    agents: tuple[str, ...] = (),
    dry_run: bool,
    as_json: bool,
    verify: bool = False,
) -> int:
    """Import and say what was done; the exit code. No path: the history of these agents, or all."""
    from sync.transfer import importing, sources

    started = time.monotonic()
    found = sources.find(paths, _known(agents)) if paths else _history(_known(agents))
    report: Report | None = None
    screened = set[int]()
    with progress() as advance:

        def run_pass(pack_at_once: bool = False) -> None:
            nonlocal report
            report = app.sync(
                WAIT_SECONDS,
                progress=lambda *on: advance("Syncing", *on),
                pack_at_once=pack_at_once,
                screened=screened,
                follow=False,  # every transcript has been looked at by then
            )

        done = importing.run(
            importing.Order(
                app.layout,
                app.settings,
                found.sources,
                time.time_ns,
                run_pass,
                partial(run_pass, pack_at_once=True),
                dry_run,
                verify,
                lambda *on: advance("Reading", *on),
                screened,
            )
        )
    seconds = time.monotonic() - started
    if as_json:
        print_json(import_json(done, seconds, dry_run=dry_run))
    else:
        say(import_text(done, seconds, dry_run=dry_run))
    for problem in (*_refusals(done), *found.foreign, *_problems(done, report)):
        say(f"journal: {problem}", err=True)
    return 1 if done.problems else 0


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names of agents. UsageError: one is not known."""
    from journal.agents import AGENTS
    from journal.errors import UsageError

    for name in names:
        if name not in AGENTS:
            raise UsageError(f"unknown agent {name!r}", f"known: {', '.join(AGENTS)}")
    return names


def _history(agents: tuple[str, ...]) -> "Found":
    """What these agents keep of this person, or all. JournalError: there is nothing."""
    from journal.agents import AGENTS
    from journal.errors import JournalError
    from sync.transfer import sources

    found = sources.history(os.environ, agents or AGENTS)
    if not found.sources:
        home = os.environ.get("HOME", "")
        folders = [str(f) for name in agents for f in sources.folders(name, os.environ)]
        whose = ", ".join(AGENTS[name].label for name in agents) or "any agent"
        message = f"no transcripts of {whose} in {', '.join(folders) or home}"
        raise JournalError(message, "name what to import: journal import PATH")
    return found


def import_json(done: "Imported", seconds: float, *, dry_run: bool) -> dict[str, object]:
    """The report for programs."""
    return {
        "files": done.files,
        "records": done.records,
        "imported": done.imported,
        "known": done.known,
        "unchanged": done.unchanged,
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
    parts = [f"{_count(done.unchanged, 'file')} read before"] if done.unchanged else []
    if done.known:
        parts.append(f"{_count(done.known, 'record')} known already")
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
        yield from map(str, report.problems)
