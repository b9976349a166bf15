"""The view of tokens: what a session's model used, counted once for each message.

A message has several records in a transcript; the later ones know more of it, so the most counts.
"""

from typing import NamedTuple

import apsw

from sync.views.change import Change

_INSERT = """
insert into usage values (?, ?, ?, ?, ?, ?, ?) on conflict (session, message) do update set
  input = max(input, excluded.input), output = max(output, excluded.output),
  cache_read = max(cache_read, excluded.cache_read),
  cache_write = max(cache_write, excluded.cache_write)
"""


class Tokens(NamedTuple):
    """The tokens of a session, and of how many messages of a model."""

    messages: int
    input: int
    output: int
    cache_read: int
    cache_write: int


def derive(db: apsw.Connection, changes: list[Change], now_us: int) -> None:
    """Add what the new events say of tokens."""
    rows = [
        (change.session, *used)
        for change in changes
        for event in change.all_events
        if (used := event.meaning.usage) is not None
    ]
    db.executemany(_INSERT, rows)


def drop(db: apsw.Connection, session: int) -> None:
    """Remove the session's rows, before it is folded anew."""
    db.execute("delete from usage where session = ?", (session,))


def of(db: apsw.Connection, session: int) -> Tokens | None:
    """The tokens of a session; None if nothing tells of them."""
    query = """
        select count(*), sum(input), sum(output), sum(cache_read), sum(cache_write)
        from usage where session = ?
    """
    row = db.execute(query, (session,)).fetchone()
    return Tokens(*row) if row and row[0] else None
