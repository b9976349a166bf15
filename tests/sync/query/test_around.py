"""`show --around`: reading on where a search has found something."""

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

import recordings
from journal.cli.screen.lines import cut, folded
from reported import Reader, asked, tell

HOSTILE = "\x1b[2J\x1b]0;owned\x07[red]a\u202eb[/red] \x9b31mc\x08"


def talk(home: Path, session: str, turns: int, at: float = 5000) -> None:
    """So many turns of a prompt, a call and an answer."""
    asked(home, session, "turn 0", at)
    for number in range(turns):
        now = at - 10 * number
        tool = {"tool_name": "Bash", "tool_use_id": f"t{number}"}
        given = {"command": f"step {number}", "description": "a step"}
        tell(home, session, "UserPromptSubmit", now - 1, prompt=f"prompt {number}")
        tell(home, session, "PreToolUse", now - 2, **tool, tool_input=given)
        tell(home, session, "Notification", now - 2.5, notification_type="auth_success")
        tell(home, session, "PostToolUse", now - 3, **tool, tool_input=given,
             tool_response={"stdout": f"output {number}", "stderr": ""})  # fmt: skip
        tell(home, session, "Stop", now - 4, last_assistant_message=f"answer {number}")


def hit(journal: Reader, *words: str) -> dict[str, Any]:
    """The best hit of a search."""
    return dict(json.loads(journal("search", *words, "--json").splitlines()[0]))


def shown(journal: Reader, *arguments: str) -> dict[str, Any]:
    return dict(json.loads(journal("show", *arguments, "--json")))


def test_an_event_id_from_a_search_is_accepted(journal: Reader) -> None:
    talk(journal.home, "aaaaaa01", 30)
    text = journal("search", '"output 17"')
    line = next(line for line in text.splitlines() if line.strip().startswith("output"))
    event = line.split()[-1]
    assert text.splitlines()[-1] == f"To read on: journal show --around {event}"
    out = journal("show", "--around", event)
    assert re.search(rf"^> .*Bash gave back  {event}\n    output 17$", out, re.MULTILINE)
    assert out.count("\n> ") == 1
    assert journal("show", "aaaaaa", "--around", event) == out


def test_json_has_the_events_in_order_and_marks_the_one(journal: Reader) -> None:
    talk(journal.home, "aaaaaa01", 30)
    event = hit(journal, '"step 17"')["event_id"]
    found = shown(journal, "--around", event, "--context", "3")
    assert found["session"]["session"] == "aaaaaa01"
    events = found["events"]
    assert [(e["kind"], e["match"]) for e in events] == [
        ("output", False), ("answer", False), ("prompt", False), ("input", True),
        ("output", False), ("answer", False), ("prompt", False),
    ]  # fmt: skip
    assert [e["text"] for e in events if e["text"]] == [
        "answer 16", "prompt 17", "answer 17", "prompt 18",
    ]  # fmt: skip
    assert events[3]["id"] == event
    assert events[3]["tool"] == "Bash"
    assert events[3]["input"] == {"command": "step 17", "description": "a step"}
    assert events[4]["output"] == {"stdout": "output 17", "stderr": ""}
    assert [e["at"] for e in events] == sorted(e["at"] for e in events)
    assert set(events[0]) >= {
        "id", "at", "event", "kind", "text", "tool", "input", "output", "match",
    }  # fmt: skip


def test_at_the_ends_of_a_session_there_is_what_there_is(journal: Reader) -> None:
    talk(journal.home, "aaaaaa01", 4)
    first = hit(journal, '"turn 0"', "--kind", "prompt")["event_id"]
    last = hit(journal, '"answer 3"', "--kind", "answer")["event_id"]
    text = journal("show", "--around", first)
    assert "more before" not in text
    assert "more after" in text
    assert "--context 20" in text
    assert len(shown(journal, "--around", first)["events"]) == 12
    assert len(shown(journal, "--around", last, "--context", "0")["events"]) == 1
    everything = shown(journal, "--around", last, "--context", "1000")["events"]
    assert len(everything) == 2 + 4 * 4  # a notice that says nothing is none
    assert everything[-1]["match"]


