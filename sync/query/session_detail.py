"""A session with everything that is shown of it: what was asked, done, answered, and its events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from journal.session.meaning import Author
from journal.session.state import SessionState
from journal.times import to_text
from sync.query.listing import Session
from sync.views import delivered_pieces, usage


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the session was asked; `by` is one of journal.session.meaning.Author."""

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
    `start` and `end` are its events' rows.
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
    start: int = 0
    end: int | None = None


@dataclass(frozen=True, slots=True)
class EventHead:
    """An event without its payload. What is behind `name` is "" in a detail without values."""

    id: str
    at_us: int
    name: str
    tool: str
    tool_use_id: str
    subagent: str


@dataclass(frozen=True, slots=True)
class Detail:
    """A session with everything that is shown of it, in the order of the conversation."""

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
