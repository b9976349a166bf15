"""What is around one event: the conversation of its session, some steps before and after.

The cost follows what is shown, however long the session is.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

import apsw

from journal.errors import JournalError
from journal.printable import one_line
from journal.session.meaning import Kind
from journal.times import to_text
from sync.query import steps
from sync.store import short_ids
from sync.store.facts import Stored

LEAST_CHARS = 6  # of the beginning of an event's id
MOST_NAMED = 8
_READ_AT_ONCE = 50
_ID_CHARS = 32
_KINDS = {
    Kind.PROMPT: "prompt",
    Kind.TURN_END: "answer",
    Kind.SUBAGENT_END: "answer",
    Kind.ANSWER: "answer",
    Kind.THINKING: "thinking",
    Kind.TOOL_BEFORE: "input",
    Kind.TOOL_AFTER: "output",
    Kind.TOOL_FAILED: "output",
}
# Without a text these say nothing.
_WORDS = (
    Kind.TURN_END,
    Kind.SUBAGENT_END,
    Kind.ANSWER,
    Kind.THINKING,
)
_SILENT = (Kind.OTHER, Kind.WAITING_NOTICED, Kind.TITLE, Kind.NOTE)
# The step of an event; of one that another record repeats, the last step before it.
_HERE = """
select p.position, p.seq, p.patch from steps p join events e on e.seq = p.seq
where p.session = ?1 and (p.seq = ?2 or e.at_us <= ?3)
order by p.seq = ?2 desc, p.position desc limit 1
"""
_BEFORE = """
select seq, patch from steps where session = ? and position < ? order by position desc
"""
_AFTER = "select seq, patch from steps where session = ? and position > ? order by position"


class Place(NamedTuple):
    """An event, and where it is."""

    seq: int
    id: bytes
    session: int
    at_us: int


class Step(NamedTuple):
    """One event of a conversation.

    `kind`: as a search says it, else what happened (`journal.meaning.Kind`). `text` is what was
    said, `input` and `output` are a tool's, as the agent sent them. `is_match`: the event that was
    asked for.
    """

    id: str
    short_id: str
    at_us: int
    event: str
    kind: str
    text: str
    tool: str
    input: Mapping[str, Any] | None
    output: Any
    failed: bool
    subagent: str  # the type of the sub-agent that did it; "" is the session itself
    is_match: bool

    def json(self) -> dict[str, Any]:
        """The object of the public interface, with a few keys more."""
        return {
            "id": self.id,
            "at": to_text(self.at_us),
            "event": self.event,
            "kind": self.kind,
            "text": self.text or None,
            "tool": self.tool or None,
            "input": self.input,
            "output": self.output,
            "match": self.is_match,
            "failed": self.failed,
            "subagent": self.subagent or None,
        }


class Around(NamedTuple):
    """The steps in the order of time. `more`: the session has others before, after them."""

    steps: list[Step]
    more: tuple[bool, bool]


def find(db: apsw.Connection, name: str, session: int | None) -> Place:
    """The event that people call `name`, of one session (row) or of any.

    A name is an id of 32 hex digits, with or without hyphens, or a beginning of one.
    JournalError: it is too short, there is none, or there are several, which are then named.
    """
    digits = name.replace("-", "").lower()
    shown = one_line(name)[:_ID_CHARS]
    hint = "journal search prints event ids"
    if not LEAST_CHARS <= len(digits) <= _ID_CHARS or not set(digits) <= set("0123456789abcdef"):
        raise JournalError(f"{shown!r} is not an event id or its first six digits", hint)
    query = """
        select seq, id, session, at_us from events
        where id between ? and ? and (?3 is null or session = ?3) order by id limit ?
    """
    span = (bytes.fromhex(digits.ljust(_ID_CHARS, fill)) for fill in "0f")
    found = [Place(*row) for row in db.execute(query, (*span, session, MOST_NAMED + 1))]
    if not found:
        where = "" if session is None else " in this session"
        raise JournalError(f"no event {shown}{where}", hint)
    if len(found) > 1:
        names = ", ".join(short_ids.of_event(db, place.id) for place in found[:MOST_NAMED])
        more = " …" if len(found) > MOST_NAMED else ""
        raise JournalError(
            f"'{shown}' matches several events: {names}{more}", "type more of the id"
        )
    return found[0]


def read(db: apsw.Connection, place: Place, context: int) -> Around:
    """So many steps before and after an event, and the event itself."""
    db.execute("begin deferred")  # one moment's view, also if another process writes meanwhile
    try:
        return _read(db, place, context)
    finally:
        db.execute("rollback")


def _read(db: apsw.Connection, place: Place, context: int) -> Around:
    row: Any = db.execute(_HERE, (place.session, place.seq, place.at_us)).fetchone()
    if row is None:
        raise JournalError("this event does not exist any more", "to find others: journal search")
    position, seq, patch = row
    before, after = (
        list(islice(_steps_of(db, query, place.session, position), context + 1))
        for query in (_BEFORE, _AFTER)
    )
    here = next(steps.read(db, [(seq, patch)], 1), None)
    if here is None:
        raise JournalError("this event does not exist any more", "to find others: journal search")
    chosen = [*reversed(before[:context]), here, *after[:context]]
    found = [_step(db, stored, stored is here) for stored in chosen]
    return Around(found, (len(before) > context, len(after) > context))


def _steps_of(db: apsw.Connection, query: str, session: int, position: int) -> Iterator[Stored]:
    """The steps of a query that say something, read a few at a time."""
    rows: Any = db.execute(query, (session, position))
    for stored in steps.read(db, rows, _READ_AT_ONCE):
        meaning = stored.event.meaning
        if meaning.kind not in _SILENT and (meaning.text or meaning.kind not in _WORDS):
            yield stored


def _step(db: apsw.Connection, stored: Stored, is_match: bool) -> Step:
    event, meaning = stored.event, stored.event.meaning
    kind = _KINDS.get(meaning.kind, meaning.kind.value)
    ends = kind == "output"
    return Step(
        id=event.id.hex(),
        short_id=short_ids.of_event(db, event.id),
        at_us=event.at_us,
        event=event.name,
        kind=kind,
        text="" if ends else meaning.text or meaning.detail,
        tool=meaning.tool,
        input=None if ends else meaning.tool_input,
        output=_output(stored) if ends else None,
        failed=meaning.kind in (Kind.TOOL_FAILED, Kind.TURN_FAILED),
        subagent=meaning.subagent_type,
        is_match=is_match,
    )


def _output(stored: Stored) -> Any:
    """As it was sent: the meaning's leaves out what repeats the input."""
    event, payload = stored.event, stored.payload
    if event.meaning.kind is Kind.TOOL_FAILED:
        return event.meaning.text
    if event.meaning.reported or not isinstance(payload, Mapping):
        return event.meaning.output
    return payload.get("tool_response")
