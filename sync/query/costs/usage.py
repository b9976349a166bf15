"""Tokens and what they cost, by day, week, month, project, model, agent or session.

A message that forks share is counted once: in the session that does not have it from another one,
of several in the one that began first. That is so with every filter.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

import apsw

from journal.times import EARLIEST_US, to_datetime
from sync.query.costs.prices import Prices
from sync.query.filters import Wanted

KEYS = ("day", "week", "month", "project", "model", "agent", "session")
BUCKET_US = 900_000_000  # every zone's days begin at a quarter of an hour
REST = "~"  # messages named so are what the agent counted besides, see sync.views.usage
# Of messages that several sessions of an agent have, those that are not their owner's.
_SHARED = """
select session, message from (
  select u.session, u.message, row_number() over (
    partition by u.message, s.agent order by u.inherited, s.started_us, s.id) as number
  from usage u join session_states s using (session)
  where u.message in (
    select message from usage where substr(message, 1, 1) <> '~' group by 1 having count(*) > 1)
) where number > 1
"""
_SUMS = """
with shared(session, message) as materialized ({shared})
select u.session, u.model, u.at_us / ?, {size}, sum(u.input), sum(u.output), sum(u.cache_read),
  sum(u.cache_write)
from session_states s join usage u using (session)
where {wanted} and u.at_us >= ? and u.at_us < ?
  and (u.session, u.message) not in (select session, message from shared)
group by 1, 2, 3, 4
"""
_INFO = "select session, agent, id, coalesce(nullif(project_name, ''), cwd) from session_states"
ENDLESS_US = 1 << 62


def size_class(bounds: Sequence[int]) -> str:
    """SQL over a row `u` of usage: how many of the bounds its message exceeds."""
    whole = "(u.input + u.cache_read + u.cache_write)"
    above = " ".join(f"when {whole} > {bound} then {len(bounds) - n}"
                     for n, bound in enumerate(reversed(bounds)))  # fmt: skip
    return f"case when substr(u.message, 1, 1) = '{REST}' then 0 {above} else 0 end"


@dataclass(slots=True)
class Used:
    """The sum of one key. `cost_usd` is that of the models that have a price; None: none has."""

    key: str
    owner: str = ""  # in the team archive
    sessions: set[int] = field(default_factory=set)
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cost_usd: float | None = None
    unpriced: set[str] = field(default_factory=set)

    @property
    def tokens(self) -> int:
        """Of all kinds."""
        return self.input + self.output + self.cache_read + self.cache_write

    def json(self) -> dict[str, Any]:
        """The object of the public interface."""
        return {
            "key": self.key,
            **({"owner": self.owner} if self.owner else {}),
            "sessions": len(self.sessions),
            "input": self.input,
            "output": self.output,
            "cache_read": self.cache_read,
            "cache_write": self.cache_write,
            "cost_usd": None if self.cost_usd is None else round(self.cost_usd, 6),
            "unpriced": sorted(self.unpriced),
        }


class Sum(NamedTuple):
    """The tokens of a session's messages of one model, quarter of an hour and size."""

    session: int
    model: str
    bucket: int
    size: int  # which of the bounds it exceeds
    input: int
    output: int
    cache_read: int
    cache_write: int


class Place(NamedTuple):
    """What a session is summed up by."""

    agent: str
    session: str  # its id
    project: str
    owner: str = ""  # in the team archive


class Usage:
    """All sums of some sessions, to be grouped in several ways.

    `bounds`: see `Prices.bounds`. `places`: of each session that a sum names. `zone` None: local
    time.
    """

    def __init__(
        self, sums: Sequence[Sum], places: Mapping[int, Place], bounds: Sequence[int],
        prices: Prices, zone: tzinfo | None = None,
    ) -> None:  # fmt: skip
        self._sums, self._places, self._bounds = sums, places, bounds
        self._prices, self._zone = prices, zone

    @classmethod
    def of_home(
        cls, db: apsw.Connection, wanted: Wanted, prices: Prices, zone: tzinfo | None = None
    ) -> "Usage":
        """The sums of a home's sessions; the times that are wanted are those of the messages."""
        models = [str(row[0]) for row in db.execute("select distinct model from usage")]
        bounds = prices.bounds(models)
        info: list[Any] = db.execute(_INFO).fetchall()
        places = {key: Place(*rest) for key, *rest in info}
        since_us, until_us = wanted.since_us or EARLIEST_US, wanted.until_us or ENDLESS_US
        condition, values = wanted._replace(since_us=None, until_us=None).sql()
        query = _SUMS.format(shared=_SHARED, size=size_class(bounds), wanted=condition)
        rows: Iterable[Any] = db.execute(query, (BUCKET_US, *values, since_us, until_us))
        return cls([Sum(*row) for row in rows], places, bounds, prices, zone)

    def by(self, name: str) -> list[Used]:
        """The sums of each day, ...: times ascending, all else the most expensive first."""
        key_of = self._keys(name)
        found: dict[tuple[str, str], Used] = {}
        for one in self._sums:
            key = key_of(one), self._places[one.session].owner
            used = found.get(key)
            if used is None:
                used = found[key] = Used(*key)
            self._add(used, one)
        ordered = [found[key] for key in sorted(found)]
        if name in ("day", "week", "month"):
            return ordered
        return sorted(ordered, key=lambda used: (-(used.cost_usd or 0), -used.tokens))

    def total(self) -> Used:
        """The sum of all."""
        used = Used("total")
        for one in self._sums:
            self._add(used, one)
        return used

    def _add(self, used: Used, one: Sum) -> None:
        used.sessions.add(one.session)
        used.input += one.input
        used.output += one.output
        used.cache_read += one.cache_read
        used.cache_write += one.cache_write
        above = self._bounds[one.size - 1] if one.size else 0
        rate = self._prices.rate(one.model, one.bucket * BUCKET_US, above)
        if rate is None:
            used.unpriced.add(one.model or "unknown")
            return
        counts = (one.input, one.output, one.cache_read, one.cache_write)
        cost = sum(count * price for count, price in zip(counts, rate, strict=True))
        used.cost_usd = cost + (used.cost_usd or 0.0)

    def _keys(self, name: str) -> Callable[[Sum], str]:
        if name in ("day", "week", "month"):
            form = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}[name]
            known: dict[int, str] = {}

            def of_time(one: Sum) -> str:
                if one.bucket not in known:
                    known[one.bucket] = self._local(one.bucket).strftime(form)
                return known[one.bucket]

            return of_time
        if name == "model":
            return lambda one: one.model or "unknown"
        return lambda one: str(getattr(self._places[one.session], name))

    def _local(self, bucket: int) -> datetime:
        return to_datetime(bucket * BUCKET_US).astimezone(self._zone)
