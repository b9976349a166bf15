"""What the agent's own history costs: the first import, the same again, and a little more.

Bytes read: those of the process's read calls (proc(5), rchar), without what the same command reads
in an empty home: mostly the program itself.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import transcripts
from bench_sync import run
from bench_table import Row, print_table
from transcript_truth import History

SESSIONS = [int(text) for text in os.environ.get("BENCH_SESSIONS", "1000 10000").split()]
ROUNDS = 3
MEGABYTE = 1_000_000

FLOOR = """
import sys, orjson, apsw
from pathlib import Path
db = apsw.Connection(sys.argv[2])
db.pragma("journal_mode", "wal")
db.execute("create table lines (id text, line text)")
db.execute("create virtual table words using fts5(text)")
rows = []
for path in sorted(Path(sys.argv[1]).rglob("*.jsonl")):
    for line in path.read_bytes().split(b"\\n"):
        try:
            fields = orjson.loads(line)
        except ValueError:
            continue
        content = (fields.get("message") or {}).get("content")
        rows.append((fields.get("uuid"), line.decode(), str(content or "")))
    if len(rows) > 2000:
        with db:
            db.executemany("insert into lines values (?, ?)", [row[:2] for row in rows])
            db.executemany("insert into words values (?)", [row[2:] for row in rows])
        rows = []
"""
WALK = """
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        os.stat(os.path.join(folder, name))
"""


class Cost(NamedTuple):
    """What a process took: processor seconds, and the bytes that its read calls gave it."""

    seconds: float
    read: int


def measure(scratch: Path) -> list[Row]:
    """For each number of sessions: an import into an empty home, and what follows it."""
    rows = []
    for sessions in SESSIONS:
        rows += _rows(scratch / str(sessions), sessions)
        shutil.rmtree(scratch / str(sessions))
    return rows


def _rows(scratch: Path, sessions: int) -> list[Row]:
    size = transcripts.LARGE if sessions <= 1000 else transcripts.SMALL
    history = transcripts.write_history(scratch / ".claude/projects", sessions, size=size)
    home, environ = scratch / ".agent-journal", {**os.environ, "HOME": str(scratch)}
    home.mkdir(mode=0o700)
    floor, first, peak = list[float](), list[float](), 0
    for _ in range(ROUNDS if sessions <= 1000 else 1):
        (scratch / "floor.db").unlink(missing_ok=True)
        command = [sys.executable, "-c", FLOOR, str(history.root), str(scratch / "floor.db")]
        floor.append(_cost(command, environ).seconds)
        shutil.rmtree(home)
        before = _processor_seconds()
        _, memory, output = run(_journal("import", "--json"), environ, subprocess.DEVNULL)
        first.append(_processor_seconds() - before)
        peak = max(peak, memory)
    base, took = statistics.median(floor), statistics.median(first)
    what = f"{sessions:,} sessions"
    records = json.loads(output)["records"]
    return [
        Row(f"floor: {what}", f"{base:.2f} s, {history.bytes / MEGABYTE:.0f} MB"),
        Row(f"import of {what}", f"{took:.2f} s, {records:,} records",
            took / base, 12 if sessions <= 1000 else 18, False, "the floor"),
        Row("peak memory", f"{peak / MEGABYTE:.0f} MB", peak / MEGABYTE / 300, 1, False, "300 MB"),
        *_repeated(history, home, environ),
    ]  # fmt: skip


def _repeated(history: History, home: Path, environ: Mapping[str, str]) -> list[Row]:
    """What the second import and an empty pass cost, and what the home takes behind them."""
    imports, nothing = _journal("import", "--json"), _journal("sync", "--json")
    _cost(nothing, environ)
    home_bytes = sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
    walking = [sys.executable, "-c", WALK, str(history.root)]
    empty = _empty(home.parent, environ)
    _cost(nothing, empty)
    start, walk, again = _medians((nothing, empty), (walking, environ), (imports, environ))
    (sync,) = _medians((nothing, environ))
    more = list[Cost]()
    for number in range(ROUNDS):
        _add_lines(history, number)
        more.append(_cost(imports, environ))
    longer = statistics.median(cost.seconds for cost in more)
    read = again.read - start.read
    read_by_sync = sync.read - start.read
    return [
        Row("a walk with a stat of each file", _ms(walk)),
        Row("the start: a sync of an empty home", _ms(start)),
        Row("the import again", _ms(again),
            again.seconds / (3 * walk.seconds + start.seconds), 1, False, "3 walks and the start"),
        Row("  read", f"{read / MEGABYTE:.1f} MB", read / MEGABYTE / 20, 1, False, "20 MB"),
        Row("20 new lines", f"{longer * 1000:.0f} ms",
            longer / again.seconds, 1.3, False, "the import again"),
        Row("an empty sync reads", f"{read_by_sync / MEGABYTE:.1f} MB",
            read_by_sync / MEGABYTE / 2, 1, False, "2 MB"),
        Row("the home", f"{home_bytes / MEGABYTE:.0f} MB",
            home_bytes / history.bytes, 1.3, False, "the transcripts"),
    ]  # fmt: skip


def _empty(folder: Path, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Of a person with an empty home."""
    (folder / "empty/.agent-journal").mkdir(parents=True, mode=0o700)
    return {**environ, "HOME": str(folder / "empty")}


def _journal(*words: str) -> list[str]:
    return [sys.executable, "-m", "journal", *words]


def _ms(cost: Cost) -> str:
    return f"{cost.seconds * 1000:.0f} ms"


def _medians(*commands: tuple[list[str], Mapping[str, str]]) -> list[Cost]:
    """Of each command in its environment, run by turns."""
    rounds = [[_cost(*command) for command in commands] for _ in range(ROUNDS + 2)]
    return [
        Cost(
            statistics.median(one.seconds for one in costs),
            int(statistics.median(one.read for one in costs)),
        )
        for costs in zip(*rounds, strict=True)
    ]


def _cost(command: list[str], environ: Mapping[str, str]) -> Cost:
    before = _processor_seconds()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ
    )
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    lines = Path(f"/proc/{process.pid}/io").read_text().splitlines()
    read = int(next(line for line in lines if line.startswith("rchar")).split()[1])
    assert process.wait() == 0, command
    return Cost(_processor_seconds() - before, read)


def _processor_seconds() -> float:
    """Of all processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _add_lines(history: History, number: int) -> None:
    """20 lines more in one transcript, as a session that goes on writes them."""
    one = next(s for s in history.sessions[number * 3 :] if s.lines and not s.tail and not s.torn)
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    with one.path.open("a") as file:
        for line in range(20):
            message = {"role": "user", "content": f"And what about part {line}?"}
            fields = {
                "type": "user", "uuid": f"0000-{number}-{line}", "parentUuid": None,
                "sessionId": one.id, "cwd": one.cwd, "timestamp": moment, "message": message,
            }  # fmt: skip
            file.write(json.dumps(fields) + "\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="agent-journal-bench-") as folder:
        print_table("history", measure(Path(folder)))
