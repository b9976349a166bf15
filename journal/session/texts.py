"""The texts that people search: which an event holds, and the words of a summary."""

from enum import IntEnum

import orjson

from journal.printable import visible
from journal.session.meaning import Kind, Meaning, leaves
from journal.session.own_words import without_frames

LIMIT_CHARS = 65_536
KINDS = 8


class TextKind(IntEnum):
    """Which text of an event it is."""

    PROMPT = 0
    ANSWER = 1
    INPUT = 2
    OUTPUT = 3
    THINKING = 4
    SUMMARY = 7


_INPUT, _OUTPUT = TextKind.INPUT, TextKind.OUTPUT
_KINDS_OF_TEXT = {
    Kind.PROMPT: TextKind.PROMPT,
    Kind.QUEUED: TextKind.PROMPT,  # a step only where nothing else reports the prompt
    Kind.ANSWER: TextKind.ANSWER,
    Kind.TURN_END: TextKind.ANSWER,
    Kind.SUBAGENT_END: TextKind.ANSWER,
    Kind.TURN_FAILED: TextKind.ANSWER,
    Kind.TOOL_BEFORE: _INPUT,
    Kind.TOOL_AFTER: _OUTPUT,
    Kind.TOOL_FAILED: _OUTPUT,
    Kind.THINKING: TextKind.THINKING,
    Kind.TITLE: TextKind.SUMMARY,
    Kind.NOTE: TextKind.THINKING,
}


def texts(meaning: Meaning, with_input: bool) -> list[tuple[TextKind, str]]:
    """What people search an event for, as they see it: without colours, in one Unicode form.

    `with_input`: a tool's input, too, where the event is the end of a call.
    """
    kind = _KINDS_OF_TEXT.get(meaning.kind)
    if kind is None:
        return []
    if kind is _INPUT:
        text = leaves(meaning.tool_input, LIMIT_CHARS)
    elif kind is _OUTPUT:
        text = "" if meaning.own else leaves(meaning.output, LIMIT_CHARS)
    else:
        text = meaning.text[:LIMIT_CHARS]
    found = [(kind, text)]
    if with_input and kind is _OUTPUT:
        found.append((_INPUT, leaves(meaning.tool_input, LIMIT_CHARS)))
    return [(kind, visible(without_frames(text))) for kind, text in found if text]


def summary_text(summary: str) -> str:
    """The words of a stored summary."""
    fields = orjson.loads(summary)
    names = ("request", "investigated", "learned", "completed", "next_steps")
    words = [fields.get(name) or "" for name in names]
    return "\n".join([*words, *fields["files_read"], *fields["files_edited"]])
