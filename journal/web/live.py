"""What happens, as it happens: one look at the home for all who wait for it.

The `Follower` of the terminal's live list does the work: it syncs what is new where no watcher
does. Here it looks before each answer, and several times a second while a page is open.
"""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import apsw
import orjson

from journal.cli.app import App
from journal.cli.follow import Follower
from journal.errors import JournalError
from sync.query import changes

TICK_SECONDS = 0.3
RESTING_SECONDS = 2.0  # no page is open


class Live:
    """Follows a home from `start` to `close`. `problem`: why nothing new is synced."""

    def __init__(self, app: App) -> None:
        self._follower = Follower(app)
        self._look = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)
        self._waiting: set[asyncio.Queue[dict[str, Any] | None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._seen: changes.Mark | None = None
        self.number = 0  # of changes so far
        self.problem: JournalError | None = None

    def start(self) -> None:
        """Begin to follow; to be called in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def close(self) -> None:
        """Stop, and let go of everyone who waits."""
        self._stop.set()
        self.let_go()
        self._thread.join()
        self._follower.close()

    def let_go(self) -> None:
        """End all streams."""
        for queue in list(self._waiting):
            queue.put_nowait(None)

    def look(self) -> None:
        """Sync what is new, within the time that every reading command takes for it."""
        with self._look:
            try:
                changed = self._follower.changed()
                self.problem = self._follower.problem
                if not changed:
                    return
                reported = self._reported()
            except JournalError as error:
                self.problem = error
                return
            except apsw.Error as error:
                self.problem = JournalError(f"the database cannot be read: {error}")
                return
            self.number += 1
        if reported is not None and self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._tell, reported)

    def _reported(self) -> dict[str, Any] | None:
        """What the stream says of a change; None for the first look."""
        before, self._seen = self._seen, changes.mark(self._follower.database())
        if before is None or before == self._seen:
            return None
        found = changes.since(self._follower.database(), before)
        return {"number": self.number + 1, "sessions": found}

    def _tell(self, reported: dict[str, Any]) -> None:
        for queue in self._waiting:
            queue.put_nowait(reported)

    def _run(self) -> None:
        while not self._stop.wait(TICK_SECONDS if self._waiting else RESTING_SECONDS):
            self.look()

    async def stream(self) -> AsyncIterator[bytes]:
        """Server-sent events (WHATWG HTML, 9.2), one for each change from now on."""
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._waiting.add(queue)
        try:
            while (reported := await queue.get()) is not None:
                yield b"data: " + orjson.dumps(reported) + b"\n\n"
        finally:
            self._waiting.discard(queue)
