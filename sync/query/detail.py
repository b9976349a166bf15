"""One session in full: what was asked, what was done, what was answered, and every event."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import apsw
import orjson

from journal.errors import JournalError
from journal.session.meaning import Author, Kind, Meaning
from journal.session.state import SessionState
from journal.times import to_text
from sync.query import listing, steps
from sync.query.listing import Session
from sync.store import facts, states
from sync.views import delivered_pieces, usage
from sync.views.items import NO_ID

_CALLS = """
select name, tool, seq, end_seq, ok, digest, subagent, taken_back, inherited from items
where session = ? and kind = 'call' order by position
"""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the session was told; `by` is one of journal.session.meaning.Author."""

    event_id: str
    at_us: int
    text: str
    by: str
    taken_back: bool = False
    inherited: bool = False

    @property
    def by_person(self) -> bool:
        """Whether no machine wrote it."""
        return self.by != Author.MACHINE


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent said, at the end of a turn or on the way, or why a turn failed."""

    event_id: str
    at_us: int
    text: str
    failed: bool
    subagent: str = ""  # its id; "" is the session itself
    taken_back: bool = False
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """A tool call; on screens `count` calls that were equal in input and output, see `grouped`.

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
    agent_id: str = ""  # the sub-agent's id
    taken_back: bool = False
    inherited: bool = False
    digest: bytes | None = None  # of tool, input and output


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
    """A session with everything that is told of it, in the order of the conversation."""

    session: Session
    state: SessionState
    prompts: list[Prompt]
    answers: list[Answer]
    observations: list[Observation]
    summary: dict[str, Any] | None
    events: list[EventHead]
    archive: delivered_pieces.Standing | None  # None: no remote is set
    tokens: usage.Tokens | None  # None: unknown

    def json(self) -> dict[str, Any]:
        """The object of the public interface, with a few keys more."""
        return {
            "session": self.session.json(),
            "prompts": [
                {
                    **_at(p.event_id, p.at_us),
                    "text": p.text,
                    "by_person": p.by_person,
                    "by": p.by,
                    "taken_back": p.taken_back,
                    "inherited": p.inherited,
                }
                for p in self.prompts
            ],
            "observations": [_observation_json(call) for call in self.observations],
            "summary": self.summary,
            "events": [_event_json(event) for event in self.events],
            "answers": [
                {
                    **_at(a.event_id, a.at_us),
                    "text": a.text,
                    "failed": a.failed,
                    "agent_id": a.subagent or None,
                    "taken_back": a.taken_back,
                    "inherited": a.inherited,
                }
                for a in self.answers
            ],
            "archive": _archive_json(self.archive),
            "tokens": None if self.tokens is None else self.tokens._asdict(),
        }


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


def grouped(calls: Iterable[Observation]) -> list[Observation]:
    """Calls that are equal in tool, input and output as one with their count, for people."""
    groups: dict[object, Observation] = {}
    for call in calls:
        same: object = (call.digest, call.ok, call.taken_back, call.inherited)
        if call.digest is None:
            same = call.event_id
        first = groups.get(same)
        groups[same] = call if first is None else replace(first, count=first.count + 1)
    return list(groups.values())


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
    elif meaning.told:
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
        "agent_id": call.agent_id or None,
        "taken_back": call.taken_back,
        "inherited": call.inherited,
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
