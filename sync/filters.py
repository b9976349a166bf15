"""Which sessions a list or a search is about, as SQL over `session_states s`."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from journal.errors import UsageError
from journal.printable import one_line
from journal.times import DAY_US, SECOND_US, to_datetime

_AGO = re.compile(r"(\d{1,6})\s*([smhdw])")
_UNIT_US = {
    "s": SECOND_US,
    "m": 60 * SECOND_US,
    "h": 3600 * SECOND_US,
    "d": DAY_US,
    "w": 7 * DAY_US,
}
_EPOCH = to_datetime(0)
_ADOPTED = """exists (
  select 1 from json_each(?) w where instr(' ' || s.triggers || ' ', ' ' || w.value || ' ')
)"""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a session must be; what is None or empty does not matter.

    `adopt_on`: the settings' `sessions.adopt_on`, None for sessions not adopted, too. `project`:
    its name in any case, its key, or the key without `git:`.
    """

    adopt_on: tuple[str, ...] | None = None
    project: str = ""
    branch: str = ""
    state: str = ""
    agent: str = ""

    def sql(self) -> tuple[str, tuple[str, ...]]:
        """A condition over `session_states s`, and its parameters."""
        import orjson

        parts: list[tuple[str, tuple[str, ...]]] = []
        if self.adopt_on is not None:
            parts.append((_ADOPTED, (orjson.dumps(self.adopt_on).decode(),)))
        if self.project:
            names = "(s.project_name = ? collate nocase or s.project in (?, 'git:' || ?))"
            parts.append((names, (self.project,) * 3))
        equal = {"s.branch": self.branch, "s.status": self.state, "s.agent": self.agent}
        parts += [(f"{column} = ?", (value,)) for column, value in equal.items() if value]
        conditions = " and ".join(condition for condition, _ in parts) or "true"
        return conditions, tuple(value for _, values in parts for value in values)


def moment_us(text: str, now_us: int) -> int:
    """The time that a person means by `2h`, `3d`, `today`, `yesterday`, a date or a time.

    Without an offset a date or time is local. UsageError: it is none of these.
    """
    words = text.strip().lower()
    if ago := _AGO.fullmatch(words):
        return max(0, now_us - int(ago[1]) * _UNIT_US[ago[2]])
    try:
        if words in ("today", "yesterday"):
            day = to_datetime(now_us).astimezone().date() - timedelta(days=words == "yesterday")
            moment = datetime.combine(day, time())
        else:
            moment = datetime.fromisoformat(words.upper())
        return (moment.astimezone() - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError) as error:
        hint = "write 2h, 3d, today, yesterday, 2026-11-21 or 2026-11-21T09:00"
        raise UsageError(f"{one_line(text)[:40]!r} is no time", hint) from error
