"""The view of tokens: what a session's model used, counted once for each message.

A message has several records in a transcript, and the first may be written before it is whole: the
one with the most output counts.
"""

from typing import NamedTuple

import apsw

from sync.views.change import Change

_INSERT = """
insert into usage values (?, ?, ?, ?, ?, ?, ?) on conflict (session, message) do update set
  model = excluded.model, input = excluded.input, output = excluded.output,
  cache_read = excluded.cache_read, cache_write = excluded.cache_write
where (excluded.output, excluded.input, excluded.cache_read, excluded.cache_write, excluded.model)
  > (output, input, cache_read, cache_write, model)
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
