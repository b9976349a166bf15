"""When pieces that wait in `retry/` are sent again: a wait that grows with the attempts.

The modification time of a retry file is its next attempt, so a pass lists 20,000 of them and opens
what is due.
"""

import math
from pathlib import Path
from random import Random
from typing import NamedTuple

from journal.settings import sections
from journal.times import DAY_US, SECOND_US
from sync.delivery import retry_queue

LONGEST_WAIT_US = DAY_US  # the settings allow no more, and neither do we a remote that asks for it


class Listed(NamedTuple):
    """A retry file as a listing shows it."""

    name: str
    next_us: int  # a hint: what is in the file counts


def schedule(folder: Path) -> list[Listed]:
    """All retry files with the times of their next attempts; none is opened."""
    found = []
    for entry in retry_queue.entries(folder):
        try:
            found.append(Listed(entry.name, entry.stat().st_mtime_ns // 1000))
        except FileNotFoundError:
            continue  # delivered just now
    return sorted(found)


def created_us(name: str) -> int:
    """When the piece of a file was made, as its name has it."""
    return int(name[:17])


def is_due(next_us: int, now_us: int, wait_us: int = LONGEST_WAIT_US) -> bool:
    """Whether that time has come. `wait_us`: how long the wait was when it began.

    A time that is further away than the whole wait was set by a clock that was ahead.
    """
    return next_us <= now_us or next_us > now_us + wait_us


def due(folder: Path, listed: list[Listed], now_us: int, retry: sections.Retry) -> list[str]:
    """The names of those whose time has come.

    A file is opened only if its time is further away than `retry.max_seconds`: it says whether
    the remote asked for so long a wait.
    """
    usual_us = int(retry.max_seconds * SECOND_US)
    found = []
    for one in listed:
        is_far = one.next_us > now_us + usual_us
        if is_due(
            one.next_us, now_us, _wait_us(folder / one.name, usual_us) if is_far else usual_us
        ):
            found.append(one.name)
    return found


def _wait_us(path: Path, usual_us: int) -> int:
    try:
        return max(retry_queue.read_head(path).wait_us, usual_us)
    except (retry_queue.GoneError, retry_queue.ForeignRetryError):
        return LONGEST_WAIT_US


def pause_us(
    attempts: int, retry: sections.Retry, chance: Random, wish_seconds: float | None = None
) -> int:
    """How long to wait after so many attempts: full jitter, and never less than the remote asks.

    That is anything from 0 to min(`max_seconds`, `first_seconds` * 2^(attempts - 1)). A remote's
    wish counts up to LONGEST_WAIT_US.
    """
    doublings = min(max(attempts, 1) - 1, 64)
    longest = min(retry.max_seconds, retry.first_seconds * 2.0**doublings)
    seconds = max(chance.uniform(0.0, longest), wish_seconds or 0.0)
    return min(math.ceil(seconds * SECOND_US), LONGEST_WAIT_US)
