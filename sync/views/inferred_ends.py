"""Ends that no agent reported: a process that is gone, a silence that has lasted too long.

A session of which only the transcript is known has no process that could be looked at; a short
silence is enough.

An inferred end is not a fact and is in no journal: it is noted in the database with the last event
that was known, any later event lifts it, and after a lost database it is inferred again.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from journal.settings.sources import Settings
from journal.times import SECOND_US
from sync.store import clock, states
from sync.views import projects
from sync.views.pins_and_ends import IMPORTED

GONE = "process_gone"
SILENCE = "silence"
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
    """The open sessions, except pinned ones, that have ended as far as this host can know.

    A pid of another host is neither alive nor dead. A `silence` that is looked at, too, is
    compared strictly.
    """
    limit_us = settings.sessions.reap_after_hours * _HOUR_US
    found = []
    home = projects.home_of(db)
    for agent, session, last_us, arrived_us, on, state in _open_sessions(db):
        pid, process = state.get("pid"), state.get("process") or ""
        reported_us = now_us - last_us
        silent_us = reported_us
        if reported_us > limit_us and arrived_us and process and _runs(process):
            silent_us = now_us - max(last_us, arrived_us)  # its clock may have been behind
        if pid is None and reported_us > _IMPORTED_US and not state.get("hooked"):
            found.append(Ended(agent, session, last_us, IMPORTED))
        elif silence and silent_us > limit_us:
            found.append(Ended(agent, session, last_us, SILENCE))
        elif process:
            is_known = _is_known(pid, state.get("processes", 0))
            if is_known and _is_gone(process, on == host and state.get("home") == home):
                found.append(Ended(agent, session, last_us, GONE))
        elif pid is not None and on == host and not is_alive(pid, last_us):
            found.append(Ended(agent, session, last_us, GONE))
    return found


def _open_sessions(db: apsw.Connection) -> Iterator[Any]:
    query = """
        select s.agent, s.id, s.head_us, a.at_us, s.host, s.state
        from session_states s left join pins p on p.agent = s.agent and p.session = s.id
        left join arrivals a on a.agent = s.agent and a.session = s.id
        where s.status <> 'finished' and coalesce(p.pinned, 0) = 0
        order by s.last_us
    """
    rows: list[Any] = db.execute(query).fetchall()
    for *row, data in rows:
        yield *row, states.fields(data)


def can_be_seen(process: str, processes: int, pid: int | None, host: str) -> bool:
    """Whether a process of the session is known that can be looked at on this machine."""
    if not process:
        return pid is not None and host == os.uname().nodename
    return _is_known(pid, processes) and _found(process) is not None


def _is_known(pid: int | None, processes: int) -> bool:
    return pid is not None or processes > 1  # a parent may have been a passing shell


def _is_gone(process: str, is_ours: bool) -> bool:
    """Whether a process that a hook named (see hooks.emit.process) certainly runs no more.

    No clock is asked. `is_ours`: it was on this machine, before a restart if the boot is another.
    """
    _, _, boot, _ = _parts(process)
    return is_ours if boot != clock.boot_id()[:8] else _found(process) is False


def _runs(process: str) -> bool:
    """Whether it certainly runs."""
    return _found(process) is True


def _parts(process: str) -> list[str]:
    """Its number, its start, the boot and the pid namespace."""
    return [*process.split("."), "", "", "", ""][:4]


def _found(process: str) -> bool | None:
    """Whether this very process is there; None: it is another machine's or container's."""
    pid, start, boot, namespace = _parts(process)
    try:
        if boot != clock.boot_id()[:8] or namespace != _pid_namespace():
            return None
        with open(f"/proc/{int(pid)}/stat", "rb") as file:  # noqa: PTH123
            return file.read().rpartition(b")")[2].split()[19].decode() == start
    except (FileNotFoundError, ProcessLookupError):
        return False
    except (OSError, ValueError, IndexError):
        return None


def _pid_namespace() -> str:
    return str(Path("/proc/self/ns/pid").readlink())[5:-1]


def is_alive(pid: int, last_us: int) -> bool:
    """Whether the process with this number is the one that was there at that time."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True  # another user's: a process that cannot be looked at counts as running
    started_us = _started_us(pid)
    return started_us is None or started_us <= last_us + _SLACK_US


def _started_us(pid: int) -> int | None:
    """When a process began, microseconds since 1970; None: unknown."""
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
    """The same without /proc."""
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=1, env={"LC_ALL": "C"}
        )
        return int(time.mktime(time.strptime(done.stdout.strip()))) * SECOND_US
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
