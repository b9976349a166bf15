"""What is typed above the list: words to search for, and filters as `state:awaiting`."""

from typing import Any, NamedTuple

from journal.errors import UsageError
from sync.query.filters import Wanted, moment_us
from sync.query.listing import STATES

NAMES = ("project", "branch", "agent", "host", "state", "since")


class Wish(NamedTuple):
    """Words, and the sessions in which to look."""

    words: str
    wanted: Wanted

    @classmethod
    def of(cls, text: str, base: Wanted, now_us: int) -> "Wish":
        """What is typed, within what the options of the command left. UsageError: a bad value."""
        words, chosen = [], dict[str, Any]()
        for part in text.split():
            name, colon, value = part.partition(":")
            if colon and name in NAMES and value:
                chosen[name] = value
            else:
                words.append(part)
        if chosen.get("state", STATES[0]) not in STATES:
            raise UsageError(
                f"{chosen['state']!r} is not a state", "there are: " + ", ".join(STATES)
            )
        since = chosen.pop("since", "")
        since_us = moment_us(since, now_us) if since else base.since_us
        wanted = base._replace(filters=base.filters._replace(**chosen), since_us=since_us)
        return cls(" ".join(words), wanted)
