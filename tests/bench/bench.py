"""`make bench`: measures each part and its yardsticks in one run. Arguments pick the parts.

Every figure is a ratio against a program that can be run on the same machine. The rounds are
interleaved, so that other load on the machine falls on both alike.
"""

import multiprocessing
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import bench_archive
import bench_history
import bench_hooks
import bench_live
import bench_recall
import bench_redact
import bench_remote
import bench_search
import bench_sync
import bench_turns
import bench_watch
import bench_web
from bench_table import Row, print_table

PARTS: dict[str, Callable[[Path], list[Row]]] = {
    "hooks": bench_hooks.measure,
    "history": bench_history.measure,
    "sync": bench_sync.measure,
    "turns": bench_turns.measure,
    "watch": bench_watch.measure,
    "remote": bench_remote.measure,
    "archive": bench_archive.measure,
    "redact": bench_redact.measure,
    "search": bench_search.measure,
    "recall": bench_recall.measure,
    "live": bench_live.measure,
    "web": bench_web.measure,
}


def main(names: list[str]) -> int:
    """Run the named parts, or all; exit code 1 if a bound is not met."""
    python = platform.python_version()
    machine = f"{platform.system()} {platform.machine()}, {cpu()}, Python {python}"
    print(f"{datetime.now(UTC):%Y-%m-%d}  {machine}\n")
    sys.stdout.flush()
    codes = [_in_own_process(name) for name in names or PARTS]
    return max(codes)


def _in_own_process(name: str) -> int:
    """The exit code of a part.

    The peak memory of a program includes that of the process which starts it, so no part inherits
    what the ones before it have used.
    """
    process = multiprocessing.get_context("fork").Process(target=_measure, args=[name])
    process.start()
    process.join()
    return 1 if process.exitcode else 0


def _measure(name: str) -> None:
    with tempfile.TemporaryDirectory(prefix="agent-journal-bench-") as scratch:
        rows = PARTS[name](Path(scratch))
    print_table(name, rows)
    sys.exit(not all(row.met for row in rows))


def cpu() -> str:
    """How many processors this process may use."""
    return f"{len(os.sched_getaffinity(0))} cores"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
