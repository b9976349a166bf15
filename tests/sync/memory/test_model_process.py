"""A model program ends when it must, with all that it started, whichever process dies first."""

import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hooks import emit
from places import ROOT
from sync.memory import guard, process
from sync.memory.errors import FloodError, ModelError, NotStartedError, StoppedError, TimedOutError
from sync.memory.process import Output, environment, run

linux = pytest.mark.skipif(sys.platform != "linux", reason="descendants are found through /proc")
TOKEN = "MODEL_PROCESS_TOKEN"

# how a program leaves a process behind that holds all its descriptors
FORKS = {
    "in its group": "if os.fork() == 0: time.sleep(60); os._exit(0)",
    "in a session of its own": "if os.fork() == 0: os.setsid(); time.sleep(60); os._exit(0)",
    "as a daemon": "if os.fork() == 0: os.setsid(); os.fork() or time.sleep(60); os._exit(0)",
    "deaf to SIGTERM": (
        "if os.fork() == 0: signal.signal(15, signal.SIG_IGN); os.setsid(); time.sleep(60)"
    ),
}


class Place:
    """A folder to run programs in, and a token by which their processes are known."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = f"{folder.name}-{os.urandom(6).hex()}"
        self.environ = environment(os.environ) | {TOKEN: self.token}

    def run(
        self,
        *command: str,
        stdin: bytes = b"",
        seconds: float = 10.0,
        max_bytes: int = 1_000_000,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Output:
        return run(command, stdin, seconds, max_bytes, stopping, self.folder, self.environ)

    def python(self, code: str, **options: object) -> Output:
        code = "import os, signal, sys, time\n" + code
        return self.run(sys.executable, "-I", "-S", "-c", code, **options)  # type: ignore[arg-type]

    def script(self, name: str, text: str, mode: int = 0o755) -> Path:
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def pids(self) -> list[int]:
        """The living processes that were given our token: guards, programs, and what they left."""
        mark = f"{TOKEN}={self.token}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and entry.name != str(os.getpid()):
                with contextlib.suppress(OSError):
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
        return found

    def gone_within(self, seconds: float) -> bool:
        return within(seconds, lambda: not self.pids())


def within(seconds: float, true: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def open_fds() -> set[str]:
    gc.collect()  # what earlier tests have left for the collector is not ours
    return {path.name for path in Path("/dev/fd").iterdir()}


def children() -> set[str]:
    """Our own, zombies too; empty where there is no /proc."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if entry.read_text().rpartition(")")[2].split()[1] == str(os.getpid()):
                found.add(entry.parent.name)
    return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """After each test no process and no descriptor is left."""
    place = Place(tmp_path)
    fds = open_fds()
    yield place
    assert open_fds() <= fds
    if sys.platform == "linux":
        left = place.pids()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert left == []


def test_a_program_gets_its_stdin_and_its_output_comes_back(place: Place) -> None:
    output = place.python(
        "data = sys.stdin.buffer.read(); sys.stderr.write('so\\x1b[31m\\n  it goes\\n')\n"
        "sys.stdout.buffer.write(data[::-1]); print(os.getcwd())",
        stdin=b"abc",
    )
    assert output.stdout == b"cba" + os.fsencode(place.folder) + b"\n"
    assert output.stderr_end == "so it goes"
    assert output.code == 0
    assert 0 < output.seconds < 30


@pytest.mark.parametrize(
    ("code", "expected"),
    [("sys.exit(3)", 3), ("sys.exit(124)", 124), ("os.kill(os.getpid(), 9)", 128 + 9)],
)
def test_the_exit_code_is_the_programs(place: Place, code: str, expected: int) -> None:
    assert place.python(code).code == expected


def test_a_program_may_write_much_before_it_reads(place: Place) -> None:
    size = 3_000_000
    output = place.python(
        f"sys.stdout.buffer.write(b'x' * {size}); sys.stdout.flush()\n"
        "print(len(sys.stdin.buffer.read()))",
        stdin=b"y" * size,
        max_bytes=size + 100,
    )
    assert output.stdout == b"x" * size + b"%d\n" % size


@pytest.mark.parametrize("code", ["pass", "os.close(0); time.sleep(0.2)", "time.sleep(0.2)"])
def test_a_program_need_not_read_its_stdin(place: Place, code: str) -> None:
    assert place.python(code, stdin=b"z" * 5_000_000).code == 0


def test_only_the_end_of_a_flood_on_stderr_is_kept(place: Place) -> None:
    output = place.python(
        "sys.stderr.buffer.write('ä'.encode() * 5_000_000 + b'\\xff last words\\n')"
    )
    assert output.stderr_end.endswith("ä\ufffd last words")
    assert len(output.stderr_end) == process.STDERR_CHARS


