"""Gemini CLI's chats: what is kept, and what it means."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

import agent_truth
from agent_files import count, entries, files, meanings, payload, scenarios
from journal.agents.gemini_cli.transcript import (
    Chat,
    folders,
    holds,
    old_lines,
    session_of,
    subagent_files,
)
from journal.agents.gemini_cli.transcript_meaning import meaning
from journal.session.meaning import Kind, Meaning

PATH = Path("/h/.gemini/tmp/p/chats/session-2026-11-29T08-00-9cdfec38.jsonl")


def meanings_of(paths: list[Path]) -> list[Meaning]:
    return meanings(Chat, meaning, paths)


def read(*lines: dict[str, Any], path: Path = PATH) -> list[Meaning]:
    found = entries(Chat(path), [orjson.dumps(line) for line in lines])
    return [meaning(payload(entry)) for entry in found]


@pytest.mark.parametrize("name", scenarios("gemini-cli"))
def test_chats_count_as_the_last_writing_of_each_record(name: str) -> None:
    paths = files("gemini-cli", name)
    assert count(meanings_of(paths)) == agent_truth.gemini_cli(paths)


def test_a_record_that_is_written_again_adds_only_what_is_new() -> None:
    for path in files("gemini-cli", "simple"):
        found = entries(Chat(path), path.read_bytes().split(b"\n"))
        lines = {entry.own_id: entry.line for entry in found}
        assert all(lines[entry.own_id] == entry.line for entry in found)
        assert len(lines) < len(found)


def test_a_session_works_where_the_file_next_to_its_chats_says() -> None:
    (path,) = files("gemini-cli", "simple")
    found = entries(Chat(path), path.read_bytes().split(b"\n"))
    assert {entry.cwd for entry in found} == {"/home/dev/code/simple"}
    assert {entry.session for entry in found} == {agent_truth.rows(path)[0]["sessionId"]}


def test_a_subagent_belongs_to_the_session_of_its_folder() -> None:
    paths = files("gemini-cli", "subagent")
    main = next(path for path in paths if path.name.startswith("session-"))
    (inner,) = subagent_files(main)
    made = meanings_of([inner])
    assert {(m.session, m.subagent) for m in made} == {(session_of(inner), inner.stem)}
    ends = [m.text for m in made if m.kind is Kind.SUBAGENT_END]
    assert ends == ["The subagent is done."]
    assert Kind.PROMPT not in {m.kind for m in made}


def test_failures_say_why() -> None:
    made = meanings_of(files("gemini-cli", "fail"))
    failed = [m.text.split("\n")[0] for m in made if m.kind is Kind.TOOL_FAILED]
    assert failed[0] == "Exit code 3"
    assert failed[1].startswith("File not found: ")
    assert len(failed) == 4


def test_thoughts_cancelled_calls_and_ends_by_error() -> None:
    call = {"id": "c1", "name": "run_shell_command", "args": {"command": "x"}}
    tokens = {"input": 10, "output": 2, "cached": 4, "thoughts": 3, "tool": 1, "total": 16}
    made = read(
        {"sessionId": "s", "startTime": "2026-11-29T08:00:00.000Z", "kind": "main"},
        {
            "id": "g",
            "type": "gemini",
            "content": "",
            "model": "m",
            "thoughts": [{"subject": "Plan", "description": "look"}],
            "tokens": tokens,
            "toolCalls": [call | {"status": "cancelled", "resultDisplay": "refused"}],
        },
        {"id": "i", "type": "info", "content": "Request cancelled."},
        {"id": "e", "type": "error", "content": "[API Error: 500]"},
        {"$set": {"summary": "Fix the tests", "lastUpdated": "x"}},
    )
    assert [(m.kind, m.text, m.interrupted) for m in made[1:]] == [
        (Kind.THINKING, "Plan\nlook", False),
        (Kind.OTHER, "", False),
        (Kind.TOOL_BEFORE, "", False),
        (Kind.TOOL_FAILED, "refused", True),
        (Kind.WAITING_NOTICED, "", True),
        (Kind.TURN_FAILED, "[API Error: 500]", False),
        (Kind.TITLE, "Fix the tests", False),
    ]
    assert [m.usage[2:] for m in made if m.usage] == [(7, 5, 4, 0)]


def test_a_chat_of_an_earlier_version_reports_the_same(tmp_path: Path) -> None:
    (path,) = files("gemini-cli", "fail")
    kept = {row["id"]: row for row in agent_truth.rows(path) if "id" in row}
    chat = agent_truth.rows(path)[0] | {"messages": list(kept.values())}
    old = tmp_path / "chats" / "session-2026-11-29T08-03-9eb59c61.json"
    old.parent.mkdir()
    old.write_text(json.dumps(chat))
    found = entries(Chat(old), old_lines(old))
    made = [meaning(payload(entry)) for entry in found]
    assert count(made) == agent_truth.gemini_cli([path])
    new = entries(Chat(path), path.read_bytes().split(b"\n"))
    ids = {entry.own_id for entry in found} - {entry.own_id for entry in new}
    assert not ids  # one session, from either file


def test_where_chats_lie_and_how_they_are_named() -> None:
    assert folders({"HOME": "/h"}) == [Path("/h/.gemini/tmp")]
    assert holds(PATH)
    assert holds(PATH.parent / "s" / "a.jsonl")
    assert not holds(PATH.parent.parent / "logs.json")
