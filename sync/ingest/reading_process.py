"""Reads a large backlog in a process of its own, so that one core reads while another one writes.

The process is a fork that only reads: it writes no row and no file, and of all that its parent has
open it keeps the memory and the socket through which it hands over what it made. If it is lost,
its parent reads the rest itself.
"""

import os
import pickle
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

WORTH_BYTES = 16 << 20  # of new lines
_MOST_BYTES = 64 << 20  # of what is handed over at once; what is larger is left to the parent
_SLOTS = 2  # what waits at most for the parent
_SLOT_BYTES = 1 << 40  # between the addresses of two slots; they take the memory that is written
_SIZE_BYTES = 8
_FREE = b"."


def is_worth(new_bytes: int) -> bool:
    """Whether there is much to read, and another core, and no thread that a fork would cut off."""
    if new_bytes < WORTH_BYTES or sys.platform != "linux" or not hasattr(os, "memfd_create"):
        return False
    return threading.active_count() == 1 and len(os.sched_getaffinity(0)) > 1


def ahead(items: Callable[[], Iterator[Any]]) -> Iterator[Any]:
    """What `items` yields in another process, in the same order; it may end too early."""
    try:
        memory = os.memfd_create("journal")
    except OSError:
        return
    ours, theirs = socket.socketpair()
    try:
        process = os.fork()
    except OSError:
        process = None
    if process == 0:
        _run(items, memory, theirs.detach())
    theirs.close()
    try:
        if process is not None:
            yield from _received(memory, ours)
    finally:
        ours.close()
        os.close(memory)
        if process is not None:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


def _received(memory: int, ours: socket.socket) -> Iterator[Any]:
    number = 0
    while size := _size(ours):
        data = os.pread(memory, size, number % _SLOTS * _SLOT_BYTES)
        item = pickle.loads(data)  # made by our own fork
        del data
        with suppress(OSError):  # it has ended
            ours.send(_FREE)
        yield item
        number += 1


def _size(ours: socket.socket) -> int:
    """Of what was handed over; 0: the other process has ended."""
    try:
        return int.from_bytes(ours.recv(_SIZE_BYTES, socket.MSG_WAITALL), "big")
    except OSError:
        return 0


def _run(items: Callable[[], Iterator[Any]], memory: int, theirs: int) -> None:
    """The whole life of the other process. It ends when its parent does."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the parent, too
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _close_all_but(memory, theirs)
        _send(items(), memory, theirs)
        status = 0
    except BrokenPipeError:
        pass
    finally:
        os._exit(status)


def _close_all_but(*kept: int) -> None:
    """A lock of the parent, for one, ends with the parent."""
    first = 3
    for one in sorted(kept):
        os.closerange(first, one)
        first = one + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


def _send(items: Iterator[Any], memory: int, theirs: int) -> None:
    for number, item in enumerate(items):
        data = pickle.dumps(item, pickle.HIGHEST_PROTOCOL)
        if len(data) > _MOST_BYTES or (number >= _SLOTS and not os.read(theirs, 1)):
            return
        os.pwrite(memory, data, number % _SLOTS * _SLOT_BYTES)
        os.write(theirs, len(data).to_bytes(_SIZE_BYTES, "big"))
