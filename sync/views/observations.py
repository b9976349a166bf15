"""The view of observations: one row a tool call, its start and its end joined by their id.

What a transcript tells of a call has columns of its own: it counts where no hook reported any.
A call that the hooks reported twice is one row; equal calls (tool, input and output) have equal
digests, so that whoever lists them can show them once with their count.
"""

import hashlib
from dataclasses import dataclass

import apsw
import orjson

from journal.session.fold import Event
from journal.session.meaning import FAILED, Action, Kind
from sync.views.change import Change

NO_ID = "~"  # what the ids begin with that stand in for ids of the agent
_PUT = """
insert into observations (session, tool_use_id, tool, file, before_seq, after_seq, ok, digest,
  repeats, told_before, told_after, told_ok)
values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict (session, tool_use_id) do update set
  tool = iif({names}, excluded.tool, tool),
  file = iif({names}, excluded.file, file),
  before_seq = coalesce(before_seq, excluded.before_seq),
  repeats = repeats + excluded.repeats + (after_seq + excluded.after_seq is not null),
  after_seq = coalesce(after_seq, excluded.after_seq),
  ok = coalesce(ok, excluded.ok),
  digest = coalesce(digest, excluded.digest),
  told_before = coalesce(told_before, excluded.told_before),
  told_after = coalesce(told_after, excluded.told_after),
  told_ok = coalesce(told_ok, excluded.told_ok)
""".format(
    # A call is called as its start says, else as its end, else as a transcript does.
    names="""(before_seq is null and (excluded.before_seq is not null
      or (after_seq is null and (excluded.after_seq is not null or tool = ''))))"""
)
_FILES = (Action.READ, Action.EDIT)
_ENDS = (Kind.TOOL_AFTER, Kind.TOOL_FAILED)


@dataclass(slots=True)
class _Call:
    """What new events say of one call, in the order of the columns."""

    session: int
    tool_use_id: str
    tool: str = ""
    file: str | None = None
    before: int | None = None
    after: int | None = None
    ok: bool | None = None
    digest: bytes | None = None
    repeats: int = 0
    told_before: int | None = None
    told_after: int | None = None
    told_ok: bool | None = None

    def begin(self, event: Event) -> None:
        """It began; that names it."""
        if self.before is None:
            self.before, self.tool, self.file = event.seq, event.meaning.tool, _file(event)

    def end(self, event: Event) -> None:
        """It ended, or a second hook says so."""
        if self.after is not None:
            self.repeats += 1
            return
        if self.before is None:
            self.tool, self.file = event.meaning.tool, _file(event)
        self.after, self.digest = event.seq, _digest(event)
        self.ok = event.meaning.kind is Kind.TOOL_AFTER

    def tell(self, event: Event) -> None:
        """A transcript tells that it began, or how it ended."""
        if self.before is None and self.after is None and not self.tool:
            self.tool, self.file = event.meaning.tool, _file(event)
        if event.meaning.kind is Kind.TOLD_CALL:
            self.told_before = self.told_before or event.seq
        elif self.told_after is None:
            self.told_after, self.told_ok = event.seq, event.meaning.detail != FAILED

    @property
    def row(self) -> tuple[object, ...]:
        """The values of its columns."""
        return (
            self.session, self.tool_use_id, self.tool, self.file, self.before, self.after, self.ok,
            self.digest, self.repeats, self.told_before, self.told_after, self.told_ok,
        )  # fmt: skip


def derive(db: apsw.Connection, changes: list[Change], now_us: int) -> None:
    """Add the new events' tool calls and close those that ended."""
    calls: dict[tuple[int, str], _Call] = {}
    for session, event in ((change.session, e) for change in changes for e in change.events):
        kind, key = event.meaning.kind, event.meaning.tool_use_id
        if kind is Kind.TOOL_BEFORE:
            if key:
                _call(calls, session, key).begin(event)
            else:
                one = _Call(session, f"{_stem(event)}.{event.id.hex()}")
                one.begin(event)
                db.execute(_PUT, one.row)
        elif kind in _ENDS:
            if key:
                _call(calls, session, key).end(event)
            else:
                one = _Call(session, _opened(db, session, event))
                one.end(event)
                db.execute(_PUT, one.row)
    for session, event in ((change.session, e) for change in changes for e in change.asides):
        if event.meaning.tool_use_id:
            _call(calls, session, event.meaning.tool_use_id).tell(event)
    db.executemany(_PUT, [call.row for call in calls.values()])


def _call(calls: dict[tuple[int, str], _Call], session: int, key: str) -> _Call:
    call = calls.get((session, key))
    if call is None:
        call = calls[session, key] = _Call(session, key)
    return call


def _file(event: Event) -> str | None:
    """The file that a call read or changed."""
    return event.meaning.target if event.meaning.action in _FILES else None


def drop(db: apsw.Connection, session: int) -> None:
    """Remove the session's rows, before it is folded anew."""
    db.execute("delete from observations where session = ?", (session,))


def _opened(db: apsw.Connection, session: int, event: Event) -> str:
    """For an agent that gives no ids: an end belongs to the first open start with its input."""
    query = """
        select tool_use_id from observations
        where session = ? and tool_use_id between ? and ? and after_seq is null
        order by key limit 1
    """
    stem = _stem(event)
    found = db.execute(query, (session, stem, f"{stem}~")).get
    return f"{stem}.{event.id.hex()}" if found is None else str(found)


def _stem(event: Event) -> str:
    return NO_ID + _hash(event, [event.meaning.tool, event.meaning.tool_input]).hex()


def _digest(event: Event) -> bytes:
    meaning = event.meaning
    return _hash(event, [meaning.tool, meaning.tool_input, meaning.output])


def _hash(event: Event, content: list[object]) -> bytes:
    try:
        data = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # nested too deeply, or a number beyond 64 bits: it equals no other
        data = event.id
    return hashlib.blake2b(data, digest_size=16).digest()
