"""What the retention of sessions says of pieces that lie in a remote: a plan, then its execution.

A session's pieces go when its last record in them is older than `retention.sessions_days`, it is
not pinned, and nothing newer of it is stored here. Only pieces of this machine are looked at.
"""

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from journal.errors import JournalError, UsageError
from journal.record import record
from journal.record.record import BadLineError
from journal.settings.sources import Settings
from journal.times import DAY_US
from sync.remote import folder_files
from sync.remote.naming import name_of

_TAIL_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Old:
    """The pieces of one session that are to go."""

    session: str
    paths: tuple[Path, ...]
    bytes: int


def plan(db: apsw.Connection, settings: Settings, now_us: int) -> list[Old]:
    """The sessions of which the remote holds what is too old.

    UsageError: the remote cannot delete, or no limit is set. JournalError: it cannot be read.
    """
    days, remote = settings.retention.sessions_days, settings.remote
    if remote.kind != "folder":
        if remote.kind == "none":
            raise UsageError("no remote is set", "set [remote] in config.toml")
        hint = "it has no request that deletes a single source; delete old notebooks there"
        raise UsageError(f"cannot delete in {name_of(remote)}", hint)
    if not days:
        hint = "set retention.sessions_days in config.toml, or give --max-age DAYS"
        raise UsageError("no limit is set (retention.sessions_days)", hint)
    before_us = now_us - days * DAY_US
    folder = Path(remote.path).expanduser()
    try:
        if folder_files.marker_id(folder) is None:
            problem = f"{folder} holds no {folder_files.MARKER}"
            raise JournalError(problem, "is it mounted?")
        return _old(db, folder / folder_files.host_name(os.uname().nodename), before_us)
    except OSError as error:
        hint = "is it mounted, and may you read it?"
        raise JournalError(f"cannot read {error.filename}: {error.strerror}", hint) from error


def delete(old: list[Old]) -> None:
    """Delete these pieces. JournalError: one cannot be; what was deleted stays so."""
    for one in old:
        for path in one.paths:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                problem = f"cannot delete {path}: {error.strerror}"
                raise JournalError(problem, "check its owner and rights") from error


def _old(db: apsw.Connection, folder: Path, before_us: int) -> list[Old]:
    found: defaultdict[str, list[tuple[Path, int]]] = defaultdict(list)
    newest: defaultdict[str, int] = defaultdict(int)
    for path in folder_files.pieces_of(folder):
        session, last_us = _ends(path)
        found[session].append((path, path.stat().st_size))
        newest[session] = max(newest[session], last_us)
    kept = _kept(db, before_us)
    return [
        Old(session, tuple(path for path, _ in files), sum(size for _, size in files))
        for session, files in sorted(found.items())
        if session and newest[session] < before_us and session not in kept
    ]


def _kept(db: apsw.Connection, before_us: int) -> set[str]:
    """The sessions that are pinned, or have something newer here."""
    query = """
        select s.id from session_states s
        left join pins p on p.agent = s.agent and p.session = s.id
        where s.last_us >= ? or s.status <> 'finished' or coalesce(p.pinned, 0) = 1
    """
    rows: list[Any] = db.execute(query, (before_us,)).fetchall()
    return {str(name) for (name,) in rows}


def _ends(path: Path) -> tuple[str, int]:
    """The session of a piece, and when its last record was made; "" if that is unknown."""
    with path.open("rb") as file:
        first = file.readline()
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
    try:
        made, ended = record.parse(first.rstrip(b"\n")), record.parse(last or first.rstrip(b"\n"))
    except BadLineError:
        return "", 2**62  # damaged, or a record of more than a megabyte: it stays
    return made.session, max(made.at_us, ended.at_us)
