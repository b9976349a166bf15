"""The storm over the archive: `make storm`.

While sessions go on, `sync`, `replay` and `watch` are killed at random moments, and what they send
to, a service with random faults or a folder that comes and goes, fails as it likes; the service is
killed, too. Afterwards each piece is at the remote exactly once, each prompt and answer is in
exactly one piece, and nothing waits.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import archived
from archived import Reported
from commands import Commands
from mindspring_server import OUT_OF_MEMORY
from mindspring_state import State
from places import FIXTURES
from storm import slowness
from sync.remote import notebooks

COMMANDS = {"sync": 50, "replay": 8, "replay --all": 24, "watch": 18}
LEAST_SECONDS, MOST_SECONDS = 0.02, 1.2  # most work begins after a tenth of a second
MOST_TURNS = 2  # between two commands
SESSIONS = ("one", "two", "three", "four")
TIMEOUT = 0.5
SETTLE_SECONDS = 6 * TIMEOUT
REMOTE = f"""
connect_timeout_seconds = {TIMEOUT}
timeout_seconds = {TIMEOUT}
min_interval_seconds = 0
max_source_bytes = 20000
"""
ROUTES = ("any", "list_notebooks", "create_notebook", "upload", "register", "job", "source")
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "drop"}, {"kind": "reset"}, {"kind": "hang"}, {"kind": "short"},
    {"kind": "after", "status": 501, "body": OUT_OF_MEMORY}, {"status": 501}, {"status": 503},
    {"status": 401}, {"status": 413}, {"status": 429}, {"status": 200, "body": "<html>"},
    {"kind": "drop", "route": "register"}, {"kind": "drop", "route": "register"},
)  # fmt: skip
FINE = (0, 75)


class Service:
    """The service as a process: it can be killed, and what it stored outlives it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "stored"
        self.port = 0
        self._start()

    def _start(self) -> None:
        script = FIXTURES / "mindspring_server.py"
        command = [sys.executable, str(script), "--port", str(self.port), "--state", self._file]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fail(self, fault: dict[str, Any]) -> None:
        self._ask("POST", fault)

    def heal(self) -> None:
        self._ask("DELETE", {})

    def _ask(self, method: str, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_faults", data, method=method)
        urllib.request.urlopen(request, timeout=5).close()

    def kill(self) -> None:
        """With SIGKILL; afterwards another one serves what it had stored."""
        self.end()
        self._start()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    @property
    def stored(self) -> State:
        """What it has on its disk."""
        return State(self._file)


@dataclass
class Storm:
    """One storm over one home and one kind of remote; chance comes from `seed`."""

    folder: Path
    kind: str
    seed: int
    kills: int
    killed: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    lost_databases: int = 0
    service_kills: int = 0
    at_the_remote: int = 0  # pieces, when the storm is over

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.home = self.folder / "home"
        self.home.mkdir(parents=True)
        self.nas = self.folder / "nas"
        self.nas.mkdir()
        (self.folder / "tmp").mkdir()
        for name in [name for name in os.environ if name.startswith(("JOURNAL_", "CLAUDE"))]:
            del os.environ[name]
        os.environ.update(HOME=str(self.folder), TMPDIR=str(self.folder / "tmp"))
        self.reported = Reported(self.home)
        self.commands = Commands()
        self.service = Service(self.folder)
        place = self.service.url if self.kind == "mindspring" else str(self.nas)
        (self.home / "config.toml").write_text(archived.config(self.kind, place, REMOTE))

    def blow(self) -> None:
        """Kill until it is enough."""
        while sum(self.killed.values()) < self.kills:
            for _ in range(self.chance.randrange(MOST_TURNS + 1)):
                self._turn()
            self._trouble()
            self._command()
        self._mount()  # it may be away at this moment
        self.at_the_remote = len(self._pieces())

    def _turn(self) -> None:
        session = self.chance.choice(SESSIONS)
        late = 100.0 if self.chance.random() < 0.1 else 0.0
        more = " and so on" * self.chance.choice((0, 0, 50, 400))
        self.reported.turn(session, late, more)
        if self.chance.random() < 0.1:
            self.reported.end(session)

    def _trouble(self) -> None:
        what = self.chance.random()
        if what < 0.03:
            self.lost_databases += 1
            for path in self.home.glob("journal.db*"):
                path.unlink()
        elif self.kind == "folder":
            self._unmount(what)
        elif what < 0.07:
            self.service_kills += 1
            self.service.kill()
        elif what < 0.25:
            self.faults += 1
            times = self.chance.choice((1, 1, 2, 3, -1))
            skip = self.chance.randrange(4)
            fault = {"route": self.chance.choice(ROUTES), "times": times, "skip": skip}
            self.service.fail(fault | self.chance.choice(FAULTS))
        elif what < 0.6:
            self.service.heal()

    def _unmount(self, what: float) -> None:
        away = self.folder / "away"
        if what < 0.15 and self.nas.exists():
            self.faults += 1
            self.nas.rename(away)
        elif what < 0.7 and away.exists():
            away.rename(self.nas)

    def _mount(self) -> None:
        if not self.nas.exists():
            (self.folder / "away").rename(self.nas)

    def _command(self) -> None:
        (command,) = self.chance.choices(list(COMMANDS), list(COMMANDS.values()))
        seconds = LEAST_SECONDS * (MOST_SECONDS / LEAST_SECONDS) ** self.chance.random()
        seconds *= slowness()
        done = self.commands.run(self.home, *command.split(), dies_after_seconds=seconds)
        if done.code == -signal.SIGKILL:
            self.killed[command] += 1
            return
        self.ended[command] += 1
        assert done.code in FINE, (command, done)

    def calm(self) -> None:
        """All is well with the remote: until nothing waits any more."""
        self.service.heal()
        self._mount()
        until = time.monotonic() + 60
        while time.monotonic() < until:
            self._fine("sync")
            self._fine("replay", "--dead")
            if not archived.retry_files(self.home):
                break
            time.sleep(0.2)
        self.reported.turn(SESSIONS[0])
        self._fine("sync", ahead_seconds=2 * 3600)  # what killed writers have left is old then

    def _fine(self, *command: str, ahead_seconds: float = 0) -> None:
        done = self.commands.run(self.home, *command, ahead_seconds=ahead_seconds)
        assert done.code == 0, done

    def close(self) -> None:
        """End the processes."""
        self.commands.close()
        self.service.end()

    def _pieces(self) -> list[str]:
        """Those at the remote, by their content."""
        if self.kind == "mindspring":
            return [row["content_hash"] for row in self.service.stored.sources.values()]
        return [path.name for path in self.nas.rglob("*.jsonl")]


def check(storm: Storm) -> None:
    """Everything that must hold now; AssertionError: it does not."""
    assert list((storm.home / "retry").glob("*")) == [], "something waits, or was left"
    assert not list((storm.home / "dead").glob("piece-*")), "something was given up"
    receipts = _receipts(storm.home)
    assert set(receipts.values()) <= {1}, "a piece has two receipts that differ"
    if storm.kind == "mindspring":
        state = storm.service.stored
        archived.assert_arrived(state, storm.reported)
        assert {row["content_hash"] for row in state.sources.values()} == receipts.keys()
        _assert_rolled_over(state)
    else:
        archived.assert_in_folder(storm.nas, storm.reported)


def _assert_rolled_over(state: State) -> None:
    """A notebook is followed by another one only when it is full, and has one title."""
    rows = sorted(map(state.counted, state.notebooks.values()), key=lambda row: row["created_at"])
    titles = [row["title"] for row in rows]
    more = [f"session_history ({number})" for number in range(2, len(rows) + 1)]
    assert titles == ["session_history", *more], titles
    for row in rows[:-1]:
        assert notebooks.full(row["source_count"], row["chunk_count"]), row


def _receipts(home: Path) -> Counter[str]:
    """The pieces with receipts by content, and how many pieces say that they have it."""
    found = set()
    for path in home.glob("days/*/journal.*.jsonl"):
        for line in path.read_bytes().split(b"\n"):
            if b'"Receipt"' in line and line.endswith(b"}"):
                said = json.loads(line[line.rindex(b'{"v":1') :])
                payload = said["payload"]
                number = payload["number"], payload["part"]
                found.add((payload["sha256"], said["session"], *number))
    return Counter(one[0] for one in found)


def blow(kind: str, seed: int, kills: int) -> bool:
    """One storm and its result; whether every check passed."""
    folder = Path(tempfile.mkdtemp(prefix="agent-journal-archive-"))
    began = time.monotonic()
    print(f"{kind}: seed {seed}, {kills} kills, {folder}", flush=True)
    storm = Storm(folder, kind, seed, kills)
    try:
        storm.blow()
        storm.calm()
        check(storm)
    except AssertionError as error:
        print(f"FAILED: {error}\nseed {seed}; left for a look: {folder}")
        return False
    finally:
        storm.close()
    pieces = len(storm._pieces())
    print(f"killed: {dict(storm.killed)}, ended by themselves: {dict(storm.ended)}")
    print(
        f"faults: {storm.faults}, databases lost: {storm.lost_databases}, "
        f"services killed: {storm.service_kills}"
    )
    print(f"prompts and answers: {len(storm.reported.texts)}, once each in {pieces} pieces,")
    print(f"{storm.at_the_remote} of them there before the calm; {time.monotonic() - began:.0f} s")
    shutil.rmtree(folder)
    if not storm.at_the_remote:
        print("FAILED: no delivery came to its end")
    return storm.at_the_remote > 0


def main() -> int:
    """One storm for each kind of remote; exit code 1 if anything that must hold does not."""
    parser = argparse.ArgumentParser(description="Kill processes that deliver, then count.")
    parser.add_argument("--kills", type=int, default=150, help="for each kind of remote")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--kind", choices=("mindspring", "folder"), action="append")
    options = parser.parse_args()
    kinds = options.kind or ["mindspring", "folder"]
    held = [blow(kind, options.seed, options.kills) for kind in kinds]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