def test_a_program_that_does_not_end_is_ended_in_time(place: Place) -> None:
    began = time.monotonic()
    with pytest.raises(TimedOutError, match=r"did not end within 0\.5 s") as caught:
        place.python("print('all of it', flush=True); time.sleep(60)", seconds=0.5)
    assert time.monotonic() - began < 30
    assert caught.value.kind == "timeout"


def test_a_program_that_never_reads_a_large_stdin_is_ended_in_time(place: Place) -> None:
    with pytest.raises(TimedOutError):
        place.python("time.sleep(60)", stdin=b"z" * 5_000_000, seconds=0.5)


def test_a_program_that_ignores_every_polite_signal_is_killed(place: Place) -> None:
    began = time.monotonic()
    with pytest.raises(TimedOutError):
        place.python(
            "for n in (1, 2, 3, 13, 15): signal.signal(n, signal.SIG_IGN)\ntime.sleep(60)",
            seconds=0.5,
        )
    assert 1.0 <= time.monotonic() - began < 30


def test_a_program_may_say_goodbye_at_sigterm(place: Place) -> None:
    with pytest.raises(TimedOutError):
        place.python(
            "def leave(*_): open('goodbye', 'w').close(); sys.exit()\n"
            "signal.signal(15, leave); time.sleep(60)",
            seconds=0.5,
        )
    assert (place.folder / "goodbye").exists()


def test_a_program_that_was_stopped_is_ended_too(place: Place) -> None:
    with pytest.raises(TimedOutError):
        place.python("os.kill(os.getpid(), signal.SIGSTOP)", seconds=0.5)


@pytest.mark.parametrize("way", FORKS)
@linux
def test_children_of_a_program_are_ended_with_it(place: Place, way: str) -> None:
    """It holds the program's stdout and stderr, which must not keep us waiting either."""
    output = place.python(f"{FORKS[way]}\nprint('done')")
    assert (output.stdout, output.code) == (b"done\n", 0)
    assert output.seconds < 30
    assert place.pids() == []


@pytest.mark.parametrize("way", FORKS)
@linux
def test_children_of_a_program_are_ended_at_the_timeout(place: Place, way: str) -> None:
    with pytest.raises(TimedOutError):
        place.python(f"{FORKS[way]}\ntime.sleep(60)", seconds=0.5)
    assert place.pids() == []


@linux
def test_a_tree_of_many_processes_is_ended_whole(place: Place) -> None:
    code = "for i in range(5):\n    if os.fork() == 0 and i % 2: os.setsid()\n"
    seen: list[int] = []

    def count() -> bool:
        seen.append(len(place.pids()))
        return False

    with pytest.raises(TimedOutError):
        place.python(f"{code}time.sleep(60)", seconds=1.0, stopping=count)
    assert max(seen) == 1 + 2**5  # and the guard
    assert place.pids() == []


@pytest.mark.parametrize("max_bytes", [0, 1_000_000])
def test_a_program_that_floods_its_stdout_is_stopped_at_once(place: Place, max_bytes: int) -> None:
    began = time.monotonic()
    with pytest.raises(FloodError, match=f"more than {max_bytes} bytes") as caught:
        place.python("while True: os.write(1, b'x' * 65536)", max_bytes=max_bytes)
    assert time.monotonic() - began < 30
    assert caught.value.kind == "flood"


def test_as_many_bytes_as_are_allowed_are_accepted(place: Place) -> None:
    assert place.python("print('123')", max_bytes=4).stdout == b"123\n"
    with pytest.raises(FloodError):
        place.python("print('123')", max_bytes=3)


def test_a_program_that_floods_its_stderr_is_ended_in_time(place: Place) -> None:
    with pytest.raises(TimedOutError):
        place.python("while True: os.write(2, b'x' * 65536)", seconds=0.5)


@pytest.mark.parametrize("code", ["time.sleep(60)", "while True: os.write(2, b'x')"])
def test_a_program_is_stopped_when_we_are(place: Place, code: str) -> None:
    began = time.monotonic()
    with pytest.raises(StoppedError) as caught:
        place.python(code, stopping=lambda: time.monotonic() > began + 0.3)
    assert 0.3 < time.monotonic() - began < 30
    assert caught.value.kind == "stopped"


def test_after_any_error_of_asking_the_program_is_ended(place: Place) -> None:
    def broken() -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place.python("time.sleep(60)", stopping=broken)


