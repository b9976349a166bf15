"""Tool calls with what they worked on, and what they gave back."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import apsw
import orjson

from journal.session.meaning import Action, Kind, Meaning, leaves
from journal.session.outputs import text_of
from journal.session.texts import LIMIT_CHARS
from sync.recall.scope import Scope
from sync.store import facts

_SAYING = (Kind.PROMPT, Kind.ANSWER, Kind.TURN_END, Kind.TURN_FAILED, Kind.SUBAGENT_END)
COLUMNS = """o.key, o.session, o.position, o.seq, o.end_seq, o.tool, o.ok, t.text, e.at_us
from items o join session_states s on s.session = o.session join events e on e.seq = o.seq
left join item_texts t on t.seq = o.seq
where o.kind = 'call' and not o.inherited"""
# The index leads, the newest first.
_FOUND = """
select f.rowid / 8, e.session from full_text f cross join events e on e.seq = f.rowid / 8
  cross join session_states s on s.session = e.session
where full_text match ? and f.rowid > 0 and f.rowid % 8 = ? and {} order by f.rowid desc limit ?
"""
_OF_EVENTS = f"""
select {COLUMNS} and o.session in (select value from json_each(?))
  and {{}} in (select value from json_each(?)) order by e.at_us desc, o.key desc
"""


class Call(NamedTuple):
    """A call's row. `target`: what it worked on, as the agent named it."""

    key: int
    session: int
    position: int
    seq: int
    end_seq: int | None
    tool: str
    ok: bool | None
    target: str
    at_us: int


def of_rows(rows: Iterable[Any], scope: Scope) -> list[Call]:
    """The calls of rows with COLUMNS, but for those of excluded tools."""
    made = (
        Call(key, session, position, seq, end, tool or "", None if ok is None else bool(ok),
             target or "", at_us)
        for key, session, position, seq, end, tool, ok, target, at_us in rows
    )  # fmt: skip
    return [call for call in made if scope.shows(call.tool)]


def holding(
    db: apsw.Connection, scope: Scope, match: str, kind: int, limit: int, column: str
) -> list[Call]:
    """The newest calls whose text of this kind holds the words, as FTS5 takes them.

    `column`: which event of a call that text is of, `o.seq` or `o.end_seq`.
    """
    condition, values = scope.wanted.sql()
    query = _FOUND.format(condition)
    found: list[Any] = db.execute(query, (match, kind, *values, limit)).fetchall()
    seqs = orjson.dumps([seq for seq, _ in found]).decode()
    sessions = orjson.dumps(sorted({session for _, session in found})).decode()
    rows = db.execute(_OF_EVENTS.format(column), (sessions, seqs))
    return of_rows(rows, scope)


def meanings(db: apsw.Connection, calls: Iterable[Call]) -> dict[int, Meaning]:
    """What the events of these calls mean, by row; read them in small numbers."""
    seqs = {seq for call in calls for seq in (call.seq, call.end_seq) if seq is not None}
    return {seq: stored.event.meaning for seq, stored in facts.events_at(db, seqs).items()}


def is_run(call: Call, known: dict[int, Meaning]) -> bool:
    """Whether the call ran a command."""
    meaning = known.get(call.seq)
    return meaning is not None and meaning.action is Action.RUN and not meaning.own


def output(call: Call, known: dict[int, Meaning]) -> str:
    """What it gave back, or its error; "" if that is not known or says what the journal said."""
    meaning = known.get(call.end_seq) if call.end_seq is not None else None
    return "" if meaning is None else words_of(meaning)


def words_of(meaning: Meaning) -> str:
    """What an event says, for reading; "" if it says nothing or repeats what the journal said."""
    if meaning.kind is Kind.TOOL_BEFORE:
        return leaves(meaning.tool_input, LIMIT_CHARS) or meaning.target
    if meaning.kind in (Kind.TOOL_AFTER, Kind.TOOL_FAILED):
        if meaning.own:
            return ""
        text = meaning.text if meaning.kind is Kind.TOOL_FAILED else ""
        return text or text_of(meaning.output) or leaves(meaning.output, LIMIT_CHARS)
    return meaning.text if meaning.kind in _SAYING else ""
