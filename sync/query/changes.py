"""What has changed in the database since a moment: for those who follow it."""

from typing import Any, NamedTuple

import apsw

MOST_NAMED = 100
_MARK = """
select coalesce((select max(seq) from events), 0),
  (select group_concat(status || ' ' || number) from
    (select status, count(*) as number from session_states where triggers <> '' group by 1))
"""
_SINCE = """
select distinct s.id from events e not indexed join sessions s on s.key = e.session
where e.seq > ? limit ?
"""


class Mark(NamedTuple):
    """A moment: the last event that was stored, and how many sessions were in each state."""

    seq: int
    states: str


def mark(db: apsw.Connection) -> Mark:
    """This moment."""
    rows: list[Any] = db.execute(_MARK).fetchall()
    ((seq, states),) = rows
    return Mark(int(seq), str(states))


def since(db: apsw.Connection, before: Mark) -> list[str]:
    """The ids of the sessions with new events, as many as anybody reads."""
    return [str(name) for (name,) in db.execute(_SINCE, (before.seq, MOST_NAMED))]
