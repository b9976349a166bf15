"""Copilot CLI's events: what is kept, and what it means."""

from pathlib import Path
from typing import Any

import orjson
import pytest

import agent_truth
from agent_files import count, entries, files, meanings, payload, scenarios
from journal.agents.copilot_cli.transcript import Events, folders, meaning, session_of
from journal.session.meaning import Kind, Meaning

PATH = Path("/h/.copilot/session-state/s1/events.jsonl")


def meanings_of(paths: list[Path]) -> list[Meaning]:
    return meanings(Events, meaning, paths)


def read(*lines: dict[str, Any], thinking: bool = True) -> list[Meaning]:
    found = entries(Events(PATH, thinking=thinking), [orjson.dumps(line) for line in lines])
    return [meaning(payload(entry)) for entry in found]


def event(kind: str, **data: Any) -> dict[str, Any]:
    return {"type": kind, "data": data, "id": "e1", "timestamp": "2026-11-29T08:00:01.000Z"}


@pytest.mark.parametrize("name", scenarios("copilot-cli"))
def test_events_count_as_their_messages_do(name: str) -> None:
    paths = files("copilot-cli", name)
    assert count(meanings_of(paths)) == agent_truth.copilot_cli(paths)


@pytest.mark.parametrize("name", scenarios("copilot-cli"))
def test_the_tokens_are_those_that_the_shutdown_says(name: str) -> None:
    for path in files("copilot-cli", name):
        sums = [sum(one) for one in zip(*count(meanings_of([path])).tokens.values(), strict=True)]
        shut = [r["data"] for r in agent_truth.rows(path) if r["type"] == "session.shutdown"]
        said = [used["usage"] for one in shut[-1:] for used in one["modelMetrics"].values()]
        if not said:  # it was killed
            continue
        assert sums[0] + sums[2] == sum(one["inputTokens"] for one in said)
        assert sums[1] == sum(one["outputTokens"] for one in said)


def test_copies_of_hook_inputs_are_not_kept() -> None:
    for path in files("copilot-cli", "simple"):
        found = entries(Events(path), path.read_bytes().split(b"\n"))
        assert len(found) < len(agent_truth.rows(path))
        assert not [entry for entry in found if b'"hook' in entry.line]
        assert len({entry.own_id for entry in found}) == len(found)


def test_a_subagent_belongs_to_the_session_of_its_file() -> None:
    made = meanings_of(files("copilot-cli", "subagent"))
    inner = [m for m in made if m.subagent]
    assert {m.session for m in made} == {session_of(files("copilot-cli", "subagent")[0])}
    assert {m.subagent_type for m in inner} == {"general-purpose"}
    kinds = [m.kind for m in inner]
    assert kinds.count(Kind.SUBAGENT_START) == kinds.count(Kind.SUBAGENT_END) == 1
    assert Kind.PROMPT not in kinds


def test_failures_refusals_errors_and_titles() -> None:
    made = read(
        event("session.start", sessionId="s2", context={"cwd": "/w", "branch": "b"}),
        event("session.title_changed", title="Fix it"),
        event("session.error", errorType="query", message="no model"),
        event("abort", reason="user initiated"),
        event("system.notification", content="done"),
    )
    assert [(m.kind, m.text, m.detail, m.interrupted) for m in made[1:4]] == [
        (Kind.TITLE, "Fix it", "agent", False),
        (Kind.TURN_FAILED, "no model", "query", False),
        (Kind.WAITING_NOTICED, "", "user initiated", True),
    ]
    assert {(m.session, m.cwd) for m in made} == {("s2", "/w")}


def test_thinking_is_kept_only_if_wanted() -> None:
    message = event("assistant.message", content="", reasoningText="hm", reasoningOpaque="x")
    assert [m.text for m in read(message)] == ["hm"]
    assert [m.kind for m in read(message, thinking=False)] == [Kind.OTHER]
    assert folders({"HOME": "/h"}) == [Path("/h/.copilot/session-state")]
