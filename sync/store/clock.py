"""Whether the clock can be trusted: asked before anything is deleted, packed or ended by its age.

The wall clock is compared with the machine's count of time since its start, which cannot be set.
If the two differ by more than a day, the clock was moved, or was wrong before; which of the two is
unknown. Then what goes by age waits for a pass 24 hours later that agrees. No such count goes
across a restart: there more than a day since the last pass counts as moved.

The file `clock` in the home remembers what was seen, as JSON. It lies outside the database, for a
new or older database must not make a wrong clock a right one.
"""

import subprocess
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from journal.durable_files import write_whole
from journal.layout import Layout
from journal.times import DAY_US, SECOND_US
from sync.conditions import Reading

LIMIT_US = DAY_US  # a clock that moved by more is not trusted
HINT = "nothing is deleted by age for 24 hours; if the date is right: journal prune --yes"
WAIT_US = DAY_US  # ... until a pass so much later agrees with it
_SEEN_US = 3600 * SECOND_US  # how exactly the time of the last pass is remembered
# No record is older than the program: a clock that said less was wrong.
_EARLIEST_US = 1_790_000_000 * SECOND_US  # 2026-09-21
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def read(now_us: int) -> Reading:
    """Both clocks of this machine."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # macOS counts sleep in this one
    return Reading(boot_id(), time.clock_gettime_ns(clock) // 1000, now_us)


@lru_cache(maxsize=1)
def boot_id() -> str:
    """What names this start of this machine; "" if the system does not say."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        pass
    try:
        command = ["sysctl", "-n", "kern.bootsessionuuid"]  # macOS
        done = subprocess.run(command, capture_output=True, text=True, timeout=1)
        return done.stdout.strip() if done.returncode == 0 else ""
    except (OSError, subprocess.SubprocessError):
        return ""


class Shift(NamedTuple):
    """What arrived between these times was stamped by a clock that was behind by `by_us`."""

    from_us: int
    to_us: int
    by_us: int


@dataclass(frozen=True, slots=True)
class State:
    """What the file remembers."""

    trusted: Reading
    seen_us: int  # the last pass whose clock was trusted, by that clock
    doubt: Reading | None = None  # since then the clock shows another time

    def json(self) -> bytes:
        """The content of the file."""
        readings = [None if one is None else list(one) for one in (self.trusted, self.doubt)]
        fields = {"trusted": readings[0], "seen_us": self.seen_us, "doubt": readings[1]}
        return orjson.dumps(fields) + b"\n"

    @classmethod
    def load(cls, path: Path) -> "State | None":
        """What a file holds; None: there is none, or it is damaged."""
        try:
            found = orjson.loads(path.read_bytes())
            trusted, doubt = map(_reading, (found["trusted"], found["doubt"]))
            return None if trusted is None else cls(trusted, int(found["seen_us"]), doubt)
        except (OSError, ValueError, LookupError, TypeError):
            return None


def _reading(value: Any) -> Reading | None:
    return None if value is None else Reading(str(value[0]), int(value[1]), int(value[2]))


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock as one pass sees it. Without a reading it is trusted: tests bring their own time.

    `problem`: why it is not trusted, for people; "" if it is. `believed_us`: what time it is as
    far as is known. `drift_us`: by how much it was moved since it was first trusted.
    """

    believed_us: int
    problem: str = ""
    drift_us: int = 0
    shift: Shift | None = None

    @property
    def is_trusted(self) -> bool:
        """Whether anything may go by its age."""
        return not self.problem


def look(layout: Layout, now: Reading, *, accept: bool = False) -> tuple[Clock, State]:
    """Judge the clock; and what is to be remembered, see `keep`.

    The first time there is nothing to compare with. `accept`: a person says that it is right.
    """
    before = State.load(layout.clock)
    if before is None or accept:
        return Clock(now.wall_us), State(now, now.wall_us)
    moved_us = _moved_us(before, now)
    if abs(moved_us) <= LIMIT_US:
        return _trusted(before, now, moved_us)
    if before.doubt is not None and _agrees(before.doubt, now):
        if now.wall_us - before.doubt.wall_us >= WAIT_US:
            return Clock(now.wall_us, shift=_shift(before, now)), State(now, now.wall_us)
        state = before
    else:
        state = State(before.trusted, before.seen_us, now)
    return Clock(_believed_us(before, now), _problem(moved_us)), state


def problem(layout: Layout, now_us: int) -> str:
    """Why the clock is not trusted, for people who only look; "" if it is."""
    return look(layout, read(now_us))[0].problem


def keep(layout: Layout, state: State) -> None:
    """Remember it. JournalError: the home cannot be written."""
    data = state.json()
    try:
        if layout.clock.read_bytes() == data:
            return
    except OSError:
        pass  # none yet
    write_whole(layout.clock, data)


def _trusted(before: State, now: Reading, moved_us: int) -> tuple[Clock, State]:
    same = _same_boot(before.trusted, now)
    seen_us = before.seen_us
    if not 0 <= now.wall_us - seen_us < _SEEN_US:
        seen_us = now.wall_us
    state = State(before.trusted if same else now, seen_us)
    return Clock(now.wall_us, drift_us=moved_us if same else 0), state


def _same_boot(one: Reading, other: Reading) -> bool:
    return bool(one.boot) and one.boot == other.boot and one.up_us <= other.up_us


def _moved_us(before: State, now: Reading) -> int:
    """By how much the clock was moved since it was trusted; across a restart, what it says."""
    if _same_boot(before.trusted, now):
        return now.wall_us - before.trusted.wall_us - (now.up_us - before.trusted.up_us)
    return now.wall_us - before.seen_us


def _agrees(one: Reading, other: Reading) -> bool:
    apart_us = other.wall_us - one.wall_us
    if _same_boot(one, other):
        return abs(apart_us - (other.up_us - one.up_us)) <= LIMIT_US
    return abs(apart_us) <= WAIT_US + LIMIT_US


def _believed_us(before: State, now: Reading) -> int:
    if _same_boot(before.trusted, now):
        return before.trusted.wall_us + now.up_us - before.trusted.up_us
    return max(before.seen_us, min(now.wall_us, before.seen_us + LIMIT_US))


def _shift(before: State, now: Reading) -> Shift | None:
    """What was stamped before the clock was put forward."""
    was, moved_us = before.trusted, _moved_us(before, now)
    since_us = was.wall_us - LIMIT_US
    if _same_boot(was, now):
        until_us = was.wall_us + now.up_us - was.up_us
        return Shift(since_us, until_us, moved_us) if moved_us > 0 else None
    if was.wall_us < _EARLIEST_US:
        return Shift(since_us, before.seen_us + LIMIT_US, moved_us)
    return None


def _problem(moved_us: int) -> str:
    days = abs(moved_us) / DAY_US
    ahead = "forward" if moved_us > 0 else "back"
    return f"the clock went {ahead} by {days:,.0f} days since the last sync"
