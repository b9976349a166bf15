"""A scratch person with one of the real programs from npm, and a model that follows a script."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scripted_model import ScriptedModel

from journal.agents import AGENTS

PROGRAMS = Path(os.environ.get("E2E_AGENTS", "/nowhere"))
PROMPT = "please run the command"
SECONDS = 600.0
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

    def ask(self, *more: str) -> list[dict[str, Any]]:
        """One headless session, with more arguments; what the model was asked."""
        before = len(self.model.requests)
        words = [*WORDS[self.agent.name][:1], *more, *WORDS[self.agent.name][1:]]
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
