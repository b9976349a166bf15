"""The view of sessions: one row each, with the stored state that the next event advances."""

from typing import Any, NamedTuple

import apsw

from journal.state import SessionState
from sync.views.change import Change

TITLE_CHARS = 120


class Head(NamedTuple):
    """Where a session's fold stands."""

    state: SessionState
    order: tuple[int, bytes]  # of the last event folded


def head(db: apsw.Connection, session: int) -> Head | None:
    """The stored state; None if there is none that this version can read."""
    query = "select state, last_us, last_id from session_states where session = ?"
    rows: list[Any] = db.execute(query, (session,)).fetchall()
    for data, last_us, last_id in rows:
        if (state := SessionState.load(data)) is not None:
            return Head(state, (last_us, last_id))
    return None


def derive(db: apsw.Connection, changes: list[Change], now_us: int) -> None:
    """Write the rows of the sessions that have new events."""
    rows = [_row(change) for change in changes if change.events]
    if rows:
        names, marks = ", ".join(rows[0]), ", ".join("?" * len(rows[0]))
        query = f"insert or replace into session_states ({names}) values ({marks})"
        db.executemany(query, [tuple(row.values()) for row in rows])


def _row(change: Change) -> dict[str, Any]:
    state, last = change.state, change.events[-1]
    return {
        "session": change.session,
        "agent": change.agent,
        "id": change.id,
        "state": state.dump(),
        "last_us": last.at_us,
        "last_id": last.id,
        "status": state.status,
        "triggers": " ".join(sorted(state.triggers)),
        "project": project(state),
        "project_name": state.project_name or state.cwd.rstrip("/").rpartition("/")[2],
        "cwd": state.cwd,
        "branch": state.branch,
        "host": state.host,
        "title": title(state),
        "started_us": state.started_us,
        "ended_us": state.ended_us,
        "events": state.events,
        "prompts": state.prompts,
    }


def project(state: SessionState) -> str:
    """The key of the session's project: git's if its start was seen, else host and directory."""
    return state.project or f"path:{state.host}:{state.cwd.rstrip('/') or '/'}"


def title(state: SessionState) -> str:
    """The first prompt's first line, as one line."""
    text = state.first_prompt.text if state.first_prompt else ""
    return " ".join(text.split())[:TITLE_CHARS]


def short_id(db: apsw.Connection, session_id: str, least_chars: int = 6) -> str:
    """The shortest prefix that no other session's id begins with, of at least six characters."""
    query = "select id from session_states where id {} ? order by id {} limit 1"
    before = db.execute(query.format("<", "desc"), (session_id,)).get
    behind = db.execute(query.format(">", "asc"), (session_id,)).get
    shared = max(
        (_shared(session_id, str(other)) for other in (before, behind) if other), default=0
    )
    return session_id[: max(least_chars, shared + 1)]


def _shared(one: str, other: str) -> int:
    """How many characters two ids have in common at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
