"""The built-in summary: recordings of a real agent, and states made for one question each."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journal.agents import meaning_of
from journal.session.event import Event
from journal.session.fold import fold
from journal.session.state import Command, OpenTool, Said, SessionState, Subagent
from journal.session.summary import (
    Summary,
    exit_note,
    listing,
    notable_commands,
    open_facts,
    outcome,
    plain,
    shown_path,
    summarise,
)
from places import DATA

RECORDINGS = DATA / "recordings"
START_US = 1_790_000_000_000_000


def folded(name: str, upto: int | None = None) -> SessionState:
    """The state of a recording's first session, after its first `upto` events."""
    state, session = SessionState(), ""
    for number, line in enumerate((RECORDINGS / name).read_bytes().split(b"\n")[:upto]):
        if not line:
            continue
        heard: dict[str, Any] = orjson.loads(line)
        payload = orjson.loads(heard["stdin"]) if heard["stdin"].strip() else None
        meaning = meaning_of("claude-code", heard["event"], payload)
        session = session or meaning.session
        if meaning.session != session:
            continue
        origin = {"host": "box", "entrypoint": heard["env"].get("CLAUDE_CODE_ENTRYPOINT")}
        at_us = START_US + int(heard["after_ms"] * 1000)
        event = Event(
            number, b"%016d" % number, at_us, "claude-code", heard["event"], origin, meaning
        )
        state = fold(state, event)
    return state


def summary_of(state: SessionState) -> Summary:
    summary = summarise(state)
    assert summary is not None
    return summary


def test_the_summary_of_a_recorded_session() -> None:
    summary = summary_of(folded("p-simple.jsonl"))
    assert summary == Summary(
        request="please do the simple thing",
        investigated="read notes.txt",
        learned="All done: wrote notes.txt and read it back.",
        completed="edited notes.txt\nran echo hello from bash && pwd: passed",
        next_steps="",
        files_read=("notes.txt",),
        files_edited=("notes.txt",),
        source="builtin",
        at="2026-09-21T14:13:22.040500Z",
    )


def test_a_failed_last_command_is_open_with_its_exit_code() -> None:
    summary = summary_of(folded("p-fail.jsonl"))
    assert summary.completed == "ran echo out; echo err >&2; exit 3: failed (exit 3)"
    assert summary.next_steps == "last command failed: echo out; echo err >&2; exit 3 (exit 3)"


def test_a_killed_session_leaves_its_tool_unfinished() -> None:
    assert summary_of(folded("p-sigkill.jsonl")).next_steps == "not finished: sleep 20; echo slept"


def test_a_resumed_session_shows_its_first_and_its_latest_prompt() -> None:
    request = "please do the short thing … please do the simple thing"
    assert summary_of(folded("p-resume.jsonl")).request == request


def test_a_repeated_prompt_is_shown_once() -> None:
    assert summary_of(folded("i-compact.jsonl")).request == "please (asked twice)"


def test_a_running_sub_agent_is_open_and_an_ended_one_is_not() -> None:
    assert summary_of(folded("p-subagent.jsonl")).next_steps == ""
    facts = [open_facts(folded("p-subagent.jsonl", upto)) for upto in range(1, 16)]
    assert any("1 sub-agent not finished: general-purpose" in fact for fact in facts)


@pytest.mark.parametrize("name", sorted(path.name for path in RECORDINGS.glob("*.jsonl")))
def test_every_recording_has_a_summary_that_survives_json(name: str) -> None:
    state = folded(name)
    summary = summary_of(state)
    assert summary == summarise(SessionState.load(state.dump()) or SessionState())
    data = orjson.dumps(summary.model_dump(mode="json"))
    assert Summary.model_validate_json(data) == summary
    assert list(orjson.loads(data)) == [
        "request",
        "investigated",
        "learned",
        "completed",
        "next_steps",
        "files_read",
        "files_edited",
        "source",
        "at",
    ]


def test_nothing_asked_and_nothing_done_has_no_summary() -> None:
    assert summarise(SessionState()) is None
    assert summarise(folded("p-simple.jsonl", 1)) is None
    assert summarise(SessionState(tools=1)) is not None


def test_prompts_between_the_first_and_the_latest_are_counted() -> None:
    said = [Said(n, f"prompt {n}") for n in range(1, 6)]
    state = SessionState(prompts=5, first_prompt=said[0], last_prompts=said[2:])
    assert summary_of(state).request == "prompt 1 … (3 prompts between) … prompt 5"


@pytest.mark.parametrize(
    ("runs", "failures", "last_failed", "error", "text"),
    [
        (1, 0, False, "", "passed"),
        (2, 0, False, "", "passed twice"),
        (5, 0, False, "", "passed 5 times"),
        (1, 1, True, "Exit code 1\nboom", "failed (exit 1)"),
        (1, 1, True, "Command timed out", "failed"),
        (2, 2, True, "Exit code 2", "failed twice (exit 2)"),
        (3, 2, False, "", "failed twice, last run passed"),
        (4, 1, False, "", "failed once, last run passed"),
        (4, 3, True, "Exit code 127\n", "failed 3 times in 4 runs, last run failed (exit 127)"),
    ],
)
def test_how_a_command_ended(
    runs: int, failures: int, last_failed: bool, error: str, text: str
) -> None:
    assert outcome(Command(runs, failures, last_failed, error)) == text


