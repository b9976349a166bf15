"""One session in full: what was asked, what was done, what was answered, and every event."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import apsw
import orjson

from journal.agents import HISTORY, TRANSCRIPT
from journal.errors import JournalError
from journal.session.meaning import ASIDE, Kind, Meaning
from journal.session.state import SessionState
from journal.times import to_text
from sync.query import listing
from sync.query.listing import Session
from sync.store import facts
from sync.views import delivered_pieces, said, usage
from sync.views.observations import NO_ID

_CALLS = """
select tool_use_id, tool, coalesce(before_seq, told_before), coalesce(after_seq, told_after),
  coalesce(ok, told_ok), repeats, digest
from observations
join events e on e.seq = coalesce(before_seq, told_before, after_seq, told_after)
where observations.session = ? order by e.at_us, e.id
"""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the session was told. Not `by_person`: the agent wrote it itself."""

    event_id: str
    at_us: int
    text: str
    by_person: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent said, at the end of a turn or on the way, or why a turn failed."""

    event_id: str
    at_us: int
    text: str
    failed: bool


@dataclass(frozen=True, slots=True)
class Observation:
    """A tool call, or `count` calls that were equal in input and output.

    `event_id` and `at_us` are those of the first one's start, or of its end if no start was seen.
    `ok` is None if it has not ended. `input` and `output` are None if they were not asked for.
    """

    event_id: str
    at_us: int
    tool: str
    tool_use_id: str | None
    ok: bool | None
    input: Mapping[str, Any] | None
    output: Any
    count: int
    memory_id: str | None
    target: str  # what it worked on: a file, a command, a question
    subagent: str  # the type of the sub-agent that made it; "" is the session itself


@dataclass(frozen=True, slots=True)
class EventHead:
    """An event without its payload."""

    id: str
    at_us: int
    name: str
    tool: str
    tool_use_id: str
    subagent: str


@dataclass(frozen=True, slots=True)
class Detail:
    """A session with everything that is told of it, in the order of time."""

    session: Session
    state: SessionState
    prompts: list[Prompt]
    answers: list[Answer]
    observations: list[Observation]
    summary: dict[str, Any] | None
    events: list[EventHead]
    archive: delivered_pieces.Standing | None  # None: no remote is set
    tokens: usage.Tokens | None  # None: nothing tells of them

    def json(self) -> dict[str, Any]:
        """The object of the public interface, with a few keys more."""
        return {
            "session": self.session.json(),
            "prompts": [
                {**_at(p.event_id, p.at_us), "text": p.text, "by_person": p.by_person}
                for p in self.prompts
            ],
            "observations": [_observation_json(call) for call in self.observations],
            "summary": self.summary,
            "events": [_event_json(event) for event in self.events],
            "answers": [
                {**_at(a.event_id, a.at_us), "text": a.text, "failed": a.failed}
                for a in self.answers
            ],
            "archive": _archive_json(self.archive),
            "tokens": None if self.tokens is None else self.tokens._asdict(),
        }


_PROMPTS = (Kind.PROMPT, Kind.TOLD_PROMPT)
_ANSWERS = (Kind.TURN_END, Kind.TOLD_ANSWER)


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
    db.execute("begin deferred")  # one moment's view, whatever another process writes meanwhile
    try:
        session = next(listing.read(db, [key], adopt_on), None)
        if session is None:
            raise JournalError("this session is gone", "journal sessions lists what is there")
        return _read(db, session, with_values)
    finally:
        db.execute("rollback")


def _read(db: apsw.Connection, session: Session, with_values: bool) -> Detail:
    stored = "select {} from {} where session = ?"
    data = db.execute(stored.format("state", "session_states"), (session.key,)).get
    summary = db.execute(stored.format("summary", "summaries"), (session.key,)).get
    detail = Detail(
        session=session,
        state=SessionState.load(data) or SessionState(),
        prompts=[],
        answers=[],
        observations=[],
        summary=None if summary is None else orjson.loads(summary),
        events=[],
        archive=delivered_pieces.standing(db, session.key, session.agent, session.id),
        tokens=usage.of(db, session.key),
    )
    told_twice = said.told_twice(db, session.key)
    calls = db.execute(_CALLS, (session.key,)).fetchall()
    # Only the first of equal calls is looked at: a session may make the same one a thousand times.
    groups = _grouped(calls)
    wanted = {seq for first, _ in groups for seq in first[2:4] if seq is not None}
    sides: dict[int, _Side] = {}
    for event in facts.events_of(db, session.key):
        if event.event.seq not in told_twice:
            _note(detail, event)
        if event.event.seq in wanted:
            sides[event.event.seq] = _side(event, with_values)
    detail.observations.extend(
        _observation(first, number, sides, session.memory_id) for first, number in groups
    )
    return detail


def _note(detail: Detail, stored: facts.Stored) -> None:
    event, meaning = stored.event, stored.event.meaning
    number = event.id.hex()
    head = EventHead(
        number, event.at_us, event.name, meaning.tool, meaning.tool_use_id, meaning.subagent
    )
    if meaning.kind not in ASIDE:
        detail.events.append(head)
    if meaning.kind in _PROMPTS:
        detail.prompts.append(Prompt(number, event.at_us, meaning.text, meaning.by_person))
    elif meaning.kind in _ANSWERS and meaning.text and not meaning.subagent:
        detail.answers.append(Answer(number, event.at_us, meaning.text, failed=False))
    elif meaning.kind is Kind.TURN_FAILED:
        text = meaning.text or meaning.detail
        detail.answers.append(Answer(number, event.at_us, text, failed=True))


def _grouped(calls: list[Any]) -> list[tuple[Any, int]]:
    """The first row of each group of equal calls, and how often they were reported in all."""
    groups: dict[object, tuple[Any, int]] = {}
    for call in calls:
        _, _, before_seq, after_seq, ok, repeats, digest = call
        same = (digest, ok) if digest is not None else (before_seq, after_seq)
        first, number = groups.get(same, (call, 0))
        groups[same] = first, number + 1 + repeats
    return list(groups.values())


def _side(stored: facts.Stored, with_values: bool) -> _Side:
    event, meaning = stored.event, stored.event.meaning
    output = None
    if not with_values:
        meaning = meaning._replace(tool_input=None, output=None)
    elif meaning.kind is Kind.TOOL_FAILED:
        output = meaning.text
    elif event.name in (TRANSCRIPT, HISTORY):
        output = meaning.output
    elif meaning.kind is Kind.TOOL_AFTER:
        # As it was sent: the meaning's leaves out what repeats the input.
        payload = stored.payload
        output = payload.get("tool_response") if isinstance(payload, Mapping) else None
    return _Side(event.id.hex(), event.at_us, meaning, output)


def _observation(
    call: Any, count: int, sides: Mapping[int, _Side], memory_id: str | None
) -> Observation:
    tool_use_id, tool, before_seq, after_seq, ok, _, _ = call
    end = sides.get(after_seq)
    first = sides[after_seq if before_seq is None else before_seq]
    return Observation(
        event_id=first.event_id,
        at_us=first.at_us,
        tool=tool,
        tool_use_id=None if tool_use_id.startswith(NO_ID) else tool_use_id,
        ok=None if ok is None else bool(ok),
        input=first.meaning.tool_input,
        output=end.output if end else None,
        count=count,
        memory_id=memory_id,
        target=first.meaning.target or (end.meaning.target if end else ""),
        subagent=first.meaning.subagent_type,
    )


def _archive_json(standing: delivered_pieces.Standing | None) -> dict[str, Any] | None:
    if standing is None:
        return None
    last_us = standing.last_us
    said = {**standing._asdict(), "last_at": None if last_us is None else to_text(last_us)}
    del said["last_us"]
    return said


def _at(event_id: str, at_us: int) -> dict[str, Any]:
    return {"event_id": event_id, "at": to_text(at_us)}


def _observation_json(call: Observation) -> dict[str, Any]:
    return {
        **_at(call.event_id, call.at_us),
        "tool": call.tool,
        "tool_use_id": call.tool_use_id,
        "ok": call.ok,
        "input": call.input,
        "output": call.output,
        "count": call.count,
        "memory_id": call.memory_id,
        "subagent": call.subagent or None,
    }


def _event_json(event: EventHead) -> dict[str, Any]:
    return {
        "id": event.id,
        "at": to_text(event.at_us),
        "event": event.name,
        "tool": event.tool or None,
        "tool_use_id": event.tool_use_id or None,
        "subagent": event.subagent or None,
    }
