"""The stages that wait for others, next to a watcher's passes: in a thread of their own.

So a slow model or remote delays no pass. The thread is woken after each pass, and by that alone.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from journal.errors import JournalError

if TYPE_CHECKING:
    from sync.slow_stages import Outside

LEAVE_SECONDS = 1.5  # is waited for a run to end when the watcher leaves


class Background:
    """One thread that runs `run` whenever it is woken, until `close`."""

    def __init__(
        self, run: Callable[[], "Outside"], report: Callable[..., None], ended: Callable[[], None]
    ) -> None:
        self._run = run
        self._report = report  # of errors; all there are at that moment
        self._ended = ended  # called whenever a run is over
        self._woken = threading.Event()
        self._closed = False
        self._is_running = False
        self._is_waiting = False
        self._thread = threading.Thread(target=self._turns, daemon=True)
        self._thread.start()

    @property
    def is_waiting(self) -> bool:
        """Whether it is at work, or something is left that a later run has to do."""
        return self._is_running or self._is_waiting

    def wake(self) -> None:
        """There may be something to do."""
        self._is_running = True
        self._woken.set()

    def close(self) -> None:
        """End the thread; its work was asked to stop before."""
        self._closed = True
        self._woken.set()
        self._thread.join(LEAVE_SECONDS)

    def _turns(self) -> None:
        while True:
            self._woken.wait()
            self._woken.clear()
            if self._closed:
                return
            self._turn()
            self._is_running = self._woken.is_set()
            self._ended()

    def _turn(self) -> None:
        """Like a pass of the watcher, it may fail: that is reported, the next run repeats it."""
        try:
            outside = self._run()
            self._is_waiting = outside.is_waiting
            self._report(*(JournalError(problem) for problem in outside.problems))
        except JournalError as error:
            self._report(error)
        except Exception as error:  # noqa: BLE001 - a bug must not end the thread unheard
            self._report(JournalError(f"unexpected {type(error).__name__}: {error}"))
