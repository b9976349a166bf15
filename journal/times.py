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

    A leap second is the one after it, and letters may be small, as in RFC 3339.
    ValueError: not such a time, or outside the years 1 to 9999.
    """
    leap_us = 0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        upper = text.upper()
        if upper[16:19] != ":60":
            moment = datetime.fromisoformat(upper)
        else:
            moment = datetime.fromisoformat(f"{upper[:16]}:59{upper[19:]}")
            leap_us = SECOND_US
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    at_us = (moment - _EPOCH) // _MICROSECOND + leap_us
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
