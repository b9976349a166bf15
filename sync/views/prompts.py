"""The view of prompts: which events are prompts, and whether a person wrote them."""

import apsw

from journal.session.meaning import Kind
from sync.views.change import Change


def derive(db: apsw.Connection, changes: list[Change], now_us: int) -> None:
    """Add the new events' prompts."""
    rows = [
        (event.seq, change.session, event.meaning.by_person)
        for change in changes
        for event in change.events
        if event.meaning.kind is Kind.PROMPT
    ]
    db.executemany("insert into prompts values (?, ?, ?)", rows)


def drop(db: apsw.Connection, session: int) -> None:
    """Remove the session's rows, before it is folded anew."""
    db.execute("delete from prompts where session = ?", (session,))
