"""The watcher's loop: when the next pass is due, and when it is time to leave.

Invariant: an event is only a reason to look sooner. Every change is found by a scan, at the
latest `scan_seconds` after the change or after the pass that was running then, although no event
ever came: lost ones, an overflow of the queue, a network file system, a folder deleted and made
again. Passes run in the caller's thread, one after the other; the observer's thread sets a flag
and does nothing else. No child, no port, nothing on disk but the time of the lock file: a killed
watcher leaves nothing behind.
"""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from queue import Empty, SimpleQueue

from journal.errors import JournalError
from sync.folder_observer import BLIND_SECONDS, FolderObserver

SCAN_SHARE = 100  # ... but scanning takes no more than one part in so many of a core
REST_SECONDS = 3600.0  # a pass runs at least so often, for what becomes due by time alone
LIFE_SECONDS = 5.0  # between two signs of life in a pass
GRACE_SECONDS = 1.7  # after this a pass that was asked to stop is cut off; the next one repeats it


class Program(Enum):
    """The program that runs, compared with what is installed now."""

    CURRENT = "current"
    UNSETTLED = "unsettled"  # being replaced at this moment: do nothing with it
    CHANGED = "changed"
    GONE = "gone"


class End(Enum):
    """Why the watcher left."""

    STOPPED = "stopped"
    IDLE = "idle"
    CHANGED = "changed"  # it shall start again
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Orders:
    """All that the loop knows of the world; what takes nothing is asked at each scan."""

    folder: Path
    run_pass: Callable[[Callable[[], bool]], int]  # is given "shall I stop?"; how much was synced
    changed: Callable[[], bool]  # cheap: is there anything that the last good pass has not seen?
    program: Callable[[], Program]
    on_error: Callable[[JournalError], None]
    settle_seconds: float
    scan_seconds: float
    idle_seconds: float | None = None  # leave when nothing was synced for so long
    waiting: Callable[[], bool] = lambda: False  # is work left that the next scan's pass must do?
    show_life: Callable[[], None] = lambda: None  # at each look, and now and then in a pass


class Watcher:
    """One run of the loop. `stop` and `look` may be called from a signal handler or any thread."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._wakes: SimpleQueue[None] = SimpleQueue()  # its put is reentrant, an Event's set not
        self._stops: SimpleQueue[None] = SimpleQueue()
        self._stopped = False
        self._ended = False
        self._noticed = False
        self._blind = False  # a scan found what no event had announced
        self._failed = False
        self._unsettled = False
        self._scan_cost = 0.0
        self._passed_at: float | None = None
        self._active_at = time.monotonic()
        self._shown_at = 0.0

    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def look(self) -> None:
        """Ask `Orders.waiting` again, and all else that is asked at a scan."""
        self._wakes.put(None)

    def stop(self) -> None:
        """The running transaction is finished, then `run` returns; within two seconds it is over.

        A pass that does not come to an end of a transaction in time is cut off with its process,
        exit code 0: that is safe at any instruction.
        """
        self._stopped = True
        self._wakes.put(None)
        self._stops.put(None)

    def run(self) -> End:
        """Watch until there is a reason to leave."""
        threading.Thread(target=self._leave_late, daemon=True).start()
        observer = FolderObserver(self._orders.folder, self._notice)
        try:
            while (end := self._turn(observer)) is None:
                self._wait(self._pause(observer))
        finally:
            observer.close()
            self._ended = True
        return end

    def _leave_late(self) -> None:
        self._stops.get()
        time.sleep(GRACE_SECONDS)
        if not self._ended:
            os._exit(0)

    def _notice(self) -> None:
        if not self._noticed:
            self._noticed = True
            self._wakes.put(None)

    def _turn(self, observer: FolderObserver) -> End | None:
        """Look once, run a pass if one is due; a reason to leave, if there is one."""
        announced, self._noticed = self._noticed, False  # before the look: what comes now, comes
        self._show_life()
        if self.stopping():
            return End.STOPPED
        observer.open()
        program = self._orders.program()
        self._unsettled = program is Program.UNSETTLED
        if program is Program.CHANGED or program is Program.GONE:
            return End[program.name]
        if not self._unsettled:
            self._pass_if_due(announced)
        if self.stopping():
            return End.STOPPED
        return End.IDLE if self._idle_left() <= 0 and not self._noticed else None

    def _pass_if_due(self, announced: bool) -> None:
        """One of three places that catch every error: it is reported, the next scan repeats."""
        try:
            if self._due(announced):
                self._pass()
            self._failed = False
        except JournalError as error:
            self._failed = True
            self._orders.on_error(error)

    def _due(self, announced: bool) -> bool:
        began = time.monotonic()
        changed = self._orders.changed()
        self._scan_cost = time.monotonic() - began
        if announced:
            self._blind = False
        elif changed and not self._failed and self._passed_at is not None:
            self._blind = True
        if changed or self._passed_at is None:
            return True
        rested_seconds = began - self._passed_at
        waits = rested_seconds >= self._orders.scan_seconds and self._orders.waiting()
        return waits or rested_seconds >= REST_SECONDS

    def _pass(self) -> None:
        taken = self._orders.run_pass(self._stopping_pass)
        self._passed_at = time.monotonic()
        if taken:
            self._active_at = self._passed_at

    def _stopping_pass(self) -> bool:
        if time.monotonic() - self._shown_at > LIFE_SECONDS:
            self._show_life()
        return self.stopping()

    def _show_life(self) -> None:
        self._shown_at = time.monotonic()
        self._orders.show_life()

    def _idle_left(self) -> float:
        """Seconds until it is time to leave for want of work."""
        if self._orders.idle_seconds is None or self._unsettled or self._orders.waiting():
            return float("inf")
        return self._active_at + self._orders.idle_seconds - time.monotonic()

    def _pause(self, observer: FolderObserver) -> float:
        """Seconds until the next scan, if nothing is noticed before."""
        seconds = self._orders.scan_seconds
        if self._unsettled:
            seconds = BLIND_SECONDS
        elif not self._failed and (observer.blind or self._blind):
            seconds = min(seconds, max(BLIND_SECONDS, SCAN_SHARE * self._scan_cost))
        return max(0.0, min(seconds, self._idle_left()))

    def _wait(self, seconds: float) -> None:
        """Until the next scan, or `settle_ms` after an event. After a failure no event counts."""
        if self._failed:
            self._sleep(seconds)
        elif self._woken(seconds):  # counted from the first event: a stream of them delays nothing
            self._sleep(self._orders.settle_seconds)

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self.stopping() and (left := end - time.monotonic()) > 0:
            self._woken(left)

    def _woken(self, seconds: float) -> bool:
        try:
            self._wakes.get(timeout=seconds)
        except Empty:
            return False
        return True
