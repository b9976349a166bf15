"""The view of sessions: one row each, with the stored state that the next event advances."""

from typing import Any, NamedTuple

import apsw

from journal.record.record import NO_SESSION
from journal.session.plan import name_of
from journal.session.state import SessionState
from sync.store import arrivals, states
from sync.views import pins_and_ends, projects
from sync.views.change import NO_EVENT, Change

TITLE_CHARS = 120


class Head(NamedTuple):
    """How far a session is folded."""

    state: SessionState
    order: tuple[int, bytes]  # of the last event folded


def head(db: apsw.Connection, session: int) -> Head | None:
    """The stored state; None if there is none that this version can read."""
    query = "select state, head_us, last_id from session_states where session = ?"
    rows: list[Any] = db.execute(query, (session,)).fetchall()
    for data, head_us, last_id in rows:
        if (state := states.load(data)) is not None:
            return Head(state, (head_us, last_id))
    return None


def is_hooked(db: apsw.Connection, agent: str, session: str) -> bool:
    """Whether a hook has reported anything of the session."""
    query = "select state from session_states where agent = ? and id = ?"
    data = db.execute(query, (agent, session)).get
    return data is not None and bool(states.fields(data).get("hooked"))


def derive(db: apsw.Connection, changes: list[Change], now_us: int) -> None:
    """Write the sessions' rows."""
    for change in changes:
        state = change.state
        if change.id == NO_SESSION:
            _rest(state)
        state.inferred_end = ""
        if state.ended_us is None:
            end = pins_and_ends.inferred_end(db, change.agent, change.id, state.last_us)
            by_hooks = state.hooked and end == pins_and_ends.IMPORTED
            state.inferred_end = "" if by_hooks else end
    rows = [_row(db, change) for change in changes if change.steps]
    if rows:
        names, marks = ", ".join(rows[0]), ", ".join("?" * len(rows[0]))
        query = f"insert or replace into session_states ({names}) values ({marks})"
        db.executemany(query, [tuple(row.values()) for row in rows])
    lifted = [_ending(change.state) for change in changes if not change.steps]
    keys = [change.session for change in changes if not change.steps]
    query = """
        update session_states set state = ?, status = ?, ended_us = ?, end_reason = ?
        where session = ?
    """
    db.executemany(query, [(*e.values(), key) for e, key in zip(lifted, keys, strict=True)])


def _rest(state: SessionState) -> None:
    """Of records that name no session nothing works, and nothing is shown unasked."""
    state.triggers.clear()
    state.open_tools.clear()
    state.subagents.clear()
    state.turn_open, state.question, state.question_us = False, "", None


def _row(db: apsw.Connection, change: Change) -> dict[str, Any]:
    state = change.state
    last_us, last_id = (0, b"") if change.order == NO_EVENT else change.order
    return {
        "session": change.session,
        "agent": change.agent,
        "id": change.id,
        **_ending(state),
        # As lists and contexts are ordered: a date ahead of the clock is not believed.
        "last_us": arrivals.believed_us(db, change.agent, change.id, last_us),
        "head_us": last_us,
        "last_id": last_id,
        "triggers": " ".join(sorted(state.triggers)),
        "project": projects.key_of(db, state),
        "project_name": state.project_name or _folder_name(state.cwd),
        "cwd": state.cwd,
        "branch": state.branch,
        "host": state.host,
        "title": title(state),
        "started_us": state.started_us or last_us,
        "events": state.events,
        "prompts": state.prompts,
    }


def _ending(state: SessionState) -> dict[str, Any]:
    """What an inferred end changes of a row, and what the end that was reported says."""
    return {
        "state": states.dump(state),
        "status": state.status,
        "ended_us": state.last_us if state.inferred_end else state.ended_us,
        "end_reason": state.inferred_end or state.end_reason,
    }


def _folder_name(directory: str) -> str:
    """The last part of a path, of this system or of Windows."""
    slashed = directory if directory.startswith("/") else directory.replace("\\", "/")
    return slashed.rstrip("/").rpartition("/")[2]


def title(state: SessionState) -> str:
    """The name that the person gave, else the agent's, else the first prompt; as one line."""
    asked = state.first_prompt.text if state.first_prompt else ""
    text = state.named or name_of(state.plan) or state.named_by_agent or asked
    return " ".join(text.split())[:TITLE_CHARS]


def drop(db: apsw.Connection, session: int) -> None:
    """Remove the session's row: nothing of the session is left."""
    db.execute("delete from session_states where session = ?", (session,))
