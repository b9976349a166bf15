"""The loop of the watcher by itself, with made-up passes."""

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from journal.errors import JournalError
from places import ROOT
from sync.watch import End, Orders, Program, Watcher
from tests.sync.test_watch import ended, eventually


class Loop:
    """A watcher in a thread; its passes are written down."""

    def __init__(self, folder: Path, **orders: object) -> None:
        self.passes: list[float] = []
        self.errors: list[JournalError] = []
        self.fail = False
        given = {
            "folder": folder,
            "run_pass": self.run_pass,
            "changed": lambda: True,
            "program": lambda: Program.CURRENT,
            "on_error": self.errors.append,
            "settle_seconds": 0.05,
            "scan_seconds": 60.0,
        }
        self.watcher = Watcher(Orders(**given | orders))  # type: ignore[arg-type]
        self.end: End | None = None
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self.end = self.watcher.run()

    def __enter__(self) -> "Loop":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.watcher.stop()
        self.thread.join(5)
        assert not self.thread.is_alive()

    def run_pass(self, stopping: Callable[[], bool]) -> int:
        assert threading.current_thread() is self.thread
        self.passes.append(time.monotonic())
        if self.fail:
            raise JournalError("no luck", "try again")
        return 0


def test_a_stream_of_events_neither_starves_nor_floods_the_passes(tmp_path: Path) -> None:
    with Loop(tmp_path, settle_seconds=0.2) as loop:
        eventually(lambda: loop.passes)
        time.sleep(0.2)
        end = time.monotonic() + 1.2
        while time.monotonic() < end:
            (tmp_path / "file").write_bytes(b"x")
            time.sleep(0.005)
        assert 3 <= len(loop.passes) <= 8


def test_reading_does_not_wake_the_watcher(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with Loop(tmp_path) as loop:
        eventually(lambda: loop.passes)
        time.sleep(0.2)
        (tmp_path / "file").read_bytes()
        assert len(list(tmp_path.iterdir())) == 1
        time.sleep(0.3)
        assert len(loop.passes) == 1


def test_after_a_failure_only_the_next_scan_tries_again(tmp_path: Path) -> None:
    with Loop(tmp_path, scan_seconds=0.4) as loop:
        loop.fail = True
        eventually(lambda: len(loop.errors) == 1 or len(loop.passes) > 1)
        for _ in range(20):
            (tmp_path / "file").write_bytes(b"x")
            time.sleep(0.05)
        assert 2 <= len(loop.errors) <= 4
        loop.fail = False
        count = len(loop.passes)
        eventually(lambda: len(loop.passes) > count)


def test_a_pass_runs_for_waiting_work_and_not_for_nothing(tmp_path: Path) -> None:
    waiting = True

    def run_pass(_: Callable[[], bool]) -> int:
        passes.append(1)
        return 0

    passes: list[int] = []
    quiet = {"changed": lambda: False, "scan_seconds": 0.05, "idle_seconds": 0.3}
    with Loop(tmp_path, run_pass=run_pass, waiting=lambda: waiting, **quiet) as loop:
        time.sleep(0.8)
        assert loop.end is None
        assert len(passes) > 5
        waiting = False
        eventually(lambda: loop.end is End.IDLE)
        count = len(passes)
        assert count < 30
    with Loop(tmp_path, **quiet) as loop:
        eventually(lambda: loop.end is End.IDLE)
        assert len(loop.passes) == 1


def test_waiting_work_is_a_reason_for_a_pass_at_each_scan_and_not_at_each_look(
    tmp_path: Path,
) -> None:
    passes: list[int] = []

    def run_pass(_: Callable[[], bool]) -> int:
        passes.append(1)
        return 0

    quiet = {"changed": lambda: False, "scan_seconds": 0.4, "waiting": lambda: True}
    with Loop(tmp_path, run_pass=run_pass, **quiet) as loop:
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            loop.watcher.look()
            time.sleep(0.01)
    assert 3 <= len(passes) <= 5


def test_a_code_that_is_being_replaced_is_left_alone_until_it_is_complete(tmp_path: Path) -> None:
    state = Program.UNSETTLED
    with Loop(tmp_path, program=lambda: state, idle_seconds=0.1) as loop:
        time.sleep(0.4)
        assert (loop.passes, loop.end) == ([], None)
        state = Program.CHANGED
        eventually(lambda: loop.end is End.CHANGED)
    assert loop.passes == []


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone is known to bear it")
def test_without_descriptors_for_an_observer_it_scans_each_second(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    script = f"""
        import ctypes, os, resource, time
        from pathlib import Path
        from sync.watch import *
        ctypes.CDLL("libgcc_s.so.1")  # the end of a thread needs it and could not open it any more
        free = os.open("/dev/null", os.O_RDONLY)
        os.close(free)
        path, seen = Path({str(tmp_path)!r}), []
        def size(): return os.stat(path / "file").st_size
        def run_pass(stopping):
            seen.append(size())
            if seen[-1]: watcher.stop()
            return 1
        def changed(): return seen == [] or seen[-1] != size()
        watcher = Watcher(Orders(path, run_pass, changed, lambda: Program.CURRENT, print, 0, 60))
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, free))
        print("ready", flush=True)
        print(watcher.run().name, seen, flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.2)
            (tmp_path / "file").write_bytes(b"x")
            assert ended(process, 4) == 0
            assert process.stdout.read() == "STOPPED [0, 1]\n"
        finally:
            process.kill()


# Started by the hook of SessionStart.
