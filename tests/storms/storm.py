"""The kill storm: `python tests/storms/storm.py --kills 500 --seed 1`; also `make storm`.

Writers record while `sync`, `watch` and reading commands run, and everything is killed at random
moments. Afterwards each complete line must be stored exactly once with its payload, each torn one
be accounted for, the database be whole, equal to one made from the same files in one go, and a
further pass store nothing. Most commands are forked from this warm process, so that the kill hits
work and not the start of an interpreter.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import stored
import storm_writer
import truth
from journal import cli
from journal.cli.daily import search, sessions
from journal.cli.plumbing import sync, watch
from journal.layout import Layout
from sync import watch as watching
from sync.ingest import backlog
from sync.query import listing
from sync.report import Report
from sync.store import connection

WARM = (
    search,
    sessions,
    sync,
    watch,
    backlog,
    listing,
    connection,
    watching,
)  # loaded before the forks
COMMANDS = {
    "sync": 46,
    "watch": 38,
    "sync --rebuild": 4,
    "sessions --json": 7,
    "search torn": 5,
}
WRITERS = 3
SESSIONS = 4  # at a time; others every so many kills
KILLS_A_GENERATION = 40
LEAST_SECONDS, MOST_SECONDS = 0.005, 0.4
PROBE_SECONDS = 0.005
START_SECONDS = 0.35  # of an interpreter with the command's modules
FINE = {0, 75}
SETTINGS = "[watch]\nsettle_ms = 5\nscan_seconds = 0.2\n"


@dataclass
class Victim:
    """A command that is to be killed."""

    pid: int
    command: str
    dies_at: float


@dataclass
class Storm:
    """One storm over one home; everything that chance decides comes from `seed`."""

    folder: Path
    seed: int
    kills: int
    killed: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    writers: set[int] = field(default_factory=set)
    writers_started: int = 0
    spawned: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.home = self.folder / "home"
        self.reported = self.folder / "told"
        self.log = self.folder / "log"
        self.home.mkdir()
        (self.folder / "tmp").mkdir()
        (self.home / "config.toml").write_text(SETTINGS)
        for name in [name for name in os.environ if name.startswith(("JOURNAL_", "CLAUDE"))]:
            del os.environ[name]
        os.environ.update(HOME=str(self.folder), TMPDIR=str(self.folder / "tmp"))

    def blow(self) -> None:
        """Kill until it is enough, then the writers, too."""
        try:
            while sum(self.killed.values()) < self.kills:
                self._tend_writers()
                self._round([self._start() for _ in range(1 + (self.chance.random() < 0.25))])
        finally:
            for pid in self.writers:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)

    def _tend_writers(self) -> None:
        """Some have killed themselves; kill one of the others at times; be enough."""
        if self.writers and self.chance.random() < 0.15:
            os.kill(self.chance.choice(sorted(self.writers)), signal.SIGKILL)
        for pid in sorted(self.writers):
            gone, status = os.waitpid(pid, os.WNOHANG)
            if gone:
                self.writers.remove(pid)
                if not os.WIFSIGNALED(status):
                    self._complain("a writer", status)
        while len(self.writers) < WRITERS:
            generation = sum(self.killed.values()) // KILLS_A_GENERATION
            names = [f"storm-{generation}-{number}" for number in range(SESSIONS)]
            self.writers_started += 1
            seed = self.seed * 100_003 + self.writers_started
            self.writers.add(self._fork(storm_writer.write, self.home, names, seed, self.reported))
        while not self.reported.exists():
            time.sleep(0.01)

    def _fork(self, work: Callable[..., Any], *args: object) -> int:
        pid = os.fork()
        if pid:
            return pid
        code = 70
        try:
            log = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.dup2(log, 1)
            os.dup2(log, 2)
            code = work(*args)
        except Exception:  # noqa: BLE001  nothing of the child may run the parent's code
            traceback.print_exc()
        finally:
            os._exit(code)

    def _start(self) -> Victim:
        (command,) = self.chance.choices(list(COMMANDS), list(COMMANDS.values()))
        args = ["--home", str(self.home), *command.split()]
        seconds = LEAST_SECONDS * (MOST_SECONDS / LEAST_SECONDS) ** self.chance.random()
        pace = slowness()
        seconds *= pace
        if self.chance.random() > 0.06:
            return Victim(self._fork(_run, args), command, time.monotonic() + seconds)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "journal", *args],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.spawned[process.pid] = process
        started = START_SECONDS * self.chance.random() * pace
        return Victim(process.pid, command, time.monotonic() + started + seconds)

    def _round(self, victims: list[Victim]) -> None:
        while victims:
            for victim in list(victims):
                if time.monotonic() >= victim.dies_at:
                    os.kill(victim.pid, signal.SIGKILL)
                    self._count(victim, os.waitpid(victim.pid, 0)[1])
                    victims.remove(victim)
                    continue
                gone, status = os.waitpid(victim.pid, os.WNOHANG)
                if gone:
                    self._count(victim, status)
                    victims.remove(victim)
            time.sleep(0.001)

    def _count(self, victim: Victim, status: int) -> None:
        if process := self.spawned.pop(victim.pid, None):
            process.returncode = status  # it has been waited for
        if os.WIFSIGNALED(status):
            self.killed[victim.command] += 1
            return
        self.ended[victim.command] += 1
        if os.WEXITSTATUS(status) not in FINE:
            self._complain(victim.command, status)

    def _complain(self, what: str, status: int) -> None:
        code = os.waitstatus_to_exitcode(status)
        self.problems.append(f"{what} ended with {code}:\n{self.log.read_text()[-2000:]}")

    def stored_so_far(self) -> int:
        """What passes that were all to be killed have stored nevertheless."""
        return int(stored.rows(self.home, "select count(*) from events")[0][0])


def slowness() -> float:
    """How many seconds a second of work takes at this moment: others may use the processor."""
    began, worked = time.perf_counter(), time.process_time()
    while time.process_time() - worked < PROBE_SECONDS:
        pass
    return max(1.0, (time.perf_counter() - began) / PROBE_SECONDS)


def _run(args: list[str]) -> int:
    sys.orig_argv = [sys.executable, "-m", "journal", *args]  # a watcher may restart itself
    return cli.run(args)


def last_pass(home: Path) -> Report:
    """A pass when all is over: the next hook has closed torn tails, cut-off parts are old."""
    for path in home.glob("days/*/*.jsonl"):
        data = path.read_bytes()
        if data and not data.endswith(b"\n"):
            with path.open("ab") as file:
                file.write(b"\n")
    for path in Layout.at(home).spool.glob("*.part"):
        old = stored.NOW_US / 1e6 - 2 * 60
        os.utime(path, (old, old))
    return stored.sync(home)


def check(storm: Storm) -> truth.Truth:
    """Everything that must hold now; AssertionError: it does not."""
    home = storm.home
    stored.NOW_US = time.time_ns() // 1000  # what killed passes have stored arrived by this clock
    report = last_pass(home)
    assert not report.unreadable, report.unreadable
    found = truth.read(home)
    assert truth.held(home) == found.records, "the database and the files differ"
    reported = dict(line.split() for line in storm.reported.read_text().splitlines())
    lost = [i for i, digest in reported.items() if found.records.get(i, b"").hex() != digest]
    assert not lost, f"{len(lost)} records were written, and are in no file: {lost[0]}"
    truth.assert_accounted(home, found.torn)
    stored.check(home)
    again = stored.sync(home)
    assert (again.read, again.stored, again.rejected) == (0, 0, 0), again
    copied = storm.folder / "copied"
    shutil.copytree(home / "days", copied / "days")
    shutil.copy(home / "id", copied / "id")
    stored.sync(copied)
    truth.assert_same_views(home, copied)
    assert truth.prepared(home) == truth.prepared(copied), "contexts differ"
    shutil.rmtree(copied)
    truth.assert_nothing_left(home)
    assert not storm.problems, "\n".join(storm.problems)
    return found


def main() -> int:
    """Run one storm; exit code 1 if anything that must hold does not."""
    parser = argparse.ArgumentParser(description="Kill writers and syncers, then count.")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="agent-journal-storm-"))
    started = time.monotonic()
    storm = Storm(folder, options.seed, options.kills)
    print(f"seed {storm.seed}, {storm.kills} kills, {folder}", flush=True)
    storm.blow()
    blown = time.monotonic() - started
    so_far = storm.stored_so_far()
    try:
        found = check(storm)
    except AssertionError as error:
        print(f"FAILED: {error}\nseed {storm.seed}; left for a look: {folder}")
        return 1
    if not found.torn or not so_far:
        print("FAILED: no line was torn, or no pass came so far as to store anything")
        return 1
    shutil.rmtree(folder)
    print(f"killed: {dict(storm.killed)}, ended by themselves: {dict(storm.ended)}")
    print(f"writers: {storm.writers_started}; torn lines: {len(found.torn)}")
    print(f"records: {len(found.records)} in {found.bytes / 1e6:.0f} MB, {so_far} stored meanwhile")
    print(f"held: everything; {blown:.0f} s of storm, {time.monotonic() - started:.0f} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
