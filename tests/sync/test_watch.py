"""The watcher: real processes on real homes, started, fed, stopped and killed."""

import os
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import forked
import recordings
import warm_process
from chance import THOROUGH
from commands import program
from hooks import autostart
from journal import cli
from journal.layout import Layout
from journal.times import SECOND_US
from places import ROOT
from sync.checkup import watcher
from sync.checkup.watcher import Watching
from sync.store.locks import locked

QUICK = "[watch]\nsettle_ms = 20\nscan_seconds = 0.3\n"
SLOW = "[watch]\nsettle_ms = 20\nscan_seconds = 60\n"  # only an event can be the reason


def eventually(check: Callable[[], object], seconds: float = 30.0) -> None:
    """Fails unless `check` becomes true in time."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


class Fork:
    """A watcher in a fork of this process: nothing has to be loaded for it."""

    def __init__(self, arguments: list[str], outputs: list[Path], environ: dict[str, str]) -> None:
        def work() -> None:
            streams = [os.open(os.devnull, os.O_RDONLY)]
            streams += [os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) for path in outputs]
            os._exit(warm_process.command(arguments, environ, "/", streams))

        self.pid = forked.start(work)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float = 60) -> int:
        eventually(lambda: self.poll() is not None, timeout)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


Watcher = Fork | subprocess.Popen[bytes]


class Home:
    """A home with watchers, all of which are killed in the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        self.layout = Layout(self.home)
        self.lock = self.home / autostart.LOCK
        self.day = self.layout.days / "2026-11-18"
        self.said = folder / "stdout"
        self.erred = folder / "stderr"
        self.path = os.fspath(ROOT)
        self.processes: list[Watcher] = []
        self.config(SLOW)

    def config(self, text: str) -> None:
        self.layout.config.write_text(text)

    def start(self, *args: str, fork: bool = True) -> Watcher:
        """A watcher that has begun to watch."""
        before = self.text().count("Watching")
        process = self.watch(*args, fork=fork)
        eventually(lambda: self.text().count("Watching") > before or process.poll() is not None)
        assert process.poll() is None, self.erred.read_text()
        return process

    def watch(self, *args: str, fork: bool = True) -> Watcher:
        """Not a fork: a new interpreter, which loads the application from `path`."""
        arguments = ["--home", str(self.home), "watch", *args]
        if fork:
            self.processes.append(Fork(arguments, [self.said, self.erred], dict(os.environ)))
            return self.processes[-1]
        command = [sys.executable, "-P", "-m", "journal", *arguments]
        with self.said.open("ab") as out, self.erred.open("ab") as err:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd="/",
                env={**os.environ, "PYTHONPATH": self.path},
            )
        self.processes.append(process)
        return process

    def close(self) -> None:
        if pid := autostart.watcher(str(self.home)):
            os.kill(pid, signal.SIGKILL)
        for process in self.processes:
            process.kill()
            process.wait()

    def text(self) -> str:
        return self.said.read_text() if self.said.exists() else ""

    def append(self, session: str, number: int = 1, day: Path | None = None) -> None:
        for at in range(number):
            line = recordings.line("Stop", {"session_id": session, "n": at}, time.time_ns())
            recordings.append((day or self.day) / f"claude-code.{session}.jsonl", line)

    def stored(self, session: str | None = None) -> int:
        """How many events are in the database; of one session, if it is named."""
        if not self.layout.database.exists():
            return 0
        db = sqlite3.connect(f"file:{self.layout.database}?mode=ro", uri=True)
        query = """
            select count(*) from events join sessions on key = session
            where sessions.id = ifnull(?, sessions.id)
        """
        try:
            ((count,),) = db.execute(query, (session,))
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return 0  # it is being made at this moment
        finally:
            db.close()
        return int(count)

    def has(self, session: str, number: int = 1, seconds: float = 30.0) -> None:
        eventually(lambda: self.stored(session) >= number, seconds)
        assert self.stored(session) == number


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.close()


def ended(process: Watcher, seconds: float = 60) -> int:
    return process.wait(timeout=seconds)


def test_a_watcher_stores_new_records_within_a_second(home: Home) -> None:
    recordings.write_journal(home.home, "i-exit")
    home.config("")  # the defaults
    home.start(fork=False)
    eventually(lambda: home.stored() > 10)
    taken = []
    for at in range(6):
        began = time.perf_counter()
        home.append("live")
        home.has("live", at + 1)
        taken.append(time.perf_counter() - began)
    assert statistics.median(taken) < 1


def test_a_home_without_any_record_is_watched_and_new_days_are_noticed(home: Home) -> None:
    home.start()
    home.append("first", day=home.layout.days / "2026-11-18")
    home.has("first")
    home.append("next", day=home.layout.days / "2026-11-19")
    home.has("next")


