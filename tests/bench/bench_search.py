"""A search as a person runs it, a process from its start to its end, on a large synced home.

Against the bare start of an interpreter, which nothing written in Python can go below. The board
and `status` are measured against a search. A search that finds nothing says so, and then looks for
what would find something: both are measured.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import bench_journal
import recordings
from bench_table import Row
from bench_watch import sync

RECORDS = int(os.environ.get("BENCH_SEARCH", "300000"))
ROUNDS = 25
BOUND = 12
LOOK_BOUND = 4  # of a search
ADVICE_BOUND = 18  # of a bare start; see docs/performance.md
NOWHERE, ADVICE = "a word that is nowhere, the answer", "the same, with its advice"
OFTEN, RARE = "ordinary", "needleword"
PROJECT = 3


def write(scratch: Path) -> tuple[Path, Path]:
    """A home with RECORDS records, all synced, and the folder of one of its projects."""
    home, root = scratch / "home", scratch / "code"
    here = root / f"p{PROJECT}"
    here.mkdir(parents=True)
    bench_journal.write(home, RECORDS, sessions=200, days=6, root=str(root), often=OFTEN)
    for number in range(5):
        payload = {"session_id": f"rare{number}", "cwd": str(here), "prompt": f"a {RARE} here"}
        now_ns = recordings.START_NS + number * 10**12
        line = recordings.line("UserPromptSubmit", payload, now_ns, CLAUDE_CODE_ENTRYPOINT="cli")
        recordings.append(home / f"days/2026-11-18/claude-code.rare{number}.jsonl", line)
    sync(home)
    return home, here


def measure(scratch: Path) -> list[Row]:
    """Rare and common words, here and everywhere, on paper and as JSON; interleaved rounds."""
    home, here = write(scratch)
    journal = [sys.executable, "-m", "journal", "--home", str(home)]
    search = [*journal, "search"]
    commands = {
        "python -I -S -c pass": [sys.executable, "-I", "-S", "-c", "pass"],
        "a word in 5 records, --here": [*search, RARE, "--here"],
        "a word in half of them, --here": [*search, OFTEN, "--here"],
        "the same, --json": [*search, OFTEN, "--here", "--json"],
        "the same, everywhere": [*search, OFTEN],
    }
    nowhere = [*search, "nowhereatall"]
    looks = {"journal (the board)": journal, "journal status": [*journal, "status"]}
    every = {**commands, **looks, ADVICE: nowhere}
    took: dict[str, list[float]] = {name: [] for name in every}
    for command in every.values():  # modules are compiled, and it is noted that all is synced
        _seconds(command, here, scratch)
    answers: list[float] = []
    for _ in range(ROUNDS):
        for name, command in every.items():
            answer, end = _seconds(command, here, scratch)
            took[name].append(end)
            answers += [answer] if command is nowhere else []
    median = {name: statistics.median(values) for name, values in took.items()}
    bare, *searches = commands
    rows = [Row(f"{bare}, the yardstick", _milliseconds(median[bare]))]
    for name in searches:
        ratio = median[name] / median[bare]
        rows.append(Row(name, _milliseconds(median[name]), ratio, BOUND, against="bare"))
    answer = statistics.median(answers)
    rows.append(Row(NOWHERE, _milliseconds(answer), answer / median[bare], BOUND, against="bare"))
    advice = median[ADVICE]
    ratio = advice / median[bare]
    rows.append(Row(ADVICE, _milliseconds(advice), ratio, ADVICE_BOUND, against="bare"))
    for name in looks:
        ratio = median[name] / median[searches[0]]
        figure = _milliseconds(median[name])
        rows.append(Row(name, figure, ratio, LOOK_BOUND, against="the first search"))
    return rows


def _seconds(command: list[str], folder: Path, scratch: Path) -> tuple[float, float]:
    """How long a process takes to its first line, and to its end; one that fails is an error."""
    environ = {"HOME": str(scratch), "PATH": os.environ["PATH"]}
    pipe = subprocess.PIPE
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=folder, env=environ, stdout=pipe, stderr=pipe) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        line = running.stdout.readline()
        answer = time.perf_counter() - started
        rest, errors = running.stdout.read(), running.stderr.read()
    seconds = time.perf_counter() - started
    assert running.returncode == 0, errors
    assert not errors, errors
    assert (b"Nothing found" in line + rest) == (command[-1] == "nowhereatall")
    return answer, seconds


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
