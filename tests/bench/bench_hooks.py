"""What the agent waits for: the installed hooks, against the bare start of their interpreter."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import firing
import recordings
from bench_table import Row, quantile
from hooks import emit

ROUNDS = 80
START_ROUNDS = 5
UNSYNCED_BYTES = 50_000_000


def measure(scratch: Path) -> list[Row]:
    """Interleaved rounds of every hook and yardstick, then SessionStart with a backlog."""
    return _rows(Bench(scratch))


class Bench:
    """A home with hooks and a session that is synced."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.home, self.settings = scratch / "home", scratch / "settings.json"
        self.journal("install", "--settings", str(self.settings))
        for one in recordings.load("i-exit"):
            firing.fire(self.settings, one, scratch)
        self.journal("sync")
        (self.python,) = {
            line.split()[0]
            for line in self.command("Stop").split("&& ")
            if " -I -S " in line.partition("||")[0]
        }

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
        started = time.perf_counter()
        command = [self.python, "-I", "-S", "-c", "pass"]
        subprocess.run(command, stdin=subprocess.DEVNULL, check=True)
        return (time.perf_counter() - started) * 1000

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
    cases: dict[str, Callable[[], float]] = {
        "bare": bench.bare,
        "hook": lambda: bench.run(hook, small),
        "large": lambda: bench.run(hook, large),
        "cat": lambda: bench.run(f"cat >> '{bench.scratch}/cat'", small),
    }
    took: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, case in cases.items():
            took[name].append(case())
    bench.journal("sync")
    starts: list[float] = []
    for _ in range(ROUNDS // 4):
        took["bare"].append(bench.bare())
        starts.append(bench.run(start, bench.start_payload("synced")))
        bench.journal("sync")
    behind = []
    for _ in range(START_ROUNDS):
        bench.backlog()
        behind.append(bench.run(start, bench.start_payload("behind")) / 1000)
        bench.forget_backlog()
    return [*_hook_rows(took), *_start_rows(took["bare"], starts, behind)]


def _hook_rows(took: dict[str, list[float]]) -> list[Row]:
    median = {name: statistics.median(values) for name, values in took.items()}
    p95 = {name: quantile(values, 0.95) for name, values in took.items()}
    bare = "python -I -S -c pass"
    return [
        Row(f"{bare} (yardstick)", _ms(median["bare"], p95["bare"])),
        Row("sh -c 'cat >> file'", _ms(median["cat"], p95["cat"])),
        Row("hook, 4 kB, median", _ms(median["hook"], p95["hook"]),
            median["hook"] / median["bare"], 1.35, against="bare"),
        Row("hook, 4 kB, p95", f"{p95['hook']:.1f} ms", p95["hook"] / p95["bare"], 1.6,
            against="bare p95"),
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
