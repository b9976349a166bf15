"""What is reported more than once is shown once, and nothing of it is dropped.

A session may make the same call again and again: JSON has each of them, a screen equal ones
once, with their count. Hooks that are installed twice report each event twice, under other record
ids: that is one call.
"""

import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import firing
import recordings
import reported
import stored
from installed import Installed
from journal.cli.screen.tables import TIMES
from sync.store import states

BEGAN_NS = recordings.START_NS - 3_600_000_000_000
SECOND_NS = 1_000_000_000
SESSION = "abcdef01"
ORDERS = range(8)  # seeds


def event(name: str, seconds: float, session: str = SESSION, **payload: Any) -> bytes:
    """One record of an attended session, with an id of its own."""
    body = {"session_id": session, "cwd": "/w", **payload}
    now_ns = BEGAN_NS + int(seconds * SECOND_NS)
    return recordings.line(name, body, now_ns, CLAUDE_CODE_ENTRYPOINT="cli")


def start(seconds: float, call: str | None, command: str = "make", **more: Any) -> bytes:
    """The start of a shell command; `call` is its tool_use_id."""
    return event("PreToolUse", seconds, **_bash(call, command), **more)


def end(
    seconds: float, call: str | None, said: str = "built", command: str = "make", **more: Any
) -> bytes:
    """Its end."""
    response = {"stdout": said, "stderr": "", "interrupted": False}
    return event("PostToolUse", seconds, **_bash(call, command), tool_response=response, **more)


def failure(seconds: float, call: str | None, error: str = "Exit code 2") -> bytes:
    """Its failure."""
    return event("PostToolUseFailure", seconds, **_bash(call, "make"), error=error)


def _bash(call: str | None, command: str) -> dict[str, Any]:
    body = {"tool_name": "Bash", "tool_input": {"command": command}}
    return body if call is None else {**body, "tool_use_id": call}


def arrive(home: Path, lines: list[bytes], seed: int = 0) -> None:
    """Some order, in one to four passes; 0: as they are, in one."""
    chance = random.Random(seed)
    order = chance.sample(lines, len(lines)) if seed else lines
    passes = chance.randint(1, 4) if seed else 1
    for number in range(passes):
        for line in order[number::passes]:
            name = f"claude-code.{json.loads(line)['session']}.jsonl"
            recordings.append(home / "days" / "2026-11-18" / name, line)
        stored.sync(home)


def calls(journal: reported.Reader, session: str = SESSION) -> list[tuple[str | None, Any, int]]:
    """Of each call in the JSON: the id of its event, how it ended, and the count."""
    shown = json.loads(journal("show", session, "--json"))["observations"]
    return [(call["event_id"], call["ok"], call["count"]) for call in shown]


def rows(journal: reported.Reader, session: str = SESSION) -> list[str]:
    """The lines of text in which commands are shown, without their times."""
    text = journal("show", session)
    return [line.split(maxsplit=1)[1] for line in text.splitlines() if "  Bash  " in line]


def name_of(line: bytes) -> str:
    return str(json.loads(line)["id"])


def assert_all_is_kept(journal: reported.Reader, lines: list[bytes]) -> None:
    """Every record is in the journal's files, in the database and in what the status counts."""
    files = (journal.home / "days").glob("*/*.jsonl")
    kept = [line for path in files for line in path.read_bytes().splitlines(keepends=True)]
    assert Counter(kept) == Counter(lines)
    ids = {name_of(line) for line in lines}
    assert len(ids) == len(lines)
    assert {name_of(line) for line in stored.exported(journal.home)} == ids
    assert json.loads(journal("status", "--json"))["store"]["events"] == len(lines)


@pytest.mark.parametrize("seed", ORDERS)
def test_the_same_call_made_again_is_shown_once_with_its_count(
    journal: reported.Reader, seed: int
) -> None:
    lines = [
        line
        for n in range(3)
        for line in (start(10 * n, f"call {n}"), end(10 * n + 1, f"call {n}"))
    ]
    arrive(journal.home, lines, seed)
    assert calls(journal) == [(name_of(line), True, 1) for line in lines[::2]]
    assert rows(journal) == [f"Bash  make  ok {TIMES}3"]
    assert "What was done (3)" in journal("show", SESSION)
    assert_all_is_kept(journal, lines)


@pytest.mark.parametrize("seed", ORDERS)
def test_a_call_that_two_hooks_report_is_one_call(journal: reported.Reader, seed: int) -> None:
    lines = [start(0, "t"), start(0.001, "t"), end(5, "t"), end(5.001, "t")]
    arrive(journal.home, lines, seed)
    assert calls(journal) == [(name_of(lines[0]), True, 1)]
    assert rows(journal) == ["Bash  make  ok"]
    assert_all_is_kept(journal, lines)


