"""Ends that no agent reported: a process that is gone, a silence that has lasted too long.

A session that only its transcript tells of has no process that could be looked at; a short silence
is enough.

An inferred end is no fact and stands in no journal: it is noted in the database with the last event
that was known, any later event lifts it, and after a lost database it is inferred anew.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import apsw

from journal.settings.sources import Settings
from journal.times import SECOND_US

GONE = "process_gone"
SILENCE = "silence"
IMPORTED = "imported"
_HOUR_US = 3600 * SECOND_US
_IMPORTED_US = 600 * SECOND_US  # of silence
_SLACK_US = 60 * SECOND_US  # by which clocks may differ that say when a process started


class Ended(NamedTuple):
    """A session that counts as ended from now on."""

    agent: str
    session: str
    last_us: int
    reason: str


def due(
    db: apsw.Connection, settings: Settings, host: str, now_us: int, *, silence: bool
) -> list[Ended]:
    """The open sessions, except pinned ones, that have ended as far as this host can tell.

    A pid of another host is neither alive nor dead. A `silence` that is looked at, too, is
    compared strictly.
    """
    limit_us = settings.sessions.reap_after_hours * _HOUR_US
    found = []
    for agent, session, last_us, pid, on, hooked in _open_sessions(db):
        silent_us = now_us - last_us
        if pid is None and silent_us > _IMPORTED_US and not hooked:
            found.append(Ended(agent, session, last_us, IMPORTED))
        elif silence and silent_us > limit_us:
            found.append(Ended(agent, session, last_us, SILENCE))
        elif pid is not None and on == host and not is_alive(pid, last_us):
            found.append(Ended(agent, session, last_us, GONE))
    return found


def _open_sessions(db: apsw.Connection) -> Iterator[Any]:
    query = """
        select s.agent, s.id, s.last_us, cast(s.state as text) ->> 'pid', s.host,
          cast(s.state as text) ->> 'hooked'
        from session_states s left join pins p on p.agent = s.agent and p.session = s.id
        where s.status <> 'finished' and coalesce(p.pinned, 0) = 0
        order by s.last_us
    """
    return iter(db.execute(query).fetchall())


def is_alive(pid: int, last_us: int) -> bool:
    """Whether the process with this number is the one that was there at that time."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True  # somebody else's: what cannot be known does not count as dead
    started_us = _started_us(pid)
    return started_us is None or started_us <= last_us + _SLACK_US


def _started_us(pid: int) -> int | None:
    """When a process began, microseconds since 1970; None: it cannot be told."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - read for each open session
            ticks = int(file.read().rpartition(b")")[2].split()[19])  # field 22, proc(5)
    except FileNotFoundError:
        return _asked_us(pid)
    except (OSError, ValueError, IndexError):
        return None
    since_boot_us = ticks * SECOND_US // os.sysconf("SC_CLK_TCK")
    booted_us = (time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)) // 1000
    return booted_us + since_boot_us


def _asked_us(pid: int) -> int | None:
    """The same where there is no /proc."""
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=1, env={"LC_ALL": "C"}
        )
        return int(time.mktime(time.strptime(done.stdout.strip()))) * SECOND_US
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
