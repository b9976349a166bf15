"""What a command does, step by step, on stderr: with `--verbose`, or JOURNAL_LOG=debug."""

import os
import sys
import time
from contextlib import suppress

_began = time.monotonic()
_is_on = os.environ.get("JOURNAL_LOG", "").lower() == "debug"


def turn_on() -> None:
    """From now on steps are shown."""
    global _is_on  # noqa: PLW0603 - of the process, as the environment's is
    _is_on = True


def step(text: str) -> None:
    """Say what is done now, or what came of it. One line, without a secret."""
    if _is_on:
        line = " ".join(text.split())
        with suppress(OSError):
            sys.stderr.write(f"journal: {time.monotonic() - _began:7.3f} s  {line}\n")
