"""`journal logs`: what passes and deliveries did, from the daily log."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import orjson

from journal.cli.app import App, pass_app
from journal.cli.filters import AtLeast

LEVELS = ("error", "warning", "info")
FOLLOW_SECONDS = 0.5
# What a line counts, in words for one and for several.
_COUNTS = (
    ("records.stored", "stored", "stored"),
    ("records.duplicate", "known already", "known already"),
    ("records.rejected", "rejected", "rejected"),
    ("records.excluded", "excluded", "excluded"),
    ("adopted", "session adopted", "sessions adopted"),
    ("ended", "session ended", "sessions ended"),
    ("memory_ids", "memory id resolved", "memory ids resolved"),
    ("packed", "day packed", "days packed"),
    ("pruned.sessions", "session deleted", "sessions deleted"),
    ("pruned.days", "pack deleted", "packs deleted"),
    ("remote.sent", "piece sent", "pieces sent"),
    ("remote.pending", "piece the remote is processing", "pieces the remote is processing"),
    ("remote.failed", "piece failed", "pieces failed"),
    ("remote.dead", "piece given up", "pieces given up"),
    ("remote.waiting", "piece waiting", "pieces waiting"),
    ("remote.elsewhere", "of them for another remote", "of them for another remote"),
    ("model.asked", "model call", "model calls"),
    ("model.answered", "summary", "summaries"),
)
_ERRORS = ("error", "remote.error", "model.error")


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Print new lines as they come, until Ctrl-C.")
@click.option(
    "--level",
    type=click.Choice(LEVELS),
    default="info",
    show_default=True,
    help="Only lines of this level or higher.",
)
@click.option(
    "--lines",
    "-n",
    type=AtLeast(0),
    metavar="N",
    default=50,
    show_default=True,
    help="Number of lines to show, counted from the end (0 = all).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the lines unchanged.")
@pass_app
def logs(app: App, follow: bool, level: str, lines: int, as_json: bool) -> None:
    """Show the log: what each sync, delivery and watcher did, and what failed.

    A pass that found nothing new writes no line. Logs are kept for 30 days.

    \b
    Examples:
      journal logs --level error
      journal logs --follow
    """
    wanted = LEVELS[: LEVELS.index(level) + 1]
    shown = [line for path in _files(app) for line in _lines(path) if _level(line) in wanted]
    for line in shown[-lines:] if lines else shown:
        _show(line, as_json=as_json)
    if not shown and not follow and not as_json:
        click.echo("No line of the log matches." if app.layout.logs.exists() else "No log yet.")
    if follow:
        for line in _following(app):
            if _level(line) in wanted:
                _show(line, as_json=as_json)


def _files(app: App) -> list[Path]:
    """The files of the log, oldest first. JournalError: the folder cannot be read."""
    from journal.errors import JournalError
    from journal.layout import is_day

    try:
        found = sorted(path for path in app.layout.logs.iterdir() if path.suffix == ".jsonl")
        return [path for path in found if is_day(path.stem) and path.is_file()]
    except FileNotFoundError:
        return []
    except OSError as error:
        hint = "check the owner and rights of the home"
        raise JournalError(f"cannot read {app.layout.logs}: {error.strerror}", hint) from error


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        return list(_parsed(path.read_bytes()))
    except OSError as error:
        click.echo(f"journal: cannot read {path}: {error.strerror}", err=True)
        return []


def _parsed(data: bytes) -> Iterator[dict[str, Any]]:
    """The lines that are whole; one that was cut off is passed over."""
    for line in data.splitlines():
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(found, dict):
            yield found


def _following(app: App) -> Iterator[dict[str, Any]]:
    """Lines that are written from now on, until the reader is tired of them."""
    read = {path: path.stat().st_size for path in _files(app)}
    while True:
        time.sleep(FOLLOW_SECONDS)
        for path in _files(app):
            with path.open("rb") as file:
                file.seek(read.get(path, 0))
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            read[path] = read.get(path, 0) + len(whole)
            yield from _parsed(whole)


def _get(line: dict[str, Any], key: str) -> Any:
    found: Any = line
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _level(line: dict[str, Any]) -> str:
    if any(_get(line, key) for key in _ERRORS):
        return "error"
    if _get(line, "records.rejected") or _get(line, "remote.dead") or _get(line, "rebuilt.lost"):
        return "warning"
    return "info"


def _show(line: dict[str, Any], *, as_json: bool) -> None:
    from journal.cli.screen.output import print_json
    from journal.printable import one_line

    if as_json:
        print_json(line)
        return
    counts = [
        f"{number:,} {one if number == 1 else several}"
        for key, one, several in _COUNTS
        if (number := _number(line, key))
    ]
    errors = [_error(_get(line, key)) for key in _ERRORS if _get(line, key)]
    at, kind = str(line.get("at", ""))[:19].replace("T", " "), str(line.get("pass", ""))
    said = "; ".join([*errors, *([", ".join(counts)] if counts else [])]) or "nothing new"
    seconds = line.get("seconds")
    took = f" ({seconds:.1f} s)" if isinstance(seconds, int | float) else ""
    click.echo(one_line(f"{at}Z  {_level(line):<7}  {kind:<8}  {said}{took}"))


def _number(line: dict[str, Any], key: str) -> int:
    found = _get(line, key)
    return found if isinstance(found, int) else 0


def _error(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    attempt = f", attempt {error['attempt']}" if error.get("attempt") else ""
    again = f", next {str(error['next_at'])[:19]}Z" if error.get("next_at") else ""
    return f"{error.get('message')} ({error.get('class')}{attempt}{again})"
