"""flock on a file of the home: one process has it, and it ends with the process."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from journal.durable_files import make_folder
from journal.errors import BusyError, JournalError


@contextmanager
def locked(path: Path, keep_trying: Callable[[], bool]) -> Iterator[None]:
    """Hold the lock; `keep_trying` is asked (and may sleep) before each further attempt.

    BusyError: another process still had it when `keep_trying` said no; names its pid.
    """
    make_folder(path.parent)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        hint = "check the owner and rights of the home"
        raise JournalError(f"cannot open {path}: {error.strerror}", hint) from error
    try:
        while not _try(fd):
            if not keep_trying():
                raise BusyError(f"another sync is running (process {_holder(fd)})", "try again")
        _sign(fd)
        yield
    finally:
        os.close(fd)


def _try(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(fd: int) -> None:
    """Leave our pid for those that have to wait. A full disk does not prevent the lock."""
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    except OSError:
        return


def _holder(fd: int) -> str:
    return os.pread(fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
