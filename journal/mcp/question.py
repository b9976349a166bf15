"""What every answer works with, and the small parts that several answers share."""

from typing import NamedTuple

import apsw

from journal.errors import UsageError
from journal.mcp.quoting import Teller
from sync.recall import recent
from sync.recall.scope import Scope
from sync.store import short_ids

PAGE = 20  # hits or sessions that are looked at for one answer
EXCERPT_CHARS = 700
SHORT_CHARS = 400
HINT = "give the value that the last line of the answer before says, and the same arguments"


class Question(NamedTuple):
    """Where an answer comes from, what it may show, and how it quotes."""

    db: apsw.Connection
    scope: Scope
    teller: Teller
    adopt_on: tuple[str, ...]
    now_us: int
    since_us: int


def event_id(ask: Question, seq: int) -> str:
    """The id of an event, as short as it is unique."""
    unique = ask.db.execute("select id from events where seq = ?", (seq,)).get
    return short_ids.of_event(ask.db, unique)


def outcome(ok: bool | None) -> str:
    """How a call ended, in a word."""
    return "not ended" if ok is None else "passed" if ok else "failed"


def times(number: int) -> str:
    """How often, in words."""
    return "once" if number == 1 else f"{number} times"


def number_of(after: str) -> int:
    """The place in an answer, a number. UsageError: it is not a number."""
    text = after.strip()
    if not (text.isdecimal() and text.isascii() and len(text) < 10):
        raise UsageError("after: not a value that this answer returned", HINT)
    return int(text)


def place_of(after: str) -> recent.Place:
    """The place in an answer, a time and a session. UsageError: it is not valid."""
    if not after.strip():
        return recent.FIRST
    try:
        last_us, key = (int(part, 16) for part in after.strip().split("_"))
    except ValueError as error:
        raise UsageError("after: not a value that this answer returned", HINT) from error
    if not (0 <= last_us < 1 << 62 and 0 <= key < 1 << 62):
        raise UsageError("after: not a value that this answer returned", HINT)
    return last_us, key


def by_stems(query: str) -> bool:
    """Whether other forms of the words count as well; quoted words mean just these."""
    return '"' not in query
