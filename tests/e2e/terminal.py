"""A program at a terminal of its own: what it shows is read, and keys are typed."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping
from pathlib import Path

ENTER, UP, ESCAPE, CLEAR_LINE = "\r", "\x1b[A", "\x1b", "\x15"
_CODES = re.compile(
    rb"\x1b\[[0-9;?<>=]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|\x1b[=>78]"
)


class Terminal:
    """A running program. `said`: all that it showed, without the codes of the terminal."""

    def __init__(self, command: list[str], folder: Path, environ: Mapping[str, str]) -> None:
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(command[0], command, dict(environ))
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self._data, self._seen = b"", 0

    @property
    def said(self) -> str:
        """The words, with one blank between them."""
        plain = _CODES.sub(b" ", self._data[self._seen :]).decode("utf-8", "replace")
        return " ".join(plain.split())

    def type(self, text: str, *, then: str, seconds: float = 60) -> None:
        """Type, and wait until the program shows what is awaited."""
        self._seen = len(self._data)
        os.write(self._fd, text.encode())
        self.wait_for(then, seconds)

    def ask(self, prompt: str, *, then: str) -> None:
        """Type a prompt, send it and wait for its answer."""
        self.type(prompt, then=prompt.rsplit(maxsplit=1)[-1])
        self.type(ENTER, then=then)
        self.rest()

    def wait_for(self, words: str, seconds: float = 60) -> None:
        """Until these words are shown. AssertionError: they are not."""
        until = time.monotonic() + seconds
        while words not in self.said:
            assert time.monotonic() < until, (words, self.said[-2000:])
            assert self._read(0.2) is not None, (words, self.said[-2000:])

    def rest(self, seconds: float = 1.0) -> None:
        """Until nothing new has been shown for so long."""
        while self._read(seconds):
            pass

    def _read(self, seconds: float) -> bytes | None:
        """What is new, b"" for nothing; None: the program has ended."""
        ready, _, _ = select.select([self._fd], [], [], seconds)
        if not ready:
            return b""
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:
            return None
        self._data += data
        return data or None

    def end(self, keys: str = "", seconds: float = 60) -> None:
        """Type the keys that end it, and wait for its end. AssertionError: it goes on."""
        if keys:
            os.write(self._fd, keys.encode())
        until = time.monotonic() + seconds
        while self._read(0.1) is not None:
            assert time.monotonic() < until, self.said[-2000:]
        os.waitpid(self.pid, 0)
        os.close(self._fd)

    def kill(self) -> None:
        """As if the machine had lost its power."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)
