"""How fast a pass takes records in, against a floor program and against sqlite-utils."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import bench_journal
from bench_table import Row

RECORDS = int(os.environ.get("BENCH_RECORDS", "100000"))
ROUNDS = 3
MEGABYTE = 1_000_000

FLOOR = """
import sys, orjson, apsw
from pathlib import Path
db = apsw.Connection(sys.argv[2])
db.pragma("journal_mode", "wal")
db.pragma("synchronous", 1)
db.execute("create table events (id text, at text, session text, line text)")
db.execute("create unique index by_id on events (id)")
db.execute("create virtual table words using fts5(text)")
def flush(rows):
    with db:
        db.executemany("insert into events values (?, ?, ?, ?)", [row[:4] for row in rows])
        db.executemany("insert into words (text) values (?)", [row[4:] for row in rows])
def text(value):
    if isinstance(value, str): return value
    if isinstance(value, dict): return " ".join(map(text, value.values()))
    return ""
rows = []
for path in sorted(Path(sys.argv[1]).glob("days/*/*.jsonl")):
    for line in path.read_bytes().split(b"\\n"):
        if not line: continue
        r = orjson.loads(line)
        p = r["payload"]
        keys = ("prompt", "last_assistant_message", "tool_input", "tool_response")
        words = " ".join(text(p.get(key)) for key in keys)
        rows.append((r["id"], r["at"], r["session"], line.decode(), words))
        if len(rows) == 2000:
            flush(rows)
            rows = []
flush(rows)
"""


INDEXED = """
"$0" -m sqlite_utils insert "$2" events "$1" --nl --pk id &&
"$0" -m sqlite_utils enable-fts "$2" events payload
"""


def measure(scratch: Path) -> list[Row]:
    """Interleaved rounds of the floor, sqlite-utils and `journal sync` on the same files."""
    home = scratch / "home"
    size = bench_journal.write(home, RECORDS)
    together = scratch / "all.jsonl"
    with together.open("wb") as out:
        for path in sorted(home.glob("days/*/*.jsonl")):
            out.write(path.read_bytes())
    commands = {
        "floor": [sys.executable, "-c", FLOOR, str(home), str(scratch / "floor.db")],
        "utils": [
            sys.executable, "-m", "sqlite_utils", "insert", str(scratch / "utils.db"), "events",
            str(together), "--nl", "--pk", "id",
        ],
        # Which alone stores no searchable text: the floor and `journal sync` do.
        "indexed": ["sh", "-c", INDEXED, sys.executable, str(together), str(scratch / "text.db")],
        "sync": [sys.executable, "-m", "journal", "--home", str(home), "sync", "--json"],
    }  # fmt: skip
    took: dict[str, list[float]] = {name: [] for name in commands}
    peak = database = 0
    for _ in range(ROUNDS):
        for name, command in commands.items():
            for path in [*scratch.glob("*.db*"), *home.glob("journal.db*")]:
                path.unlink()
            seconds, memory, output = run(command)
            took[name].append(seconds)
            if name == "sync":
                assert json.loads(output)["records"]["stored"] == RECORDS
                peak = max(peak, memory)
                database = (home / "journal.db").stat().st_size
    median = {name: statistics.median(values) for name, values in took.items()}
    return [
        Row("floor: orjson, apsw, unique index, FTS5", _rate(median["floor"])),
        Row("sqlite-utils insert --nl", _rate(median["utils"])),
        Row("the same, then enable-fts", _rate(median["indexed"])),
        Row("journal sync", _rate(median["sync"]), median["floor"] / median["sync"], 0.4,
            at_least=True, against="floor"),
        Row("journal sync", _rate(median["sync"]), median["utils"] / median["sync"], 0.7,
            at_least=True, against="sqlite-utils"),
        Row("journal sync", _rate(median["sync"]), median["indexed"] / median["sync"], 1.0,
            at_least=True, against="sqlite-utils with full text"),
        Row("peak memory", f"{peak / MEGABYTE:.0f} MB", peak / MEGABYTE, 250, against="MB"),
        Row("journal.db", f"{database / MEGABYTE:.0f} MB", database / size, 1.0,
            against="the journal's size"),
    ]  # fmt: skip


def run(
    command: list[str], environ: Mapping[str, str] | None = None, stderr: int | None = None
) -> tuple[float, int, bytes]:
    """Seconds, peak resident bytes and output of a process of its own."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=environ)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    assert process.returncode == 0, command
    unit = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - started, usage.ru_maxrss * unit, output


def _rate(seconds: float) -> str:
    return f"{RECORDS / seconds:,.0f} records/s"
