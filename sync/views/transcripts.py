"""The view of the agents' own transcripts: which file each session has, and how far it was copied.

The paths come from events, the cursors from the copying (sync/transcripts.py). A lost cursor costs
a second reading and stores nothing twice.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw

from journal.printable import spelled_out
from journal.session.meaning import Kind
from journal.times import SECOND_US
from sync.store.file_cursors import START, Cursor

if TYPE_CHECKING:
    from sync.views.change import Change

_ENDS = (Kind.TURN_END, Kind.SUBAGENT_END, Kind.SESSION_END)  # a good moment to copy
_PATH_CHARS = 4096
_COLUMNS = "t.path, t.agent, t.session, t.inode, t.modified_ns, t.offset, t.tail, t.last_us"
_MOMENT_US = 600 * SECOND_US  # in which an agent that has said its end may still write


class Copied(NamedTuple):
    """A transcript, whose it is, and how far it was copied."""

    path: Path
    agent: str
    session: str
    cursor: Cursor
    last_us: int  # the time of the last record that says one


class Candidate(NamedTuple):
    """A transcript that may have grown. `due`: something ended since it was read."""

    file: Copied
    due: bool


def derive(db: apsw.Connection, changes: "list[Change]", now_us: int) -> None:
    """Remember the files that events of this home name, and that there is something to copy."""
    from sync.views import projects  # slow to load: who asks what was copied needs none

    naming = [(c, event) for c in changes for event in c.events if event.meaning.transcript]
    origins = {id(event.origin): event.origin for _, event in naming}  # many records share one
    here = {key for key, origin in origins.items() if projects.is_here(db, origin)}
    rows = [
        (event.meaning.transcript, change.agent, change.id, event.meaning.kind in _ENDS)
        for change, event in naming
        if id(event.origin) in here
    ]
    query = """
        insert into transcripts values (?, ?, ?, ?, 0, 0, 0, x'', 0)
        on conflict do update set due = due or excluded.due
    """
    db.executemany(query, [row for row in dict.fromkeys(rows) if len(row[0]) <= _PATH_CHARS])


def to_copy(db: apsw.Connection, now_us: int) -> Iterator[Candidate]:
    """What is due, and the files of sessions that go on, or did until a moment ago."""
    query = f"""
        select {_COLUMNS}, 1 from transcripts t where due
        union all
        select {_COLUMNS}, 0 from session_states s
        join transcripts t on t.agent = s.agent and t.session = s.id and not t.due
        where s.status <> 'finished'
        union all
        select {_COLUMNS}, 0 from session_states s
        join transcripts t on t.agent = s.agent and t.session = s.id and not t.due
        where s.status = 'finished' and s.triggers <> '' and s.last_us >= ?
    """
    rows: list[Any] = db.execute(query, (now_us - _MOMENT_US,)).fetchall()
    return (Candidate(_copied(row), bool(row[-1])) for row in rows)


def _copied(row: tuple[Any, ...]) -> Copied:
    path, agent, session, inode, modified_ns, offset, tail, last_us, *_ = row
    return Copied(Path(path), agent, session, Cursor(inode, modified_ns, offset, tail), last_us)


def reached(db: apsw.Connection, path: Path, agent: str, session: str) -> Copied:
    """How far a file was copied."""
    query = f"select {_COLUMNS} from transcripts t where path = ?"
    row = db.execute(query, (_text(path),)).fetchone()
    return _copied(row) if row else Copied(path, agent, session, START, 0)


class Reached:
    """How far every known file was read, by its path."""

    def __init__(self, db: apsw.Connection) -> None:
        rows: list[Any] = db.execute(f"select {_COLUMNS} from transcripts t").fetchall()
        self._rows = {row[0]: row for row in rows}

    def get(self, path: str) -> Copied | None:
        """One file; None: it is not known."""
        row = self._rows.get(_text(path))
        return None if row is None else _copied(row)

    def is_untouched(self, path: str, status: os.stat_result) -> bool:
        """Whether a file was read, and not written since."""
        row = self._rows.get(_text(path))
        return row is not None and Cursor(*row[3:7]).untouched(status)


def save(db: apsw.Connection, copied: Iterable[Copied]) -> None:
    """Remember how far files were copied; in a transaction, not before their records' rows."""
    query = "insert or replace into transcripts values (?, ?, ?, 0, ?, ?, ?, ?, ?)"
    rows = [(_text(o.path), o.agent, _text(o.session), *o.cursor, o.last_us) for o in copied]
    db.executemany(query, rows)


def _text(path: Path | str) -> str:
    """A path as the table has it: bytes that are not UTF-8 are spelled out."""
    return spelled_out(str(path))


def drop_session(db: apsw.Connection, agent: str, session: str) -> None:
    """Remove the session's rows: nothing of the session is left."""
    db.execute("delete from transcripts where agent = ? and session = ?", (agent, session))
