"""Passes that die at a chosen moment, each in a process forked from a warm one.

Moments are counted: each SQL statement as it starts, each thousand steps of SQLite's machine, and
each opening, renaming, linking or removing of a file. The process kills itself with SIGKILL.
"""

import json
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import apsw
import stored

MACHINE_STEPS = 1_000
FILE_EVENTS = {"open", "os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "os.chmod"}


class Moments:
    """Counts, and dies when it is time."""

    def __init__(self, dies_at: int) -> None:
        self.left = dies_at
        sys.addaudithook(self._file)
        apsw.connection_hooks.append(self._connected)

    def _file(self, event: str, _: object) -> None:
        if event in FILE_EVENTS:
            self._count()

    def _connected(self, db: apsw.Connection) -> None:
        db.exec_trace = self._statement
        db.set_progress_handler(self._step, MACHINE_STEPS)

    def _statement(self, *_: Any) -> bool:
        self._count()
        return True

    def _step(self) -> bool:
        self._count()
        return False

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Killed:
    """The warm process, as its user sees it."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def run(self, home: Path, dies_at: int) -> bool:
        """One pass over a home; True if it was over before its moment came."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        order = [str(home), dies_at, os.environ["TMPDIR"]]
        self._server.stdin.write(json.dumps(order).encode() + b"\n")
        self._server.stdin.flush()
        code = int(self._server.stdout.readline())
        assert code in (0, -signal.SIGKILL), "the pass failed; its error stands on stderr"
        return code == 0

    def close(self) -> None:
        """End the process."""
        for stream in (self._server.stdin, self._server.stdout):
            if stream is not None:
                stream.close()
        self._server.wait()


def _serve() -> None:
    for line in sys.stdin.buffer:
        home, dies_at, os.environ["TMPDIR"] = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _pass(Path(home), dies_at)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _pass(home: Path, dies_at: int) -> None:
    code = 1
    try:
        Moments(dies_at)
        stored.sync(home)
        code = 0
    except Exception:  # noqa: BLE001  nothing of the child may run the parent's code
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    _serve()
