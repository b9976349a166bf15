"""Ends that no agent reported, and pins: inferred from what is known, removed by later events."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest

import recordings
import reported
import stored
from hooks import emit
from journal.layout import Layout
from journal.record import own_facts
from reported import Reader
from sync.views import inferred_ends

HOUR_S = 3600
AGENT = "claude-code"


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until the test ends it."""
    command = [sys.executable, "-c", "import time; time.sleep(300)"]
    with subprocess.Popen(command) as running:
        yield running
        running.kill()


def states(journal: Reader) -> dict[str, tuple[str, str | None]]:
    """State and end of each session."""
    rows = [json.loads(line) for line in journal("sessions", "--json", "--all").splitlines()]
    return {row["session"]: (row["state"], row["end_reason"]) for row in rows}


def with_pid(
    home: Path, session: str, pid: int, ago_seconds: float, host: str = reported.HOST
) -> None:
    """A session that works, of the agent with this pid."""
    now_ns = reported.NOW_US * 1000 - int(ago_seconds * 1e9)
    environ = {"CLAUDE_PID": str(pid), "CLAUDE_CODE_ENTRYPOINT": "cli"}
    body = {"session_id": session, "cwd": "/w", "prompt": "go"}
    line = recordings.line("UserPromptSubmit", body, now_ns, **environ)
    line = line.replace(f'"host":"{reported.HOST}"'.encode(), f'"host":"{host}"'.encode())
    recordings.append(home / "days" / emit.utc(now_ns)[:10] / f"{AGENT}.{session}.jsonl", line)


@pytest.mark.parametrize(
    ("seconds", "state"), [(24 * HOUR_S, "working"), (24 * HOUR_S + 1, "finished")]
)
def test_a_session_is_over_after_a_day_of_silence_and_not_at_it(
    journal: Reader, seconds: int, state: str
) -> None:
    reported.asked(journal.home, "s1", "go", seconds)
    report = json.loads(journal("sync", "--json"))
    assert report["sessions"]["reaped"] == (state == "finished")
    assert states(journal)["s1"] == (state, "silence" if state == "finished" else None)
    assert json.loads(journal("sync", "--json"))["sessions"]["reaped"] == 0


def test_a_session_without_a_process_is_silent_after_a_quarter_of_an_hour(
    journal: Reader,
) -> None:
    reported.asked(journal.home, "quiet", "go", 901)
    reported.asked(journal.home, "fresh", "go", 900)
    with_pid(journal.home, "other", 5, 901, host="elsewhere")
    shown = dict(line.split()[:2] for line in journal("sessions").splitlines()[1:])
    assert shown == {"quiet": "silent", "fresh": "working", "other": "silent"}
    assert {state for state, _ in states(journal).values()} == {"working"}  # until a day is over


def test_records_without_a_session_do_not_make_one_that_works(journal: Reader) -> None:
    for number, event in enumerate(("SessionStart", "UserPromptSubmit", "PreToolUse", "Stop")):
        line = recordings.line(event, {}, reported.NOW_US * 1000 - 10**9 + number)
        recordings.append(journal.home / "days" / "2026-11-21" / f"{AGENT}.unknown.jsonl", line)
    journal("sync")
    assert json.loads(journal("status", "--json"))["store"]["events"] == 4
    assert journal("sessions", "--json") == ""
    [shown] = map(json.loads, journal("sessions", "--json", "--all").splitlines())
    assert (shown["session"], shown["state"], shown["adopted"]) == ("unknown", "idle", False)
    assert shown["memory_id"] is None


def test_a_session_left_open_over_a_weekend_works_on(journal: Reader) -> None:
    reported.asked(journal.home, "s1", "go", 70 * HOUR_S)
    journal("sync")
    assert states(journal)["s1"] == ("finished", "silence")
    reported.tell(journal.home, "s1", "UserPromptSubmit", 60, prompt="and on")
    journal("sync")
    assert states(journal)["s1"] == ("working", None)


def test_an_end_that_was_reported_is_lifted_by_a_resume_alone(journal: Reader) -> None:
    reported.asked(journal.home, "s1", "go", 100)
    reported.tell(journal.home, "s1", "SessionEnd", 90, reason="other")
    reported.tell(journal.home, "s1", "Stop", 80)
    assert states(journal)["s1"] == ("finished", "other")
    reported.tell(journal.home, "s1", "SessionStart", 70, source="resume")
    assert states(journal)["s1"] == ("idle", None)


