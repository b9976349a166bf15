"""Events of a folder, from the system (watchdog), as one call: something happened there."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

from watchdog import events
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

BLIND_SECONDS = 1.0  # between scans while no events can be expected
_CHANGES = [
    events.DirCreatedEvent,
    events.DirDeletedEvent,
    events.DirMovedEvent,
    events.FileCreatedEvent,
    events.FileDeletedEvent,
    events.FileModifiedEvent,
    events.FileMovedEvent,
]  # not what reading causes: a pass must not wake the next one


class FolderObserver:
    """An observer of the folder that is there now: a new one if that was replaced, or it died.

    Where the system refuses (no inotify watches left, nothing to observe) it is blind, and frequent
    scans take its place.
    """

    def __init__(self, folder: Path, notice: Callable[[], None]) -> None:
        self._folder = folder
        self._handler = _Handler(notice)
        self._observer: BaseObserver | None = None
        self._observed: tuple[int, int] | None = None
        # What it has to say is that events were lost, which is what the scan is for.
        logging.getLogger("watchdog").addHandler(logging.NullHandler())

    @property
    def blind(self) -> bool:
        """Whether no event can come."""
        return self._observer is None

    def open(self) -> None:
        """Observe what is at the folder's path at this moment."""
        found = self._identity()
        if found == self._observed and self._alive():
            return
        self.close()
        if found is None:
            return
        try:
            self._observer = Observer()
            path = os.path.realpath(self._folder)  # a link itself is not followed
            self._observer.schedule(self._handler, path, recursive=True, event_filter=_CHANGES)
            self._observer.start()
            self._observed = found
        except OSError:
            self.close()

    def close(self) -> None:
        """End the observer and its descriptors."""
        observer, self._observer, self._observed = self._observer, None, None
        if observer is not None:
            observer.stop()
            if observer.is_alive():
                observer.join(BLIND_SECONDS)

    def _identity(self) -> tuple[int, int] | None:
        try:
            status = self._folder.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _alive(self) -> bool:
        observer = self._observer
        if observer is None or not observer.is_alive():
            return False
        return all(emitter.is_alive() for emitter in observer.emitters)


class _Handler(events.FileSystemEventHandler):
    """Passes on that something happened; what it was, the scan finds out."""

    def __init__(self, notice: Callable[[], None]) -> None:
        self._notice = notice

    def on_any_event(self, event: events.FileSystemEvent) -> None:
        """Called in the observer's thread."""
        self._notice()
