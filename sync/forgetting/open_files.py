"""Waits for those who still have a file open that has no name any more under which they find it."""

import fcntl
import time
from typing import BinaryIO

WAIT_SECONDS = 0.5  # a hook that has opened a file writes to it within a thousandth of that
_LOOK_SECONDS = 0.002
_BLIND_SECONDS = 0.02  # on systems that cannot say whether a file is open
_LEASE = getattr(fcntl, "F_SETLEASE", None)  # Linux alone


def wait_for_writers(file: BinaryIO) -> None:
    """Return when no process has the file open for writing, or after WAIT_SECONDS.

    To be called when the file was renamed, so that no process opens it any more. `file` is open for
    reading alone.
    """
    for _ in range(int(WAIT_SECONDS / _LOOK_SECONDS)):
        try:
            if _LEASE is not None:  # given only if no process writes: fcntl(2), F_SETLEASE
                fcntl.fcntl(file.fileno(), _LEASE, fcntl.F_RDLCK)
                fcntl.fcntl(file.fileno(), _LEASE, fcntl.F_UNLCK)
                return
        except BlockingIOError:
            time.sleep(_LOOK_SECONDS)
            continue
        except OSError:
            pass  # a file system without leases
        time.sleep(_BLIND_SECONDS)
        return
