"""What the live list costs while nothing happens, and how soon a change is on its screen.

Without a watcher, in the pessimistic home: ten thousand sessions, each with a file of its own.
"""

import os
import random
import statistics
import time
from pathlib import Path

import recordings
from bench_table import Row
from bench_watch import sync
from hooks import emit
from tmux_screen import TmuxScreen

SESSIONS = int(os.environ.get("BENCH_LIVE", "10000"))
IDLE_SECONDS = 60.0  # a rest long enough for what is done once in it
CHANGES = 20


def measure(scratch: Path) -> list[Row]:
    """An idle list of ten thousand sessions, then changes to one of them."""
    home = scratch / "home"
    write_sessions(home, SESSIONS, time.time_ns())
    sync(home)
    with TmuxScreen(home, 80, 24, "sessions", "--live") as screen:
        screen.wait_for("up to date", 60)
        time.sleep(5)
        before = cpu_seconds(screen.pid)
        time.sleep(IDLE_SECONDS)
        share = (cpu_seconds(screen.pid) - before) / IDLE_SECONDS * 100
        latencies = _latencies(home, screen)
    slowest = max(latencies)
    return [
        Row(
            f"idle list of {SESSIONS:,}, {IDLE_SECONDS:.0f} s",
            f"{share:.2f} % of a core",
            share,
            1.0,
            against="%",
        ),
        Row("append to screen, median", f"{statistics.median(latencies) * 1000:.0f} ms"),
        Row(
            "append to screen, slowest", f"{slowest * 1000:.0f} ms", slowest, 1.0, against="1 s"
        ),
    ]  # fmt: skip


def write_sessions(home: Path, number: int, now_ns: int, *, files: bool = True) -> None:
    """So many sessions of one prompt each, the last of them an hour old; a file each, or one."""
    lines: dict[str, list[bytes]] = {}
    for at in range(number):
        at_ns = now_ns - 3600 * 10**9 - (number - at) * 10**7
        session = f"{at:08x}-0000-4000-8000-000000000000"
        payload = {"session_id": session, "cwd": f"/code/p{at % 20}", "prompt": f"work {at}"}
        line = recordings.line("UserPromptSubmit", payload, at_ns, CLAUDE_CODE_ENTRYPOINT="cli")
        name = emit.file_name("claude-code", session if files else "many")
        lines.setdefault(f"{emit.utc(at_ns)[:10]}/{name}.jsonl", []).append(line)
    for name, made in lines.items():
        recordings.append(home / "days" / name, b"".join(made))


def _latencies(home: Path, screen: TmuxScreen) -> list[float]:
    chance = random.Random(7)
    took = []
    for number in range(CHANGES):
        time.sleep(1 + chance.random())
        payload = {
            "session_id": f"{number:08x}-new",
            "cwd": "/code/x",
            "prompt": f"change-{number}",
        }
        now_ns = time.time_ns()
        line = recordings.line("UserPromptSubmit", payload, now_ns, CLAUDE_CODE_ENTRYPOINT="cli")
        name = emit.file_name("claude-code", f"{number:08x}-new")
        started = time.perf_counter()
        recordings.append(home / "days" / emit.utc(now_ns)[:10] / f"{name}.jsonl", line)
        screen.wait_for(f"change-{number} ", 30)
        took.append(time.perf_counter() - started)
    return took


def cpu_seconds(pid: int) -> float:
    """What a process has used of processors so far (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
