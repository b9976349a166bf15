"""A session's events as a conversation for people: what an archive of texts is sent.

Prompts and answers are whole; of a tool's input and output as much as shows what happened.
"""

from collections.abc import Iterable, Iterator

from journal.printable import clean
from journal.session.event import Event
from journal.session.meaning import Kind, leaves
from sync.remote.contract import Message

INPUT_CHARS = 2_000
OUTPUT_CHARS = 4_000
PART_CHARS = 100_000  # longer texts are cut into parts, so that every piece stays below its limit


def messages(events: Iterable[Event]) -> Iterator[Message]:
    """What was said and done, in the order of the events; what adds nothing is left out."""
    for event in events:
        for role, text in _texts(event):
            yield from _parts(event, role, clean(text).strip("\n"))


def _texts(event: Event) -> Iterator[tuple[str, str]]:
    meaning = event.meaning
    who = f"[{meaning.subagent_type}] " if meaning.subagent_type else ""
    match meaning.kind:
        case Kind.PROMPT:
            yield ("user" if meaning.by_person else "system"), meaning.text
        case Kind.TURN_END | Kind.SUBAGENT_END | Kind.ANSWER:
            yield "assistant", who + meaning.text if meaning.text else ""
        case Kind.TURN_FAILED:
            yield "system", f"The turn failed: {meaning.text or meaning.detail}"
        case Kind.TOOL_AFTER:
            yield "tool", f"{who}{meaning.tool}: {_input(event)}\n{_output(event)}"
        case Kind.TOOL_FAILED:
            yield "tool", f"{who}{meaning.tool} failed: {_input(event)}\n{_cut(meaning.text)}"


def _input(event: Event) -> str:
    meaning = event.meaning
    return meaning.target or leaves(meaning.tool_input, INPUT_CHARS)


def _output(event: Event) -> str:
    return _cut(leaves(event.meaning.output, OUTPUT_CHARS + 1))


def _cut(text: str) -> str:
    return text if len(text) <= OUTPUT_CHARS else text[:OUTPUT_CHARS] + "…"


def _parts(event: Event, role: str, text: str) -> Iterator[Message]:
    event_id = event.id.hex()
    for start in range(0, len(text), PART_CHARS):
        number = start // PART_CHARS
        name = f"{event_id}.{number}" if number else event_id
        yield Message(name, event.at_us, role, text[start : start + PART_CHARS])
