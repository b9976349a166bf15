"""Times: whole microseconds since 1970 in UTC inside, ISO 8601 with `Z` outside."""

from datetime import UTC, datetime, timedelta

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
EARLIEST_US = -(1 << 62)  # before every record, also those from before 1970
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST_US = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST_US = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


def to_us(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 time; without an offset it is UTC.

    ValueError: not such a time, or outside the years 1 to 9999.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    at_us = (moment - _EPOCH) // _MICROSECOND
    if not _FIRST_US <= at_us <= _LAST_US:  # its offset leads out of them
        raise ValueError(f"outside the years 1 to 9999: {text}")
    return at_us


def to_datetime(at_us: int) -> datetime:
    """The same moment as an aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=at_us)


def to_text(at_us: int) -> str:
    """`2026-11-21T07:05:12.123456Z`, always with six digits."""
    return to_datetime(at_us).isoformat(timespec="microseconds").replace("+00:00", "Z")


def day_of(at_us: int) -> str:
    """The UTC day, `2026-11-21`: the name of a journal directory."""
    return to_text(at_us)[:10]
