"""`journal sessions --live` in a real terminal: a pseudo-terminal of our own, or a pane of tmux.

Both run the real program and say what a person would see. The pseudo-terminal understands of a
terminal's language only what the list needs: each drawing begins at the top left corner.
"""

import fcntl
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path
from typing import Any

TMUX = shutil.which("tmux")
CTRL_C, CTRL_Z = b"\x03", b"\x1a"
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"  # the alternate screen, xterm's ctlseqs
HOME = b"\x1b[H"
_SEQUENCE = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")
# A terminal of its own for a program, so that Ctrl-C reaches it.
_OWN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def command(home: Path, *options: str) -> list[str]:
    """The list of a home as a person starts it."""
    return [sys.executable, "-m", "journal", "--home", str(home), "sessions", "--live", *options]


class Screen:
    """What waits for a text on the screen."""

    def lines(self) -> list[str]:
        """The rows as they are now, without white space at their ends."""
        raise NotImplementedError

    def wait_for(self, text: str, seconds: float = 20.0) -> list[str]:
        """The rows as soon as `text` is in one of them. AssertionError: it does not come."""
        return self.wait_until(lambda lines: any(text in line for line in lines), text, seconds)

    def wait_until(self, shown: Any, what: str, seconds: float = 20.0) -> list[str]:
        """The rows as soon as `shown` says yes to them. AssertionError: it never does."""
        end = time.monotonic() + seconds
        while not shown(lines := self.lines()):
            assert time.monotonic() < end, f"{what!r} never came:\n" + "\n".join(lines)
            time.sleep(0.02)
        return lines


class PtyScreen(Screen):
    """The list on a pseudo-terminal. Leaving the block ends it."""

    def __init__(self, home: Path, columns: int, rows: int, *options: str, **environ: str) -> None:
        self._master, self.slave = os.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        self._written = bytearray()
        argv = [sys.executable, "-I", "-S", "-c", _OWN_TERMINAL, *command(home, *options)]
        self._process = subprocess.Popen(
            argv, stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", **environ},
        )  # fmt: skip
        self.pid = self._process.pid
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:
                return  # closed
            if not data:
                return
            self._written += data

    def __enter__(self) -> "PtyScreen":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self.slave)  # then the reader's last read ends
        os.close(self._master)

    @property
    def written(self) -> bytes:
        """All that came to the terminal so far."""
        return bytes(self._written)

    def lines(self) -> list[str]:
        """The last drawing."""
        drawn = self.written.rpartition(HOME)[2].partition(LEAVE)[0]
        text = _SEQUENCE.sub(b"", drawn).decode("utf-8", "replace")
        return [line.rstrip() for line in text.split("\r\n")]

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self._master, keys)

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the list."""
        self._process.send_signal(number)

    @property
    def ended(self) -> bool:
        """Whether the list has left."""
        return self._process.poll() is not None

    def code(self) -> int:
        """Wait for its end; its exit code."""
        code = self._process.wait(20)
        self.wait_until(lambda _: LEAVE in self.written, "the end of the alternate screen")
        return code


class TmuxScreen(Screen):
    """The list in a pane of a tmux server of its own, below an interactive shell."""

    def __init__(self, home: Path, columns: int, rows: int, *options: str) -> None:
        self._folder = tempfile.mkdtemp(prefix="tmux-")  # a socket's path has to be short
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows),
                   "env PS1=ready: sh -i")  # fmt: skip
        self.wait_for("ready:")
        quoted = " ".join(command(home, *options))
        self.type(f"clear; {quoted}; echo left=$?")

    def __enter__(self) -> "TmuxScreen":
        return self

    def __exit__(self, *_: object) -> None:
        self._tmux("kill-server")
        shutil.rmtree(self._folder)

    def _tmux(self, *args: str) -> str:
        assert TMUX is not None
        argv = [TMUX, "-u", "-S", f"{self._folder}/socket", *args]
        env = {key: value for key, value in os.environ.items() if key not in ("TMUX", "TERM")}
        done = subprocess.run(argv, capture_output=True, text=True, check=True, env=env)
        return done.stdout

    def lines(self) -> list[str]:
        """The pane's rows, those at the end that are empty left out."""
        return self._tmux("capture-pane", "-p").rstrip("\n").split("\n")

    def press(self, keys: bytes) -> None:
        """Type keys."""
        self._tmux("send-keys", "-H", *(f"{key:02x}" for key in keys))

    def type(self, line: str) -> None:
        """Type a line to the shell."""
        self._tmux("send-keys", "-l", line)
        self._tmux("send-keys", "Enter")

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    @property
    def alternate(self) -> bool:
        """Whether the pane shows the alternate screen, with the cursor hidden."""
        shown = self._tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}")
        return shown.split() == ["1", "0"]
