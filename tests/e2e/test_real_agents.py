"""The real programs from npm, offline, against a model that does what is written down.

Not part of `make test`: `make e2e` installs the newest versions and sets E2E_AGENTS to their
folder. Two headless sessions of each: the first runs a command and writes a file, the second's
first request holds the context of the first.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted_model import ANSWER, COMMAND, FILE, ScriptedModel

from journal.agents import AGENTS

PROGRAMS = Path(os.environ.get("E2E_AGENTS", "/nowhere"))
PROMPT = "please run the command"
SECONDS = 180.0
pytestmark = pytest.mark.skipif(not PROGRAMS.is_dir(), reason="E2E_AGENTS names no folder")

NEW = ("codex", "copilot-cli", "opencode", "gemini-cli", "qwen-code")
WORDS = {
    "codex": ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"],
    "copilot-cli": ["--allow-all-tools", "-p"],
    "opencode": ["run", "--model", "standin/m1"],
    "gemini-cli": ["--model", "gemini-2.5-flash", "--yolo", "--skip-trust", "-p"],
    "qwen-code": ["--model", "m1", "--yolo", "--auth-type", "openai", "-p"],
}


class Person:
    """A scratch person with one real agent, its configuration, and our hooks in it."""

    def __init__(self, folder: Path, name: str, model: ScriptedModel) -> None:
        self.agent, self.model, self.folder = AGENTS[name], model, folder
        self.home, self.project = folder / "user", folder / "shop"
        model.folder = str(self.project)
        for path in (self.home, self.project, folder / "tmp"):
            path.mkdir()
        self.program = PROGRAMS / "node_modules" / ".bin" / self.agent.setup.program
        if not self.program.exists():
            pytest.skip(f"{self.program} is not installed")
        self.env = {
            "HOME": str(self.home),
            "TMPDIR": str(folder / "tmp"),
            "PATH": f"{self.program.parent}:{os.environ['PATH']}",
            "TERM": "dumb",
            "JOURNAL_CAPTURE__AUTOSTART": "false",
            **self._configure(),
        }
        subprocess.run(["git", "init", "-q"], cwd=self.project, check=True)

    def _configure(self) -> dict[str, str]:
        """The agent talks to the scripted model and to no other server."""
        url, name = self.model.url, self.agent.name
        if name == "codex":
            self._put(".codex/config.toml", CODEX.format(url=url))
            return {}
        if name == "copilot-cli":
            return {
                "COPILOT_OFFLINE": "true",
                "COPILOT_PROVIDER_BASE_URL": f"{url}/v1",
                "COPILOT_PROVIDER_API_KEY": "none",
                "COPILOT_MODEL": "m1",
            }
        if name == "opencode":
            self._put(".config/opencode/opencode.json", json.dumps(opencode(url)))
            return {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1"}
        if name == "gemini-cli":
            chosen = {"security": {"auth": {"selectedType": "gemini-api-key"}}}
            self._put(".gemini/settings.json", json.dumps(chosen))
            return {"GEMINI_API_KEY": "none", "GOOGLE_GEMINI_BASE_URL": url}
        self._put(".qwen/settings.json", json.dumps({"security": {"folderTrust": {}}}))
        return {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": f"{url}/v1", "OPENAI_MODEL": "m1"}

    def _put(self, name: str, text: str) -> None:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def journal(self, *args: str) -> str:
        command = [sys.executable, "-m", "journal", "--home", str(self.folder / "home"), *args]
        done = subprocess.run(command, capture_output=True, text=True, env=self.env)
        assert done.returncode == 0, (args, done.stdout, done.stderr)
        return done.stdout

    def ask(self) -> list[dict[str, Any]]:
        """One headless session; what the model was asked."""
        before = len(self.model.requests)
        words = WORDS[self.agent.name]
        done = subprocess.run(
            [str(self.program), *words, PROMPT],
            capture_output=True,
            text=True,
            env=self.env,
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
        )
        asked = self.model.requests[before:]
        assert done.returncode == 0, (done.stdout[-3000:], done.stderr[-3000:], len(asked))
        assert asked
        return asked


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as server:
        yield server


@pytest.mark.parametrize("name", NEW)
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
    told = [request for request in requests if _holds_context(request)]
    assert told, "the context of the second session has the first"
    assert _holds_context(requests[0]) or name == "opencode"  # which asks for a title first
    assert person.agent.setup.obstacles(person.home, {}) == []
    states = {one["session"]: one for one in _lines(person.journal("sessions", "--all", "--json"))}
    assert len(states) == 2


def _holds_context(request: dict[str, Any]) -> bool:
    text = json.dumps(request)
    return "<agent-journal project=" in text or "&lt;agent-journal project=" in text


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


CODEX = """\
model = "gpt-5.5"
model_provider = "standin"
[model_providers.standin]
name = "standin"
base_url = "{url}/v1"
wire_api = "responses"
"""


def opencode(url: str) -> dict[str, Any]:
    options = {"baseURL": f"{url}/v1", "apiKey": "none"}
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "standin",
        "options": options,
        "models": {"m1": {"name": "m1"}},
    }
    return {"provider": {"standin": provider}, "model": "standin/m1", "autoupdate": False}
