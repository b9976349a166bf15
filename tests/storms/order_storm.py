"""The storm of random orders: `python tests/storms/order_storm.py --steps 300 --seed 1`.

Records, passes, deliveries, forgetting, imports of older exports and of the remote, rebuilds,
rescans and prunes come in any order; some are killed; the database is lost, or an older one is put
back. Afterwards what was recorded is stored exactly once, and nothing of a session comes back that
was forgotten, from every source of the database.
"""

import argparse
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import archived
import recordings
import stored
from commands import Commands, Done
from hooks import emit

SESSIONS = 12
DAY_NS = 86_400 * 10**9
OLDEST_DAYS = 60  # older than what is pruned: but it has just arrived
MAX_AGE = "40"
_TOKEN = re.compile(rb"token[0-9]{6}")


@dataclass
class Storm:
    """One storm over one home; everything that chance decides comes from `seed`."""

    folder: Path
    seed: int
    done: Counter[str] = field(default_factory=Counter)
    killed: int = 0
    reported: dict[str, str] = field(default_factory=dict)  # token: session
    gone: set[str] = field(default_factory=set)  # tokens that were forgotten
    forgotten: set[str] = field(default_factory=set)  # sessions that ever were
    number: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.home = self.folder / "home"
        self.remote = self.folder / "remote"
        self.copies = self.folder / "copies"
        for path in (self.home, self.remote, self.copies, self.folder / "tmp"):
            path.mkdir(parents=True)
        for name in [name for name in os.environ if name.startswith(("JOURNAL_", "CLAUDE"))]:
            del os.environ[name]
        os.environ.update(HOME=str(self.folder), TMPDIR=str(self.folder / "tmp"))
        (self.home / "config.toml").write_text(archived.config("folder", str(self.remote)))
        self.commands = Commands()
        self.rules: dict[Callable[[], None], int] = {
            self.record: 40, self.sync: 20, self.forget: 4, self.export: 5, self.import_history: 8,
            self.rebuild: 4, self.rescan: 3, self.prune: 4, self.lose: 3, self.copy: 4,
            self.put_back: 4,
        }  # fmt: skip

    def blow(self, steps: int) -> None:
        """So many steps, after a first record: without one, commands say that there is none."""
        self.record()
        for _ in range(steps):
            (step,) = self.chance.choices(list(self.rules), list(self.rules.values()))
            step()
            self.done[step.__name__] += 1

    def record(self) -> None:
        """A few records of one session; of one that was forgotten only new ones."""
        session = f"{self.chance.randrange(SESSIONS):08x}-0000-4000-8000-000000000000"
        ago_days = self.chance.choice((0, 0, 1, 9, 20, OLDEST_DAYS))
        for _ in range(self.chance.randint(1, 4)):
            self.number += 1
            token = f"token{self.number:06d}"
            self.reported[token] = session
            at_ns = time.time_ns()
            if session not in self.forgotten:
                at_ns -= ago_days * DAY_NS
            body = {"session_id": session, "cwd": "/code/storm", "prompt": f"say {token}"}
            line = recordings.line("UserPromptSubmit", body, at_ns, CLAUDE_CODE_ENTRYPOINT="cli")
            name = f"{emit.file_name('claude-code', session)}.jsonl"
            path = self.home / "days" / emit.utc(at_ns)[:10] / name
            recordings.append(path, line)
            os.utime(path, ns=(at_ns, at_ns))  # so that its day is packed

    def sync(self) -> None:
        """A pass and a delivery, perhaps killed."""
        self._run("sync")

    def rebuild(self) -> None:
        """The database is made from the journal, perhaps killed."""
        self._run("sync", "--rebuild")

    def rescan(self) -> None:
        """The rules are applied to all that is stored."""
        self._run("redact", "--rescan")

    def prune(self) -> None:
        """Nothing is so old: what is dated so has arrived a moment ago."""
        self._run("prune", "--max-age", MAX_AGE)

    def export(self) -> None:
        """An export that is imported later, perhaps when something of it was forgotten."""
        self._fine("sync")
        self._fine("export", "--output", str(self.copies / f"{self.number}.jsonl"))

    def import_history(self) -> None:
        """An older export, or what the remote has."""
        exports = sorted(self.copies.glob("*.jsonl"))
        sources = [*exports, *([self.remote] if any(self.remote.iterdir()) else [])]
        if sources:
            self._run("import", str(self.chance.choice(sources)))

    def forget(self) -> None:
        """All of a session goes; killed or not, it is asked for until it is done."""
        alive = sorted({self.reported[token] for token in self.reported.keys() - self.gone})
        if not alive:
            return
        self._fine("sync")
        session = self.chance.choice(alive)
        killed = self._run("forget", session, "--yes")
        if killed:
            again = self.commands.run(self.home, "forget", session, "--yes")
            assert again.code in (0, 1), again  # 1: it is gone already
        self.forgotten.add(session)
        self.gone |= {token for token, one in self.reported.items() if one == session}

    def lose(self) -> None:
        """The database is gone."""
        for path in self.home.glob("journal.db*"):
            path.unlink()

    def copy(self) -> None:
        """A copy of the database, as a backup has it."""
        self._fine("sync")
        place = self.copies / f"database-{self.number}"
        place.mkdir(exist_ok=True)
        for path in self.home.glob("journal.db*"):
            shutil.copy(path, place)

    def put_back(self) -> None:
        """An older database in the place of the present one."""
        if copies := sorted(self.copies.glob("database-*")):
            self.lose()
            for path in self.chance.choice(copies).iterdir():
                shutil.copy(path, self.home)

    def _run(self, *command: str) -> bool:
        """A command that may be killed at a counted moment; whether it was."""
        dies_at = self.chance.randint(1, 300) if self.chance.random() < 0.3 else 0
        done = self.commands.run(self.home, *command, dies_at=dies_at)
        if done.code == -signal.SIGKILL:
            self.killed += 1
            return True
        assert done.code in (0, 75), (command, done)
        return False

    def _fine(self, *command: str) -> Done:
        done = self.commands.run(self.home, *command)
        assert done.code == 0, (command, done)
        return done

    def stored_records(self) -> Counter[str]:
        """How often each token is in an export."""
        out = self.folder / "all.jsonl"
        self._fine("export", "--output", str(out))
        return Counter(one.decode() for one in _TOKEN.findall(out.read_bytes()))

    def check(self) -> None:
        """Everything that must hold now; AssertionError: it does not."""
        wanted = Counter(self.reported.keys() - self.gone)
        for step in (lambda: None, self.lose, self._oldest):
            step()
            for command in (("sync",), ("sync", "--rebuild")):
                self._fine(*command)
                stored_records = self.stored_records()
                back = sorted(stored_records.keys() & self.gone)
                assert not back, f"forgotten, and back: {back[:3]}"
                lost = sorted((wanted - stored_records).elements())
                assert not lost, f"{len(lost)} records are lost: {lost[:3]}"
                assert stored_records == wanted, "a record is stored twice"
        stored.check(self.home)

    def _oldest(self) -> None:
        if copies := sorted(self.copies.glob("database-*"), key=lambda path: path.stat().st_mtime):
            self.lose()
            for path in copies[0].iterdir():
                shutil.copy(path, self.home)


