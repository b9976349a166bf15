"""The view of a conversation: its prompts, answers and calls, each once, and its steps in order.

A call is one row, its start and its end joined by their id. Equal calls (tool, input and output)
have equal digests, so that lists for people can show them once with their count.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import apsw

from journal.session.event import Event
from journal.session.meaning import Action, Kind, Meaning
from journal.session.mentions import content_digest, stem
from journal.session.texts import LIMIT_CHARS
from sync.views.change import Change

NO_ID = "~"  # the beginning of ids that replace missing ids of the agent
_INSERT = """
insert into items (session, position, kind, seq, end_seq, name, tool, file, ok, digest, author,
  subagent, failed, taken_back, inherited)
values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict (session, name) where name is not null do update set
  tool = iif(seq is end_seq and excluded.seq is not excluded.end_seq, excluded.tool, tool),
  file = iif(seq is end_seq and excluded.seq is not excluded.end_seq, excluded.file, file),
  seq = iif(seq is end_seq and excluded.seq is not excluded.end_seq, excluded.seq, seq),
  end_seq = coalesce(end_seq, excluded.end_seq),
  ok = coalesce(ok, excluded.ok),
  digest = coalesce(digest, excluded.digest)
"""
_TEXT = "insert or replace into item_texts values (?, ?)"
# Of a call that is known from its end: unless its start has given the text already.
_TEXT_OF_END = """
insert or replace into item_texts select ?1, ?2
where exists (select 1 from items where session = ?3 and name = ?4 and seq = ?1)
"""
_FILES = (Action.READ, Action.EDIT)
# Python 3.11 needs ten times as long to find a member in its class.
_PROMPT, _TURN_FAILED = Kind.PROMPT, Kind.TURN_FAILED
_TOOL_BEFORE, _TOOL_AFTER = Kind.TOOL_BEFORE, Kind.TOOL_AFTER
_ENDS = (Kind.TOOL_AFTER, Kind.TOOL_FAILED)
_ANSWERS = (Kind.TURN_END, Kind.ANSWER)


@dataclass(slots=True)
class _Item:
    """A row, in the order of the columns."""

    session: int
    position: int
    kind: str
    seq: int
    event: Event
    end_seq: int | None = None
    name: str | None = None
    ok: bool | None = None
    digest: bytes | None = None

    @property
    def row(self) -> tuple[object, ...]:
        """The values of its columns."""
        meaning = self.event.meaning
        is_call = self.kind == "call"
        return (
            self.session, self.position, self.kind, self.seq, self.end_seq, self.name,
            meaning.tool if is_call else None,
            meaning.target if is_call and meaning.target and meaning.action in _FILES else None,
            self.ok, self.digest,
            meaning.by if self.kind == "prompt" else None,
            meaning.subagent, meaning.kind is _TURN_FAILED,
            meaning.taken_back, meaning.inherited,
        )  # fmt: skip

    @property
    def text(self) -> str:
        """What item_texts says of it; "" is not stored."""
        meaning = self.event.meaning
        text = meaning.target if self.kind == "call" else meaning.text or meaning.detail
        text = text[:LIMIT_CHARS]
        return text if text.isascii() else text.encode("utf-8", "replace").decode()


def derive(db: apsw.Connection, changes: list[Change], now_us: int) -> None:
    """Add the new steps, and the items that they report."""
    items: list[_Item] = []
    for change in changes:
        calls: dict[str, _Item] = {}
        for position, event in enumerate(change.steps, change.position):
            if (item := _item(db, change.session, position, event, calls)) is not None:
                items.append(item)
    db.executemany(_INSERT, [item.row for item in items])
    _write_texts(db, items)
    rows = [
        (change.session, position, event.seq, event.patch)
        for change in changes
        for position, event in enumerate(change.steps, change.position)
    ]
    db.executemany("insert into steps values (?, ?, ?, ?)", rows)


def _item(
    db: apsw.Connection, session: int, position: int, event: Event, calls: dict[str, _Item]
) -> _Item | None:
    """The row that an event begins; None if it ends one of `calls`, or is not an item."""
    meaning = event.meaning
    kind = meaning.kind
    if kind is _PROMPT:
        return _Item(session, position, "prompt", event.seq, event)
    if kind is _TURN_FAILED or (kind in _ANSWERS and meaning.text.strip() and not meaning.subagent):
        return _Item(session, position, "answer", event.seq, event)
    if kind is _TOOL_BEFORE:
        name = meaning.tool_use_id or f"{stem(meaning)}.{event.id.hex()}"
        if (known := calls.get(name)) is not None:
            if known.seq == known.end_seq:  # its end came first; the start names the call
                known.seq, known.event = event.seq, event
            return None
        calls[name] = _Item(session, position, "call", event.seq, event, name=name)
        return calls[name]
    if kind not in _ENDS:
        return None
    name = meaning.tool_use_id or _opened(db, session, event, calls)
    begun = calls.get(name)
    made = begun or _Item(session, position, "call", event.seq, event, name=name)
    if made.end_seq is None:
        made.end_seq, made.ok = event.seq, kind is _TOOL_AFTER
        made.digest = content_digest([meaning.tool, meaning.tool_input, meaning.output])
    calls[name] = made
    return None if begun is not None else made


def _opened(db: apsw.Connection, session: int, event: Event, calls: dict[str, _Item]) -> str:
    """For an agent that gives no ids: an end belongs to the first open start with its input."""
    prefix = stem(event.meaning)
    query = """
        select name from items
        where session = ? and name between ? and ? and end_seq is null order by position
    """
    stored = [str(name) for (name,) in db.execute(query, (session, prefix, f"{prefix}~"))]
    for name in stored:
        if name not in calls:
            return name
    for name, call in calls.items():
        if name.startswith(prefix) and call.end_seq is None:
            return name
    return f"{prefix}.{event.id.hex()}"


def _write_texts(db: apsw.Connection, items: list[_Item]) -> None:
    with_text = [(item, text) for item in items if (text := item.text)]
    db.executemany(
        _TEXT, [(item.seq, text) for item, text in with_text if item.seq != item.end_seq]
    )
    ends = [(i.seq, text, i.session, i.name) for i, text in with_text if i.seq == i.end_seq]
    db.executemany(_TEXT_OF_END, ends)


def has_hook(db: apsw.Connection, session: int, line: Meaning, before: int) -> bool:
    """Whether hooks without ids report a call before a position that has this line's input.

    It has no line. If a clock was wrong, this is its line.
    """
    query = "select 1 from items where session = ? and name between ? and ? and position < ?"
    for name in {stem(line), stem(line._replace(subagent=""))}:
        values = (session, f"{name}.", f"{name}/", before)
        if db.execute(query, values).fetchone() is not None:
            return True
    return False


def redact_texts(db: apsw.Connection, session: int, redacted: Callable[[str], str]) -> None:
    """Redact the texts of a session that cannot be folded again."""
    query = (
        "select seq, text from item_texts where seq in (select seq from steps where session = ?)"
    )
    rows: list[Any] = db.execute(query, (session,)).fetchall()
    made = [(redacted(text), seq) for seq, text in rows]
    db.executemany("update item_texts set text = ? where seq = ?", made)


def drop_texts(db: apsw.Connection, seqs: list[int]) -> None:
    """Remove the texts of these events: their bodies are gone."""
    db.executemany("delete from item_texts where seq = ?", [(seq,) for seq in seqs])


def drop(db: apsw.Connection, session: int, position: int = 0) -> None:
    """Remove the session's rows from a position on, before it is folded again from there."""
    query = """
        delete from item_texts
        where seq in (select seq from steps where session = ? and position >= ?)
    """
    db.execute(query, (session, position))
    for table in ("items", "steps"):
        db.execute(f"delete from {table} where session = ? and position >= ?", (session, position))
    if position:  # calls that began before and ended behind
        query = """
            update items set end_seq = null, ok = null, digest = null where session = ?1
            and end_seq is not null
            and end_seq <> seq and end_seq not in (select seq from steps where session = ?1)
        """
        db.execute(query, (session,))
