"""What the agent waits for: the installed hooks, against the bare start of their interpreter.

The bound is held against that start through a shell, as agents start each hook.
"""

import json
import resource
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import firing
import recordings
from bench_table import Row, quantile
from hooks import emit

ROUNDS = 200
START_EVERY = 10
START_ROUNDS = 5
UNSYNCED_BYTES = 50_000_000


def measure(scratch: Path) -> list[Row]:
    """Interleaved rounds of every hook and yardstick, then SessionStart with a backlog."""
    return _rows(Bench(scratch))


class Took(NamedTuple):
    """What one command cost: until it ended, and of the processors."""

    wall_ms: float
    processor_ms: float


def _processor_ms() -> float:
    """Of all processes that were waited for so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1000


class Bench:
    """A home with hooks and a session that is synced."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.home, self.settings = scratch / "home", scratch / "settings.json"
        self.journal("install", "--settings", str(self.settings))
        for one in recordings.load("i-exit"):
            firing.fire(self.settings, one, scratch)
        self.journal("sync")
        self.python = self.command("Stop").partition("set -- ")[2].split()[0]

    def journal(self, *args: str) -> None:
        command = [sys.executable, "-m", "journal", "--home", str(self.home), *args]
        env = firing.environment(self.scratch)
        subprocess.run(command, check=True, capture_output=True, env=env)

    def command(self, event: str) -> str:
        (command,) = firing.commands(self.settings, event)
        return command

    def run(self, command: str, stdin: bytes) -> float:
        """Milliseconds of one command, run as the agent runs it."""
        one = recordings.load("i-exit")[0]
        env = firing.environment(self.scratch, one)
        done = firing.run(command, stdin, env, self.scratch)
        assert (done.code, done.stderr) == (0, b""), done
        return done.seconds * 1000

    def bare(self) -> float:
        """Milliseconds of the interpreter's own start, without a shell."""
        return self.once([self.python, "-I", "-S", "-c", "pass"], b"").wall_ms

    def once(self, command: list[str], stdin: bytes) -> "Took":
        """One command and what it costs, with everything that it starts."""
        env = firing.environment(self.scratch, recordings.load("i-exit")[0])
        before, started = _processor_ms(), time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=env, cwd=self.scratch
        )
        process.communicate(stdin)
        wall_ms = (time.perf_counter() - started) * 1000
        assert process.returncode == 0
        return Took(wall_ms, _processor_ms() - before)

    def start_payload(self, session: str) -> bytes:
        cwd = "/home/dev/code/i-exit"
        return json.dumps({"session_id": session, "cwd": cwd, "source": "startup"}).encode()

    def backlog(self) -> None:
        """Fresh records of about 2 kB in ten sessions, never synced."""
        line = emit.record("claude-code", "PostToolUse", b"{}", 0, {})[0]
        day = self.home / "days" / emit.utc(time.time_ns())[:10]
        for number in range(10):
            lines, size = [], 0
            while size < UNSYNCED_BYTES // 10:
                line = _tool_line(number, len(lines))
                lines.append(line)
                size += len(line)
            (day / f"claude-code.backlog-{number}.jsonl").write_bytes(b"".join(lines))

    def forget_backlog(self) -> None:
        """Back to the state before: no backlog, a database that never saw it."""
        for path in (*self.home.glob("days/*/*backlog*"), *self.home.glob("journal.db*")):
            path.unlink()
        self.journal("sync")


def _tool_line(session: int, number: int) -> bytes:
    payload = {
        "session_id": f"backlog-{session}",
        "cwd": "/home/dev/code/i-exit",
        "tool_name": "Bash",
        "tool_use_id": f"t{number}",
        "tool_input": {"command": f"make part-{number}"},
        "tool_response": {"stdout": " ".join(str(number * n) for n in range(200))},
    }
    data = json.dumps(payload).encode()
    return emit.record("claude-code", "PostToolUse", data, time.time_ns(), {})[0]


def _rows(bench: Bench) -> list[Row]:
    small = json.dumps({"session_id": "b", "x": "y" * 4000}).encode() + b"\n"
    large = json.dumps({"session_id": "b", "x": "y" * 1_000_000}).encode() + b"\n"
    hook, start = bench.command("PostToolUse"), bench.command("SessionStart")
    bare = [bench.python, "-I", "-S", "-c", "pass"]
    # `exit 0` as in the hook: otherwise a shell may become the program instead of starting it.
    cases = {
        "bare": (bare, b""),
        "shell": (["/bin/sh", "-c", f"{shlex.join(bare)}; exit 0"], b""),
        "hook": (["/bin/sh", "-c", hook], small),
        "large": (["/bin/sh", "-c", hook], large),
        "cat": (["/bin/sh", "-c", f"cat >> '{bench.scratch}/cat'"], small),
    }
    took: dict[str, list[Took]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, case in cases.items():
            took[name].append(bench.once(*case))
    bench.journal("sync")
    bares: list[float] = []
    starts: list[float] = []
    for _ in range(ROUNDS // START_EVERY):
        bares.append(bench.bare())
        starts.append(bench.run(start, bench.start_payload("synced")))
        bench.journal("sync")
    behind = []
    for _ in range(START_ROUNDS):
        bench.backlog()
        behind.append(bench.run(start, bench.start_payload("behind")) / 1000)
        bench.forget_backlog()
    return [*_hook_rows(took), *_start_rows(bares, starts, behind)]


def _hook_rows(took: dict[str, list[Took]]) -> list[Row]:
    wall = {name: [one.wall_ms for one in values] for name, values in took.items()}
    median = {name: statistics.median(values) for name, values in wall.items()}
    p95 = {name: quantile(values, 0.95) for name, values in wall.items()}
    least = {name: min(values) for name, values in wall.items()}
    used = {
        name: statistics.median(one.processor_ms for one in values) for name, values in took.items()
    }

    def against(other: str, figures: dict[str, float], what: str, bound: float | None) -> Row:
        ratio = figures["hook"] / figures[other]
        return Row(f"hook, 4 kB, {what}", f"{figures['hook']:.1f} ms", ratio, bound, against=other)

    bare = "python -I -S -c pass"
    return [
        Row(f"{bare} (bare)", _ms(median["bare"], p95["bare"])),
        Row("the same through sh -c (shell)", _ms(median["shell"], p95["shell"])),
        Row("sh -c 'cat >> file'", _ms(median["cat"], p95["cat"])),
        against("bare", median, "median", None),
        against("bare", used, "processor time", None),
        against("bare", p95, "p95", 1.6),
        against("bare", least, "least", None),
        against("shell", median, "median", 1.15),
        against("shell", used, "processor time", 1.15),
        Row("hook, 1 MB, median", _ms(median["large"], p95["large"]),
            median["large"] / median["hook"], 2.0, against="4 kB"),
    ]  # fmt: skip


def _start_rows(bare: list[float], starts: list[float], behind: list[float]) -> list[Row]:
    ratio = statistics.median(starts) / statistics.median(bare)
    slowest = max(behind)
    return [
        Row("SessionStart, all synced", _ms(statistics.median(starts), quantile(starts, 0.95)),
            ratio, 15, against="bare"),
        Row("SessionStart, 50 MB unsynced, slowest", f"{slowest:.2f} s", slowest, 1.5,
            against="1 s"),
    ]  # fmt: skip


def _ms(median: float, p95: float) -> str:
    return f"{median:.1f} ms, p95 {p95:.1f} ms"
