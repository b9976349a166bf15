"""Charts as SVG: made here, so that the pages need no script and no style for them.

What a chart shows is in its accessible name; each part says its own number when pointed at.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from html import escape
from typing import NamedTuple

from markupsafe import Markup

WEEKS = 53
_STEP = 13  # of the grid of a year, in pixels
_CELL = 11
_LEFT, _TOP = 30, 18
_LEVELS = 4
_LABELLED = {0: "Mon", 2: "Wed", 4: "Fri"}
_MONTH_STEPS = 3  # columns that a month's name needs


class Bar(NamedTuple):
    """One bar: what it is called, how long it is, and how its number is written."""

    name: str
    size: float
    said: str
    href: str = ""


def first_day(today: date) -> date:
    """The Monday with which the grid of a year begins."""
    return today - timedelta(days=today.weekday(), weeks=WEEKS - 1)


def year(counts: Mapping[date, int], today: date, noun: str) -> Markup:
    """A square a day for the last 53 weeks, darker for more."""
    start = first_day(today)
    most = max(counts.values(), default=0)
    cells, months = [], []
    last_label = -_MONTH_STEPS
    for week in range(WEEKS):
        monday = start + timedelta(weeks=week)
        x = _LEFT + week * _STEP
        if monday.day <= 7 and week - last_label >= _MONTH_STEPS:
            months.append(f'<text x="{x}" y="11">{monday:%b}</text>')
            last_label = week
        for weekday in range(7):
            day = monday + timedelta(days=weekday)
            if day <= today:
                cells.append(_cell(day, counts.get(day, 0), most, x, weekday, noun))
    days = "".join(
        f'<text x="0" y="{_TOP + row * _STEP + 9}">{name}</text>' for row, name in _LABELLED.items()
    )
    width, height = _LEFT + WEEKS * _STEP, _TOP + 7 * _STEP
    total, active = sum(counts.values()), sum(1 for n in counts.values() if n)
    name = f"{total:,} {noun} on {active:,} days of the last year"
    return Markup(
        f'<svg class="year" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" aria-label="{escape(name)}">{"".join(months)}{days}{"".join(cells)}</svg>'
    )


def _cell(day: date, number: int, most: int, x: int, weekday: int, noun: str) -> str:
    level = 0 if not number else min(_LEVELS, 1 + int(number / most * _LEVELS * 0.999))
    y = _TOP + weekday * _STEP
    after = day + timedelta(days=1)
    rect = (
        f'<rect class="l{level}" x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" rx="2">'
        f"<title>{day:%a %d %b %Y}: {number:,} {noun}</title></rect>"
    )
    if not number:
        return rect
    return f'<a href="/sessions?since={day}&amp;until={after}" tabindex="-1">{rect}</a>'


def columns(bars: Sequence[Bar], name: str, height: int = 90) -> Markup:
    """Upright bars, as for days."""
    most = max((bar.size for bar in bars), default=0) or 1
    step = 18
    width = max(step * len(bars), step)
    parts = []
    for number, bar in enumerate(bars):
        tall = 0 if bar.size <= 0 else max(2, round(bar.size / most * (height - 16)))
        rect = (
            f'<rect class="bar" x="{number * step + 2}" y="{height - 16 - tall}" width="{step - 4}"'
            f' height="{tall}" rx="2"><title>{escape(bar.name)}: {escape(bar.said)}</title></rect>'
        )
        parts.append(_linked(rect, bar.href))
        if number % 7 == (len(bars) - 1) % 7:
            x = number * step + step // 2
            label = escape(bar.name[-5:])
            parts.append(f'<text x="{x}" y="{height - 3}" text-anchor="middle">{label}</text>')
    return Markup(
        f'<svg class="columns" viewBox="-14 0 {width + 28} {height}" width="{width + 28}"'
        f' height="{height}" role="img" aria-label="{escape(name)}">{"".join(parts)}</svg>'
    )


def share(part: float, whole: float) -> Markup:
    """A bar next to a number that is there as text as well."""
    width = 0 if whole <= 0 else max(1, round(part / whole * 100)) if part > 0 else 0
    return Markup(
        '<svg class="share" viewBox="0 0 100 8" width="100" height="8" preserveAspectRatio="none"'
        f' aria-hidden="true"><rect class="l0" width="100" height="8" rx="2"/>'
        f'<rect class="bar" width="{width}" height="8" rx="2"/></svg>'
    )


def _linked(inner: str, href: str) -> str:
    return f'<a href="{escape(href)}" tabindex="-1">{inner}</a>' if href else inner
