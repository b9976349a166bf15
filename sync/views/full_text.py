"""The view that is searched: an FTS5 index without a copy of the text.

A row's number says what it is: event row * 8 + kind, or minus the session's number for its
summary; the text itself is read from the events. A tool's input is indexed at its start, or at its
end if no start was seen.
"""

from enum import IntEnum
from operator import itemgetter
from typing import Any

import apsw
import orjson

from journal.fold import Event
from journal.meaning import Kind, leaves
from journal.printable import without_escapes
from sync.views.change import Change

LIMIT_CHARS = 65_536
KINDS = 8


class TextKind(IntEnum):
    """Which text of an event a row holds."""

    PROMPT = 0
    ANSWER = 1
    INPUT = 2
    OUTPUT = 3
    SUMMARY = 7


_INPUT, _OUTPUT = TextKind.INPUT, TextKind.OUTPUT
_KINDS_OF_TEXT = {
    Kind.PROMPT: TextKind.PROMPT,
    Kind.TURN_END: TextKind.ANSWER,
    Kind.SUBAGENT_END: TextKind.ANSWER,
    Kind.TURN_FAILED: TextKind.ANSWER,
    Kind.TOOL_BEFORE: _INPUT,
    Kind.TOOL_AFTER: _OUTPUT,
    Kind.TOOL_FAILED: _OUTPUT,
}


def derive(db: apsw.Connection, changes: list[Change], now_us: int) -> bytes:
    """The new events' texts and the sessions' summaries, for `insert`; old summaries are removed.

    In the order of their numbers: the index writes what it holds in memory whenever one is smaller
    than the one before.
    """
    rows = [
        (event.seq * KINDS + kind, text)
        for change in changes
        for event in change.events
        for kind, text in texts(event, event.seq in change.unopened)
    ]
    query = "select summary from summaries where session = ?"
    for change in changes:
        if (summary := db.execute(query, (change.session,)).get) is not None:
            rows.append((-change.session, summary_text(str(summary))))
    rows.sort(key=itemgetter(0))
    indexed = sorted((-change.session,) for change in changes)
    db.executemany("delete from full_text where rowid = ?", indexed)
    return orjson.dumps({str(number): text for number, text in rows})


def insert(db: apsw.Connection, texts: bytes) -> None:
    """Index texts that `derive` made, in one statement that needs no interpreter."""
    rows = "select cast(key as integer), value from json_each(?)"
    db.execute(f"insert into full_text (rowid, text) {rows}", (texts.decode(),))


def drop(db: apsw.Connection, session: int) -> None:
    """Remove the session's rows, before it is folded anew."""
    query = "select seq from events where session = ?"
    numbers: list[Any] = db.execute(query, (session,)).fetchall()
    rows = [(seq * KINDS + kind,) for (seq,) in numbers for kind in TextKind]
    db.executemany("delete from full_text where rowid = ?", [*rows, (-session,)])


def drop_events(db: apsw.Connection, seqs: list[int]) -> None:
    """Remove the rows of these events: their texts are gone."""
    rows = sorted((seq * KINDS + kind,) for seq in seqs for kind in TextKind)
    db.executemany("delete from full_text where rowid = ?", rows)


def texts(event: Event, with_input: bool) -> list[tuple[TextKind, str]]:
    """What people search an event for, without the colours of a terminal."""
    meaning = event.meaning
    kind = _KINDS_OF_TEXT.get(meaning.kind)
    if kind is None:
        return []
    if kind is _INPUT:
        text = leaves(meaning.tool_input, LIMIT_CHARS)
    elif kind is _OUTPUT:
        text = leaves(meaning.output, LIMIT_CHARS)
    else:
        text = meaning.text[:LIMIT_CHARS]
    found = [(kind, text)]
    if with_input and kind is _OUTPUT:
        found.append((_INPUT, leaves(meaning.tool_input, LIMIT_CHARS)))
    return [(kind, without_escapes(text)) for kind, text in found if text]


def summary_text(summary: str) -> str:
    """The words of a stored summary."""
    fields = orjson.loads(summary)
    names = ("request", "investigated", "learned", "completed", "next_steps")
    words = [fields.get(name) or "" for name in names]
    return "\n".join([*words, *fields["files_read"], *fields["files_edited"]])
