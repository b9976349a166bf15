"""The body of a piece: records, one a line, after one about their session.

The first line is a record of the journal's own, `Session`, so that a piece is redacted line by
line like every other: its payload is {"agent","row","summary","kinds"}. `row` is the session as
lists show it; `kinds` a number for each line after this one, whose bits say which of its texts the
local index holds.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from journal.record import record
from journal.record.record import JOURNAL_AGENT, BadLineError
from journal.search_words import words
from journal.session.meaning import Usage
from journal.session.texts import TextKind, summary_text, texts
from sync.remote.contract import Heading, Material
from sync.store import facts, own_fact_rows

EVENT = "Session"
WORD_BYTES = 500  # of one word in the index; PostgreSQL takes 2046
WORDS_BYTES = 900_000  # of all words of one record; PostgreSQL takes 1 MiB


class Row(NamedTuple):
    """A record as the archive stores it."""

    id: bytes
    at_us: int
    kinds: int
    line: bytes
    words: str  # separated by spaces
    usage: Usage | None
    home: str = ""  # whose hooks or commands recorded it


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a piece holds."""

    agent: str
    session: str
    row: Mapping[str, Any]
    summary: Mapping[str, Any] | None
    records: list[Row]

    @property
    def key(self) -> bytes:
        """Of the session in the archive."""
        return session_key(self.agent, self.session)

    @property
    def summary_words(self) -> str:
        """What the summary is found by."""
        if not self.summary:
            return ""
        return indexed(summary_text(orjson.dumps(self.summary).decode()))


def session_key(agent: str, session: str) -> bytes:
    """The number of a session in the archive, the same from every home: 16 bytes."""
    who = f"{agent}\0{session}".encode("utf-8", "backslashreplace")
    return hashlib.sha256(who).digest()[:16]


def render(heading: Heading, material: Material) -> bytes:
    """The body. Pure: the same input gives the same bytes."""
    payload = {
        "agent": heading.agent,
        "row": heading.row,
        "summary": heading.summary,
        "kinds": list(material.kinds),
    }
    return _body(heading.session, heading.created_us, payload, material.lines)


def split(body: bytes) -> list[bytes]:
    """Two bodies that say the same together; empty: it holds one record."""
    first, lines = _lines(body)
    made = record.parse(first)
    payload = record.load_body(made.body)
    if len(lines) < 2:
        return []
    half, kinds = len(lines) // 2, payload["kinds"]
    parts = ((lines[:half], kinds[:half]), (lines[half:], kinds[half:]))
    return [
        _body(made.session, made.at_us, {**payload, "kinds": some}, [one + b"\n" for one in part])
        for part, some in parts
    ]


def parse(body: bytes) -> Parsed:
    """What a piece holds. ValueError: it is not the body of a piece."""
    first, lines = _lines(body)
    try:
        made = record.parse(first)
        payload = record.load_body(made.body)
        if made.agent != JOURNAL_AGENT or made.event != EVENT:
            raise BadLineError("it does not begin with its session")
        kinds = payload["kinds"]
        pairs = zip(lines, kinds, strict=True)
        records = [_row(line, int(kind)) for line, kind in pairs]
        return Parsed(payload["agent"], made.session, payload["row"], payload["summary"], records)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not the body of a piece: {error}") from error


def indexed(text: str) -> str:
    """The words of a text as PostgreSQL's index takes them, each once, separated by spaces."""
    found: list[str] = []
    size = 0
    for word in dict.fromkeys(words(text)):
        cut = word.encode("utf-8", "replace").replace(b"\0", b"")[:WORD_BYTES]
        size += len(cut) + 8  # with what a tsvector keeps of each
        if size > WORDS_BYTES:
            break
        if cut:
            found.append(cut.decode("utf-8", "ignore"))
    return " ".join(found)


def _row(line: bytes, kinds: int) -> Row:
    made = record.parse(line)
    if made.agent == JOURNAL_AGENT:
        return Row(made.id, made.at_us, 0, line, "", None, own_fact_rows.home_of(made))
    meaning = facts.understand(made.agent, made.event, made.body, made.raw)
    shown = texts(meaning, with_input=bool(kinds & 1 << TextKind.INPUT))
    found = indexed("\n".join(text for kind, text in shown if kinds & 1 << kind))
    return Row(made.id, made.at_us, kinds, line, found, meaning.usage, own_fact_rows.home_of(made))


def _lines(body: bytes) -> tuple[bytes, list[bytes]]:
    first, *lines = body.removesuffix(b"\n").split(b"\n")
    return first, lines


def _body(session: str, at_us: int, payload: dict[str, Any], lines: Any) -> bytes:
    data = orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)
    unique = hashlib.sha256(b"".join((data, session.encode("utf-8", "replace"), *lines))).digest()
    made = record.Record(unique[:16], at_us, JOURNAL_AGENT, EVENT, session, {}, data, raw=False)
    return record.dump(made) + b"".join(lines)
