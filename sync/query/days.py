"""What a day was: how many prompts people typed, for each day of a year; what was done in a span.

Days are local, as people count them.
"""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

import apsw
import orjson

from journal.times import to_datetime

_PROMPTS = """
select e.at_us from items p join events e on e.seq = p.seq
where p.kind = 'prompt' and p.author <> 'machine' and not p.taken_back and not p.inherited
  and e.at_us >= ?
"""
_ACTIVE = """
select s.session from session_states s where s.triggers <> '' and s.last_us >= ?
order by s.last_us desc
"""
_CALLS = """
select count(*), coalesce(sum(o.ok = 0), 0)
from json_each(?) w cross join items o on o.session = w.value join events e on e.seq = o.seq
where o.kind = 'call' and not o.taken_back and not o.inherited and e.at_us >= ?
"""
_FILES = """
select count(distinct o.file)
from json_each(?) w cross join items o on o.session = w.value join events e on e.seq = o.seq
where not o.inherited and e.at_us >= ? and o.file is not null
  and o.tool in (select value from json_each(?))
"""
_EPOCH = to_datetime(0)


class Day(NamedTuple):
    """What was done since a moment."""

    sessions: list[int]  # rows, the newest activity first
    prompts: int
    calls: int
    failures: int
    files: int  # that were changed


def start_us(day: date) -> int:
    """When a local day begins, in microseconds."""
    begin = datetime.combine(day, time()).astimezone()
    return (begin - _EPOCH) // timedelta(microseconds=1)


def today(now_us: int) -> date:
    """The local day of a moment."""
    return to_datetime(now_us).astimezone().date()


def prompts_by_day(db: apsw.Connection, first: date, last: date) -> dict[date, int]:
    """How many prompts people typed on each of these days that has any."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 2)]
    starts = [start_us(day) for day in days]
    counts: dict[date, int] = {}
    for (at_us,) in db.execute(_PROMPTS, (starts[0],)):
        at = bisect_right(starts, at_us) - 1
        if 0 <= at < len(days) - 1:
            counts[days[at]] = counts.get(days[at], 0) + 1
    return counts


def since(db: apsw.Connection, from_us: int, edit_tools: Iterable[str]) -> Day:
    """What was done from a moment on, in the sessions that people are shown."""
    rows = [int(key) for (key,) in db.execute(_ACTIVE, (from_us,))]
    keys = orjson.dumps(rows).decode()
    prompts = f"{_PROMPTS} and p.session in (select value from json_each(?))"
    number = sum(1 for _ in db.execute(prompts, (from_us, keys)))
    called: list[Any] = db.execute(_CALLS, (keys, from_us)).fetchall()
    ((calls, failures),) = called
    tools = orjson.dumps(list(edit_tools)).decode()
    files = db.execute(_FILES, (keys, from_us, tools)).get
    return Day(rows, number, int(calls), int(failures), int(files))
