"""How far a command is, on a terminal's stderr, from the second second on."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

AFTER_SECONDS = 1.0
Advance = Callable[[str, int, int], None]  # what is done, how much of it, of how much


@contextmanager
def progress(*, counts: bool = False) -> Iterator[Advance]:
    """A bar that shows how far each part is, in bytes or any other measure; else nothing.

    `counts`: what is measured are things, and their numbers are shown.
    """
    if not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    columns = (*Progress.get_default_columns(), *([MofNCompleteColumn()] if counts else []))
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    started = time.monotonic()
    task = bar.add_task("")

    def advance(what: str, done: int, total: int) -> None:
        if time.monotonic() - started > AFTER_SECONDS:
            bar.start()
            bar.update(task, description=what, completed=done, total=max(total, done))

    try:
        yield advance
    finally:
        bar.stop()
