"""The view that is searched: an FTS5 index without a copy of the text, over `journal.words`.

A row's number says what it is: event row * 8 + kind, or minus the session's number for its
summary; the text itself is read from the events. A tool's input is indexed at its start, or at its
end if no start was seen. What a transcript tells is indexed where no hook reported the same.
"""

from operator import itemgetter
from typing import Any

import apsw
import orjson

from journal.words import words
from sync.views import said
from sync.views.change import Change
from sync.views.texts import KINDS, TextKind, summary_text, texts


def derive(db: apsw.Connection, changes: list[Change], now_us: int) -> bytes:
    """The new events' texts and the sessions' summaries, for `insert`; old summaries are removed.

    In the order of their numbers: the index writes what it holds in memory whenever one is smaller
    than the one before.
    """
    gone = {number for change in changes for number in _repeated(db, change)}
    rows = [
        (number, indexed(text))
        for change in changes
        for event in change.all_events
        for kind, text in texts(event.meaning, event.seq in change.unopened)
        if (number := event.seq * KINDS + kind) not in gone
    ]
    query = "select summary from summaries where session = ?"
    for change in changes:
        if (summary := db.execute(query, (change.session,)).get) is not None:
            rows.append((-change.session, indexed(summary_text(str(summary)))))
    rows.sort(key=itemgetter(0))
    gone.update(-change.session for change in changes)
    db.executemany("delete from full_text where rowid = ?", [(number,) for number in sorted(gone)])
    return orjson.dumps({str(number): text for number, text in rows})


def indexed(text: str) -> str:
    """A text as the index takes it: its words, and nothing else."""
    return " ".join(words(text))


def _repeated(db: apsw.Connection, change: Change) -> set[int]:
    """The rows of what a transcript tells and a hook reported, as far as the change touches it."""
    told = """
        select exists (select 1 from usage where session = ?1)
        or exists (select 1 from said where session = ?1 and told)
    """
    if not change.asides and not db.execute(told, (change.session,)).get:
        return set()
    events = change.all_events
    gone = {
        seq * KINDS + kind
        for seq in said.repeated(db, change.session, events)
        for kind in (TextKind.PROMPT, TextKind.ANSWER)
    }
    calls = [event.meaning.tool_use_id for event in events if event.meaning.tool_use_id]
    query = """
        select coalesce(before_seq, after_seq), told_before, after_seq, told_after
        from observations where session = ? and tool_use_id in (select value from json_each(?))
    """
    for begun, told_before, ended, told_after in db.execute(
        query, (change.session, orjson.dumps(calls).decode())
    ):
        if begun is not None and told_before is not None:
            gone.add(told_before * KINDS + TextKind.INPUT)
        if ended is not None and told_after is not None:
            gone.add(told_after * KINDS + TextKind.OUTPUT)
    return gone


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