def test_a_failure_a_question_and_a_child_are_shown(journal: Reader) -> None:
    asked(journal.home, "aaaaaa01", "go", 100)
    tool = {"tool_name": "Bash", "tool_use_id": "t", "tool_input": {"command": "false"}}
    tell(journal.home, "aaaaaa01", "PermissionRequest", 95, **tool)
    tell(journal.home, "aaaaaa01", "PostToolUseFailure", 90, **tool, error="Exit code 1\nbad")
    tell(journal.home, "aaaaaa01", "SubagentStart", 85, agent_id="c", agent_type="Explore")
    tell(journal.home, "aaaaaa01", "SubagentStop", 80, agent_id="c", agent_type="Explore",
         last_assistant_message="child says")  # fmt: skip
    tell(journal.home, "aaaaaa01", "StopFailure", 70, error="rate_limit")
    text = journal("show", "--around", hit(journal, "child")["event_id"])
    lines = ("Bash permission asked", "Bash failed", "    bad", "subagent start (Explore)",
             "answer (Explore)", "    child says", "turn failed", "    rate_limit")  # fmt: skip
    for words in lines:
        assert words in text
    failed = [e for e in shown(journal, "--around", hit(journal, "bad")["event_id"])["events"]
              if e["failed"]]  # fmt: skip
    assert [e["output"] for e in failed] == ["Exit code 1\nbad", None]


def test_long_texts_are_cut_on_the_screen_and_nothing_is_obeyed_there(journal: Reader) -> None:
    asked(journal.home, "aaaaaa01", HOSTILE + " needle " + "中文字 " * 60, 100)
    tool = {"tool_name": HOSTILE, "tool_use_id": "t", "tool_input": {"command": HOSTILE}}
    tell(journal.home, "aaaaaa01", "PreToolUse", 95, **tool)
    tell(journal.home, "aaaaaa01", "PostToolUse", 90, **tool, tool_response="line\n" * 100)
    event = hit(journal, "needle", "--kind", "prompt")["event_id"]
    text = journal("show", "--around", event)
    assert [c for c in text if not c.isprintable() and c != "\n"] == []
    assert "… 60 more lines (--json has all)" in text
    assert max(map(cell_len, text.splitlines())) <= 80
    assert shown(journal, "--around", event)["events"][-1]["output"] == "line\n" * 100


def test_an_event_that_is_none_or_several_is_reported_in_one_line(journal: Reader) -> None:
    talk(journal.home, "aaaaaa01", 5)
    asked(journal.home, "bbbbbb01", "other", 10)
    event = str(hit(journal, '"answer 3"', "--kind", "answer")["event_id"])
    cases = {
        ("--around", "12345"): "six digits",
        ("--around", "zzzzzzzz"): "six digits",
        ("--around", "\x1b[2J"): "six digits",
        ("--around", "f" * 33): "six digits",
        ("--around", "ffffff"): "no event ffffff",
        ("--around", event[:6]): "matches several events:",
        ("bbbbbb", "--around", event): "in this session",
        ("nosuch", "--around", event): "no session nosuch",
    }
    for arguments, words in cases.items():
        assert journal("show", *arguments, code=1) == ""
        assert words in journal.err
        assert journal.err.count("\n") == 1
    for wrong in (["--around", event, "--format", "text"], ["aaaaaa", "--context", "3"]):
        assert journal("show", *wrong, code=2) == ""
    dashed = "-".join((event[:8], event[8:12], event[12:16], event[16:20], event[20:]))
    assert shown(journal, "--around", dashed.upper())["events"][10]["match"]


def test_every_event_that_is_found_can_be_read_around(journal: Reader) -> None:
    for number, name in enumerate(recordings.NAMES):
        recordings.write_journal(
            journal.home, name, recordings.START_NS - (number + 1) * 3600 * 10**9
        )
    lines = journal("search", "the", "--all", "--json", "--limit", "500").splitlines()
    hits = [json.loads(line) for line in lines]
    chance = random.Random(1)
    for one in chance.sample([hit for hit in hits if hit["event_id"]], 12):
        found = shown(journal, "--around", one["event_id"])
        (match,) = [event for event in found["events"] if event["match"]]
        assert match["id"] == one["event_id"]
        assert (match["kind"], found["session"]["session"]) == (one["kind"], one["session"])


@pytest.mark.parametrize("text", ["", "a", "one two  three", "x" * 30, "中文字 " * 9, "a 中" * 7])
def test_folded_lines_fit_and_hold_every_word(text: str) -> None:
    lines = [text[start:end] for start, end in folded(text, 8)]
    assert all(cell_len(line) <= 8 for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert cell_len(cut(text, 8)) <= 8
