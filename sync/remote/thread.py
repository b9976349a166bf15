"""A piece as a conversation, in the shape that MindSpring reads.

A JSON array with one thread {id, title, create_time, messages}: the service parses a source as
one JSON value and takes threads out of an array alone. A message is {id, create_time,
author: {role}, content: {parts: [text]}}; times are seconds since 1970.
"""

from typing import Any

import orjson

from journal.printable import spelled_out
from journal.record import record
from journal.times import SECOND_US
from sync.remote.contract import Heading, Material, Message

LEAST_CHARS = 500  # of a part of a text that is divided
_TOLD = (
    ("request", "Request"),
    ("investigated", "Investigated"),
    ("learned", "Learned"),
    ("completed", "Completed"),
    ("next_steps", "Next steps"),
    ("files_read", "Files read"),
    ("files_edited", "Files edited"),
)


def render(heading: Heading, material: Material) -> bytes:
    """The thread of one piece, every text whole. The same input gives the same bytes.

    Its id names session, host and piece: the service skips an id that it has seen before.
    """
    about = Message("about", heading.created_us, "system", about_the_session(heading))
    thread = {
        "id": thread_id(heading),
        "title": spelled_out(heading.title),
        "create_time": heading.created_us / SECOND_US,
        "messages": [_message(message) for message in (about, *material.messages)],
    }
    return orjson.dumps([thread], option=orjson.OPT_SORT_KEYS)


def render_raw(heading: Heading, material: Material) -> bytes:
    """The thread of one piece with the whole records, redacted: one message a record."""
    messages = []
    for line in material.lines:
        made = record.parse(line.rstrip(b"\n"))
        text = line.decode("utf-8", "backslashreplace").rstrip("\n")
        messages.append(Message(made.id.hex(), made.at_us, "system", text))
    return render(heading, Material((), messages))


def thread_id(heading: Heading) -> str:
    """`agent/session/host/number`."""
    return spelled_out(f"{heading.agent}/{heading.session}/{heading.host}/{heading.number}")


def split(body: bytes) -> list[bytes]:
    """The thread in two threads, each with what is known of the session.

    One long text is divided, too. Empty: there is nothing left to divide.
    """
    (thread,) = orjson.loads(body)
    about, *messages = thread["messages"]
    if len(messages) == 1:
        messages = _halves(messages[0])
    if len(messages) < 2:
        return []
    half = len(messages) // 2
    parts = enumerate((messages[:half], messages[half:]), 1)
    return [
        orjson.dumps(
            [{**thread, "id": f"{thread['id']}.{number}", "messages": [about, *part]}],
            option=orjson.OPT_SORT_KEYS,
        )
        for number, part in parts
    ]


def _halves(message: dict[str, Any]) -> list[dict[str, Any]]:
    """One message as two, between words if there are any near the middle."""
    (text,) = message["content"]["parts"]
    if len(text) < 2 * LEAST_CHARS:
        return [message]
    middle = len(text) // 2
    space = text.rfind(" ", middle - middle // 4, middle)
    at = space + 1 if space > 0 else middle
    return [
        {**message, "id": f"{message['id']}.{number}", "content": {"parts": [part]}}
        for number, part in enumerate((text[:at], text[at:]), 1)
    ]


def about_the_session(heading: Heading) -> str:
    """What is known of the session as a whole, one line for each thing."""
    lines = [
        f"Session: {heading.agent}/{heading.session}, piece {heading.number}",
        f"Host: {heading.host}",
        f"Project: {heading.project}",
    ]
    if heading.memory_id is not None:
        lines.append(f"Memory id: {heading.memory_id}")
    for key, name in _TOLD:
        value = (heading.summary or {}).get(key)
        if value:
            lines.append(f"{name}: {value if isinstance(value, str) else ', '.join(value)}")
    return "\n".join(lines)


def _message(message: Message) -> dict[str, Any]:
    return {
        "id": message.event_id,
        "create_time": message.at_us / SECOND_US,
        "author": {"role": message.role},
        "content": {"parts": [spelled_out(message.text)]},
    }
