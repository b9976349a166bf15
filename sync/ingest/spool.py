"""Collect the spool: records that hooks kept elsewhere are moved to the journal's days.

A spooled file has its final name only once it is whole, so it is read in one go, appended to the
day it belongs to, and removed. A kill in between appends it again; its id makes that harmless.
"""

import hashlib
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from hooks import emit
from journal.durable_files import append_line
from journal.errors import JournalError
from journal.layout import Layout
from journal.record import record
from journal.times import day_of
from sync.ingest.dead_letters import Dead

_NAME = re.compile(r"[A-Za-z0-9_.-]+")  # as hooks and their shells name files
_ABANDONED_SECONDS = 60.0  # a hook runs for three; a part this old is never completed


def collect(
    layout: Layout,
    dead: Dead,
    now_us: int,
    problems: list[JournalError] | None = None,
    goes: Callable[[record.Record], bool] = lambda made: False,
) -> int:
    """Move what is whole into `days/`; the number of records. Foreign files stay where they are.

    `goes`: whether a record is of what was forgotten meanwhile; it is removed. Files that cannot be
    moved stay, too: each is added to `problems`. JournalError: the first, without that list.
    """
    moved = 0
    for path in (path for folder in layout.spools() for path in _private_files(folder)):
        try:
            moved += _take(layout, path, dead, now_us, goes)
        except (JournalError, OSError) as error:
            problem = _said(path, error)
            if problems is None:
                raise problem from error
            problems.append(problem)
    return moved


def _take(
    layout: Layout, path: Path, dead: Dead, now_us: int, goes: Callable[[record.Record], bool]
) -> int:
    """One file of a spool; how many records came of it."""
    if path.suffix == ".jsonl":
        return _take_record(layout, path, goes)
    if path.suffix == ".raw":
        return _take_raw(layout, path)
    if path.suffix == ".part":
        _bury(path, dead, now_us)
    return 0


def _said(path: Path, error: JournalError | OSError) -> JournalError:
    if isinstance(error, JournalError):
        return error
    hint = "check its owner and rights"
    return JournalError(f"cannot collect {path}: {error.strerror}", hint)


def _private_files(folder: Path) -> list[Path]:
    """The files that hooks wrote to a folder of ours; none if anybody else could write to it."""
    try:
        for place in (folder.parent, folder):
            status = place.lstat()
            private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
            if not private or status.st_uid != os.getuid():
                return []
        found = [e for e in os.scandir(folder) if e.is_file(follow_symlinks=False)]
        return sorted(Path(e.path) for e in found if _NAME.fullmatch(e.name))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def _bury(path: Path, dead: Dead, now_us: int) -> None:
    """Keep a part as a dead letter if no process writes it any more."""
    try:
        if now_us / 1e6 - path.stat().st_mtime <= _ABANDONED_SECONDS:
            return
        data = path.read_bytes()
    except FileNotFoundError:
        return  # it has just become whole, and has another name
    dead.put(path, 0, data, "cut off: the hook was killed or the disk full")
    path.unlink(missing_ok=True)


def _take_record(layout: Layout, path: Path, goes: Callable[[record.Record], bool]) -> int:
    line = path.read_bytes()
    reading = record.read_line(line.rstrip(b"\n"))
    if reading.record is not None and _is_gone(reading.record, goes):
        path.unlink(missing_ok=True)
        return 0
    at_us = reading.record.at_us if reading.record else int(path.stat().st_mtime * 1e6)
    name = path.name.rsplit(".", 2)[0]
    append_line(layout.days / day_of(at_us) / f"{name}.jsonl", line.rstrip(b"\n") + b"\n")
    path.unlink(missing_ok=True)
    return 1


def _is_gone(made: record.Record, goes: Callable[[record.Record], bool]) -> bool:
    try:
        return goes(made)
    except record.BadLineError:
        return False  # the pass keeps what is not JSON as a dead letter


def _take_raw(layout: Layout, path: Path) -> int:
    """What a shell kept while no emitter could run: its name says agent, event and session."""
    agent, event, session = [*path.name.split("."), "", "", ""][:3]
    data = path.read_bytes()
    modified_ns = path.stat().st_mtime_ns
    known = agent in emit.VARIABLES and session != "unknown"
    environ = {emit.VARIABLES[agent][0]: session} if known else {}
    line, guess, _ = emit.record(agent or "unknown", event or "unknown", data, modified_ns, environ)
    made = record.parse(line.rstrip())
    digest = hashlib.blake2b(path.name.encode() + data, digest_size=10).hexdigest()
    stable = f"{made.id.hex()[:12]}7{digest[:3]}8{digest[3:18]}"  # the same when taken again
    line = record.dump(made._replace(id=bytes.fromhex(stable)))
    name = emit.file_name(made.agent, guess)
    append_line(layout.days / day_of(made.at_us) / f"{name}.jsonl", line)
    path.unlink(missing_ok=True)
    return 1
