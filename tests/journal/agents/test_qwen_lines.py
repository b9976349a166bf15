"""Qwen Code's transcripts: what is kept, and what it means."""

from pathlib import Path
from typing import Any

import orjson
import pytest

import agent_truth
from agent_files import count, entries, files, meanings, payload, scenarios
from journal.agents.qwen_code.transcript import Lines, folders, holds, meaning
from journal.session.meaning import Kind, Meaning

PATH = Path("/h/.qwen/projects/-w/chats/s1.jsonl")


def line(kind: str, *parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"uuid": "u1", "sessionId": "s1", "type": kind, "message": {"parts": parts}, **fields}


def read(*lines: dict[str, Any], thinking: bool = True) -> list[Meaning]:
    found = entries(Lines(PATH, thinking=thinking), [orjson.dumps(one) for one in lines])
    return [meaning(payload(entry)) for entry in found]


@pytest.mark.parametrize("name", scenarios("qwen-code"))
def test_lines_count_as_their_parts_do(name: str) -> None:
    paths = files("qwen-code", name)
    assert count(meanings(Lines, meaning, paths)) == agent_truth.qwen_code(paths)


def test_failures_titles_thoughts_and_machines_words() -> None:
    call = {"functionCall": {"id": "c", "name": "run_shell_command", "args": {"command": "x"}}}
    result = {"functionResponse": {"id": "c", "response": {"output": "no"}}}
    shown = {"status": "success", "resultDisplay": {"exitCode": 3, "output": "no"}}
    made = read(
        line("user", {"text": "later"}, provenance="cron"),
        line("assistant", {"text": "hm", "thought": True}, {"text": "I look."}, call),
        line("tool_result", result, toolCallResult=shown),
        line("system", subtype="custom_title", systemPayload={"customTitle": "Fix"}),
        line("system", subtype="ui_telemetry"),
    )
    assert [(m.kind, m.text, m.by) for m in made] == [
        (Kind.PROMPT, "later", "machine"),
        (Kind.THINKING, "hm", ""),
        (Kind.ANSWER, "I look.", ""),
        (Kind.TOOL_BEFORE, "", ""),
        (Kind.TOOL_FAILED, "Exit code 3\nno", ""),
        (Kind.TITLE, "Fix", ""),
    ]
    assert made[4].target == "x"


def test_thinking_is_kept_only_if_wanted() -> None:
    thought = line("assistant", {"text": "hm", "thought": True})
    assert read(thought, thinking=False) == []
    said = line("assistant", {"text": "hm", "thought": True}, {"text": "yes"})
    assert [m.text for m in read(said, thinking=False)] == ["yes"]


def test_where_transcripts_lie() -> None:
    assert folders({"HOME": "/h"}) == [Path("/h/.qwen/projects")]
    assert holds(PATH)
