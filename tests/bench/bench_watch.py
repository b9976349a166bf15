"""What syncing costs while nothing or little happens, and how soon a record is in the database."""

import json
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

import apsw

import bench_journal
import recordings
from bench_sync import run
from bench_table import Row

ARCHIVE_RECORDS = int(os.environ.get("BENCH_ARCHIVE", "300000"))
NEW_RECORDS = 100
ROUNDS = 7
IDLE_SECONDS = 20.0
APPENDS = 40
MEGABYTE = 1_000_000


def measure(scratch: Path) -> list[Row]:
    """A hundred new records on an empty and on a large home; then an idle and a busy watcher."""
    large = scratch / "large"
    bench_journal.write(large, ARCHIVE_RECORDS, sessions=600, days=6)
    sync(large)
    return [*_growth(scratch, large), *_watcher(large)]


def sync(home: Path) -> float:
    """Seconds of processor time of one `journal sync`."""
    command = [sys.executable, "-m", "journal", "--home", str(home), "sync", "--json"]
    before = os.times()
    _, _, output = run(command)
    after = os.times()
    assert json.loads(output)["records"]["rejected"] == 0
    children = (after.children_user, after.children_system)
    return sum(children) - before.children_user - before.children_system


def _growth(scratch: Path, large: Path) -> list[Row]:
    took: dict[str, list[float]] = {"empty": [], "large": []}
    for number in range(ROUNDS):
        empty = scratch / f"empty-{number}"
        sync(empty)
        for name, home in (("empty", empty), ("large", large)):
            bench_journal.write(home, NEW_RECORDS, sessions=5, days=1, seed=100 + number)
            took[name].append(sync(home))
    median = {name: statistics.median(values) for name, values in took.items()}
    return [
        Row("100 records into an empty home", f"{median['empty'] * 1000:.0f} ms of CPU"),
        Row(
            f"100 records on {ARCHIVE_RECORDS:,}",
            f"{median['large'] * 1000:.0f} ms of CPU",
            median["large"] / median["empty"],
            1.5,
            against="empty",
        ),
    ]


def _watcher(home: Path) -> list[Row]:
    command = [sys.executable, "-m", "journal", "--home", str(home), "watch"]
    watcher = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        time.sleep(5)
        before = _cpu_seconds(watcher.pid)
        time.sleep(IDLE_SECONDS)
        share = (_cpu_seconds(watcher.pid) - before) / IDLE_SECONDS * 100
        latencies = _latencies(home)
        resident = _resident_bytes(watcher.pid) / MEGABYTE
    finally:
        watcher.terminate()
        watcher.wait()
    median = statistics.median(latencies)
    return [
        Row("idle watch, 20 s", f"{share:.2f} % of a core", share, 1.0, against="%"),
        Row("watch, resident", f"{resident:.0f} MB", resident, 120, against="MB"),
        Row("append to database, median", f"{median * 1000:.0f} ms", median, 1.0, against="1 s"),
        Row("append to database, slowest", f"{max(latencies) * 1000:.0f} ms"),
    ]


def _latencies(home: Path) -> list[float]:
    chance = random.Random(5)
    db = apsw.Connection(str(home / "journal.db"), flags=apsw.SQLITE_OPEN_READONLY)
    took = []
    for number in range(APPENDS):
        payload = {"session_id": "latency", "prompt": f"record {number}"}
        line = recordings.line("UserPromptSubmit", payload, time.time_ns())
        key = bytes.fromhex(json.loads(line)["id"])
        day = time.strftime("%Y-%m-%d", time.gmtime())
        recordings.append(home / "days" / day / "claude-code.latency.jsonl", line)
        started = time.perf_counter()
        while not db.execute("select 1 from events where id = ?", (key,)).fetchone():
            assert time.perf_counter() - started < 30, "never stored"
            time.sleep(0.005)
        took.append(time.perf_counter() - started)
        time.sleep(chance.random() / 2)
    db.close()
    return took


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