def test_days_that_are_removed_and_made_again_are_watched_again(home: Home) -> None:
    home.append("before")
    home.start()
    home.has("before")
    shutil.rmtree(home.layout.days)
    time.sleep(0.2)
    home.append("after")
    home.has("after")
    time.sleep(1.2)  # by now it observes the new folder, not only scans it
    home.append("later")
    home.has("later")


def test_a_change_without_a_notification_is_found_by_the_scan(home: Home) -> None:
    home.config(QUICK)
    real = home.folder / "real"
    real.mkdir()
    home.layout.days.mkdir()
    home.day.symlink_to(real)  # links are not followed by the observer
    home.start()
    time.sleep(0.5)
    home.append("far")
    home.has("far")


def test_the_spool_and_a_lost_database_are_reasons_for_a_pass(home: Home) -> None:
    home.config(QUICK)
    home.append("known")
    home.start()
    home.has("known")
    spool = home.layout.spool
    spool.mkdir(parents=True, mode=0o700)
    for place in (spool.parent, spool):
        place.chmod(0o700)
    line = recordings.line("Stop", {"session_id": "spooled"}, time.time_ns())
    (spool / "claude-code.spooled.1.jsonl").write_bytes(line)
    home.has("spooled")
    time.sleep(0.5)
    for path in home.home.glob("journal.db*"):
        path.unlink()
    home.has("known")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_watcher_at_once_with_exit_code_0(home: Home, number: int) -> None:
    process = home.start()
    began = time.monotonic()
    process.send_signal(number)
    assert ended(process) == 0
    assert time.monotonic() - began < 30
    assert home.text().endswith("Stopped.\n")


def backlog(home: Home, records: int = 2000) -> int:
    """A backlog that takes some seconds."""
    filler = "the quick brown fox jumps over the lazy dog " * 120
    for at in range(records):
        payload = {"session_id": f"s{at % 8}", "prompt": f"{at} {filler}"}
        line = recordings.line("UserPromptSubmit", payload, recordings.START_NS + at)
        recordings.append(home.day / f"claude-code.s{at % 8}.jsonl", line)
    return records


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGKILL] if THOROUGH else [signal.SIGTERM]
)
def test_a_watcher_ended_in_a_backlog_loses_nothing_and_does_nothing_twice(
    home: Home, number: int
) -> None:
    records = backlog(home)
    process = home.start()
    eventually(lambda: home.stored() > 0)
    began = time.monotonic()
    process.send_signal(number)
    code = ended(process)
    assert time.monotonic() - began < 30
    assert code == (0 if number == signal.SIGTERM else -signal.SIGKILL)
    assert 0 < home.stored() < records
    home.start()
    eventually(lambda: home.stored() == records, 120)
    home.append("more")
    home.has("more")
    assert home.stored() == records + 1
    assert home.erred.read_text() == ""


