"""Count a record that found no place: home and spool are full, or closed.

Written over bytes that are there already (`lost` in the home, see journal/setup/lost_records.py),
because a full disk has no room for new ones.
"""

import os
import time

FORM = b"%020d %010d\n"


def count(home: str) -> None:
    """One more; of two at the same moment at least one. OSError: it cannot be written."""
    fd = os.open(f"{home}/lost", os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        digits = os.pread(fd, 20, 0)
        number = int(digits) if digits.isdigit() else 0
        os.pwrite(fd, FORM % (number + 1, int(time.time())), 0)
    finally:
        os.close(fd)