def test_a_missing_program_is_reported_before_anything_is_started(place: Place) -> None:
    with pytest.raises(NotStartedError, match="no-such-model is not found") as caught:
        place.run("no-such-model", stopping=lambda: pytest.fail("it was started"))
    assert caught.value.kind == "start"
    with pytest.raises(NotStartedError, match=r"\./model is not found"):
        place.run("./model")
    with pytest.raises(NotStartedError, match="without a name"):
        place.run()


def test_a_file_that_is_not_executable_is_refused(place: Place) -> None:
    place.script("model", "#!/bin/sh\n", mode=0o644)
    with pytest.raises(NotStartedError, match=r"\./model is not executable"):
        place.run("./model")
    with pytest.raises(NotStartedError, match="is not executable"):
        place.run(str(place.folder))


@pytest.mark.parametrize("text", ["exit 0\n", "#!/no/such/shell\n"])
def test_a_program_that_the_kernel_refuses_is_not_started(place: Place, text: str) -> None:
    place.script("model", text)
    with pytest.raises(NotStartedError, match=r"^model cannot be started: \w"):
        place.run("./model")


@pytest.mark.parametrize("argument", ["a\0b", "x" * 4_000_000])
def test_an_impossible_command_line_is_not_started(place: Place, argument: str) -> None:
    with pytest.raises(NotStartedError, match="cannot be started"):
        place.run("/bin/sh", argument)


def test_a_missing_folder_is_reported(place: Place) -> None:
    place.folder /= "gone"
    with pytest.raises(NotStartedError, match="cannot be started"):
        place.run("/bin/sh")


def test_a_guard_that_is_missing_is_not_taken_for_the_programs_failure(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "__file__", str(place.folder / "guard.py"))
    with pytest.raises(NotStartedError, match=r"the guard of sh did not start: .*No such file"):
        place.run("/bin/sh", "-c", "exit 0")


def test_a_program_is_found_in_its_own_path_or_folder(place: Place) -> None:
    place.script("model", '#!/bin/sh\necho "$@"\n')
    assert place.run("./model", "a b", "").stdout == b"a b \n"
    place.environ["PATH"] = f"{place.folder}:{place.environ['PATH']}"
    assert place.run("model", "--", "-").stdout == b"-- -\n"


def test_a_program_has_no_descriptor_but_its_three(place: Place) -> None:
    with Path(os.devnull).open() as ours:
        os.set_inheritable(ours.fileno(), True)
        listed = place.run("/bin/sh", "-c", "ls /dev/fd | cat").stdout
    assert len(listed.split()) == 4  # the fourth is the listing's own


def test_a_program_ignores_no_signal_and_has_no_terminal(place: Place) -> None:
    old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        output = place.python(
            "signals = [signal.getsignal(n) for n in (signal.SIGHUP, signal.SIGTERM)]\n"
            "print(signals == [signal.SIG_DFL] * 2, signal.pthread_sigmask(0, ()),\n"
            "      signal.getsignal(signal.SIGINT) is signal.default_int_handler)\n"
            f"print(os.getpgrp() == os.getpid(), os.getsid(0) != {os.getsid(0)})\n"
            "try: os.open('/dev/tty', os.O_RDWR)\n"
            "except OSError: print('alone')"
        )
    finally:
        signal.signal(signal.SIGINT, old)
    assert output.stdout == b"True set() True\nTrue True\nalone\n"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ):
        assert place.run("/bin/sh", "-c", f"kill -{number} $$; exit 1").code == 128 + number


def test_the_environment_silences_hooks_and_names_no_session() -> None:
    names = [name for names in emit.VARIABLES.values() for name in names if name]
    before = dict.fromkeys([*names, "CLAUDECODE"], "x") | {"PATH": "/bin", "JOURNAL_DISABLE": "0"}
    assert environment(before) == {"PATH": "/bin", "JOURNAL_DISABLE": "1"}
    assert before["CLAUDECODE"] == "x"


def test_the_program_is_given_that_environment(place: Place) -> None:
    output = place.python("import json; print(json.dumps(dict(os.environ)))")
    seen = json.loads(output.stdout)
    seen.pop("LC_CTYPE", None)  # Python's own doing, PEP 538
    assert seen == {k: v for k, v in place.environ.items() if k != "LC_CTYPE"}
    assert seen["JOURNAL_DISABLE"] == "1"


def test_threads_may_run_programs_side_by_side(place: Place) -> None:
    results: dict[int, bytes] = {}

    def one(number: int) -> None:
        code = f"time.sleep(0.3); print({number}); sys.stdout.write(sys.stdin.read())"
        results[number] = place.python(code, stdin=b"x" * 100_000).stdout

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(15)
    assert results == {n: b"%d\n" % n + b"x" * 100_000 for n in range(6)}


