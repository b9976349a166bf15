"""Runs a model program so that it can neither hang, nor flood, nor outlive us.

The program runs under `guard.py`, which ends it and all that it started. We hold one end of the
guard's lifeline: shutting it is the one way in which we end a program, and the kernel does the
same when we die. The end of file of the lifeline shows that the guard has ended. Pipes are read and
fed in turn by one thread that waits for none of them, so no order of reading and writing blocks.
"""

import contextlib
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from hooks.autostart import without_session
from journal.printable import one_line
from journal.redaction.messages import redacted
from journal.setup.hook_command import SILENCE
from sync.memory import guard
from sync.memory.errors import FloodError, ModelError, NotStartedError, StoppedError, TimedOutError

STDERR_CHARS = 500
_POLL_SECONDS = 0.05  # between two questions whether to stop
_CHUNK_BYTES = 1 << 16
_STDERR_BYTES = 8 * STDERR_CHARS  # up to 4 bytes a character, and room for what is folded away
_REST_CHUNKS = 64  # more than a pipe can hold when all its writers are gone
# For a guard to end its program; one that takes longer is stopped itself, or starved.
_GUARD_SECONDS = guard.GRACE_SECONDS + guard.KILL_SECONDS + 1.5


@dataclass(frozen=True, slots=True)
class Output:
    """What a program that ended by itself left. `code`: 128+n if signal n ended it.

    `stderr_end`: the end of its stderr, one line of at most STDERR_CHARS, redacted.
    """

    stdout: bytes
    stderr_end: str
    code: int
    seconds: float


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` for a model program: its hooks are silent, and no agent's session is its own."""
    return without_session(dict(environ)) | {SILENCE: "1"}


def run(
    command: Sequence[str],
    stdin: bytes,
    timeout_seconds: float,
    max_output_bytes: int,
    stopping: Callable[[], bool],
    cwd: Path,
    environ: Mapping[str, str],
) -> Output:
    """Run `command` in `cwd` with `stdin`, to its end; no process of it is left afterwards.

    Raises, each a ModelError: NotStartedError; TimedOutError after `timeout_seconds`; FloodError
    at more than `max_output_bytes` of stdout; StoppedError once `stopping()`, asked 20 times a
    second, is true; kind `guard` if the guard itself was killed. Safe in any thread. A program
    named without a slash is looked up in `environ`'s PATH, another relative one from `cwd`.
    """
    program = find(command, cwd, environ)
    began = time.monotonic()
    try:
        call = _Call(program.name, stdin, max_output_bytes)
    except OSError as error:  # no descriptor is left
        raise NotStartedError(f"{program.name} cannot be started: {error}") from error
    with contextlib.closing(call):
        call.start([str(program), *command[1:]], timeout_seconds, cwd, environ)
        call.exchange(began + timeout_seconds + _GUARD_SECONDS, stopping)
        code = call.result(timeout_seconds)
    return Output(bytes(call.stdout), call.stderr_end(), code, time.monotonic() - began)


def find(command: Sequence[str], cwd: Path, environ: Mapping[str, str]) -> Path:
    """Where the program is. NotStartedError: it is nowhere, or no program."""
    name = command[0] if command else ""
    place = str(cwd / name) if "/" in name else name
    if found := shutil.which(place, path=environ.get("PATH", os.defpath)):
        return Path(found).absolute()
    reason = "not executable" if "/" in name and Path(place).exists() else "not found"
    raise NotStartedError(f"{name or 'a program without a name'} is {reason}")


class _Call:
    """One guarded run: its descriptors, and what has come out so far."""

    def __init__(self, name: str, stdin: bytes, max_output_bytes: int) -> None:
        self._name = name
        self._input = memoryview(stdin)  # what it has not read yet
        self._max_bytes = max_output_bytes
        self._selector = selectors.DefaultSelector()
        self._lifeline, self._guards_end = socket.socketpair()
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr = bytearray()
        self._said = bytearray()  # by the guard
        self._gone = False  # the guard
        self.stdout = bytearray()

    def start(
        self, command: list[str], seconds: float, cwd: Path, environ: Mapping[str, str]
    ) -> None:
        """Start the guard, which starts `command`."""
        fd = self._guards_end.fileno()
        python = [sys.executable, "-I", "-S", guard.__file__]
        try:
            self._process = process = subprocess.Popen(
                [*python, str(fd), f"{seconds:.3f}", "--", *command],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env=dict(environ),
                pass_fds=(fd,),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:  # no such folder, too long a command, a NUL in it
            raise NotStartedError(f"{self._name} cannot be started: {error}") from error
        self._guards_end.close()
        self._lifeline.setblocking(False)
        self._selector.register(self._lifeline, selectors.EVENT_READ, self._listen)
        self._watch(process.stdin, selectors.EVENT_WRITE, self._feed)
        self._watch(process.stdout, selectors.EVENT_READ, partial(self._read, self.stdout))
        self._watch(process.stderr, selectors.EVENT_READ, partial(self._read, self._stderr))

    def _watch(self, pipe: IO[bytes] | None, event: int, act: Callable[[IO[bytes]], bool]) -> None:
        assert pipe is not None
        os.set_blocking(pipe.fileno(), False)
        self._selector.register(pipe, event, partial(act, pipe))

    def exchange(self, overdue: float, stopping: Callable[[], bool]) -> None:
        """Feed and read until the guard is gone, then read what is left in the pipes."""
        while not self._gone:
            if stopping():
                raise StoppedError(f"{self._name} was stopped before its end")
            if time.monotonic() > overdue:
                raise TimedOutError(f"neither {self._name} nor its guard ended in time")
            for key, _ in self._selector.select(_POLL_SECONDS):
                key.data()
        for key in list(self._selector.get_map().values()):
            for _ in range(_REST_CHUNKS if key.events == selectors.EVENT_READ else 0):
                if not key.data():
                    break

    def _feed(self, pipe: IO[bytes]) -> bool:
        try:
            self._input = self._input[os.write(pipe.fileno(), self._input[:_CHUNK_BYTES]) :]
        except BlockingIOError:
            return False
        except BrokenPipeError:
            self._input = memoryview(b"")  # it need not read its input
        if not self._input:
            self._drop(pipe)
        return True

    def _read(self, kept: bytearray, pipe: IO[bytes]) -> bool:
        """Take one piece; False: there is none at present, or none any more."""
        try:
            data = os.read(pipe.fileno(), _CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._drop(pipe)
        kept += data
        if len(self.stdout) > self._max_bytes:
            raise FloodError(f"{self._name} wrote more than {self._max_bytes} bytes")
        del self._stderr[:-_STDERR_BYTES]
        return bool(data)

    def _drop(self, pipe: IO[bytes]) -> None:
        self._selector.unregister(pipe)
        pipe.close()

    def _listen(self) -> bool:
        """One piece of what the guard says; the end of it is the guard's own."""
        try:
            data = self._lifeline.recv(_CHUNK_BYTES)
        except (BlockingIOError, TimeoutError):
            return False
        self._said += data
        self._gone = not data
        return not self._gone

    def _guard_report(self) -> tuple[str, str]:
        """The last that the guard said: a word, and what belongs to it."""
        line = self._said.decode("utf-8", "replace").strip().rpartition("\n")[2]
        word, _, rest = line.partition(" ")
        return word, rest

    def stderr_end(self) -> str:
        """The last of its stderr, as one line that a terminal can show."""
        text = self._stderr.decode("utf-8", "replace")
        return redacted(one_line(text))[-STDERR_CHARS:]

    def result(self, timeout_seconds: float) -> int:
        """The program's exit code, as the guard reported it; ModelError: there is none."""
        word, rest = self._guard_report()
        if word == "ended":
            return int(rest)
        if word == "late":
            raise TimedOutError(f"{self._name} did not end within {timeout_seconds:g} s")
        if word == "failed":
            raise NotStartedError(f"{self._name} cannot be started: {rest}")
        if word == "started":
            raise ModelError(
                "guard", f"the guard of {self._name} was killed, and the program with it"
            )
        raise NotStartedError(f"the guard of {self._name} did not start: {self.stderr_end()}")

    def close(self) -> None:
        """End the program if it still runs; no process and no descriptor is left."""
        try:
            if self._process is not None:
                self._end(self._process)
        finally:
            self._selector.close()
            self._lifeline.close()
            self._guards_end.close()

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None and not pipe.closed:
                self._drop(pipe)
        with contextlib.suppress(OSError):  # macOS: the guard is gone, there is nothing to close
            self._lifeline.shutdown(socket.SHUT_WR)
        until = time.monotonic() + _GUARD_SECONDS
        while not self._gone and (left := until - time.monotonic()) > 0:
            self._lifeline.settimeout(left)
            self._listen()
        if not self._gone or self._guard_report()[0] not in ("ended", "late", "failed"):
            self._sweep(process)
        with contextlib.suppress(subprocess.TimeoutExpired):  # it has no choice, but maybe no time
            process.wait(_GUARD_SECONDS)

    def _sweep(self, process: subprocess.Popen[bytes]) -> None:
        """Do what a guard could not. Its number is still its own: we have not waited for it yet."""
        word, rest = self._guard_report()
        group = int(rest) if word == "started" else 0
        until = time.monotonic() + guard.KILL_SECONDS
        while guard.send(signal.SIGKILL, process.pid, group) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
        process.kill()
