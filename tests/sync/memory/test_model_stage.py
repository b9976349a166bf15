"""The stage that asks a model: what it stores, what it may cost, and that it delays no process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import commands
import recordings
import stored
from commands import program
from journal.layout import Layout
from places import FIXTURES

FAKE = FIXTURES / "fake_model.py"
SECOND_NS = 1_000_000_000


class Model:
    """A home whose memory agent is the fake model program."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir(mode=0o700)
        self.settings()
        self.behave("ok")

    def settings(self, timeout_seconds: float = 5, calls: int = 3, more: str = "") -> None:
        """Write the settings; a failure is waited for a hundredth of a second at most."""
        command = json.dumps([sys.executable, str(FAKE), str(self.folder)])
        (self.home / "config.toml").write_text(
            f'[memory]\nagent = "command"\ncommand = {command}\n'
            f"timeout_seconds = {timeout_seconds}\nmax_calls_per_session = {calls}\n"
            f"[retry]\nfirst_seconds = 0.01\nmax_seconds = 0.01\n"
            f"[sessions]\nreap_after_hours = 876000\n{more}"
        )

    def behave(self, mode: str) -> None:
        """What the program does from now on."""
        (self.folder / "mode").write_text(mode)

    @property
    def calls(self) -> list[dict[str, Any]]:
        """What each call of the program was given."""
        path = self.folder / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def run(self, *args: str) -> commands.Done:
        return commands.shared().run(self.home, *args)

    def sync(self) -> dict[str, Any]:
        """One `journal sync`; its report."""
        done = self.run("sync", "--json")
        assert done.code == 0, done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def session(self, name: str) -> dict[str, Any]:
        done = self.run("show", name, "--json")
        assert done.code == 0, done.stderr
        shown: dict[str, Any] = json.loads(done.stdout)
        return shown

    def left(self) -> list[str]:
        """Processes of the program that run, and children of theirs."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes().decode(errors="replace")
            except OSError:
                continue
            if str(self.folder) in command and ("fake_model" in command or "sleep" in command):
                found.append(command)
        return found

    def turn(self, session: str, text: str, seconds: int = 0, *, over: bool = False) -> None:
        """A session is asked something, does it and answers."""
        for step, (name, more) in enumerate(
            (
                ("UserPromptSubmit", {"prompt": text}),
                ("PreToolUse", {"tool_name": "Bash", "tool_use_id": text, "tool_input": {}}),
                ("Stop", {"last_assistant_message": f"did {text}"}),
                *((("SessionEnd", {"reason": "other"}),) if over else ()),
            )
        ):
            now_ns = recordings.START_NS + seconds * SECOND_NS + step * 1_000_000
            line = recordings.line(name, {"session_id": session, "cwd": "/w", **more}, now_ns)
            path = self.home / "days" / "2026-11-18" / f"claude-code.{session}.jsonl"
            recordings.append(path, line)


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return Model(tmp_path)


def eventually(condition: Callable[[], object], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, condition
        time.sleep(0.05)


def test_a_model_gives_a_session_its_summary_and_its_id_in_one_sync(model: Model) -> None:
    model.turn("alpha", "make it blue")
    report = model.sync()
    assert report["model"] == {"asked": 1, "answered": 1, "waiting": 0, "error": None}
    assert report["memory_ids"] == {"resolved": 1, "pending": 0}
    shown = model.session("alpha")
    assert shown["summary"]["source"] == "command"
    assert shown["summary"]["learned"] == "the model learned this"
    assert shown["summary"]["investigated"] == "read the code\nread the tests"
    assert shown["session"]["memory_id"] not in (None, "alpha")
    assert {call["memory_id"] for call in shown["observations"]} == {shown["session"]["memory_id"]}
    assert "the model saw it done" in model.run("search", "the model saw", "--json").stdout
    again = model.sync()
    assert again["model"]["asked"] == 0
    assert again["memory_ids"] == {"resolved": 0, "pending": 0}
    assert len(model.calls) == 1


def test_the_program_gets_the_session_and_is_not_recorded_itself(model: Model) -> None:
    model.turn("alpha", "make it blue")
    model.sync()
    (call,) = model.calls
    assert "make it blue" in call["stdin"]
    assert "did make it blue" in call["stdin"]
    assert call["environ"]["JOURNAL_DISABLE"] == "1"
    assert not {"CLAUDECODE", "CLAUDE_CODE_SESSION_ID"} & set(call["environ"])
    assert call["cwd"] == str(model.home)


def test_the_id_is_that_of_the_init_message(model: Model) -> None:
    model.turn("alpha", "x")
    model.sync()
    binds = stored.rows(model.home, "select memory_id, refused from binds")
    assert binds == [(model.session("alpha")["session"]["memory_id"], None)]


def test_a_program_without_ids_has_one_minted_when_it_has_answered(model: Model) -> None:
    model.behave("fail")
    model.turn("alpha", "x")
    assert model.sync()["memory_ids"] == {"resolved": 0, "pending": 1}
    model.behave("plain")
    time.sleep(0.05)
    assert model.sync()["memory_ids"] == {"resolved": 1, "pending": 0}
    minted = model.session("alpha")["session"]["memory_id"]
    assert model.session("alpha")["summary"]["source"] == "command"
    for path in model.home.glob("journal.db*"):
        path.unlink()
    model.sync()
    assert model.session("alpha")["session"]["memory_id"] == minted
    assert len(model.calls) == 2


@pytest.mark.parametrize(
    ("mode", "kind", "said"),
    [
        ("fail", "exit", "the program ended with code 3: the model broke"),
        ("refuse", "refused", "out of credit"),
        ("garbage", "garbage", "I could not do that"),
        ("flood", "flood", ""),
        ("hang", "timeout", ""),
    ],
)
def test_a_failing_model_leaves_the_builtin_summary_and_a_later_success_upgrades_it(
    model: Model, mode: str, kind: str, said: str
) -> None:
    model.settings(timeout_seconds=1)
    model.behave(mode)
    model.turn("alpha", "make it blue")
    done = model.run("sync", "--json")
    report = json.loads(done.stdout)
    assert (done.code, report["model"]["answered"]) == (0, 0)
    assert report["model"]["error"]["class"] == kind
    assert said in report["model"]["error"]["message"]
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("journal: the memory agent failed: ")
    shown = model.session("alpha")
    assert (shown["summary"]["source"], shown["session"]["memory_id"]) == ("builtin", None)
    assert "make it blue" in shown["summary"]["request"]
    eventually(lambda: not model.left(), 5)
    model.behave("ok")
    model.settings(timeout_seconds=5)
    time.sleep(0.05)
    assert model.sync()["model"]["answered"] == 1
    shown = model.session("alpha")
    assert (shown["summary"]["source"], shown["session"]["memory_id"] is None) == ("command", False)


def test_a_program_that_is_not_there_costs_no_call_and_is_reported(model: Model) -> None:
    model.turn("alpha", "x")
    (model.home / "config.toml").write_text('[memory]\nagent = "command"\ncommand = ["no-such"]\n')
    done = model.run("sync")
    assert done.code == 0
    assert "journal: the memory agent failed: no-such is not found" in done.stderr
    assert "1 still to be summarized" in done.stdout
    model.settings()
    assert model.sync()["model"]["answered"] == 1
    assert stored.rows(model.home, "select count(*) from model_records where kind = 'call'") == [
        (1,)
    ]


def test_the_calls_of_a_session_are_capped_over_restarts_and_losses(model: Model) -> None:
    model.behave("fail")
    model.turn("alpha", "x")
    for number in range(6):
        model.sync()
        time.sleep(0.02)
        if number == 2:
            for path in model.home.glob("journal.db*"):
                path.unlink()
    assert len(model.calls) == 3
    model.behave("ok")
    model.turn("alpha", "y", 5)
    assert model.sync()["model"]["asked"] == 0
    assert len(model.calls) == 3


def test_the_calls_of_a_day_are_capped_over_all_sessions(model: Model) -> None:
    path = model.home / "config.toml"
    path.write_text(path.read_text().replace("[retry]", "max_calls_per_day = 3\n[retry]"))
    for number in range(5):
        model.turn(f"s{number}", f"task {number}", number, over=True)
    done = model.run("sync", "--json")
    assert done.json["model"]["asked"] == 3
    assert "2 sessions left for later: memory.max_calls_per_day is reached" in done.stderr
    assert model.sync()["model"]["asked"] == 0
    assert len(model.calls) == 3
    done = commands.shared().run(model.home, "sync", "--json", ahead_seconds=25 * 3600)
    assert done.json["model"]["asked"] == 2
    assert model.sync()["model"]["asked"] == 0


def test_a_killed_call_counts(model: Model) -> None:
    model.settings(timeout_seconds=60, calls=1)
    model.behave("hang")
    model.turn("alpha", "x")
    command = [sys.executable, "-m", "journal", "--home", str(model.home), "sync"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        eventually(lambda: len(model.calls) == 1 and len(model.left()) == 4)
        process.kill()
    eventually(lambda: not model.left(), 5)
    model.behave("ok")
    assert model.sync()["model"]["asked"] == 0
    assert len(model.calls) == 1


def test_processes_of_a_model_are_ended_with_its_call(model: Model) -> None:
    model.behave("children")
    model.turn("alpha", "x")
    assert model.sync()["model"]["answered"] == 1
    assert model.left() == []


def test_several_sessions_are_asked_about_one_after_the_other_in_one_sync(model: Model) -> None:
    for number in range(4):
        model.turn(f"s{number}", f"task {number}", number, over=number % 2 == 0)
    report = model.sync()
    assert (report["model"]["asked"], report["model"]["answered"]) == (4, 4)
    assert report["memory_ids"] == {"resolved": 4, "pending": 0}
    asked = [next(n for n in range(4) if f"did task {n}" in call["stdin"]) for call in model.calls]
    assert asked == [2, 0, 3, 1]  # what has ended first, the newest first


def test_a_session_that_works_is_not_asked_about_and_its_last_call_is_kept_for_its_end(
    model: Model,
) -> None:
    now = time.time_ns()
    at = (now - recordings.START_NS) // SECOND_NS - 30
    model.settings(calls=2)
    prompt = {"session_id": "alpha", "cwd": "/w", "prompt": "go"}
    line = recordings.line(
        "UserPromptSubmit", prompt, now - 60 * SECOND_NS, CLAUDE_CODE_ENTRYPOINT="cli"
    )
    path = model.home / "days" / "2026-11-18" / "claude-code.alpha.jsonl"
    recordings.append(path, line)
    assert model.sync()["model"]["asked"] == 0
    model.turn("alpha", "one", at)
    assert model.sync()["model"]["answered"] == 1
    model.turn("alpha", "two", at + 5)
    report = model.sync()
    assert report["model"] == {"asked": 0, "answered": 0, "waiting": 0, "error": None}
    assert model.session("alpha")["summary"]["source"] == "builtin"  # it has gone on since
    first = model.session("alpha")["session"]["memory_id"]
    model.turn("alpha", "three", at + 10, over=True)
    assert model.sync()["model"]["answered"] == 1
    shown = model.session("alpha")
    assert (shown["summary"]["source"], shown["session"]["memory_id"]) == ("command", first)
    assert stored.rows(model.home, "select count(*) from binds") == [(1,)]


def test_sessions_synced_under_another_memory_agent_are_skipped_until_they_continue(
    model: Model,
) -> None:
    model.turn("old", "long ago")
    with_builtin = {**os.environ, "JOURNAL_MEMORY__AGENT": "builtin"}
    command = [program(), "--home", str(model.home), "sync"]
    subprocess.run(command, env=with_builtin, check=True, capture_output=True)
    assert model.sync()["model"]["asked"] == 0
    model.turn("old", "and now", 5)
    assert model.sync()["model"]["asked"] == 1


def test_a_hanging_model_delays_neither_the_watchers_passes_nor_a_sync_nor_its_end(
    model: Model,
) -> None:
    model.settings(timeout_seconds=60, more="[watch]\nsettle_ms = 10\nscan_seconds = 0.5\n")
    model.behave("hang")
    model.turn("alpha", "x")
    command = [sys.executable, "-m", "journal", "--home", str(model.home), "watch"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        eventually(lambda: len(model.calls) == 1)
        began = time.monotonic()
        model.turn("beta", "meanwhile", 5)
        query = "select count(*) from session_states"
        eventually(lambda: stored.rows(model.home, query) == [(2,)], 3)
        done = model.run("sync", "--json")
        assert (done.code, json.loads(done.stdout)["model"]["asked"]) == (0, 0)
        assert time.monotonic() - began < 30
        assert Layout.at(model.home).contexts.exists()
        stopped = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert time.monotonic() - stopped < 30
    eventually(lambda: not model.left(), 5)


def test_a_watcher_syncs_the_answer_and_stays_while_there_is_something_to_ask(
    model: Model,
) -> None:
    model.settings(more="[watch]\nsettle_ms = 10\nscan_seconds = 0.2\n")
    model.behave("slow")
    model.turn("alpha", "x")
    command = [program(), "--home", str(model.home), "watch"]
    done = subprocess.run([*command, "--idle-exit", "0.005"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert stored.rows(model.home, "select summary ->> 'source' from summaries") == [("command",)]
    logs = [
        line for path in (model.home / "logs").iterdir() for line in path.read_text().split("\n")
    ]
    said = [json.loads(line) for line in logs if line]
    (model_line,) = [line for line in said if line["pass"] == "outside"]
    assert model_line["model"] == {"asked": 1, "answered": 1, "waiting": 0, "error": None}


@pytest.mark.parametrize("ahead_seconds", [-10, 3600])
def test_the_next_session_gets_what_the_model_learned(model: Model, ahead_seconds: int) -> None:
    now = time.time_ns() + ahead_seconds * SECOND_NS
    prompt = {"session_id": "alpha", "cwd": "/w", "prompt": "go"}
    line = recordings.line("UserPromptSubmit", prompt, now, CLAUDE_CODE_ENTRYPOINT="cli")
    recordings.append(model.home / "days" / "2026-11-18" / "claude-code.a.jsonl", line)
    model.turn("alpha", "x", (now - recordings.START_NS) // SECOND_NS + 1, over=True)
    model.sync()
    reported = [path.read_text() for path in (model.home / "contexts").iterdir()]
    assert any("the model learned this" in text for text in reported)
