"""The view of the agents' own transcripts: which file each session has, and how far it was copied.

The paths come from events, the cursors from the copying (sync/transcripts.py). A lost cursor costs
a second reading and stores nothing twice.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from journal.meaning import Kind
from journal.times import SECOND_US
from sync.lines import START, Cursor
from sync.views.change import Change

_ENDS = (Kind.TURN_END, Kind.SUBAGENT_END, Kind.SESSION_END)  # a good moment to copy
_PATH_CHARS = 4096
_MOMENT_US = 600 * SECOND_US  # in which an agent that has said its end may still write


class Copied(NamedTuple):
    """A transcript, and how far it was copied."""

    path: Path
    agent: str
    session: str
    cursor: Cursor
    last_us: int  # the time of the last record that says one


def derive(db: apsw.Connection, changes: list[Change], now_us: int) -> None:
    """Remember the files that events of this host name, and that there is something to copy."""
    host = os.uname().nodename
    rows = [
        (event.meaning.transcript, change.agent, change.id, event.meaning.kind in _ENDS)
        for change in changes
        for event in change.events
        if event.meaning.transcript and event.origin.get("host") == host
    ]
    query = """
        insert into transcripts values (?, ?, ?, ?, 0, 0, 0, x'', 0)
        on conflict do update set due = due or excluded.due
    """
    db.executemany(query, [row for row in dict.fromkeys(rows) if len(row[0]) <= _PATH_CHARS])


class File(NamedTuple):
    """A transcript, and whose it is."""

    path: Path
    agent: str
    session: str


def to_copy(db: apsw.Connection, now_us: int) -> Iterator[File]:
    """What is due, and the files of sessions that go on, or did until a moment ago."""
    query = """
        select path, agent, session from transcripts where due
        union
        select t.path, t.agent, t.session
        from session_states s join transcripts t on t.agent = s.agent and t.session = s.id
        where s.status <> 'finished'
        union
        select t.path, t.agent, t.session
        from session_states s join transcripts t on t.agent = s.agent and t.session = s.id
        where s.triggers <> '' and s.last_us >= ?
    """
    rows: list[Any] = db.execute(query, (now_us - _MOMENT_US,)).fetchall()
    return (File(Path(path), agent, session) for path, agent, session in rows)


def reached(db: apsw.Connection, file: File) -> Copied:
    """How far a file was copied."""
    query = "select inode, modified_ns, offset, tail, last_us from transcripts where path = ?"
    row = db.execute(query, (str(file.path),)).fetchone()
    return Copied(*file, Cursor(*row[:4]), row[4]) if row else Copied(*file, START, 0)


def save(db: apsw.Connection, copied: Iterable[Copied]) -> None:
    """Remember how far files were copied; in a transaction, not before their records' rows."""
    query = "insert or replace into transcripts values (?, ?, ?, 0, ?, ?, ?, ?, ?)"
    rows = [(str(o.path), o.agent, o.session, *o.cursor, o.last_us) for o in copied]
    db.executemany(query, rows)


def drop_session(db: apsw.Connection, agent: str, session: str) -> None:
    """Remove the session's rows: nothing of the session is left."""
    db.execute("delete from transcripts where agent = ? and session = ?", (agent, session))
