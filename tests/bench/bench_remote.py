"""What waits for a remote: what it costs a pass, and how fast it goes once the remote is back."""

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import orjson

import archived
from bench_sync import run
from bench_table import Row
from journal.layout import Layout
from journal.settings.sources import Settings, load_settings
from mindspring_server import TOKEN
from places import FIXTURES
from sync.delivery import circuit_breaker, retry_format
from sync.delivery.retry_format import Waiting
from sync.remote.contract import Heading, Material, Message, Piece
from sync.remote.naming import name_of
from sync.remote.thread import render

WAITING = int(os.environ.get("BENCH_WAITING", "20000"))
PIECES = int(os.environ.get("BENCH_PIECES", "1000"))
ROUNDS = 5
REPLAYS = 3
HOUR_US = 3600 * 1_000_000
MEGABYTE = 1_000_000
SMALL, USUAL = 1_000, 10_000  # bytes of a piece
NOWHERE = "http://127.0.0.1:9"
USUAL_WAITS = ""  # those of the product: at most LONGEST_WAIT_US
LONGEST_WAIT_US = HOUR_US // 6
# A pass is long enough for everything: what is measured is the work, not the budget.
SETTINGS = "pass_seconds = 3600\nmin_interval_seconds = 0"


def measure(scratch: Path) -> list[Row]:
    """A pass with much waiting, against one with nothing and a listing; then two replays."""
    os.environ[archived.VARIABLE] = TOKEN
    return [*_waiting(scratch), *_to_server(scratch), *_to_folder(scratch)]


def home_at(path: Path, kind: str, place: str) -> tuple[Layout, Settings]:
    """A home with this remote."""
    path.mkdir(parents=True)
    (path / "config.toml").write_text(archived.config(kind, place, SETTINGS, retry=USUAL_WAITS))
    layout = Layout.at(path)
    return layout, load_settings(layout, {})


