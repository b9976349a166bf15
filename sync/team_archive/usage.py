"""Tokens and their cost of sessions in the team archive, summed up as those of a home."""

from datetime import tzinfo
from typing import Any

import orjson

from journal.times import EARLIEST_US
from sync.query.costs.prices import Prices
from sync.query.costs.usage import BUCKET_US, ENDLESS_US, Place, Sum, Usage, size_class
from sync.query.filters import Wanted
from sync.team_archive import conditions
from sync.team_archive.archive import Archive
from sync.views.usage import INHERITS, REST

_MODELS = "select distinct model from {schema}.usage"
# A message that forks share is not the fork's, see sync.query.costs.usage.
_SUMS = """
with known as materialized (
  select e.owner, e.key, e.agent, e.started_us, e.id, strpos(e.shown, %s) > 0 as inherits
  from {schema}.sessions e
)
select u.owner, u.session, u.model, u.at_us / %s, {}, sum(u.input)::bigint, sum(u.output)::bigint,
  sum(u.cache_read)::bigint, sum(u.cache_write)::bigint
from (
  select o.owner, o.session, o.message, o.model, o.at_us, o.input, o.output, o.cache_read,
    o.cache_write, row_number() over (
      partition by o.owner, e.agent, o.message order by e.inherits, e.started_us, e.id) as number
  from {schema}.usage o join known e on e.owner = o.owner and e.key = o.session
) u join {schema}.sessions s on s.owner = u.owner and s.key = u.session
where u.number = 1 and u.at_us >= %s and u.at_us < %s and {}
group by 1, 2, 3, 4, 5
"""
_PLACES = """
select s.owner, s.key, s.agent, s.id, coalesce(nullif(s.project_name, ''), s.cwd),
  case when strpos(s.shown, %s) > 0 then s.shown end
from {schema}.sessions s where {}
"""


def read(
    archive: Archive, wanted: Wanted, owner: str, prices: Prices, zone: tzinfo | None = None
) -> Usage:
    """The sums of the sessions that I may read; the times are those of the messages. JournalError.

    They are summed up for each owner.
    """
    bounds = prices.bounds(str(model) for (model,) in archive.rows(_MODELS))
    since_us, until_us = wanted.since_us or EARLIEST_US, wanted.until_us or ENDLESS_US
    condition, values = conditions.sql(wanted._replace(since_us=None, until_us=None), owner)
    places: dict[int, Place] = {}
    numbers: dict[tuple[str, Any], int] = {}
    sums: list[Sum] = []
    for of, key, agent, name, project, shown in archive.rows(
        _PLACES.replace("{}", condition), [f'"{REST}":', *values]
    ):
        number = numbers[of, key] = len(numbers)
        places[number] = Place(agent, name, project, of)
        for model, at_us, *tokens in orjson.loads(shown).get(REST, ()) if shown else ():
            if since_us <= at_us < until_us:
                sums.append(Sum(number, model, at_us // BUCKET_US, 0, *tokens))
    query = _SUMS.replace("{}", size_class(bounds), 1).replace("{}", condition)
    for of, key, *rest in archive.rows(
        query, [f'"{INHERITS}":', BUCKET_US, since_us, until_us, *values]
    ):
        if (found := numbers.get((of, key))) is not None:  # else it came in between
            sums.append(Sum(found, *rest))
    return Usage(sums, places, bounds, prices, zone)
