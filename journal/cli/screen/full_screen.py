"""The whole screen of a terminal, for what is shown live: drawn in place, left as it was found."""

import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from rich.live import Live
from rich.text import Text

from journal.cli.screen.output import console
from journal.errors import UsageError

_LEAVE = b"qQ"
_SUSPEND = b"\x1a"  # Ctrl-Z
_HINT = "run it in a terminal, or leave --live out"


def check_terminal() -> None:
    """UsageError: standard output is not a terminal that can be drawn on."""
    if not sys.stdout.isatty():
        raise UsageError("--live needs a terminal, and standard output is not one", _HINT)
    if console().is_dumb_terminal:
        raise UsageError("--live needs a terminal that can move its cursor", _HINT)


class Terminal:
    """The alternate screen while its block runs; SIGTERM is a KeyboardInterrupt like Ctrl-C."""

    def __init__(self) -> None:
        self._console = console()
        self._keys = _keys_fd()
        self._held = ExitStack()
        self._live: Live | None = None
        self._drawn = Text()

    def __enter__(self) -> "Terminal":
        with ExitStack() as held:
            for number in (
                signal.SIGTERM,
                signal.SIGINT,
            ):  # a shell's background ignores the latter
                before = signal.signal(number, signal.default_int_handler)
                held.callback(signal.signal, number, before)
            if self._keys is not None:
                held.enter_context(_single_keys(self._keys))
            live = Live(
                console=self._console,
                screen=True,
                auto_refresh=False,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live = held.enter_context(live)
            self._held = held.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows at this moment."""
        found = os.get_terminal_size(sys.stdout.fileno())
        return max(found.columns, 1), max(found.lines, 1)

    def draw(self, lines: Sequence[Text]) -> None:
        """Show these lines from the top; what is too long or too many is cut."""
        columns, rows = self.size
        self._console.size = (columns, rows)  # not what $COLUMNS says: windows change
        for line in lines:
            line.truncate(columns, overflow="ellipsis")
        self._drawn = Text("\n", no_wrap=True).join(lines[:rows])
        self._draw()

    def _draw(self) -> None:
        if self._live is not None:
            self._live.update(self._drawn, refresh=True)

    def wait(self, seconds: float) -> bool:
        """Let so much time pass. False: the person wants to leave."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._keys is None:
                time.sleep(left)
            elif select.select([self._keys], [], [], left)[0]:
                pressed = os.read(self._keys, 64)
                if not pressed or any(key in _LEAVE for key in pressed):
                    return False
                if _SUSPEND in pressed:
                    self._suspend()
        return True

    def _suspend(self) -> None:
        """Give the terminal back for as long as the shell has stopped this program."""
        self.__exit__()
        os.kill(0, signal.SIGTSTP)  # the whole job, as the terminal would
        self.__enter__()
        self._draw()


def _keys_fd() -> int | None:
    """Where keys come from; None: no keyboard."""
    return sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None


@contextmanager
def _single_keys(fd: int) -> Iterator[None]:
    """Keys come one by one and unseen; Ctrl-C stays a signal, Ctrl-Z is a key."""
    import termios

    before = termios.tcgetattr(fd)
    now: list[Any] = termios.tcgetattr(fd)
    now[3] &= ~(termios.ICANON | termios.ECHO)
    now[6][termios.VSUSP] = os.fpathconf(fd, "PC_VDISABLE").to_bytes(1, "big")
    termios.tcsetattr(fd, termios.TCSADRAIN, now)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSAFLUSH, before)
