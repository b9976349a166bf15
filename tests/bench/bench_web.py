"""`journal web` on a large synced home: every page, a new event, and what it costs to do nothing.

Against the bare start of an interpreter, as the search: 30 times that is about 300 ms.
"""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import bench_journal
import looked_at
from bench_live import cpu_seconds
from bench_table import Row
from bench_watch import sync
from journal.browse.source import Found, Source
from journal.cli.app import App
from web_server import WebServer

RECORDS = int(os.environ.get("BENCH_WEB", "300000"))
IDLE_SECONDS = float(os.environ.get("BENCH_IDLE", "30"))
LONG = 3_000
ROUNDS = 9
TYPED = ("ordinary", "make 12", "please do")
PAGES = ("/", "/sessions", "/search?q=ordinary", "/projects", "/files", "/files?path=x.py",
         "/usage", "/sessions/long", "/api/sessions?limit=50", "/api/usage?by=day")  # fmt: skip


def measure(scratch: Path) -> list[Row]:
    """Each page as a browser asks for it, first and again; then a new event; then nothing."""
    home = scratch / "home"
    bench_journal.write(home, RECORDS, sessions=600, days=6, often="ordinary")
    writer = looked_at.Writer(home)
    writer.tell("long", "UserPromptSubmit", LONG + 60, cwd="/code/x", prompt="a long one")
    for number in range(LONG):
        given = {"command": f"make {number} {'x' * 400}"}
        writer.call("long", "Bash", LONG + 50 - number, given, {"stdout": "y" * 600})
    sync(home)
    bare = statistics.median(_timed(_start) for _ in range(ROUNDS))
    with WebServer(home, HOME=str(scratch)) as server:
        return [
            *_pages(server, bare), *_nodes(server), *_keys(home, bare), *_live(server, home),
        ]  # fmt: skip


def _pages(server: WebServer, bare: float) -> list[Row]:
    rows = [Row("python -I -S -c pass, the yardstick", f"{bare * 1000:.1f} ms")]
    for page in PAGES:
        first = _timed(lambda page=page: _asked(server, page))
        again = statistics.median(
            _timed(lambda page=page: _asked(server, page)) for _ in range(ROUNDS)
        )
        figure = f"{first * 1000:.0f} ms, again {again * 1000:.0f} ms"
        rows.append(Row(page, figure, first / bare, 30, against="bare"))
    return rows


def _nodes(server: WebServer) -> list[Row]:
    """What a browser holds of the long session when it is opened."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        return []
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = running.new_page()
        page.goto(server.address)
        page.goto(f"{server.origin}/sessions/long")
        nodes = int(page.evaluate("document.querySelectorAll('*').length"))
        running.close()
    return [Row(f"a session of {LONG:,} calls, opened", f"{nodes:,} nodes",
                nodes / 20_000, 1, against="20,000")]  # fmt: skip


def _keys(home: Path, bare: float) -> list[Row]:
    """`journal browse`: the answer to each key of a search as one types it."""
    app = App()
    app.home = str(home)
    source = Source(app)
    source.changed(Found())
    took = []
    for text in TYPED:
        for end in range(1, len(text) + 1):
            source.find(text[:end])  # the first reading of a page is the disk's
            took.append((_timed(lambda typed=text[:end]: source.find(typed)), text[:end]))
    source.close()
    slowest, typed = max(took)
    median = statistics.median(seconds for seconds, _ in took)
    figure = f"{slowest * 1000:.0f} ms ({typed!r}), median {median * 1000:.0f} ms"
    return [Row("browse, slowest key of a search", figure, slowest / bare, 12, against="bare")]


def _live(server: WebServer, home: Path) -> list[Row]:
    changes = server.changes()
    took = []
    for number in range(10):
        time.sleep(0.5)
        started = time.perf_counter()
        looked_at.Writer(home).tell(f"n{number}", "UserPromptSubmit", 0, cwd="/code/x", prompt="hi")
        changes.get(timeout=30)
        took.append(time.perf_counter() - started)
    slowest = max(took)
    before = cpu_seconds(server.process.pid)
    time.sleep(IDLE_SECONDS)
    share = (cpu_seconds(server.process.pid) - before) / IDLE_SECONDS * 100
    memory = _resident_bytes(server.process.pid) / 1e6
    return [
        Row("a new event, slowest of ten", f"{slowest * 1000:.0f} ms", slowest, 2, against="1 s"),
        Row("idle, with a page open", f"{share:.2f} % of a core", share, 1, against="%"),
        Row("memory", f"{memory:.0f} MB", memory / 200, 1, against="200 MB"),
    ]


def _resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _start() -> None:
    subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True)


def _asked(server: WebServer, page: str) -> None:
    assert server.get(page).status == 200, page


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