def pieces(number: int, size: int) -> Iterator[Piece]:
    """So many pieces of a session each, all different, of about this many bytes.

    Not a list: the peak memory of a child begins with its parent's.
    """
    for index in range(number):
        session, created_us = f"session-{index}", time.time_ns() // 1000 - HOUR_US + index
        heading = Heading("claude-code", session, "desk", 1, "t", created_us, "p", None, None)
        text = f"{index} " + "what was said and done " * (size // 23)
        body = render(heading, Material([], [Message("m", created_us, "user", text)]))
        digest = hashlib.sha256(body).hexdigest()
        yield Piece("claude-code", session, "desk", 1, "t", created_us, digest, body)


def put(layout: Layout, made: Iterable[Piece], target: str, due_in_us: int) -> None:
    """Retry files of these pieces, without waiting for the disk."""
    layout.retry.mkdir(mode=0o700, exist_ok=True)
    next_us = time.time_ns() // 1000 + due_in_us
    for number, piece in enumerate(made):
        event = f"{number:032x}"
        one = Waiting.of(piece, target, (event,))
        one = replace(one, head=replace(one.head, next_us=next_us, wait_us=due_in_us))
        path = layout.retry / one.head.name
        path.write_bytes(retry_format.dump(one))
        os.utime(path, ns=(next_us * 1000, next_us * 1000))


def journal(layout: Layout, *args: str) -> tuple[float, float, int, dict[str, Any]]:
    """Seconds, seconds of processor time, peak resident bytes and answer of one command."""
    command = [sys.executable, "-m", "journal", "--home", str(layout.home), *args, "--json"]
    before = os.times()
    seconds, peak, output = run(command)
    after = os.times()
    busy = after.children_user + after.children_system
    return seconds, busy - before.children_user - before.children_system, peak, json.loads(output)


def _waiting(scratch: Path) -> list[Row]:
    homes = {name: home_at(scratch / name, "mindspring", NOWHERE) for name in _STATES}
    for name, (layout, settings) in homes.items():
        due_in_us = 0 if name == "circuit open" else LONGEST_WAIT_US
        put(layout, pieces(_STATES[name], SMALL), name_of(settings.remote), due_in_us)
        if name == "circuit open":
            _open_circuit(layout, settings)
    first = {name: journal(layout, "sync") for name, (layout, _) in homes.items()}
    took: dict[str, list[float]] = {name: [] for name in (*homes, "listing")}
    peaks = {name: peak for name, (_, _, peak, _) in first.items()}
    for _ in range(ROUNDS):
        took["listing"].append(_listing(homes["not due"][0].retry))
        for name, (layout, _) in homes.items():
            _, busy, peak, answer = journal(layout, "sync")
            took[name].append(busy)
            peaks[name] = max(peaks[name], peak)
            remote = answer["remote"]
            assert remote["waiting"] == _STATES[name]
            assert remote["failed"] == remote["sent"] == 0
    median = {name: statistics.median(values) for name, values in took.items()}
    rows = [
        Row("list and stat them, the yardstick", _cpu(median["listing"])),
        Row("sync, nothing waits", _cpu(median["none"])),
        Row("sync, 1 piece not due", _cpu(median["one"])),
    ]
    for name in ("not due", "circuit open"):
        more = (median[name] - median["one"]) / median["listing"]
        title = f"sync, {WAITING:,} {name}"
        rows.append(Row(title, _cpu(median[name]), more, 6, against="listing, beyond 1 piece"))
    megabytes = max(peaks.values()) / MEGABYTE
    rows.append(Row("peak memory of it", f"{megabytes:.0f} MB", megabytes, 250, against="MB"))
    rows.append(Row("its first one, that notes them all", _cpu(first["not due"][1])))
    return rows


_STATES = {"none": 0, "one": 1, "not due": WAITING, "circuit open": WAITING}


def _open_circuit(layout: Layout, settings: Settings) -> None:
    """As if the remote had failed just now, and were to be tried again in an hour."""
    now_us = time.time_ns() // 1000
    key = circuit_breaker.settings_key(settings.remote, has_token=True)
    seen = circuit_breaker.Seen("timeout", "it did not answer", now_us)
    remotes = circuit_breaker.Remotes()
    remotes.circuits[name_of(settings.remote)] = circuit_breaker.Circuit(
        key, 3, now_us, now_us + HOUR_US, wait_us=HOUR_US, last_error=seen
    )
    circuit_breaker.save(layout.remotes, remotes)


def _listing(folder: Path) -> float:
    started = time.process_time()
    with os.scandir(folder) as entries:
        found = sorted((entry.name, entry.stat().st_mtime_ns) for entry in entries)
    assert len(found) == WAITING
    return time.process_time() - started


def _to_server(scratch: Path) -> list[Row]:
    """1,000 pieces to the service on loopback, a process of its own."""
    made = list(pieces(PIECES, USUAL))
    bare, ours = [], []
    for number in range(REPLAYS):
        with _server() as url:
            bare.append(_bare(url, made))
        with _server() as url:
            home = home_at(scratch / f"server-{number}", "mindspring", url)
            ours.append(_replayed(*home, made))
    return _rows("three bare httpx requests", bare, f"replay of {PIECES:,}, service", ours, 20)


@contextmanager
def _server() -> Iterator[str]:
    """A fresh service; its address."""
    server = FIXTURES / "mindspring_server.py"
    process = subprocess.Popen([sys.executable, str(server)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.communicate()


def _replayed(layout: Layout, settings: Settings, made: list[Piece]) -> float:
    journal(layout, "sync")  # the database is there
    put(layout, made, name_of(settings.remote), 0)
    seconds, _, _, answer = journal(layout, "replay")
    assert answer["sent"] == len(made), answer
    assert answer["waiting"] == 0
    shutil.rmtree(layout.home)
    return seconds


def _bare(url: str, made: list[Piece]) -> float:
    """Upload, register, look at the job, for each piece, on one connection."""
    base = f"{url}/api/v2/workspaces/w/notebooks"
    with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        kind = {"title": "session_history", "type": "conversation_archive"}
        notebook = client.post(base, json=kind).json()["id"]
        started = time.perf_counter()
        for piece in made:
            headers = {"Content-Type": "application/json", "X-File-Name": "piece.json"}
            answer = client.post(f"{url}/api/uploads/simple", content=piece.body, headers=headers)
            source = {
                "title": piece.title,
                "type": "chat_export",
                "parserType": "chat_export",
                "sourceUploadId": orjson.loads(answer.content)["uploadId"],
                "contentHash": piece.sha256,
            }
            answer = client.post(f"{base}/{notebook}/sources", json=source)
            job = orjson.loads(answer.content)["jobId"]
            answer = client.get(f"{base}/{notebook}/jobs/{job}")
            assert orjson.loads(answer.content)["status"] == "completed"
        return time.perf_counter() - started


def _to_folder(scratch: Path) -> list[Row]:
    """1,000 pieces into a folder on the same disk."""
    made = list(pieces(PIECES, USUAL))
    bare, ours = [], []
    for number in range(REPLAYS):
        target = scratch / f"copies-{number}"
        target.mkdir()
        bare.append(_copied(target, made))
        folder = scratch / f"folder-{number}"
        folder.mkdir()
        layout, settings = home_at(scratch / f"home-{number}", "folder", str(folder))
        ours.append(_replayed(layout, settings, made))
        assert sum(1 for _ in folder.rglob("*.jsonl")) == PIECES
    return _rows("write, fsync, rename", bare, f"replay of {PIECES:,}, folder", ours, 3)


def _copied(target: Path, made: list[Piece]) -> float:
    started = time.perf_counter()
    for piece in made:
        temporary = target / "copy.part"
        with temporary.open("wb") as file:
            file.write(piece.body)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(target / f"{piece.sha256}.jsonl")
    return time.perf_counter() - started


def _rows(
    yardstick: str, bare: list[float], name: str, ours: list[float], bound: float
) -> list[Row]:
    floor, median = statistics.median(bare), statistics.median(ours)
    return [
        Row(yardstick, _each(floor)),
        Row(name, _each(median), median / floor, bound, against="bare"),
    ]


def _each(seconds: float) -> str:
    return f"{seconds / PIECES * 1000:.1f} ms a piece"


def _cpu(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms of CPU"
