"""How the watcher of a home is: when it last looked, and whether it is stopped or stuck.

It sets the time of its lock file at each look and during a pass (journal/cli/plumbing/watch.py).
"""

from dataclasses import dataclass

from hooks import autostart
from hooks.local_pass import read_file
from journal.layout import Layout
from journal.times import SECOND_US

_LEAST_SECONDS = 120.0
_LOOKS = 4  # as many are missed when it counts as stuck


@dataclass(frozen=True, slots=True)
class Watching:
    """A watcher that runs. `trouble` says in few words what is wrong with it; "" if nothing is."""

    pid: int
    looked_us: int | None  # when it last looked; None: unknown
    trouble: str = ""

    @property
    def hint(self) -> str:
        """What to do about the trouble."""
        if self.trouble == "stopped":
            return f"to continue it: kill -CONT {self.pid}"
        return f"to end it: kill -KILL {self.pid}; the next session starts another"


def look(layout: Layout, scan_seconds: float, now_us: int) -> Watching | None:
    """The watcher that runs in this home; None: there is none."""
    pid = autostart.watcher(str(layout.home))
    if not pid:
        return None
    try:
        looked_us = (layout.home / autostart.LOCK).stat().st_mtime_ns // 1000
    except OSError:
        return Watching(pid, None)
    if _is_stopped(pid):
        return Watching(pid, looked_us, "stopped")
    patience_us = int(max(_LEAST_SECONDS, _LOOKS * scan_seconds) * SECOND_US)
    return Watching(pid, looked_us, "stuck" if now_us - looked_us > patience_us else "")


def _is_stopped(pid: int) -> bool:
    """By SIGSTOP, Ctrl-Z or a debugger; False where there is no /proc (proc(5), field 3)."""
    status = read_file(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return status[:1] in ([b"T"], [b"t"])
