"""Reads one session in full."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import apsw
import orjson

from journal.errors import JournalError
from journal.session.meaning import Kind, Meaning
from journal.session.state import SessionState
from sync.query import listing, steps
from sync.query.listing import Session
from sync.query.session_detail import Answer, Detail, EventHead, Observation, Prompt
from sync.store import facts, states
from sync.views import delivered_pieces, usage
from sync.views.items import NO_ID

_CALLS = """
select name, tool, seq, end_seq, ok, digest, subagent, taken_back, inherited from items
where session = ? and kind = 'call' order by position
"""


_ANSWERS = (Kind.TURN_END, Kind.ANSWER)


class _Side(NamedTuple):
    """The start or the end of a tool call."""

    event_id: str
    at_us: int
    meaning: Meaning
    output: Any


def read(
    db: apsw.Connection, key: int, adopt_on: Iterable[str], with_values: bool = True
) -> Detail:
    """The session of this row. Without `with_values` no tool's input and output is kept in memory.

    JournalError: it was removed a moment ago.
    """
    db.execute("begin deferred")  # one moment's view, also if another process writes meanwhile
    try:
        session = next(listing.read(db, [key], adopt_on), None)
        if session is None:
            raise JournalError(
                "this session does not exist any more", "to list the others: journal sessions"
            )
        return _read(db, session, with_values)
    finally:
        db.execute("rollback")


def _read(db: apsw.Connection, session: Session, with_values: bool) -> Detail:
    stored = "select {} from {} where session = ?"
    data = db.execute(stored.format("state", "session_states"), (session.key,)).get
    summary = db.execute(stored.format("summary", "summaries"), (session.key,)).get
    detail = Detail(
        session=session,
        state=states.load(data) or SessionState(),
        prompts=[],
        answers=[],
        observations=[],
        summary=None if summary is None else orjson.loads(summary),
        events=[],
        archive=delivered_pieces.standing(db, session.key, session.agent, session.id),
        tokens=usage.of(db, session.key),
    )
    calls = db.execute(_CALLS, (session.key,)).fetchall()
    wanted = {seq for call in calls for seq in call[2:4] if seq is not None}
    sides: dict[int, _Side] = {}
    for step in steps.of_session(db, session.key):
        _note(detail, step)
        if step.event.seq in wanted:
            sides[step.event.seq] = _side(step, with_values)
    detail.observations.extend(
        _observation(call, sides, session.memory_id) for call in calls if call[2] in sides
    )
    return detail


def _note(detail: Detail, stored: facts.Stored) -> None:
    event, meaning = stored.event, stored.event.meaning
    number = event.id.hex()
    head = EventHead(
        number, event.at_us, event.name, meaning.tool, meaning.tool_use_id, meaning.subagent
    )
    detail.events.append(head)
    marks = meaning.taken_back, meaning.inherited
    if meaning.kind is Kind.PROMPT:
        detail.prompts.append(Prompt(number, event.at_us, meaning.text, meaning.by, *marks))
    elif meaning.kind is Kind.TURN_FAILED or (
        meaning.kind in _ANSWERS and meaning.text.strip() and not meaning.subagent
    ):
        failed = meaning.kind is Kind.TURN_FAILED
        text = meaning.text or meaning.detail
        detail.answers.append(Answer(number, event.at_us, text, failed, meaning.subagent, *marks))


def _side(stored: facts.Stored, with_values: bool) -> _Side:
    event, meaning = stored.event, stored.event.meaning
    output = None
    if not with_values:
        meaning = meaning._replace(tool_input=None, output=None)
    elif meaning.kind is Kind.TOOL_FAILED:
        output = meaning.text
    elif meaning.reported:
        output = meaning.output
    elif meaning.kind is Kind.TOOL_AFTER:
        # As it was sent: the meaning's leaves out what repeats the input.
        payload = stored.payload
        output = payload.get("tool_response") if isinstance(payload, Mapping) else None
    return _Side(event.id.hex(), event.at_us, meaning, output)


def _observation(call: Any, sides: Mapping[int, _Side], memory_id: str | None) -> Observation:
    name, tool, seq, end_seq, ok, digest, subagent, taken_back, inherited = call
    first = sides[seq]
    end = first if end_seq == seq else sides.get(end_seq)
    return Observation(
        event_id=first.event_id,
        at_us=first.at_us,
        tool=tool,
        tool_use_id=None if name.startswith(NO_ID) else name,
        ok=None if ok is None else bool(ok),
        input=first.meaning.tool_input,
        output=end.output if end else None,
        count=1,
        memory_id=memory_id,
        target=first.meaning.target or (end.meaning.target if end else ""),
        subagent=first.meaning.subagent_type,
        agent_id=subagent,
        taken_back=bool(taken_back),
        inherited=bool(inherited),
        digest=digest,
    )
