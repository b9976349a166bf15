"""What is typed above the list: words to search for, and filters as `state:awaiting`."""

from typing import NamedTuple

from journal.errors import UsageError
from sync.query.filters import Filters, Wanted, moment_us
from sync.query.listing import STATES

NAMES = ("project", "branch", "agent", "host", "state", "since")


class Wish(NamedTuple):
    """Words, and the sessions in which to look."""

    words: str
    wanted: Wanted

    @classmethod
    def of(cls, text: str, adopt_on: tuple[str, ...], now_us: int) -> "Wish":
        """UsageError: a state or a time is none."""
        words, chosen = [], dict.fromkeys(NAMES, "")
        for part in text.split():
            name, colon, value = part.partition(":")
            if colon and name in chosen and value:
                chosen[name] = value
            else:
                words.append(part)
        if chosen["state"] not in ("", *STATES):
            raise UsageError(
                f"{chosen['state']!r} is not a state", "there are: " + ", ".join(STATES)
            )
        since = chosen.pop("since")
        filters = Filters(adopt_on=adopt_on, **chosen)
        since_us = moment_us(since, now_us) if since else None
        return cls(" ".join(words), Wanted(filters, since_us=since_us))
