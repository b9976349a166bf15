"""OpenCode's database, read while the program runs: its rows, one JSON object each.

Source: `opencode.db` of 1.18.33 (SQLite, WAL). Nothing is written there. A row is read again after
each of its changes; what is kept of it (transcript.py) has the same name each time.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from journal.agents.transcript_entry import Row, dump

_BUSY_SECONDS = 1.0
_SESSIONS = """
    select id, parent_id, directory, title, version, agent, permission, time_created, time_updated
    from session
"""
_CHANGED = """
    select kind, id, max(at) from (
      select 'session' as kind, id, time_updated as at from session where time_updated >= ?1
      union all select 'message', id, time_updated from message where time_updated >= ?1
      union all select 'part', id, time_updated from part where time_updated >= ?1
      union all select 'part', part.id, message.time_updated  -- a message ends its texts
      from message join part on part.message_id = message.id where message.time_updated >= ?1
    ) group by kind, id order by 3, kind desc, id
"""
_MESSAGE = "select id, session_id, time_created, time_updated, data from message where id = ?"
_PART = """
    select id, message_id, session_id, time_created, time_updated, data from part where id = ?
"""


class DatabaseError(OSError):
    """The database cannot be read, or has other tables than we know."""


def rows(path: Path, since_ms: int = 0) -> Iterator[Row]:
    """What was changed at or after a moment, in the order of the changes.

    `of` in a line holds what its meaning needs of other rows. DatabaseError.
    """
    try:
        with closing(_open(path)) as db:
            sessions = {row["id"]: dict(row) for row in db.execute(_SESSIONS)}
            changed = db.execute(_CHANGED, (since_ms,)).fetchall()
            for kind, unique, at in changed:
                line = _line(db, kind, unique, sessions)
                if line is not None:
                    yield Row(at if type(at) is int else 0, dump(line))
    except (sqlite3.Error, OSError) as error:
        raise DatabaseError(str(error)) from error


def sessions(path: Path) -> list[str]:
    """The ids of the sessions that are not sub-agents'; empty if the database cannot be read."""
    try:
        with closing(_open(path)) as db:
            return [str(row["id"]) for row in db.execute(_SESSIONS) if not row["parent_id"]]
    except (sqlite3.Error, OSError):
        return []


def _open(path: Path) -> sqlite3.Connection:
    uri = f"file:{quote(str(path))}?mode=ro"
    db = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS)
    db.row_factory = sqlite3.Row
    return db


def _line(
    db: sqlite3.Connection, kind: str, unique: str, sessions: Mapping[str, dict[str, Any]]
) -> dict[str, Any] | None:
    """A row as an object; None if it was deleted a moment ago."""
    if kind == "session":
        row = sessions.get(unique)
        return row and {"table": kind, **row, "of": _of(row, sessions)}
    query = _MESSAGE if kind == "message" else _PART
    found = db.execute(query, (unique,)).fetchone()
    if found is None:
        return None
    fields = {"table": kind, **dict(found), "data": _data(found["data"])}
    of = _of(sessions.get(found["session_id"], {}), sessions)
    if kind == "part":
        message = db.execute(_MESSAGE, (found["message_id"],)).fetchone()
        said = _data(message["data"]) if message else {}
        kept = ("role", "parentID", "modelID", "time", "error")
        of["message"] = {key: said[key] for key in kept if key in said}
    return {**fields, "of": of}


def _data(value: Any) -> dict[str, Any]:
    try:
        found = json.loads(value)
    except (TypeError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _of(row: Mapping[str, Any], sessions: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Whose a session's rows are: those of the session that no other one started."""
    seen, root = {row.get("id")}, row
    while (parent := sessions.get(root.get("parent_id") or "")) and parent["id"] not in seen:
        seen.add(parent["id"])
        root = parent
    keys = ("directory", "agent", "permission")
    return {"root": root.get("id"), **{key: row.get(key) for key in keys}}
