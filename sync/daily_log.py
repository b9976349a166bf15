"""The daily log: `logs/YYYY-MM-DD.jsonl`, one line for each pass that did something or failed.

A pass that found nothing new writes none, and a process that runs for days does not repeat one
failure, so the log stays small; what is older than KEEP_DAYS goes when a new day begins.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from journal.durable_files import append_line
from journal.errors import JournalError
from journal.layout import Layout, is_day
from journal.redaction.messages import redacted
from journal.times import DAY_US, day_of, to_text
from sync.report import Report

if TYPE_CHECKING:
    from sync.slow_stages import Outside

KEEP_DAYS = 30
_TAIL_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Entry:
    """One pass, when it is over. `kind`: `sync`, `catch_up`, `watch`, `rebuild` or `outside`."""

    kind: str
    began_us: int
    seconds: float
    report: Report | None  # None: it failed
    error: BaseException | None = None
    outside: "Outside | None" = None  # of a run of the stages that wait for others


def write(layout: Layout, entry: Entry) -> None:
    """Log a pass if there is something to say of it. JournalError: the log cannot be written."""
    try:
        _write(layout, entry)
    except OSError as error:
        hint = "check the rights and the free space"
        raise JournalError(f"cannot write {layout.logs}: {error.strerror}", hint) from error


def _write(layout: Layout, entry: Entry) -> None:
    if entry.error is None and not _did_something(entry):
        return
    path = layout.logs / f"{day_of(entry.began_us)}.jsonl"
    said = _said(entry)
    if entry.kind != "sync" and _goes_on(entry, said, path):
        return  # nothing changed; a person who types a command is answered each time
    trusts = entry.report is not None and not entry.report.clock_problem
    if not path.exists() and trusts:
        _remove_old(layout, entry.began_us)
    append_line(path, orjson.dumps(said) + b"\n")


def _did_something(entry: Entry) -> bool:
    if entry.outside is not None:
        return entry.outside.did_something
    report = entry.report
    return report is not None and bool(
        report.stored
        or report.duplicate
        or report.rejected
        or report.excluded
        or report.packed.days
        or report.rebuilt
        or report.pruned
        or report.ended
        or report.adopted
        or report.resolved
    )


def _said(entry: Entry) -> dict[str, Any]:
    if entry.outside is not None and entry.error is None:
        return {**_opening(entry), **entry.outside.said()}
    report = entry.report or Report()
    said: dict[str, Any] = {
        **_opening(entry),
        "records": report.counts,
        "sessions": report.summaries,
        "adopted": report.adopted,
        "ended": report.ended,
        "memory_ids": report.resolved,
        "packed": len(report.packed.days),
        "error": error_json(entry.error),
    }
    if report.pruned:
        said["pruned"] = report.pruned.counts
    if report.rebuilt:
        said["rebuilt"] = {
            "events": report.rebuilt.events,
            "taken_over": report.rebuilt.taken_over,
            "lost": report.rebuilt.lost,
        }
    return said


def _opening(entry: Entry) -> dict[str, Any]:
    return {
        "at": to_text(entry.began_us),
        "pid": os.getpid(),
        "pass": entry.kind,
        "seconds": round(entry.seconds, 3),
    }


def error_json(error: BaseException | None) -> dict[str, str] | None:
    """An error for programs: its class, or the kind that it names, and its text."""
    if error is None:
        return None
    return {"class": getattr(error, "kind", type(error).__name__), "message": redacted(str(error))}


def _goes_on(entry: Entry, said: dict[str, Any], path: Path) -> bool:
    """Whether nothing happened but the failure that the last such line reports."""
    if entry.outside is not None:
        return not entry.outside.brought and _last(path, entry.kind, _failures) == _failures(said)
    return bool(said["error"]) and said["error"] == _last(path, None, lambda line: line["error"])


def _failures(said: dict[str, Any]) -> Any:
    remote = said["remote"]["error"]  # its numbers differ at each attempt
    return remote and remote["class"], said["model"]["error"]


def _last(path: Path, kind: str | None, of: Callable[[dict[str, Any]], Any]) -> Any:
    """What the last line (of this kind) says; None: there is none, or it was cut off."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            lines = file.read().rstrip(b"\n").split(b"\n")
        for line in reversed(lines):
            found = orjson.loads(line)
            if kind is None or found["pass"] == kind:
                return of(found)
    except (OSError, ValueError, LookupError, TypeError):
        return None  # then it is said again
    return None


def _remove_old(layout: Layout, now_us: int) -> None:
    """Remove the logs of days that ended more than KEEP_DAYS ago."""
    oldest = day_of(now_us - KEEP_DAYS * DAY_US)
    try:
        for path in layout.logs.iterdir():
            if path.suffix == ".jsonl" and is_day(path.stem) and path.stem < oldest:
                path.unlink(missing_ok=True)
    except FileNotFoundError:
        return
    except OSError as error:
        hint = "check the owner and rights of the home"
        raise JournalError(f"cannot tidy {layout.logs}: {error.strerror}", hint) from error
