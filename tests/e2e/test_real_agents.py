"""The real programs from npm, offline, against a model that does what is written down.

Not part of `make test`: `make e2e` installs the newest versions and sets E2E_AGENTS to their
folder. Two headless sessions of each: the first runs a command and writes a file, the second's
first request holds the context of the first.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from real_agent import PROGRAMS, PROMPT, WORDS, Person
from scripted_model import ANSWER, COMMAND, FILE, ScriptedModel

pytestmark = pytest.mark.skipif(not PROGRAMS.is_dir(), reason="E2E_AGENTS names no folder")


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as server:
        yield server


@pytest.mark.parametrize("name", WORDS)
def test_two_sessions_of_the_real_program(name: str, tmp_path: Path, model: ScriptedModel) -> None:
    person = Person(tmp_path, name, model)
    trust = ["--trust"] if person.agent.setup.trust else []
    said = person.journal("install", name, *trust)
    assert person.agent.label in said
    assert not any(_holds_context(request) for request in person.ask())
    [first] = _lines(person.journal("sessions", "--all", "--json"))
    assert (first["agent"], first["prompts"], first["title"]) == (name, 1, PROMPT)
    person.journal("sync")  # which copies its transcript
    shown = json.loads(person.journal("show", first["session"], "--json"))
    [call] = [one for one in shown["observations"] if COMMAND in json.dumps(one["input"])]
    assert call["ok"] is True
    assert (person.project / FILE).read_text() == "made by the scripted model\n"
    assert ANSWER in json.dumps(shown["answers"])
    requests = person.ask()
    reported = [request for request in requests if _holds_context(request)]
    assert reported, "the context of the second session has the first"
    assert _holds_context(requests[0]) or name == "opencode"  # which asks for a title first
    assert person.agent.setup.obstacles(person.home, {}) == []
    person.journal("sync")  # a busy machine may show a list before all is synced
    states = {one["session"]: one for one in _lines(person.journal("sessions", "--all", "--json"))}
    assert len(states) == 2


def _holds_context(request: dict[str, Any]) -> bool:
    text = json.dumps(request)
    return "<agent-journal project=" in text or "&lt;agent-journal project=" in text


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]