def test_the_second_report_of_a_call_may_come_in_a_pass_of_its_own(
    journal: reported.Reader,
) -> None:
    lines = [start(0, "t"), start(1, "t"), end(5, "t"), end(7, "t")]
    for line in lines:
        arrive(journal.home, [line])
    ((state, *rest),) = stored.rows(
        journal.home, "select state, events, last_us from session_states"
    )
    assert states.fields(state)["tools"] == 1
    assert rest == [2, BEGAN_NS // 1000 + 5_000_000]
    assert_all_is_kept(journal, lines)


@pytest.mark.parametrize("seed", ORDERS)
def test_equal_calls_that_two_hooks_report_count_once_each(
    journal: reported.Reader, seed: int
) -> None:
    lines = [
        line
        for n in range(2)
        for late in (0, 0.001)
        for line in (start(10 * n + late, f"call {n}"), end(10 * n + 1 + late, f"call {n}"))
    ]
    arrive(journal.home, lines, seed)
    assert calls(journal) == [(name_of(line), True, 1) for line in (lines[0], lines[4])]
    assert rows(journal) == [f"Bash  make  ok {TIMES}2"]
    assert_all_is_kept(journal, lines)


def test_calls_that_ran_at_the_same_time_are_shown_once_in_any_order_of_their_ends(
    journal: reported.Reader,
) -> None:
    lines = [start(0, "one"), start(0.1, "two"), end(3, "two"), end(4, "one")]
    arrive(journal.home, lines)
    assert calls(journal) == [(name_of(line), True, 1) for line in lines[:2]]
    assert rows(journal) == [f"Bash  make  ok {TIMES}2"]
    assert_all_is_kept(journal, lines)


@pytest.mark.parametrize("seed", ORDERS)
def test_a_call_that_failed_in_the_same_way_again_is_shown_once(
    journal: reported.Reader, seed: int
) -> None:
    lines = [start(0, "one"), failure(1, "one"), start(2, "two"), failure(3, "two")]
    arrive(journal.home, lines, seed)
    assert calls(journal) == [(name_of(line), False, 1) for line in (lines[0], lines[2])]
    assert rows(journal) == [f"Bash  make  failed {TIMES}2"]
    assert_all_is_kept(journal, lines)


@pytest.mark.parametrize("seed", ORDERS)
def test_calls_with_another_input_output_or_end_are_shown_each_for_itself(
    journal: reported.Reader, seed: int
) -> None:
    lines = [
        *(start(0, "a"), end(1, "a", "built")),
        *(start(2, "b"), end(3, "b", "built again")),
        *(start(4, "c", "make all"), end(5, "c", "built", "make all")),
        *(start(6, "d"), failure(7, "d", "built")),
        *(start(8, "e"), end(9, "e", "built")),
    ]
    arrive(journal.home, lines, seed)
    found = [(ok, count) for _, ok, count in calls(journal)]
    assert found == [(True, 1), (True, 1), (True, 1), (False, 1), (True, 1)]
    assert rows(journal) == [
        f"Bash  make      ok {TIMES}2",
        "Bash  make      ok",
        "Bash  make all  ok",
        "Bash  make      failed",
    ]
    assert_all_is_kept(journal, lines)


def test_secrets_that_differ_make_outputs_differ_although_neither_is_shown(
    journal: reported.Reader,
) -> None:
    first, second = ("DB_PASSWORD=" + word * 3 for word in ("Xk29vQpa", "Zr71mLwb"))
    lines = [
        *(start(0, "a"), end(1, "a", first)),
        *(start(2, "b"), end(3, "b", second)),
        *(start(4, "c"), end(5, "c", first)),
    ]
    arrive(journal.home, lines)
    assert [count for _, _, count in calls(journal)] == [1, 1, 1]
    assert rows(journal) == [f"Bash  make  ok {TIMES}2", "Bash  make  ok"]
    assert "Xk29vQpa" not in journal("show", SESSION, "--json")


def test_equal_calls_of_two_sessions_are_not_put_together(journal: reported.Reader) -> None:
    lines = [
        line
        for session in (SESSION, "fedcba01")
        for line in (start(0, "t", session=session), end(1, "t", session=session))
    ]
    arrive(journal.home, lines)
    for at, session in ((0, SESSION), (2, "fedcba01")):
        assert calls(journal, session) == [(name_of(lines[at]), True, 1)]
        assert rows(journal, session) == ["Bash  make  ok"]
    assert_all_is_kept(journal, lines)


def test_calls_that_have_not_ended_are_not_put_together(journal: reported.Reader) -> None:
    lines = [start(0, "one"), start(1, "two"), end(2, "three")]
    arrive(journal.home, lines)
    assert [(ok, count) for _, ok, count in calls(journal)] == [(None, 1), (None, 1), (True, 1)]
    assert rows(journal) == ["Bash  make  unfinished", "Bash  make  unfinished", "Bash  make  ok"]
    assert_all_is_kept(journal, lines)
    late = [end(3, "one"), end(4, "two")]
    arrive(journal.home, late)
    assert calls(journal) == [(name_of(line), True, 1) for line in lines]
    assert rows(journal) == [f"Bash  make  ok {TIMES}3"]
    assert_all_is_kept(journal, lines + late)


@pytest.mark.parametrize("seed", ORDERS)
def test_a_start_that_two_hooks_report_is_one_call_that_has_not_ended(
    journal: reported.Reader, seed: int
) -> None:
    lines = [start(0, "t"), start(0.001, "t")]
    arrive(journal.home, lines, seed)
    assert calls(journal) == [(name_of(lines[0]), None, 1)]
    assert rows(journal) == ["Bash  make  unfinished"]
    assert_all_is_kept(journal, lines)


@pytest.mark.parametrize("seed", ORDERS)
def test_ends_without_a_tool_use_id_are_put_together_by_their_content(
    journal: reported.Reader, seed: int
) -> None:
    # The second one is of a hook that fires twice.
    lines = [end(0, None), end(0.001, None), end(1, None, "built again"), end(2, None)]
    arrive(journal.home, lines, seed)
    assert calls(journal) == [(name_of(lines[at]), True, 1) for at in (0, 2, 3)]
    assert rows(journal) == [f"Bash  make  ok {TIMES}2", "Bash  make  ok"]
    assert_all_is_kept(journal, lines)
    starts = [start(-1, None), start(-0.999, None)]  # which end is whose cannot be known
    arrive(journal.home, starts, seed)
    assert [(ok, count) for _, ok, count in calls(journal) if ok] == [(True, 1)] * 3
    assert_all_is_kept(journal, starts + lines)


def test_a_record_that_is_read_twice_counts_once(journal: reported.Reader) -> None:
    lines = [start(0, "t"), end(1, "t")]
    arrive(journal.home, lines)
    recordings.append(journal.home / "days" / "2026-11-18" / "copy.jsonl", b"".join(lines))
    stored.sync(journal.home)
    assert calls(journal) == [(name_of(lines[0]), True, 1)]
    assert json.loads(journal("status", "--json"))["store"]["events"] == 2


def test_a_database_rebuilt_shows_the_same_counts(journal: reported.Reader) -> None:
    lines = [
        line
        for n in range(2)
        for line in (start(n, f"call {n}"), end(n + 0.5, f"call {n}"), end(n + 0.6, f"call {n}"))
    ]
    arrive(journal.home, lines)
    before = calls(journal)
    assert before == [(name_of(line), True, 1) for line in (lines[0], lines[3])]
    journal("sync", "--rebuild")
    assert calls(journal) == before
    for path in journal.home.glob("journal.db*"):
        path.unlink()
    assert calls(journal) == before
    assert_all_is_kept(journal, lines)


def test_hooks_that_are_installed_twice_and_fire_at_once_show_each_call_once(
    installed: Installed, tmp_path: Path
) -> None:
    fired = 0
    for one in recordings.load("p-simple"):
        for command in firing.commands(installed.settings, one.event):
            assert fire_twice(command, one, tmp_path) == [0, 0]
            fired += 2
    files = (installed.home / "days").glob("*/*.jsonl")
    # A hook that saw the other's line half written begins on a new one: that leaves a blank one.
    kept = [line for path in files for line in path.read_bytes().splitlines() if line]
    assert len({name_of(line) for line in kept}) == len(kept) == fired > 20
    shown = json.loads(installed.journal("show", json.loads(kept[0])["session"], "--json"))
    found = [(call["tool"], call["ok"], call["count"]) for call in shown["observations"]]
    assert found == [(tool, True, 1) for tool in ("Bash", "Write", "Read", "Edit")]
    assert len(shown["events"]) == fired // 2  # each once
    status = json.loads(installed.journal("status", "--json"))
    assert (status["store"]["events"], status["rejected"]) == (fired, 0)


def fire_twice(command: str, one: recordings.Firing, folder: Path) -> list[int]:
    """Run a hook's command twice at the same time, as for two settings files; the exit codes."""
    env = firing.environment(folder, one)
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(firing.run, command, one.stdin, env, folder) for _ in range(2)]
        return [ended.result().code for ended in running]
