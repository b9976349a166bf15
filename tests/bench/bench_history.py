"""How fast the agent's own history comes in: a thousand transcripts, against reading them."""

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import transcripts
from bench_sync import run
from bench_table import Row

SESSIONS = int(os.environ.get("BENCH_SESSIONS", "1000"))
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


def measure(scratch: Path) -> list[Row]:
    """Interleaved rounds of the floor, an import into an empty home, and the same again."""
    history = transcripts.write_history(
        scratch / ".claude/projects", SESSIONS, size=transcripts.LARGE
    )
    floor, first, again = list[float](), list[float](), list[float]()
    peak = 0
    report: dict[str, int] = {}
    home = scratch / ".agent-journal"
    environ = {**os.environ, "HOME": str(scratch)}
    for _ in range(ROUNDS):
        (scratch / "floor.db").unlink(missing_ok=True)
        command = [sys.executable, "-c", FLOOR, str(history.root), str(scratch / "floor.db")]
        floor.append(run(command, environ, subprocess.DEVNULL)[0])
        shutil.rmtree(home, ignore_errors=True)
        command = [sys.executable, "-m", "journal", "import", "--json"]
        seconds, memory, output = run(command, environ, subprocess.DEVNULL)
        first.append(seconds)
        peak, report = max(peak, memory), json.loads(output)
        again.append(run(command, environ, subprocess.DEVNULL)[0])
    size = (home / "journal.db").stat().st_size
    base, took = statistics.median(floor), statistics.median(first)
    megabytes = history.bytes / MEGABYTE
    return [
        Row("floor: orjson, apsw, FTS5", f"{base:.2f} s, {megabytes:.0f} MB"),
        Row("import of 1,000 sessions", f"{took:.2f} s, {report['records']:,} records",
            took / base, 8, False, "the floor"),
        Row("the same again", f"{statistics.median(again):.2f} s",
            statistics.median(again) / took, 0.6, False, "the first time"),
        Row("peak memory", f"{peak / MEGABYTE:.0f} MB", peak / MEGABYTE / 250, 1, False, "250 MB"),
        Row("journal.db", f"{size / MEGABYTE:.1f} MB",
            size / history.bytes, 1.2, False, "the transcripts"),
    ]  # fmt: skip