def test_an_exit_code_is_read_from_the_beginning_of_the_error_only() -> None:
    assert exit_note(Command(1, 1, True, "see Exit code 3")) == ""
    assert exit_note(Command(1, 1, True, "Exit code 3 and more")) == " (exit 3)"


def test_commands_that_failed_or_were_repeated_come_first_each_group_newest_first() -> None:
    state = SessionState(
        commands={
            "ruff": Command(1, 1, True, "", 1),
            "ls": Command(1, 0, False, "", 2),
            "pytest": Command(3, 0, False, "", 3),
            "pwd": Command(1, 0, False, "", 4),
        }
    )
    assert [text for text, _ in notable_commands(state)] == ["pytest", "ruff", "pwd", "ls"]


def test_a_check_that_failed_at_its_last_run_stays_open_after_other_commands() -> None:
    state = SessionState(
        commands={
            "pytest": Command(2, 2, True, "Exit code 1", 1),
            "grep x": Command(1, 1, True, "Exit code 1", 2),
            "git status": Command(1, 0, False, "", 3),
        }
    )
    assert open_facts(state) == ["its last run failed: pytest (exit 1)"]


def test_an_interrupt_is_open_until_a_turn_ends_or_the_command_ran_again() -> None:
    state = SessionState(tools=1, interrupted="pytest", interrupted_us=10)
    assert open_facts(state) == ["interrupted during: pytest"]
    state.commands["pytest"] = Command(1, 0, False, "", 5)
    assert open_facts(state) == ["interrupted during: pytest"]
    state.commands["pytest"] = Command(1, 0, False, "", 11)
    assert open_facts(state) == []
    del state.commands["pytest"]
    state.last_words = Said(12, "done")
    assert open_facts(state) == []


def test_an_interrupted_command_is_not_also_a_failed_one() -> None:
    state = SessionState(tools=1, interrupted="pytest", interrupted_us=10)
    state.commands["pytest"] = Command(1, 1, True, "Interrupted", 10)
    assert open_facts(state) == ["interrupted during: pytest"]


def test_an_unanswered_question_is_open_once() -> None:
    state = SessionState(question="Which database?", question_us=5)
    state.open_tools["t1"] = OpenTool("AskUserQuestion", "Which database?", "ask", 5, "")
    assert open_facts(state) == ["unanswered: Which database?"]


def test_a_failed_turn_is_open() -> None:
    assert open_facts(SessionState(turn_error="rate_limit")) == ["last turn failed: rate_limit"]


def test_sub_agents_that_run_are_counted() -> None:
    state = SessionState(subagents={"a": Subagent("Explore", 1), "b": Subagent("Plan", 2)})
    assert open_facts(state) == ["2 sub-agents not finished: Plan"]


def test_paths_are_relative_to_the_top_else_to_the_directory_else_absolute() -> None:
    state = SessionState(top="/home/dev/app", cwd="/home/dev/app/web")
    assert shown_path("/home/dev/app/web/a.py", state) == "web/a.py"
    assert shown_path("/home/dev/apple/a.py", state) == "/home/dev/apple/a.py"
    assert shown_path("/home/dev/x/a.py", SessionState(cwd="/home/dev/x/")) == "a.py"
    assert shown_path("/etc/hosts", SessionState(top="/")) == "/etc/hosts"


def test_files_are_listed_newest_first_and_the_rest_counted() -> None:
    edited = {f"/p/src/file{n}.py": n for n in range(100)}
    summary = summary_of(SessionState(tools=100, top="/p", files_edited=edited))
    assert summary.files_edited[:2] == ("src/file99.py", "src/file98.py")
    assert len(summary.files_edited) == 100
    assert summary.completed.startswith("edited src/file99.py, src/file98.py, ")
    assert summary.completed.endswith(")")
    assert len(summary.completed) < 1300


def test_a_listing_shows_its_first_item_at_any_length() -> None:
    assert listing(["a", "b", "c"], 3, 100) == "a, b, c"
    assert listing(["a" * 50, "b"], 2, 10) == "a" * 50 + " (+1)"
    assert listing([], 0, 10) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mred\x1b[0m b", "ared b"),
        ("\x1b]0;title\x07x\x1b]8;;http://a\x1b\\y", "xy"),
        ("\x9b1mx", "x"),
        ("two\nlines\r\n\tand\u2028more\u2029end", "two lines and more end"),
        ("nul\x00 del\x7f bidi\u202eevil\u2066 bom\ufeff", "nul del bidievil bom"),
        ("tag\U000e0041\U000e0100 zwsp\u200b", "tag zwsp"),
        ("lone\ud800", "lone"),
        ("👩\u200d💻 \u0646\u200c\u062e", "👩\u200d💻 \u0646\u200c\u062e"),
        ("123456789", "123456789"),
        ("1234567890", "12345678…"),
    ],
)
def test_texts_become_one_plain_line(text: str, shown: str) -> None:
    assert plain(text, 9 if text[:3] == "123" else 100) == shown


@given(st.text(alphabet=st.characters(), max_size=300), st.integers(1, 80))
def test_any_text_becomes_a_bounded_line_that_utf_8_can_carry(text: str, limit: int) -> None:
    line = plain(text, limit)
    assert len(line) <= limit
    assert line.encode().decode().splitlines() in ([], [line])
    assert plain(line, limit) == line
