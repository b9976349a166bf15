"""Tokens and cost: of the last weeks for the overview, and by anything for their own page."""

from datetime import timedelta

import apsw

from journal.errors import UsageError
from journal.printable import one_line
from journal.web import charts, formatting, questions
from journal.web.questions import Context
from journal.web.request_parameters import Asked
from journal.web.site import Site
from sync.query import days
from sync.query.costs.prices import Prices, source
from sync.query.costs.usage import KEYS, Usage, Used
from sync.query.filters import Wanted

_COST_DAYS = 30
_MOST_BARS = 60
_MOST_ROWS = 400


def cost(site: Site, db: apsw.Connection, _: Asked) -> Context:
    """Tokens and cost of the last weeks, by day, project and model."""
    today = days.today(site.app.now_us)
    first = today - timedelta(days=_COST_DAYS - 1)
    wanted = questions.shown(site)._replace(since_us=days.start_us(first))
    found = _usage_of(site, db, wanted, today)
    by_day = {used.key: used for used in found.by("day")}
    bars = []
    for number in range(_COST_DAYS):
        day = str(first + timedelta(days=number))
        used = by_day.get(day, Used(day))
        bars.append(charts.Bar(day, _size(used), _said(used)))
    total = found.total()
    name = f"Cost of the last {_COST_DAYS} days: {_said(total)}"
    return {
        "cost_total": total,
        "cost_days": charts.columns(bars, name),
        "cost_by": [(name, found.by(name)[:5]) for name in ("project", "model")],
        "cost_size": _size,
    }


def usage(site: Site, db: apsw.Connection, asked: Asked) -> Context:
    """Tokens and cost of the sessions that the filters leave, by what was asked for."""
    wanted = asked.sessions(site.adopt_on, site.app.now_us)
    by = asked.text("by") or "day"
    if by not in KEYS:
        raise UsageError(f"{one_line(by)[:40]!r} cannot be summed up by", ", ".join(KEYS))
    found = _usage_of(site, db, wanted, wanted.since_us)
    rows = found.by(by)
    is_time = by in ("day", "week", "month")
    chart = None
    if is_time and rows:
        bars = [charts.Bar(row.key, _size(row), _said(row)) for row in rows[-_MOST_BARS:]]
        chart = charts.columns(bars, f"Cost by {by}: {_said(found.total())}")
    return {
        "by": by,
        "usage": list(reversed(rows))[:_MOST_ROWS] if is_time else rows[:_MOST_ROWS],
        "usage_total": found.total(),
        "usage_chart": chart,
        "source": source(),
        "keys": KEYS,
    }


def _usage_of(site: Site, db: apsw.Connection, wanted: Wanted, stamp: object) -> Usage:
    """The sums of these sessions, kept until something happens."""
    whole = wanted._replace(filters=wanted.filters._replace(adopt_on=None))
    prices = Prices(site.app.settings.prices)
    stamp = (site.live.number, stamp)
    return site.kept(("usage", wanted.sql()), stamp, lambda: Usage.of_home(db, whole, prices))


def _size(used: Used) -> float:
    """How long a bar is: by its cost, or by its tokens if nothing has a price."""
    return used.tokens / 1e9 if used.cost_usd is None else used.cost_usd


def _said(used: Used) -> str:
    return f"{formatting.money(used.cost_usd)}, {formatting.short(used.tokens)} tokens"
