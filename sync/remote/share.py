"""File operations on a folder that may be another machine's: bounded in time, errors classified.

A dead network mount holds a process that touches it in the kernel, for minutes or for ever, and no
signal ends that. So each piece of work is done by a thread of its own that is waited
for so long and no longer. One that hangs is left behind, and as long as it does nothing else is
begun on that folder: a remote that is dead for a week holds one thread. What it does when the mount
comes back is harmless: it writes what would be written again, under the same name.
"""

import errno
import os
import stat
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import TypeVar

from journal.printable import one_line
from sync.remote.contract import RemoteError, Then

Found = TypeVar("Found")

_hanging: dict[Path, Thread] = {}

_FULL = (errno.ENOSPC, errno.EDQUOT)
_DENIED = (errno.EACCES, errno.EPERM)
_MISSING = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_IN_THE_WAY = (errno.EISDIR, errno.EEXIST)
_NO_FSYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF)


def within(folder: Path, seconds: float, work: Callable[[], Found]) -> Found:
    """What `work` returns or raises, OSErrors as RemoteErrors.

    RemoteError `timeout`: it has not come back, and whether it has done its work is ambiguous.
    """
    before = _hanging.get(folder)
    if before is not None and before.is_alive():
        message = one_line(f"{folder} still does not answer")
        raise RemoteError("timeout", message, Then.RETRY)
    future: Future[Found] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
            future.set_exception(error)

    # A daemon: the end of the process does not wait for it.
    thread = Thread(target=run, name="folder", daemon=True)
    thread.start()
    thread.join(seconds)
    if not future.done():
        _hanging[folder] = thread
        message = one_line(f"{folder} did not answer within {seconds:.3g} s")
        raise RemoteError("timeout", message, Then.RETRY, ambiguous=True)
    try:
        return future.result()
    except OSError as error:
        raise classified(folder, error) from error


def classified(folder: Path, error: OSError) -> RemoteError:
    """What follows from an error of the file system of `folder`."""
    number, reason = error.errno, error.strerror or type(error).__name__
    place = error.filename if isinstance(error.filename, str) else folder
    message = one_line(f"{place}: {reason}")
    if number in _FULL:
        return RemoteError("full", message, Then.RETRY)
    if number == errno.EFBIG:
        return RemoteError("too_large", message, Then.SPLIT)
    if number == errno.EROFS:
        return paused("read_only", message)
    if number in _DENIED:
        return paused("denied", message + closed_to_us(Path(place)))
    if number in _MISSING:
        return paused("missing", message)
    if number in _IN_THE_WAY:
        return paused("in_the_way", message)
    # EIO, ESTALE, ENOTCONN and the like: a share whose server has gone for a while.
    return RemoteError("io", message, Then.RETRY, ambiguous=True)


def closed_to_us(path: Path) -> str:
    """Why this account may not use a path of a folder, and what helps; "" if that is unknown.

    The first thing on the way up that can be looked at says it.
    """
    for place in (path, *path.parents):
        try:
            status = place.stat()
        except OSError:
            continue
        mode, us = stat.filemode(status.st_mode), os.getuid()
        if status.st_uid == us or us == 0:
            return f" ({place} is {mode})"
        return (
            f" ({place} is {mode}, of user {status.st_uid} and group {status.st_gid}, you are user "
            f"{us}: let its owner run chmod g+rwX on it, with a group that you are in; "
            "docs/remotes.md says how to share a folder)"
        )
    return ""


def paused(kind: str, message: str) -> RemoteError:
    """A person has to do something first; to look again costs nothing, so each pass does."""
    return RemoteError(kind, message, Then.PAUSE, retry_after_seconds=0.0)


def sync_folder(path: Path) -> None:
    """fsync of a directory, on file systems that know it."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _NO_FSYNC:
            raise
    finally:
        os.close(fd)