def test_a_dead_agent_is_seen_at_once(
    journal: Reader, process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    now_us = time.time_ns() // 1000
    monkeypatch.setattr(reported, "NOW_US", now_us)
    with_pid(journal.home, "s1", process.pid, 0)
    assert states(journal)["s1"] == ("working", None)
    process.kill()
    process.wait()
    journal("sync")  # a whole pass: the list's own one may run out of time
    assert states(journal)["s1"] == ("finished", "process_gone")
    assert "cut off, process_gone" in journal("show", "s1")


def test_a_pid_that_another_process_has_by_now_is_dead(
    journal: Reader, process: subprocess.Popen[bytes]
) -> None:
    with_pid(journal.home, "s1", process.pid, HOUR_S)  # long before the process began
    journal("sync")  # a whole pass: the list's own one may run out of time
    assert states(journal)["s1"] == ("finished", "process_gone")


def test_a_pid_of_another_host_is_neither_alive_nor_dead(journal: Reader) -> None:
    with_pid(journal.home, "s1", 2**22 + 1, 60, host="elsewhere")
    assert states(journal)["s1"] == ("working", None)


def test_a_resumed_session_is_judged_by_its_new_process(
    journal: Reader, process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reported, "NOW_US", time.time_ns() // 1000)
    with_pid(journal.home, "s1", 2**22 + 1, 60)
    journal("sync")
    assert states(journal)["s1"] == ("finished", "process_gone")
    with_pid(journal.home, "s1", process.pid, 0)
    assert states(journal)["s1"] == ("working", None)


def test_this_very_process_is_alive_and_began_before_now() -> None:
    now_us = time.time_ns() // 1000
    assert inferred_ends.is_alive(os.getpid(), now_us)
    assert not inferred_ends.is_alive(os.getpid(), now_us - 40 * 24 * HOUR_S * 1_000_000)
    assert not inferred_ends.is_alive(2**22 + 1, now_us)


def test_pinned_sessions_are_not_ended_until_they_are_unpinned(journal: Reader) -> None:
    reported.asked(journal.home, "s1", "go", 60)
    assert "Session s1 is pinned" in journal("pin", "s1")
    reported.asked(journal.home, "s2", "go", 90 * HOUR_S)
    own_facts.append(Layout.at(journal.home), "Pin", (AGENT, "s2"), {}, reported.NOW_US * 1000)
    journal("sync")
    assert states(journal)["s2"] == ("working", None)
    rows = [json.loads(line) for line in journal("sessions", "--json").splitlines()]
    assert {row["session"]: row["pinned"] for row in rows} == {"s1": True, "s2": True}
    assert "is no longer pinned" in journal("unpin", "s2")
    journal("sync")
    assert states(journal)["s2"] == ("finished", "silence")


def test_pinning_twice_records_once_and_a_wrong_name_is_one_line(journal: Reader) -> None:
    reported.asked(journal.home, "s1", "go", 60)
    journal("pin", "s1")
    journal("pin", "s1")
    assert stored.rows(journal.home, "select count(*) from own_facts where name = 'Pin'") == [(1,)]
    journal("pin", "unknown", code=1)
    assert journal.err.startswith("journal: no session unknown (")


@pytest.mark.parametrize("order", list(permutations((5, 3, 4))))
def test_the_latest_pin_counts_in_every_order_of_arrival(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    recordings.write_journal(tmp_path, "p-simple")
    layout, who = Layout.at(tmp_path), (AGENT, "c3af9ce9-b3ec-4cfd-8e88-d19030d6d1fa")
    for seconds in order:
        name = "Unpin" if seconds == 4 else "Pin"
        own_facts.append(layout, name, who, {}, recordings.START_NS + seconds * 1_000_000_000)
        stored.sync(tmp_path)
    assert stored.rows(tmp_path, "select pinned from pins") == [(1,)]


def test_an_inferred_end_writes_nothing_into_the_journal_and_is_inferred_again(
    journal: Reader,
) -> None:
    reported.asked(journal.home, "s1", "go", 30 * HOUR_S)
    before = {path: path.read_bytes() for path in journal.home.glob("days/*/*")}
    journal("sync")
    assert {path: path.read_bytes() for path in journal.home.glob("days/*/*")} == before
    for path in journal.home.glob("journal.db*"):
        path.unlink()
    journal("sync")
    assert states(journal)["s1"] == ("finished", "silence")


def test_who_only_reads_sees_that_a_session_ended_for_its_silence(journal: Reader) -> None:
    reported.asked(journal.home, "s0", "go", 60)
    journal("sync")  # the database is there: a list's own pass has time for what is new
    reported.asked(journal.home, "s1", "go", 30 * HOUR_S)
    assert states(journal)["s1"] == ("finished", "silence")
    assert json.loads(journal("sync", "--json"))["sessions"]["reaped"] == 0
    assert states(journal)["s1"] == ("finished", "silence")
