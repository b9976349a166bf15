"""Reads one session in full, or all but what its tools were given and gave back."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

import apsw
import orjson

from journal.errors import JournalError
from journal.session.meaning import Kind
from journal.session.state import SessionState
from sync.query import listing, steps
from sync.query.listing import Session
from sync.query.session_detail import Answer, Detail, EventHead, Observation, Prompt
from sync.store import facts, states
from sync.store.facts import Stored
from sync.views import delivered_pieces, usage
from sync.views.items import NO_ID

_CALLS = """
select i.name, i.tool, i.seq, i.end_seq, i.ok, i.digest, i.subagent, i.taken_back, i.inherited,
  e.id, e.at_us, coalesce(t.text, '')
from items i join events e on e.seq = i.seq left join item_texts t on t.seq = i.seq
where i.session = ? and i.kind = 'call' order by i.position
"""
_EVENTS = """
select e.id, e.at_us, e.name from steps t cross join events e on e.seq = t.seq
where t.session = ? order by t.position
"""
_WORDS = """
select i.seq, t.patch from items i
cross join steps t on t.session = i.session and t.position = i.position
where i.session = ? and i.kind <> 'call' order by i.position
"""
_ANSWERS = (Kind.TURN_END, Kind.ANSWER)
_AT_ONCE = 100  # events whose payloads are in memory


def read(
    db: apsw.Connection, key: int, adopt_on: Iterable[str], with_values: bool = True
) -> Detail:
    """The session of this row.

    Without `with_values` calls have no input and output, see `whole_calls`, and events no tool and
    sub-agent: the payloads of prompts and answers alone are read. JournalError: the session was
    removed a moment ago.
    """
    db.execute("begin deferred")  # one moment's view, also if another process writes meanwhile
    try:
        session = next(listing.read(db, [key], adopt_on), None)
        if session is None:
            raise JournalError(
                "this session does not exist any more", "to list the others: journal sessions"
            )
        return _read(db, session, in_full=with_values)
    finally:
        db.execute("rollback")


def whole_calls(db: apsw.Connection, calls: Iterable[Observation]) -> Iterator[Observation]:
    """These calls with their input and output, in their order; unchanged if both are gone."""
    calls = iter(calls)
    while some := list(islice(calls, _AT_ONCE // 2)):
        rows = {seq for call in some for seq in (call.start, call.end) if seq is not None}
        found = facts.events_at(db, rows)
        sides = {seq: _side(stored) for seq, stored in found.items()}
        yield from (_whole(call, sides) for call in some)


class _Side(NamedTuple):
    """The start or the end of a tool call."""

    input: Mapping[str, Any] | None
    output: Any
    subagent: str  # its type


def _read(db: apsw.Connection, session: Session, *, in_full: bool) -> Detail:
    stored = "select {} from {} where session = ?"
    data = db.execute(stored.format("state", "session_states"), (session.key,)).get
    summary = db.execute(stored.format("summary", "summaries"), (session.key,)).get
    state = states.load(data) or SessionState()
    detail = Detail(
        session=session,
        state=state,
        prompts=[],
        answers=[],
        observations=_calls(db, session, state),
        summary=None if summary is None else orjson.loads(summary),
        events=[],
        archive=delivered_pieces.standing(db, session.key, session.agent, session.id),
        tokens=usage.of(db, session.key),
    )
    if in_full:
        _add_payloads(db, detail)
    else:
        for unique, at_us, name in db.execute(_EVENTS, (session.key,)):
            detail.events.append(EventHead(unique.hex(), at_us, name, "", "", ""))
        for step in steps.read(db, db.execute(_WORDS, (session.key,)), _AT_ONCE):
            _note_words(detail, step)
    return detail


def _calls(db: apsw.Connection, session: Session, state: SessionState) -> list[Observation]:
    """The calls as far as they are known without their payloads."""
    made = []
    for row in db.execute(_CALLS, (session.key,)):
        name, tool, start, end, ok, digest, agent_id, taken_back, inherited, *first = row
        unique, at_us, target = first
        child = state.subagents.get(agent_id)
        call = Observation(
            event_id=unique.hex(),
            at_us=at_us,
            tool=tool,
            tool_use_id=None if name.startswith(NO_ID) else name,
            ok=None if ok is None else bool(ok),
            input=None,
            output=None,
            count=1,
            memory_id=session.memory_id,
            target=target,
            subagent=child.type if child else "",
            agent_id=agent_id,
            taken_back=bool(taken_back),
            inherited=bool(inherited),
            digest=digest,
            start=start,
            end=end,
        )
        made.append(call)
    return made


def _add_payloads(db: apsw.Connection, detail: Detail) -> None:
    """Everything that payloads say, each of which is read once."""
    rows = {seq for call in detail.observations for seq in (call.start, call.end)}
    sides: dict[int, _Side] = {}
    for step in steps.of_session(db, detail.session.key):
        event, meaning = step.event, step.event.meaning
        names = event.name, meaning.tool, meaning.tool_use_id, meaning.subagent
        detail.events.append(EventHead(event.id.hex(), event.at_us, *names))
        _note_words(detail, step)
        if event.seq in rows:
            sides[event.seq] = _side(step)
    detail.observations[:] = [_whole(call, sides) for call in detail.observations]


def _note_words(detail: Detail, step: Stored) -> None:
    """Add a prompt or an answer."""
    event, meaning = step.event, step.event.meaning
    head = event.id.hex(), event.at_us
    marks = meaning.taken_back, meaning.inherited
    if meaning.kind is Kind.PROMPT:
        detail.prompts.append(Prompt(*head, meaning.text, meaning.by, *marks))
    elif meaning.kind is Kind.TURN_FAILED or (
        meaning.kind in _ANSWERS and meaning.text.strip() and not meaning.subagent
    ):
        failed = meaning.kind is Kind.TURN_FAILED
        text = meaning.text or meaning.detail
        detail.answers.append(Answer(*head, text, failed, meaning.subagent, *marks))


def _side(step: Stored) -> _Side:
    meaning, output = step.event.meaning, None
    if meaning.kind is Kind.TOOL_FAILED:
        output = meaning.text
    elif meaning.reported:
        output = meaning.output
    elif meaning.kind is Kind.TOOL_AFTER:
        # As it was sent: the meaning's leaves out what repeats the input.
        payload = step.payload
        output = payload.get("tool_response") if isinstance(payload, Mapping) else None
    return _Side(meaning.tool_input, output, meaning.subagent_type)


def _whole(call: Observation, sides: Mapping[int, _Side]) -> Observation:
    """A call with what its start and its end say."""
    start = sides.get(call.start)
    if start is None:
        return call
    end = None if call.end is None else sides.get(call.end)
    output = end.output if end else None
    return replace(call, input=start.input, output=output, subagent=start.subagent)
