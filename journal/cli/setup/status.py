"""`journal status`: the whole state at a glance."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.screen.health import size, unsynced
from journal.cli.screen.output import print_json

if TYPE_CHECKING:
    from sync.checkup.home_status import Condition


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_app
def status(app: App, as_json: bool) -> None:
    """Show what is recorded, what is not synced yet, and what is wrong.

    It changes nothing, and does not create a home.
    """
    from sync.checkup import home_status

    found = home_status.look(app.layout, app.settings, app.now_us)
    if as_json:
        from journal.cli.setup.status_json import condition_json

        print_json(condition_json(app, found))
    else:
        _print_text(app, found)


def _print_text(app: App, found: "Condition") -> None:
    from rich.table import Table
    from rich.text import Text

    from journal import __version__
    from journal.cli.screen.tables import print_rich, screen
    from journal.printable import one_line

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, value in _rows(app, found):
        table.add_row(Text(name), Text(one_line(value)))
    for problem in found.problems:
        text = Text(one_line(str(problem)), style="bold red")
        text.append(f" ({one_line(problem.hint)})" if problem.hint else "", style="not bold")
        table.add_row(Text("problem", style="bold red"), text)
    heading = Text(f"agent-journal {__version__}", style="bold")
    print_rich(screen(), heading, table)


def _rows(app: App, found: "Condition") -> list[tuple[str, str]]:
    states = found.states
    shown = ", ".join(
        f"{states[name]:,} {name}" for name in ("awaiting", "working", "idle", "finished")
    )
    unreadable = found.rejected - found.memory_ids.refused
    hidden = f"; {found.not_adopted:,} only started" if found.not_adopted else ""
    return [
        ("home", str(app.layout.home)),
        ("hooks", "not installed" if found.hooks == "missing" else found.hooks),
        ("capture", _capture(app)),
        ("journal", _journal(app, found)),
        ("store", _store(app, found)),
        ("sessions", shown + hidden),
        ("memory ids", _memory_ids(app, found)),
        ("memory", _memory_agent(app, found)),
        ("rejected", f"{unreadable:,} unreadable, kept in dead/" if unreadable else "none"),
        *([("redaction", older)] if (older := _redaction(found)) else []),
        ("remote", _remote(app, found)),
        *_kept_by_agents(app),
        *([("archive", archive)] if (archive := _archive(app, found)) else []),
        ("watcher", _watcher(app, found)),
    ]


def _kept_by_agents(app: App) -> Iterator[tuple[str, str]]:
    """What agents keep and the journal does not hold."""
    from sync.checkup.earlier_sessions import compare

    found = compare(app.layout, app.transcript_roots)
    if found.not_imported:
        yield "history", f"{found.not_imported} (journal import)"
    if found.not_copied:
        yield "transcripts", f"{found.not_copied} (journal doctor)"


def _watcher(app: App, found: "Condition") -> str:
    from journal.cli.screen.tables import ago

    one = found.watcher
    if one is None:
        return "not running"
    since = f", last looked {ago(app.now_us - one.looked_us)}" if one.looked_us else ""
    said = f"runs, process {one.pid}{since}"
    return f"{one.trouble.upper()}: process {one.pid}{since} ({one.hint})" if one.trouble else said


def _capture(app: App) -> str:
    from journal.cli.screen.health import notice
    from journal.setup import capture

    found = capture.look(app.layout, os.curdir)
    elsewhere = [folder for folder in found.folders if folder != found.here]
    said = notice(found).removeprefix("Capture is ") or "on"
    return said + (f"; off in: {', '.join(elsewhere)}" if elsewhere else "")


def _journal(app: App, found: "Condition") -> str:
    files = _count(found.journal_files, "file")
    if not found.journal_files:
        return "empty" + _spooled(found)
    return f"{files}, {size(found.journal_bytes)}; {unsynced(found, app.now_us)}" + _spooled(found)


def _store(app: App, found: "Condition") -> str:
    from journal.cli.screen.tables import ago

    if not found.schema:
        return f"{size(found.store_bytes)}, unreadable" if found.store_bytes else "no database yet"
    last = f"; last record {ago(app.now_us - found.last_us)}" if found.last_us else ""
    events, sessions = _count(found.events, "event"), _count(found.sessions, "session")
    return f"{events} of {sessions}, {size(found.store_bytes)}, schema {found.schema}{last}"


def _memory_ids(app: App, found: "Condition") -> str:
    from journal.cli.screen.tables import age

    ids = found.memory_ids
    parts = [f"{ids.resolved:,} known"]
    if ids.oldest_pending_us is not None:
        oldest = age(max(0, app.now_us - ids.oldest_pending_us))
        parts.append(f"{ids.pending:,} pending, the oldest for {oldest}")
    if ids.refused:
        parts.append(f"{_count(ids.refused, 'bind')} refused, see dead/binds.jsonl")
    return "; ".join(parts)


def _redaction(found: "Condition") -> str:
    """What to do about records that other rules have redacted; empty if there are none."""
    if not found.older_events:
        return ""
    older = _count(found.older_events, "event")
    return f"{older} redacted by older rules (journal redact --rescan)"


def _remote(app: App, found: "Condition") -> str:
    from journal.cli.screen.tables import ago

    kind, circuit = app.settings.remote.kind, found.archive.circuit
    if kind == "none":
        return kind
    good = circuit.last_success_us
    parts = [kind, f"last success {ago(app.now_us - good)}" if good else "nothing sent yet"]
    if circuit.paused is not None:
        parts.append(f"paused: {circuit.paused.message}")
    elif circuit.last_error is not None and circuit.last_error.at_us > (good or 0):
        failed = circuit.last_error
        parts.append(f"failed {ago(app.now_us - failed.at_us)}: {failed.message} ({failed.kind})")
        parts += _next_attempt(app, found)
    return "; ".join(parts)


def _next_attempt(app: App, found: "Condition") -> list[str]:
    """How often it failed in a row, and when it is tried again."""
    from journal.cli.screen.tables import age
    from sync.delivery.circuit_breaker import next_us

    circuit = found.archive.circuit
    at_us = next_us(circuit)
    if at_us is None:
        return []
    left_us = max(0, at_us - app.now_us)
    when = f"in {age(left_us)}" if left_us >= 1_000_000 else "with the next sync"
    return [f"attempt {circuit.failures} in a row; next {when}"]


def _archive(app: App, found: "Condition") -> str:
    from journal.cli.screen.tables import ago

    archive = found.archive
    parts = []
    if archive.oldest_us is not None:
        oldest = ago(app.now_us - archive.oldest_us)
        waiting = _count(archive.waiting, "piece")
        parts.append(f"{waiting} in retry/, {archive.due:,} due, the oldest from {oldest}")
    if archive.dead:
        parts.append(f"{_count(archive.dead, 'piece')} given up (journal replay --dead)")
    return "; ".join(parts)


def _memory_agent(app: App, found: "Condition") -> str:
    from journal.cli.screen.tables import ago

    failed, kind = found.model_failures, str(app.settings.memory.agent)
    if kind != "command":
        return kind
    if found.model_calls:
        kind += f"; {_count(found.model_calls, 'call')} in 24 hours"
    if not failed.number:
        return kind
    times = _count(failed.number, "call")
    return f"{kind}; {times} failed, the last {ago(app.now_us - failed.last_us)}: {failed.message}"


def _spooled(found: "Condition") -> str:
    return f"; {_count(found.spooled, 'record')} in the spool" if found.spooled else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
