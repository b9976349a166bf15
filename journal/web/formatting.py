"""Numbers and times as pages show them. Times are the machine's local ones, in words or digits."""

from journal.cli.screen.tables import age, ago
from journal.times import DAY_US, to_datetime

__all__ = ["age", "ago", "clock", "count", "day", "money", "short", "when"]


def when(at_us: int) -> str:
    """`2026-11-21 08:05` in local time."""
    return f"{to_datetime(at_us).astimezone():%Y-%m-%d %H:%M}"


def clock(at_us: int, now_us: int) -> str:
    """`08:05`, with the date if it is not of the last day."""
    local = to_datetime(at_us).astimezone()
    return f"{local:%H:%M}" if abs(now_us - at_us) < DAY_US else f"{local:%Y-%m-%d %H:%M}"


def day(at_us: int) -> str:
    """`Sat 21 Nov`."""
    return f"{to_datetime(at_us).astimezone():%a %d %b}"


def count(number: int, noun: str) -> str:
    """`1 session`, `2,000 sessions`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def short(number: int) -> str:
    """`999`, `12.3 k`, `4.5 M`, `1.2 G`."""
    size = float(number)
    for unit in ("", " k", " M", " G"):
        if size < 999.5 or unit == " G":
            return f"{size:.0f}{unit}" if not unit or size >= 100 else f"{size:.1f}{unit}"
        size /= 1000
    return str(number)


def money(usd: float | None) -> str:
    """`$1.23`; `unknown` if nothing has a price."""
    if usd is None:
        return "no price"
    return f"${usd:,.2f}" if usd >= 0.005 or usd == 0 else "<$0.01"
