"""How long a command waits: for another process, and for its own work."""

import time
from collections.abc import Callable

_POLL_SECONDS = 0.05


def until(seconds: float) -> Callable[[], bool]:
    """Whether so many seconds have passed since now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def polling(seconds: float) -> Callable[[], bool]:
    """Sleeps a little and says yes, until so many seconds have passed since now."""
    end = time.monotonic() + seconds

    def keep_trying() -> bool:
        left = end - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(_POLL_SECONDS, left))
        return True

    return keep_trying