def test_a_pass_that_does_not_end_is_cut_off_in_time(tmp_path: Path) -> None:
    script = f"""
        import os, signal, time
        from pathlib import Path
        from sync.watch import *
        orders = Orders(Path({str(tmp_path)!r}), lambda stopping: time.sleep(60) or 0,
            lambda: True, lambda: Program.CURRENT, print, 0, 60)
        watcher = Watcher(orders)
        signal.signal(signal.SIGTERM, lambda *_: watcher.stop())
        print("ready", flush=True)
        watcher.run()
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.3)
            process.terminate()
            assert ended(process, 2.0) == 0
        finally:
            process.kill()


def test_a_second_watcher_names_the_first_and_leaves_at_once(home: Home) -> None:
    first = home.start()
    second = home.watch()
    assert ended(second) == 75
    assert f"another watch is running (process {first.pid})" in home.erred.read_text()
    assert first.poll() is None
    first.kill()
    first.wait()
    home.start()  # nothing to clean up


def run(home: Home, *args: str) -> subprocess.CompletedProcess[str]:
    command = [program(), "--home", str(home.home), *args]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_sync_during_a_watch_waits_for_a_running_pass_or_names_its_process(home: Home) -> None:
    home.append("mine")
    home.start()
    home.has("mine")
    assert run(home, "sync").returncode == 0
    with locked(home.layout.sync_lock, lambda: False):
        done = run(home, "sync", "--wait", "0")
        assert (done.returncode, done.stdout) == (75, "")
        assert f"another sync is running (process {os.getpid()})" in done.stderr
        home.append("mine")
        time.sleep(0.5)
        assert home.stored("mine") == 1  # the watcher waits, too
    home.has("mine", 2)
    assert home.erred.read_text() == ""


def test_an_idle_watcher_leaves_and_a_busy_one_stays(home: Home) -> None:
    process = home.start("--idle-exit", "0.015")  # 0.9 seconds
    for at in range(3):
        time.sleep(0.4)
        assert process.poll() is None
        home.append("busy")
        home.has("busy", at + 1)
    assert ended(process) == 0
    assert home.text().endswith("Nothing new: done.\n")


def descriptors(pid: int) -> int:
    """How many are open, as far as the system knows."""
    folder = Path(f"/proc/{pid}/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def test_changed_settings_start_it_again_in_the_same_process(home: Home) -> None:
    home.append("waker")
    process = home.start(fork=False)
    home.has("waker")
    time.sleep(0.3)
    open_before = descriptors(process.pid)
    for at in range(2):
        home.config(SLOW + f"# {at}\n")
        home.append("waker")  # it looks at its next pass
        eventually(lambda at=at: home.text().count("Watching") == at + 2)
        home.has("waker", at + 2)
    assert process.poll() is None
    assert f"{home.layout.config} was changed: restarting." in home.text()
    eventually(lambda: descriptors(process.pid) == open_before)
    assert autostart.watcher(str(home.home)) == process.pid
    process.terminate()
    assert ended(process) == 0


def test_a_watcher_that_is_stopped_or_stuck_is_noticed(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(command: str) -> str:
        cli.run(["--home", str(home.home), command])
        return " ".join(capsys.readouterr().out.split())

    home.config(QUICK)
    home.lock.touch()
    os.utime(home.lock, (0, 0))
    process = home.start(fork=False)
    eventually(lambda: home.lock.stat().st_mtime > 0)
    assert re.search(rf"runs, process {process.pid}, last looked", said("status"))
    assert f"runs, process {process.pid}, last looked" in said("doctor")
    process.send_signal(signal.SIGSTOP)
    eventually(lambda: f"STOPPED: process {process.pid}" in said("status"))
    assert f"(to continue it: kill -CONT {process.pid})" in said("status")
    assert f"stopped: process {process.pid}" in said("doctor")
    process.send_signal(signal.SIGCONT)
    eventually(lambda: "STOPPED" not in said("status"))
    assert watcher.look(home.layout, 1.0, time.time_ns() // 1000 + 200 * SECOND_US) == Watching(
        process.pid, pytest.approx(time.time() * SECOND_US, abs=60 * SECOND_US), "stuck"
    )


def test_new_settings_hold_after_the_change(home: Home) -> None:
    home.config(SLOW)
    process = home.start()
    home.config("[sessions]\nadopt_on = []\n" + QUICK)
    home.append("first")
    home.has("first")
    eventually(lambda: home.text().count("Watching") == 2)
    home.config("[nonsense]\n" + QUICK)
    eventually(lambda: "nonsense" in home.erred.read_text())
    home.append("second")
    home.has("second")
    assert home.erred.read_text().count("\n") == 1  # said once, not once a scan
    assert "the old settings still apply" in home.erred.read_text()
    assert process.poll() is None
    home.config(QUICK)
    eventually(lambda: home.text().count("Watching") == 3)


@pytest.fixture
def application(home: Home) -> Path:
    """A copy of the application that a watcher of `home` runs from."""
    folder = home.folder / "application"
    for name in ("journal", "sync", "hooks"):
        shutil.copytree(ROOT / name, folder / name)
    home.path = str(folder)
    home.config(QUICK)
    return folder


def test_changed_code_restarts_it_once_it_is_complete(home: Home, application: Path) -> None:
    process = home.start(fork=False)
    errors = application / "sync" / "errors.py"
    errors.write_text(errors.read_text() + "\n# another version\n")
    assert home.text().count("Watching") == 1
    eventually(lambda: home.text().count("Watching") == 2)
    assert "the application was changed: restarting." in home.text()
    assert process.poll() is None
    home.append("new")
    home.has("new")


def test_a_watcher_whose_application_is_gone_leaves_quietly(home: Home, application: Path) -> None:
    home.append("first")
    process = home.start(fork=False)
    home.has("first")
    home.append("second")
    home.has("second")  # the pass before has ended, and has loaded all that a pass needs
    shutil.rmtree(application)
    assert ended(process) == 0
    assert home.text().endswith("the application was removed: done.\n")
    assert home.erred.read_text() == ""


def test_a_home_that_is_deleted_is_not_made_again(home: Home) -> None:
    home.config(QUICK)
    home.append("gone")
    process = home.start()
    home.has("gone")
    time.sleep(0.5)
    shutil.rmtree(home.home)
    assert ended(process) == 0
    assert not home.home.exists()
    assert home.erred.read_text() == ""


def test_a_failing_pass_is_reported_once_and_repeated_until_it_works(home: Home) -> None:
    home.config(QUICK)
    home.layout.database.write_bytes(b"not a database, but long enough to be taken for one" * 40)
    home.append("kept")
    process = home.start()
    eventually(lambda: "is damaged" in home.erred.read_text())
    time.sleep(1)
    assert home.erred.read_text().count("\n") == 1
    home.layout.database.unlink()
    home.has("kept")
    assert process.poll() is None


# The loop by itself, with passes made up for the purpose.
