"""The thread that keeps the list up to date: what was typed, and what changes, is looked up."""

import threading
import time
from collections.abc import Callable

from journal.browse.source import Found, Source
from journal.errors import JournalError

TICK_SECONDS = 0.2
TROUBLE_SECONDS = 2.0  # until what failed is tried again
BY_TIME_SECONDS = 30.0  # with a filter by time, sessions leave the list by time alone
READ_SHARE = 4  # looking up takes no more than one part in so many of a core, but after a key


class Looking:
    """Answers the last question, at once and again whenever its answer changes.

    `show` is called in the thread, with the question and its answer, or why there is none. After
    an error that is not a JournalError the thread ends.
    """

    def __init__(
        self, source: Source, text: str, show: Callable[[str, Found | Exception], object]
    ) -> None:
        self._source = source
        self._text = text
        self._show = show
        self._asked = threading.Event()
        self._asked.set()
        self._stopped = False
        self._found = Found()
        self._stale = False  # something has changed since
        self._look_at = self._read_at = 0.0
        self._thread = threading.Thread(target=self._run, name="looking", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End, and let go of the database."""
        self._stopped = True
        self._asked.set()
        self._thread.join()
        self._source.close()

    def ask(self, text: str) -> None:
        """Look this up at once."""
        self._text = text
        self._asked.set()

    def _run(self) -> None:
        try:
            self._answer_all()
        except Exception as error:  # noqa: BLE001  the program raises it again
            self._show(self._text, error)

    def _answer_all(self) -> None:
        while True:
            if asked := self._asked.wait(TICK_SECONDS):
                self._asked.clear()  # never otherwise: it may have been set since
            if self._stopped:
                return
            if not asked and time.monotonic() < self._look_at:
                continue
            self._look(self._text, asked)

    def _look(self, text: str, asked: bool) -> None:
        try:
            if not asked:
                self._stale |= self._source.changed(self._found)
                if not self._stale and not self._is_over(time.monotonic()):
                    return
            began = time.thread_time()  # on a busy machine a look takes long and costs no more
            self._found = self._source.find(text)
        except JournalError as error:
            self._stale = True
            self._look_at = time.monotonic() + TROUBLE_SECONDS
            self._show(text, error)
            return
        self._stale = False
        self._read_at = time.monotonic()
        self._look_at = self._read_at + READ_SHARE * (time.thread_time() - began)
        self._show(text, self._found)

    def _is_over(self, now: float) -> bool:
        return self._found.by_time and now - self._read_at > BY_TIME_SECONDS
