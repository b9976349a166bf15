"""When something of each session last came into this home: the table `arrivals`.

A record's own time is what some clock said. Its arrival is a second opinion: a date ahead of it
counts as arrived, and retention counts from the later of the two. Arrived means that the pass that
stored it began: what is recorded during a pass is not ahead.
"""

from collections.abc import Iterable
from typing import Any

import apsw
import orjson

from journal.times import SECOND_US

# The index on time leads: a pass in which nothing lies ahead looks at one entry.
_AHEAD = """
select k.key from arrivals a cross join sessions k on k.agent = a.agent and k.id = a.session
where a.at_us > ?
"""
_BEHIND_US = 3600 * SECOND_US
_PASS_US = 60 * SECOND_US  # a record is dated ahead if it is later than its arrival by more
_BELIEVED = f"""
update session_states set last_us = iif(
  head_us <= a.at_us + {_PASS_US},
  head_us, max(2 * a.at_us - head_us, a.at_us - {_BEHIND_US})
)
from arrivals a where a.agent = session_states.agent and a.session = session_states.id
and {{}}
"""


def note(db: apsw.Connection, sessions: Iterable[int], at_us: int) -> None:
    """Events of these sessions (rows) have just arrived. To be called inside their transaction."""
    keys = orjson.dumps(list(sessions)).decode()
    query = """
        insert into arrivals
        select agent, id, ?1, ?1 from sessions where key in (select value from json_each(?2))
        on conflict (agent, session) do update set at_us = excluded.at_us
    """
    db.execute(query, (at_us, keys))


def of(db: apsw.Connection, agent: str, session: str) -> int | None:
    """When something of the session arrived last; None: before arrivals were noted."""
    query = "select at_us from arrivals where agent = ? and session = ?"
    found = db.execute(query, (agent, session)).get
    return None if found is None else int(found)


def believed_us(db: apsw.Connection, agent: str, session: str, at_us: int) -> int:
    """When the session was last active: what its record says, unless it had not arrived by then.

    A record that is dated ahead is believed to be older than it arrived by as much, up to an hour:
    so it comes behind what was dated rightly and arrived with it.
    """
    arrived_us = of(db, agent, session)
    return at_us if arrived_us is None else believed_at_us(arrived_us, at_us)


def believed_at_us(arrived_us: int, at_us: int) -> int:
    """The same for what is known to have arrived at a time."""
    if at_us <= arrived_us + _PASS_US:
        return at_us
    return max(2 * arrived_us - at_us, arrived_us - _BEHIND_US)


def bring_back(db: apsw.Connection, now_us: int) -> list[int]:
    """What arrived later than now, by a clock that was ahead, counts as arrived now.

    The sessions (rows) whose time has changed. To be called only while the clock is trusted.
    """
    sessions = [int(key) for (key,) in db.execute(_AHEAD, (now_us,))]
    if sessions:
        with db:
            db.execute(
                "update arrivals set at_us = ?1, first_us = min(first_us, ?1) where at_us > ?1",
                (now_us,),
            )
            keys = orjson.dumps(sessions).decode()
            chosen = "session_states.session in (select value from json_each(?))"
            db.execute(_BELIEVED.format(chosen), (keys,))
    return sessions


def shift(db: apsw.Connection, from_us: int, to_us: int, by_us: int, now_us: int) -> None:
    """What arrived between these times did so by a clock that was behind by so much."""
    query = "update arrivals set {0} = min({0} + ?3, ?4) where {0} between ?1 and ?2"
    with db:
        for column in ("first_us", "at_us"):
            db.execute(query.format(column), (from_us, to_us, by_us, now_us))
        db.execute(_BELIEVED.format("true"))


def drop(db: apsw.Connection, agent: str, session: str) -> None:
    """Nothing of the session is left."""
    db.execute("delete from arrivals where agent = ? and session = ?", (agent, session))


def all_rows(db: apsw.Connection) -> list[tuple[str, str, int, int]]:
    """What a database knows, for `take_over`; nothing of a damaged one."""
    try:
        rows: list[Any] = db.execute("select * from arrivals").fetchall()
    except apsw.Error:
        return []
    return rows


def take_over(db: apsw.Connection, rows: Iterable[tuple[str, str, int, int]]) -> None:
    """Keep what an older database knew: of each session the earlier arrival counts."""
    query = """
        insert into arrivals values (?, ?, ?, ?) on conflict (agent, session)
        do update set first_us = excluded.first_us, at_us = min(at_us, excluded.at_us)
    """
    with db:
        db.executemany(query, rows)
        db.execute(_BELIEVED.format("true"))