def test_many_runs_leave_no_descriptor_and_no_process(place: Place) -> None:
    before, children_before = open_fds(), children()
    for number in range(15):
        assert place.run("/bin/sh", "-c", f"cat; exit {number}", stdin=b"x").code == number
    assert open_fds() <= before
    assert children() <= children_before


CALLER = """
import os, sys, threading
from pathlib import Path
from sync.memory.process import run
code = "import os, signal, sys, time\\n" + sys.argv[1]
command = [sys.executable, "-I", "-S", "-c", code]
def call():
    run(command, b"z" * 1_000_000, 50, 10**9, lambda: False, Path.cwd(), os.environ)
thread = threading.Thread(target=call)
thread.start()
thread.join()
"""


@pytest.mark.parametrize("way", FORKS)
@linux
def test_nothing_is_left_when_the_caller_is_killed(place: Place, way: str) -> None:
    code = f"{FORKS[way]}\nopen('ready', 'w').close(); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", CALLER, code],
        cwd=place.folder,
        env=place.environ | {"PYTHONPATH": str(ROOT)},
    ) as caller:
        try:
            assert within(5, (place.folder / "ready").exists)
            # The caller, the guard, the program, and what it started.
            assert within(5, lambda: len(place.pids()) >= 4)
        finally:
            caller.kill()
    assert place.gone_within(3)


@linux
def test_nothing_is_left_when_the_caller_is_killed_at_any_moment(place: Place) -> None:
    """Also before the guard runs, and while it starts the program."""
    for delay_ms in range(0, 60, 6):
        marker = place.folder / "called"
        code = CALLER.replace("thread.start()", "open('called', 'w').close(); thread.start()")
        with subprocess.Popen(
            [sys.executable, "-c", code, f"{FORKS['as a daemon']}\ntime.sleep(60)"],
            cwd=place.folder,
            env=place.environ | {"PYTHONPATH": str(ROOT)},
        ) as caller:
            assert within(5, marker.exists)
            time.sleep(delay_ms / 1000)
            caller.kill()
        marker.unlink()
    assert place.gone_within(3)


def with_the_guard(place: Place, number: int, **options: object) -> ModelError:
    """What run() raises when the guard gets a signal while its program runs."""

    def act() -> None:
        within(5, (place.folder / "ready").exists)
        os.kill(int((place.folder / "ready").read_text()), number)

    code = "open('part', 'w').write(str(os.getppid())); os.rename('part', 'ready'); time.sleep(60)"
    thread = threading.Thread(target=act)
    thread.start()
    try:
        with pytest.raises(ModelError) as caught:
            place.python(f"{FORKS['in its group']}\n{code}", **options)
    finally:
        thread.join()
    return caught.value


def test_a_killed_guard_is_reported_and_its_program_is_killed(place: Place) -> None:
    error = with_the_guard(place, signal.SIGKILL)
    assert (error.kind, type(error)) == ("guard", ModelError)


@linux
def test_a_guard_that_was_stopped_makes_us_end_its_program(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_GUARD_SECONDS", 0.5)
    assert isinstance(with_the_guard(place, signal.SIGSTOP, seconds=0.5), TimedOutError)


def guarded(lifeline: socket.socket, seconds: float, *command: str) -> subprocess.Popen[bytes]:
    fd = lifeline.fileno()
    line = [sys.executable, "-I", "-S", guard.__file__, str(fd), str(seconds), "--", *command]
    return subprocess.Popen(line, pass_fds=(fd,), start_new_session=True)


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["/bin/sh", "-c", "exit 7"], 7, b"ended 7\n"),
        (["/bin/sh", "-c", "kill -9 $$"], 137, b"ended 137\n"),
        (["/bin/sleep", "60"], 124, b"late\n"),
        (["/no/such/program"], 126, b"failed No such file or directory\n"),
    ],
)
def test_the_guard_says_what_became_of_its_command(
    command: list[str], code: int, said: bytes
) -> None:
    ours, its = socket.socketpair()
    with ours, its, guarded(its, 0.5, *command) as running:
        its.close()
        assert running.wait(5) == code
        assert ours.recv(1000).endswith(said)


def test_the_guard_ends_its_command_when_it_has_to_end(place: Place) -> None:
    ours, its = socket.socketpair()
    with ours, its, guarded(its, 60, "/bin/sleep", "60") as running:
        assert ours.recv(100).startswith(b"started ")
        running.terminate()
        assert running.wait(3) == 128 + signal.SIGTERM


def test_the_guard_itself_outlives_ctrl_c_at_a_terminal(place: Place) -> None:
    """The keys signal the group in the foreground: ours, of which neither is a member."""
    output = place.python("print(os.getpgid(os.getppid()), os.getpgrp())")
    assert str(os.getpgrp()) not in output.stdout.decode().split()
