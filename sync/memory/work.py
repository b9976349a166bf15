"""Which sessions a model is to summarise now. Looks and never writes.

Calls are dear, so a session has few of them and they are spent where they add most: one when it
first comes to rest, further ones as it goes on, and the last one is kept for its end.
"""

from dataclasses import dataclass
from random import Random
from typing import Any

import apsw

from journal.session.state import SessionState
from journal.session.summary import summarise
from journal.settings.sources import Settings
from journal.times import DAY_US, SECOND_US
from sync.store import states
from sync.views import models
from sync.views.summaries import last_word_us

SILENT_SECONDS = (
    3600  # a session that is silent for so long is at rest, also in the middle of a turn
)
BETWEEN_SECONDS = 600  # from one call to the next of a session that goes on


@dataclass(frozen=True, slots=True)
class Due:
    """A session to be summarised."""

    key: int
    agent: str
    session: str
    calls: int  # that were made before
    covers_us: int  # its last event now, or its last word where a clock that was ahead dated it


@dataclass(frozen=True, slots=True)
class Failures:
    """Calls that failed since the last one that was answered."""

    number: int
    kind: str = ""  # of the last one
    message: str = ""
    last_us: int = 0
    again_us: int = 0  # before this no model is asked


def due(db: apsw.Connection, settings: Settings, now_us: int) -> list[Due]:
    """The sessions whose summary a model could improve now, those that ended first."""
    query = """
        select w.session, s.agent, s.id, s.state, s.last_us, (
          select count(*) from model_records m
          where m.agent = s.agent and m.session = s.id and m.kind = 'call') calls
        from model_work w join session_states s using (session)
        where s.triggers <> '' and calls < ?
        order by s.status = 'finished' desc, s.last_us desc
    """
    adopt_on = tuple(settings.sessions.adopt_on)
    most = settings.memory.max_calls_per_session
    found = []
    for key, agent, session, data, last_us, calls in db.execute(query, (most,)):
        state = states.load(data)
        if state is None or not state.adopted(adopt_on):
            continue
        one = Due(key, agent, session, calls, max(last_us, last_word_us(state)))
        if _is_ripe(db, one, state, now_us, most):
            found.append(one)
    return found


def _is_ripe(db: apsw.Connection, one: Due, state: SessionState, now_us: int, most: int) -> bool:
    stored = models.latest(db, one.agent, one.session)
    if stored is not None and stored.covers_us >= last_word_us(state):
        return False
    # A time ahead of the clock, by a clock that was wrong, is not waited for.
    over = state.status == "finished" or _is_past(state.last_us, SILENT_SECONDS, now_us)
    if summarise(state) is None or not (over or state.status == "idle"):
        return False
    if over or stored is None:
        return True
    return one.calls < most - 1 and _is_past(_last_call_us(db, one), BETWEEN_SECONDS, now_us)


def _is_past(since_us: int, seconds: int, now_us: int) -> bool:
    """Whether a wait is over; one that began later than now was begun by another clock."""
    return not 0 <= now_us - since_us <= seconds * SECOND_US


def _last_call_us(db: apsw.Connection, one: Due) -> int:
    query = """
        select max(at_us) from model_records where agent = ? and session = ? and kind = 'call'
    """
    return int(db.execute(query, (one.agent, one.session)).get or 0)


def calls_of_a_day(db: apsw.Connection, now_us: int) -> int:
    """How many calls were made within the last 24 hours, over all sessions."""
    query = "select count(*) from model_records where kind = 'call' and at_us > ? and at_us <= ?"
    return int(db.execute(query, (now_us - DAY_US, now_us)).get)


def failures(db: apsw.Connection, settings: Settings, now_us: int) -> Failures:
    """How the last calls went, and when the next may be made: full jitter, growing with each.

    A failure that was recorded by a clock that was ahead of `now_us` delays nothing.
    """
    query = """
        select record, at_us, said ->> 'class', said ->> 'message' from model_records
        where kind = 'failure' and at_us > coalesce(
          (select max(at_us) from model_records where kind = 'summary' and at_us <= ?1), 0)
        order by at_us > ?1, at_us desc, record desc
    """
    rows: list[Any] = db.execute(query, (now_us,)).fetchall()
    if not rows:
        return Failures(0)
    record, at_us, kind, message = rows[0]
    retry = settings.retry
    longest = min(retry.max_seconds, retry.first_seconds * 2.0 ** min(len(rows) - 1, 40))
    wait_seconds = Random(record).uniform(0, longest)  # of the record: the same at every look
    again_us = at_us + int(wait_seconds * SECOND_US) if at_us <= now_us else 0
    return Failures(len(rows), str(kind), str(message), at_us, again_us)


def bound_id(db: apsw.Connection, one: Due) -> str | None:
    """The memory id that was bound to the session, if one was."""
    query = """
        select memory_id from memory_ids where agent = ? and session = ? and minted is null
    """
    found = db.execute(query, (one.agent, one.session)).get
    return None if found is None else str(found)