def blow(seed: int, steps: int) -> bool:
    """One storm and its result; whether every check passed."""
    folder = Path(tempfile.mkdtemp(prefix="agent-journal-orders-"))
    began = time.monotonic()
    print(f"orders: seed {seed}, {steps} steps, {folder}", flush=True)
    storm = Storm(folder, seed)
    try:
        storm.blow(steps)
        storm.check()
    except AssertionError as error:
        print(f"FAILED: {error}\nseed {seed}; left for a look: {folder}")
        return False
    finally:
        storm.commands.close()
    packs = len(list((storm.home / "packs").glob("*.gz")))
    shutil.rmtree(folder)
    print(f"{dict(storm.done)}, killed: {storm.killed}, packs: {packs}")
    print(f"records: {len(storm.reported)}, forgotten: {len(storm.gone)}", end="; ")
    print(f"stored_records: everything; {time.monotonic() - began:.0f} s")
    return True


def main() -> int:
    """Storms with seeds one after the other; exit code 1 if anything that must hold does not."""
    parser = argparse.ArgumentParser(description="Everything in random orders, then count.")
    parser.add_argument("--steps", type=int, default=250, help="of each storm")
    parser.add_argument("--storms", type=int, default=4)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    options = parser.parse_args()
    stored_records = [
        blow(options.seed + number, options.steps) for number in range(options.storms)
    ]
    return 0 if all(stored_records) else 1


if __name__ == "__main__":
    sys.exit(main())
