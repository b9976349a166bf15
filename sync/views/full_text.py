"""The view that is searched: an FTS5 index without a copy of the text, over `journal.search_words`.

A row's number says what it is: event row * 8 + kind, or minus the session's number for its
summary; the text itself is read from the events. A tool's input is indexed at its start, or at its
end if no start was seen. What both a hook and a transcript report is indexed once.
"""

from operator import itemgetter
from typing import Any

import apsw
import orjson

from journal.search_words import is_ascii_words, words
from journal.session.event import Event
from journal.session.mentions import stem
from journal.session.texts import KINDS, TextKind, summary_text, texts
from sync.views.change import Change

Row = tuple[int, str]  # of the index: its number and its text


def derive(db: apsw.Connection, changes: list[Change], now_us: int) -> list[Row]:
    """The new steps' texts and the sessions' summaries, for `insert`; what went is removed."""
    rows: list[Row] = []
    gone: set[int] = set()
    for change in changes:
        found = [
            (event.seq * KINDS + kind, text)
            for event in change.steps
            if not event.meaning.inherited or event.meaning.place is not None
            for kind, text in texts(
                event.meaning, event.seq in change.unopened and _has_no_start(db, change, event)
            )
        ]
        if not change.is_new:
            stored = _stored(db, change)
            gone |= stored - {number for number, _ in found}
            found = [(number, text) for number, text in found if number not in stored]
        rows += [(number, indexed(text)) for number, text in found]
    query = "select summary from summaries where session = ?"
    for change in changes:
        if (summary := db.execute(query, (change.session,)).get) is not None:
            rows.append((-change.session, indexed(summary_text(str(summary)))))
    gone.update(-change.session for change in changes)
    db.executemany("delete from full_text where rowid = ?", [(number,) for number in sorted(gone)])
    return rows


def _has_no_start(db: apsw.Connection, change: Change, event: Event) -> bool:
    """Whether an event ends a call of which no start was seen; `items` are derived before this."""
    name = event.meaning.tool_use_id
    last = name
    if not name:
        name = stem(event.meaning)
        last = f"{name}~"
    query = """
        select 1 from items
        where session = ? and name between ? and ? and end_seq = ? and seq <> end_seq
    """
    return db.execute(query, (change.session, name, last, event.seq)).fetchone() is None


def indexed(text: str) -> str:
    """A text as the index takes it: its words, or what its tokenizer (`ascii`) makes them of."""
    return text if is_ascii_words(text) else " ".join(words(text))


def _stored(db: apsw.Connection, change: Change) -> set[int]:
    """The rows of the index that hold texts of these events."""
    query = "select id from full_text_docsize where id between ? and ?"
    return {
        int(number)
        for event in change.events
        for (number,) in db.execute(query, (event.seq * KINDS, event.seq * KINDS + KINDS - 1))
    }


def insert(db: apsw.Connection, rows: list[Row]) -> None:
    """Index texts that `derive` made, in one statement, which needs no interpreter.

    In the order of their numbers: the index writes what it holds in memory whenever one is smaller
    than the one before.
    """
    texts = orjson.dumps({str(number): text for number, text in sorted(rows, key=itemgetter(0))})
    query = "select cast(key as integer), value from json_each(?)"
    db.execute(f"insert into full_text (rowid, text) {query}", (texts.decode(),))


def drop(db: apsw.Connection, session: int) -> None:
    """Remove the session's rows, before it is folded again."""
    query = "select seq from events where session = ?"
    numbers: list[Any] = db.execute(query, (session,)).fetchall()
    rows = [(seq * KINDS + kind,) for (seq,) in numbers for kind in TextKind]
    db.executemany("delete from full_text where rowid = ?", [*rows, (-session,)])


def drop_events(db: apsw.Connection, seqs: list[int]) -> None:
    """Remove the rows of these events: their texts are gone."""
    rows = sorted((seq * KINDS + kind,) for seq in seqs for kind in TextKind)
    db.executemany("delete from full_text where rowid = ?", rows)


def kinds(db: apsw.Connection, seqs: list[int]) -> dict[int, int]:
    """For each of these events (rows) that is indexed: bits, which of its texts are."""
    query = """
        select f.id / ?1, sum(1 << (f.id % ?1)) from json_each(?2) j
        cross join full_text_docsize f on f.id between j.value * ?1 and j.value * ?1 + ?1 - 1
        group by 1
    """
    return dict(db.execute(query, (KINDS, orjson.dumps(seqs).decode())))
