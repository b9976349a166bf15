"""The archive end to end: commands, a service on loopback or a folder, faults, kills, lost files.

In every case `sync` returns in time with exit code 0, and in the end each prompt and answer is at
the remote exactly once.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

import archived
import firing
import recordings
import stored
from archived import QUICK, Reported, heads, retry_files
from chance import THOROUGH, examples
from commands import Commands, Done, program
from installed import Installed
from journal.layout import Layout
from journal.settings.sources import load_settings
from journal.times import to_text
from mindspring_server import OUT_OF_MEMORY, TOKEN, Server
from sync.conditions import Conditions
from sync.delivery import dead_pieces, deliveries, retry_schedule
from sync.remote import thread
from sync.store import connection
from sync.views import delivered_pieces as views
from sync.views.delivered_pieces import PieceKey

TIMEOUT = 0.5  # as QUICK says
PATIENT = QUICK.replace("0.5", "20")  # where a loaded machine must not be a timeout
SETTLE_SECONDS = 6 * TIMEOUT + 0.2
SESSIONS = 30
LATER = 3600.0  # seconds ahead


class Home:
    """A home and the commands that run on it."""

    def __init__(self, folder: Path, commands: Commands) -> None:
        self.path = folder / "home"
        self.path.mkdir(exist_ok=True)
        self.reported = Reported(self.path)
        self.ahead_seconds = 0.0
        self._commands = commands

    def configure(self, kind: str, place: str, remote: str = QUICK, rest: str = "") -> None:
        (self.path / "config.toml").write_text(archived.config(kind, place, remote, rest))

    def __call__(self, *args: str, code: int = 0, **more: Any) -> Done:
        done = self._commands.run(self.path, *args, ahead_seconds=self.ahead_seconds, **more)
        assert done.code == code, (args, done)
        return done

    def sync(self, **more: Any) -> Any:
        """What `sync` says of the remote."""
        return self("sync", "--json", **more).json["remote"]

    def replay(self, *args: str) -> Any:
        return self("replay", "--json", *args).json

    def deliver_all(self) -> None:
        """Until nothing waits; what is unclear is cleared by the time that passes."""
        for _ in range(12):
            self.sync()
            if not self.replay("--all")["waiting"]:
                break
            time.sleep(0.05)  # a request of a killed process has its effect now or never
            self.ahead_seconds += SETTLE_SECONDS
        assert retry_files(self.path) == []


@pytest.fixture
def home(tmp_path: Path, commands: Commands) -> Home:
    return Home(tmp_path, commands)


@pytest.fixture
def mindspring(home: Home, server: Server) -> Home:
    home.configure("mindspring", server.url)
    return home


@pytest.fixture(scope="module")
def thirty(tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> Reported:
    """A home in which thirty sessions wait to be archived."""
    home = Home(tmp_path_factory.mktemp("thirty"), commands)
    for number in range(SESSIONS):
        home.reported.turn(f"session-{number}")
    home("sync")
    return home.reported


@pytest.fixture
def waiting(home: Home, thirty: Reported, server: Server) -> Home:
    shutil.copytree(thirty.home, home.path, dirs_exist_ok=True)
    home.reported = Reported(home.path, [*thirty.texts], [*thirty.ids], thirty.made)
    home.configure("mindspring", server.url)
    return home


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "501 at once": ({}, "out_of_memory"),
    "501 after a delay": ({"delay": 0.3}, "out_of_memory"),
    "hang": ({"kind": "hang"}, "timeout"),
    "reset": ({"kind": "reset"}, "dropped"),
    "stored, then dropped": ({"kind": "drop", "route": "register"}, "dropped"),
    "401": ({"status": 401, "body": '{"error":"Invalid API key"}'}, "auth"),
    "403": ({"status": 403, "body": '{"error":"no"}'}, "forbidden"),
    "404": ({"status": 404, "body": "nothing here"}, "not_found"),
    "500 with a text": ({"status": 500, "body": "Internal <b>Error</b>"}, "server_error"),
    "drip": ({"kind": "drip", "delay": 0.1}, "timeout"),
    "drip of headers": ({"kind": "drip_headers", "delay": 0.1}, "timeout"),
    "garbage": ({"status": 200, "body": "<html><p>Welcome"}, "garbage"),
    "wrong type": ({"status": 200, "body": "[1, 2]"}, "garbage"),
    "redirect loop": ({"status": 302, "headers": {"Location": "/api"}}, "redirect"),
    "cut off": ({"kind": "short"}, "dropped"),
    "429": ({"status": 429, "body": "{}", "headers": {"Retry-After": "7"}}, "rate_limited"),
}


def test_with_any_behaviour_of_a_remote_a_sync_ends_in_time_and_says_what_it_was(
    waiting: Home, server: Server
) -> None:
    for name, (fault, kind) in FAULTS.items():
        waiting.configure("mindspring", server.url, QUICK if kind == "timeout" else PATIENT)
        server.fail(**fault)
        before = len(server.asked)
        done = waiting("sync", "--json")
        assert done.seconds < 30, name
        error = done.json["remote"]["error"]
        assert (name, error["class"]) == (name, kind)
        assert done.stderr.startswith(f"journal: the remote: {error['message']}")
        assert done.stderr.count("\n") == 1, name
        assert TOKEN not in done.stderr + done.stdout
        if fault.get("route", "any") == "any":
            assert len(server.asked) <= before + 2, f"{name}: more than one piece was tried"
        assert done.json["remote"]["waiting"] == SESSIONS
        server.heal()
        time.sleep(0.05)  # as long as the circuit stays open
    waiting.deliver_all()
    archived.assert_arrived(server.state, waiting.reported)
    assert server.titles() == ["session_history"]
    asked = len(server.asked)
    assert waiting.sync()["sent"] == 0
    assert len(server.asked) == asked


@pytest.mark.parametrize("status", [413, 415])
def test_pieces_refused_for_a_while_are_divided_and_arrive_once(
    waiting: Home, server: Server, status: int
) -> None:
    server.fail("upload", status=status)
    done = waiting("sync", "--json")
    assert done.seconds < 30
    assert done.json["remote"]["error"]["class"] == {413: "too_large", 415: "refused"}[status]
    assert len(retry_files(waiting.path)) == 2 * SESSIONS
    server.heal()
    waiting.deliver_all()
    archived.assert_arrived(server.state, waiting.reported)
    assert server.titles() == ["session_history"]


KINDS = ("drop", "hang", "reset", "after")
ROUTES = ("create_notebook", "upload", "register")
# Each kind and each route; with THOROUGH=1 each of both.
LOST = [
    (route, kind)
    for number, kind in enumerate(KINDS)
    for route in (ROUTES if THOROUGH else (ROUTES[number % 3],))
]


@pytest.mark.parametrize(("route", "kind"), LOST)
def test_a_piece_that_may_have_arrived_is_looked_up_before_it_is_sent_again(
    mindspring: Home, server: Server, route: str, kind: str
) -> None:
    server.fail(route, kind, times=1)
    mindspring.reported.turn("one")
    mindspring.reported.turn("two")
    assert mindspring.sync()["failed"] == 1
    for _ in range(3):
        mindspring.replay("--all")
    archived_then = archived.said(server.state)
    assert len(archived_then) == len(set(archived_then))
    mindspring.deliver_all()
    archived.assert_arrived(server.state, mindspring.reported)


def test_hooks_know_nothing_of_a_remote_that_hangs(
    installed: Installed, server: Server, commands: Commands
) -> None:
    home = Home(installed.folder, commands)
    slow = "connect_timeout_seconds = 2\ntimeout_seconds = 2\nmin_interval_seconds = 0"
    home.configure("mindspring", server.url, slow)
    home.reported.turn("one")
    server.fail("any", "hang")
    command = [program(), "--home", str(home.path), "sync"]
    environ = {**os.environ, archived.VARIABLE: TOKEN}
    syncing = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)
    while not server.asked:
        time.sleep(0.01)
    slowest = 0.0
    for one in recordings.load("p-simple"):
        for done in firing.fire(installed.settings, one, installed.folder):
            assert (done.code, done.stderr) == (0, b"")
            slowest = max(slowest, done.seconds)
    assert slowest < 30
    assert syncing.poll() is None, "the remote answered: it shows nothing"
    assert syncing.wait() == 0


def test_a_dead_remote_costs_one_probe_and_later_passes_nothing(
    waiting: Home, server: Server
) -> None:
    text = (waiting.path / "config.toml").read_text()
    longer = text.replace("first_seconds = 0.02", "first_seconds = 3600")
    (waiting.path / "config.toml").write_text(longer.replace("= 0.05", "= 3600"))
    server.fail("any", "hang")
    waiting.sync()
    for _ in range(4):
        done = waiting("sync", "--json")
        assert done.json["remote"]["error"]["class"] == "timeout"
        assert done.json["remote"]["waiting"] == SESSIONS
    assert len(server.asked) <= 2  # full jitter may be next to nothing, once
    done = waiting("replay", "--all")
    assert done.seconds < 30
    assert len(server.asked) <= 3


@pytest.mark.parametrize("how", ["deleted", "damaged", "not to be made"])
def test_without_the_database_a_replay_delivers_and_nothing_is_sent_twice(
    waiting: Home, server: Server, how: str
) -> None:
    server.fail("register", status=503, skip=10)
    assert waiting.sync()["sent"] == 10
    server.heal()
    database = waiting.path / "journal.db"
    for path in waiting.path.glob("journal.db*"):
        path.unlink()
    if how == "damaged":
        database.write_bytes(b"no database " * 1000)
    elif how == "not to be made":
        database.mkdir()
    done = waiting("replay", "--all", "--json")
    waiting.ahead_seconds += SETTLE_SECONDS
    waiting("replay", "--all", "--json")
    assert done.json["sent"] >= 19
    assert retry_files(waiting.path) == []
    shutil.rmtree(database) if database.is_dir() else database.unlink()
    for name in ("journal.db-wal", "journal.db-shm"):
        (waiting.path / name).unlink(missing_ok=True)
    asked = len(server.asked)
    waiting.sync()
    waiting.sync()
    assert len(server.asked) == asked
    archived.assert_arrived(server.state, waiting.reported)
    waiting.reported.turn("session-3")
    assert waiting.sync()["sent"] == 1
    archived.assert_arrived(server.state, waiting.reported)


@pytest.mark.parametrize("status", [401, 403, 404] if THOROUGH else [401])
def test_a_refusal_pauses_with_one_notice_and_adds_no_files(
    mindspring: Home, server: Server, status: int
) -> None:
    server.fail(status=status, body='{"error":"Not for you"}')
    mindspring.reported.turn("one")
    for _ in range(8):
        mindspring.reported.turn("one")
        done = mindspring("sync")
        assert done.stderr.count("\n") == 1
        assert "Not for you" in done.stderr
        assert "until that is changed" in done.stderr
    assert len(retry_files(mindspring.path)) <= 2
    assert "paused" in mindspring("status").stdout
    server.heal()
    mindspring.deliver_all()
    archived.assert_arrived(server.state, mindspring.reported)


def test_without_a_token_nothing_is_asked_and_one_line_says_why(
    mindspring: Home, server: Server
) -> None:
    mindspring.reported.turn("one")
    done = mindspring("sync", token="")
    assert done.stderr.count("\n") == 1
    assert f"{archived.VARIABLE} is not set" in done.stderr
    assert server.asked == []
    mindspring.deliver_all()
    archived.assert_arrived(server.state, mindspring.reported)


def test_a_piece_that_is_too_large_is_divided_until_it_fits(
    mindspring: Home, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(20):
        mindspring.reported.turn("one", more=" and so on" * 40)
    _limit(server, monkeypatch, 3_000)
    mindspring.deliver_all()
    assert len(server.state.sources) > 8
    archived.assert_arrived(server.state, mindspring.reported)
    assert list((mindspring.path / "dead").glob("*")) == []


def _limit(server: Server, monkeypatch: pytest.MonkeyPatch, most_bytes: int) -> None:
    """The service refuses uploads that are longer."""
    handler = server._http.RequestHandlerClass
    checked = handler._checked

    def limited(self: Any, route: str, *rest: Any) -> Any:
        if route == "upload" and len(rest[-1]) > most_bytes:
            return 413, {"error": "too large"}, {}
        return checked(self, route, *rest)

    monkeypatch.setattr(handler, "_checked", limited)


def test_a_refused_piece_is_given_up_and_replay_tries_it_again(
    mindspring: Home, server: Server
) -> None:
    mindspring.reported.turn("one")
    mindspring.reported.turn("two")
    server.fail("upload", status=415, body='{"error":"Invalid content type"}')
    for _ in range(6):
        mindspring.sync()
    assert retry_files(mindspring.path) == []
    assert server.state.sources == {}
    paths = dead_pieces.list_paths(mindspring.path / "dead")
    assert len(paths) >= 2
    assert "Invalid content type" in dead_pieces.read(paths[0]).reason
    days = mindspring.path.rglob("journal.*.jsonl")
    lines = [line for path in days for line in path.read_text().splitlines()]
    rejections = [one for one in map(json.loads, lines) if one["event"] == "Rejection"]
    assert len(rejections) == len(paths)
    assert rejections[0]["payload"]["class"] == "refused"
    assert mindspring.sync()["waiting"] == 0  # it is not made again
    (mindspring.path / "journal.db").unlink()
    mindspring.sync()
    assert retry_files(mindspring.path) == []
    assert "given up" in mindspring("status").stdout
    server.heal()
    assert mindspring.replay("--all")["sent"] == 0
    damaged = mindspring.path / "dead" / f"piece-{'0' * 17}-{'0' * 16}.jsonl"
    damaged.write_text("no piece\n")
    done = mindspring("replay", "--dead", "--json")
    assert done.json["sent"] == len(paths)
    assert done.stderr.count("cannot be replayed") == 1
    damaged.unlink()
    archived.assert_arrived(server.state, mindspring.reported)
    assert dead_pieces.list_paths(mindspring.path / "dead") == []
    mindspring.sync()
    archived.assert_arrived(server.state, mindspring.reported)


def test_a_session_that_goes_on_is_sent_at_intervals_and_at_its_end(
    mindspring: Home, server: Server
) -> None:
    mindspring.configure("mindspring", server.url, QUICK.replace("= 0\n", "= 600").replace(
        "min_interval_seconds = 0", "min_interval_seconds = 600"))  # fmt: skip
    for _ in range(3):
        mindspring.reported.turn("one")
        assert mindspring.sync()["sent"] == 0
    assert retry_files(mindspring.path) == []
    mindspring.ahead_seconds = 700
    assert mindspring.sync()["sent"] == 1
    mindspring.reported.turn("one")
    assert mindspring.sync()["sent"] == 0
    mindspring.reported.end("one")
    assert mindspring.sync()["sent"] == 1
    archived.assert_arrived(server.state, mindspring.reported)


def test_while_the_remote_is_dead_the_pieces_of_a_session_merge(
    mindspring: Home, server: Server
) -> None:
    server.fail(status=503)
    for number in range(8):
        mindspring.reported.turn("one")
        if number == 4:
            mindspring.reported.turn("one", late_seconds=60)
        mindspring.sync()
    assert len(retry_files(mindspring.path)) == 2
    server.heal()
    mindspring.deliver_all()
    assert len(server.state.sources) <= 3
    archived.assert_arrived(server.state, mindspring.reported)


def test_a_piece_that_is_full_does_not_grow(mindspring: Home, server: Server) -> None:
    mindspring.configure("mindspring", server.url, QUICK + "\nmax_source_bytes = 8000")
    server.fail(status=503)
    for number in range(9):
        late = 300 if number % 3 == 0 else 0
        mindspring.reported.turn("one", more=" and so on" * 60, late_seconds=late)
        mindspring.sync()
    assert 3 <= len(retry_files(mindspring.path)) < 9
    assert max(head["piece"]["bytes"] for head in heads(mindspring.path)) < 8000
    server.heal()
    mindspring.deliver_all()
    archived.assert_arrived(server.state, mindspring.reported)


def test_late_events_go_into_a_later_piece(mindspring: Home, server: Server) -> None:
    mindspring.reported.turn("one")
    mindspring.sync()
    mindspring.reported.turn("one", late_seconds=100)
    mindspring.sync()
    assert sorted(len(thread["messages"]) for thread in archived.threads(server.state)) == [4, 4]
    archived.assert_arrived(server.state, mindspring.reported)


SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
CUSTOMER = "Zebra-4711-Works"


def test_no_secret_is_in_any_request(mindspring: Home, server: Server) -> None:
    mindspring.reported.turn("one", more=f" with {SECRET}")
    mindspring.reported.say("one", "PostToolUse", {
        "tool_name": "Bash", "tool_use_id": "x", "tool_input": {"command": f"curl -u a:{SECRET} x"},
        "tool_response": {"stdout": f"token={SECRET}"},
    })  # fmt: skip
    mindspring.deliver_all()
    sent = b"".join(asked.body for asked in server.asked)
    assert b"please do 1 with [redacted:" in sent
    assert SECRET.encode() not in sent
    assert TOKEN.encode() not in sent
    left = [path for path in mindspring.path.rglob("*.json*") if path.parent.name != "2026"]
    assert all(SECRET not in path.read_text() for path in left if "days" not in path.parts)


@pytest.mark.parametrize("kind", ["mindspring", "folder"])
def test_a_new_pattern_also_hides_words_in_records_synced_before(
    home: Home, server: Server, tmp_path: Path, kind: str
) -> None:
    long = "x" * 3_990  # what a tool said is cut at 4,000 characters
    home.reported.say("one", "UserPromptSubmit", {"prompt": f"{CUSTOMER} wants a table"})
    home.reported.say("one", "UserPromptSubmit", {"prompt": "y" * 110 + CUSTOMER})
    home.reported.say("one", "UserPromptSubmit", {"prompt": "z" * 99_990 + " " + CUSTOMER})
    call = {"tool_name": "Bash", "tool_use_id": "x", "cwd": f"/code/{CUSTOMER}"}
    home.reported.say("one", "PostToolUse", {
        **call, "tool_input": {"command": f"echo {CUSTOMER}"},
        "tool_response": {"stdout": f"{long} {CUSTOMER}"},
    })  # fmt: skip
    home.reported.say("one", "Stop", {"last_assistant_message": f"{CUSTOMER} has a table"})
    home("sync")
    folder = tmp_path / "nas"
    folder.mkdir()
    pattern = '[redact]\npatterns = ["Zebra-[0-9]+-Works"]'
    home.configure(kind, server.url if kind == "mindspring" else str(folder), rest=pattern)
    home.deliver_all()
    sent = b"".join(asked.body for asked in server.asked)
    sent += b"".join(path.read_bytes() for path in folder.rglob("*.jsonl"))
    assert sent.count(b"[redacted:user:") >= 5
    assert b"Zebra" not in sent


def test_a_session_that_is_not_adopted_is_not_sent(mindspring: Home, server: Server) -> None:
    mindspring.reported.say("one", "SessionStart", {"source": "startup"})
    mindspring.reported.say("one", "SessionEnd", {"reason": "other"})
    assert mindspring.sync() == {
        "sent": 0, "failed": 0, "waiting": 0, "dead": 0, "error": None, "pending": 0
    }  # fmt: skip
    mindspring.configure("mindspring", server.url, rest='[sessions]\nadopt_on = ["PreToolUse"]')
    mindspring.reported.turn("two", calls=0)
    mindspring.sync()
    assert (server.asked, retry_files(mindspring.path)) == ([], [])
    mindspring.reported.turn("one")  # adopted later, it goes with all that was before
    mindspring.configure("mindspring", server.url)
    mindspring.deliver_all()
    archived.assert_arrived(server.state, mindspring.reported)


def test_foreign_files_are_reported_once_each_and_left_alone(
    mindspring: Home, server: Server
) -> None:
    mindspring.reported.turn("one")
    server.fail(status=503)
    mindspring.sync()
    (path,) = retry_files(mindspring.path)
    foreign = {
        f"{'1' * 17}-{'a' * 16}.json": path.read_bytes().replace(b'{"v":1', b'{"v":7'),
        f"{'2' * 17}-{'b' * 16}.json": b"",
        f"{'3' * 17}-{'c' * 16}.json": path.read_bytes(),
        "notes.txt": b"mine",
    }
    for name, data in foreign.items():
        path.with_name(name).write_bytes(data)
    server.heal()
    done = mindspring("replay", "--all")
    said = [line for line in done.stderr.splitlines() if "cannot be replayed" in line]
    assert len(said) == 3
    assert "unknown version 7" in said[0]
    archived.assert_arrived(server.state, mindspring.reported)
    assert {p.name: p.read_bytes() for p in retry_files(mindspring.path)} == foreign
    mindspring.reported.turn("one")
    mindspring("sync")
    archived.assert_arrived(server.state, mindspring.reported)
    assert len(retry_files(mindspring.path)) == 4


def test_pieces_for_another_remote_stay_and_go_when_it_comes_back(
    mindspring: Home, server: Server, tmp_path: Path
) -> None:
    mindspring.reported.turn("one")
    server.fail(status=503)
    mindspring.sync()
    folder = tmp_path / "nas"
    folder.mkdir()
    mindspring.configure("folder", str(folder))
    mindspring.reported.turn("one")
    found = mindspring.sync()
    assert (found["sent"], found["waiting"]) == (1, 1)
    archived.assert_in_folder(folder, mindspring.reported)
    server.heal()
    asked = len(server.asked)
    mindspring.replay("--all")
    assert len(server.asked) == asked
    mindspring("sync")
    mindspring.configure("mindspring", server.url)
    mindspring.deliver_all()
    archived.assert_arrived(server.state, mindspring.reported)
    archived.assert_in_folder(folder, mindspring.reported)


def test_with_no_remote_nothing_is_cut_and_what_waits_is_reported(
    mindspring: Home, server: Server
) -> None:
    mindspring.reported.turn("one")
    server.fail(status=503)
    mindspring.sync()
    (mindspring.path / "config.toml").write_text("")
    mindspring.reported.turn("two")
    assert mindspring.sync()["waiting"] == 1
    assert re.match(r"No remote is set\D+1\b", mindspring("replay").stdout)
    server.heal()
    mindspring.configure("mindspring", server.url)
    mindspring.deliver_all()
    archived.assert_arrived(server.state, mindspring.reported)


def test_a_folder_that_goes_and_comes_back_has_everything_once(home: Home, tmp_path: Path) -> None:
    folder, away = tmp_path / "nas", tmp_path / "away"
    home.configure("folder", str(folder))
    home.reported.turn("one")
    for _ in range(3):
        found = home.sync()
        assert (found["waiting"], found["error"]["class"]) == (1, "missing")
    assert not folder.exists()
    folder.mkdir()
    home.deliver_all()
    folder.rename(away)
    folder.mkdir()  # the mount point, without its mount
    home.reported.turn("one")
    found = home.sync()
    assert (found["waiting"], found["error"]["class"]) == (1, "unmounted")
    assert list(folder.iterdir()) == []
    folder.rmdir()
    away.rename(folder)
    home.deliver_all()
    archived.assert_in_folder(folder, home.reported)
    (home.path / "journal.db").unlink()
    (home.path / "remotes.json").unlink()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.jsonl")}
    home.sync()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.jsonl")} == before


def test_a_folder_without_rights_or_room_loses_nothing(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "nas"
    folder.mkdir()
    home.configure("folder", str(folder))
    home.reported.turn("one")
    home.sync()
    host = next(path for path in folder.iterdir() if path.is_dir())
    kept = tmp_path / "kept"
    host.rename(kept)
    host.write_text("in the way")  # what no user, root included, may write below
    home.reported.turn("one")
    found = home.sync()
    assert (found["waiting"], found["error"]["class"]) == (1, "in_the_way")
    host.unlink()
    kept.rename(host)
    home.deliver_all()
    archived.assert_in_folder(folder, home.reported)


def conditions(home: Home, is_stopping: bool = False) -> Conditions:
    layout = Layout.at(home.path)
    environ = {archived.VARIABLE: TOKEN}
    return Conditions(
        layout, load_settings(layout, {}), environ, time.time_ns, lambda: is_stopping,
        lambda: stored.sync(home.path),
    )  # fmt: skip


def test_events_that_arrive_during_a_cut_are_cut_next_time(
    mindspring: Home, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    mindspring.reported.turn("one")
    stored.sync(mindspring.path)
    render = thread.render

    def render_slowly(*args: Any) -> bytes:
        if mindspring.reported.made == 1:
            mindspring.reported.turn("one")
            stored.sync(mindspring.path)  # another process, in the middle
        return render(*args)

    monkeypatch.setattr(thread, "render", render_slowly)
    assert deliveries.run(conditions(mindspring), deliveries.Wish()).sent == 1
    assert deliveries.run(conditions(mindspring), deliveries.Wish()).sent == 1
    archived.assert_arrived(server.state, mindspring.reported)


def test_a_process_that_is_to_stop_cuts_nothing_that_may_have_been_delivered(
    mindspring: Home, server: Server
) -> None:
    mindspring.reported.turn("one")
    stored.sync(mindspring.path)
    done = deliveries.run(conditions(mindspring, is_stopping=True), deliveries.Wish())
    assert (done.sent, done.ripening) == (0, 1)
    assert retry_files(mindspring.path) == []


def test_events_left_to_the_next_piece_are_not_covered_until_that_piece_exists(
    mindspring: Home,
) -> None:
    """It grew, and what came late took the place of its last events: a kill may come now."""
    mindspring.reported.turn("one", calls=0)
    stored.sync(mindspring.path)
    first, last = mindspring.reported.ids
    with closing(connection.open_store(Layout.at(mindspring.path))) as db:
        key = PieceKey(archived.AGENT, "one", "host-a", 1)
        (session,) = (row[0] for row in db.execute("select session from session_states"))
        for state, ids, left in (
            ("waiting", [first, last], 0), ("waiting", [first], 1), ("delivered", [first], 1),
            ("waiting", [], 1),
        ):  # fmt: skip
            views.note(db, "x", key, state, 1, ids)
            assert len(views.uncovered(db, "x", session)) == left


def test_a_watcher_does_not_wait_for_a_paused_remote(mindspring: Home, server: Server) -> None:
    only = '[sessions]\nadopt_on = ["PreToolUse"]'
    mindspring.configure("mindspring", server.url, rest=only)
    mindspring.reported.turn("one")
    stored.sync(mindspring.path)
    assert deliveries.run(conditions(mindspring), deliveries.Wish()).ripening == 0


def test_of_a_piece_and_the_one_that_it_grew_into_one_is_sent(
    mindspring: Home, server: Server
) -> None:
    """As a kill leaves them; only their files can be read, because the database cannot be used."""
    mindspring.reported.turn("other")
    server.fail(status=503)
    mindspring.sync()
    mindspring.reported.turn("one")
    mindspring.sync()
    small = retry_files(mindspring.path)[1]
    before = small.read_bytes()
    mindspring.reported.turn("one")
    mindspring.sync()
    assert not small.exists()
    small.write_bytes(before)
    assert len(retry_files(mindspring.path)) == 3
    for path in mindspring.path.glob("journal.db*"):
        path.unlink()
    (mindspring.path / "journal.db").mkdir()
    server.heal()
    assert mindspring.replay("--all")["sent"] == 2
    archived.assert_arrived(server.state, mindspring.reported)


def test_a_piece_whose_division_was_cut_short_is_never_sent_itself(
    mindspring: Home, server: Server
) -> None:
    mindspring.reported.turn("one")
    server.fail(status=503)
    mindspring.sync()
    (whole,) = retry_files(mindspring.path)
    server.heal()
    server.fail("upload", status=413)
    mindspring.replay("--all")
    first, second = retry_files(mindspring.path)
    assert not whole.exists()
    # The moment before: marked, and not all of the smaller ones are there.
    fields = json.loads(first.read_bytes())
    assert fields["piece"]["part"] == ".1"
    body = json.loads(fields["body"])
    rest = json.loads(json.loads(second.read_bytes())["body"])
    body[0]["messages"] += rest[0]["messages"][1:]
    body[0]["id"] = body[0]["id"].removesuffix(".1")
    text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()
    digest = hashlib.sha256(text.encode()).hexdigest()
    head = json.loads(second.read_bytes())
    head |= {
        "created_at": to_text(retry_schedule.created_us(whole.name)),
        "sha256": digest, "body": text,
        "progress": {"divided": True}, "attempts": 2,
    }  # fmt: skip
    head["piece"] |= {"part": "", "bytes": len(text.encode())}
    whole.write_text(json.dumps(head))
    second.unlink()
    server.heal()
    mindspring.deliver_all()
    assert len(server.state.sources) == 2
    archived.assert_arrived(server.state, mindspring.reported)


# What a machine may do to itself between two turns.
ROUTES = ("any", "list_notebooks", "create_notebook", "upload", "register", "job")
WRONG: list[dict[str, Any]] = [
    {"kind": "drop"}, {"kind": "reset"}, {"kind": "after", "status": 501, "body": OUT_OF_MEMORY},
    {"status": 503}, {"status": 401}, {"status": 413}, {"status": 200, "body": "{}"},
    {"kind": "short"},
]  # fmt: skip


class Archive(RuleBasedStateMachine):
    """A home, a service, and all that can happen to them. In the end each text is there once."""

    commands: Commands
    limit = 0

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="archive-machine-"))
        os.environ["TMPDIR"] = str(self.folder)
        self.server = Server()
        self.server.__enter__()
        self.home = Home(self.folder, self.commands)
        self.home.configure("mindspring", self.server.url, QUICK + "\nmax_source_bytes = 6000")

    def teardown(self) -> None:
        if hasattr(self, "server"):
            self.server.heal()
            self.home.replay("--dead")
            self.home.deliver_all()
            self.home.replay("--dead")  # given up by a later kill's hand
            self.home.deliver_all()
            archived.assert_arrived(self.server.state, self.home.reported)
            self.server.__exit__()
            shutil.rmtree(self.folder)

    @rule(session=st.sampled_from("abc"), late=st.sampled_from([0, 0, 50]), long=st.booleans())
    def turn(self, session: str, late: float, long: bool) -> None:
        self.home.reported.turn(session, late, more=" and so on" * 60 if long else "")

    @rule(session=st.sampled_from("abc"))
    def end(self, session: str) -> None:
        self.home.reported.end(session)

    @rule(route=st.sampled_from(ROUTES), fault=st.sampled_from(WRONG), skip=st.integers(0, 3),
          times=st.sampled_from([1, 2, -1]))  # fmt: skip
    def fail(self, route: str, fault: dict[str, Any], skip: int, times: int) -> None:
        self.server.fail(route, skip=skip, times=times, **fault)

    @rule()
    def heal(self) -> None:
        self.server.heal()

    @rule(command=st.sampled_from([("sync",), ("sync",), ("replay", "--all"), ("replay",)]))
    def run(self, command: tuple[str, ...]) -> None:
        assert self.home(*command).seconds < 30

    @rule(command=st.sampled_from([("sync",), ("sync",), ("replay", "--dead")]),
          dies_at=st.integers(1, 300) | st.integers(200, 600))  # fmt: skip
    def run_killed(self, command: tuple[str, ...], dies_at: int) -> None:
        self.commands.run(
            self.home.path, *command, dies_at=dies_at, ahead_seconds=self.home.ahead_seconds
        )

    @rule()
    def lose_the_database(self) -> None:
        for path in self.home.path.glob("journal.db*"):
            path.unlink()

    @rule()
    def replay_without_a_database(self) -> None:
        """It is damaged: nothing can be noted, what waits can be sent."""
        for path in self.home.path.glob("journal.db*"):
            path.unlink()
        database = self.home.path / "journal.db"
        database.mkdir()
        self.home("replay", "--all")
        database.rmdir()

    @rule()
    def wait(self) -> None:
        time.sleep(0.05)
        self.home.ahead_seconds += SETTLE_SECONDS


@pytest.mark.hypothesis
def test_after_any_failure_everything_arrives_once(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", os.environ["TMPDIR"])
    Archive.commands = commands
    few = settings(
        max_examples=examples(40), stateful_step_count=14, deadline=None,
        suppress_health_check=list(HealthCheck), print_blob=True,
    )  # fmt: skip
    run_state_machine_as_test(Archive, settings=few)
