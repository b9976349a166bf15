"""`journal install` for several agents: what is found, refused, trusted, replaced and taken out."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from journal.cli import run

# Answers as `codex app-server` does, and keeps what it has to trust in `trusted`.
CODEX = """\
#!{python}
import json, os, sys
home = os.environ["HOME"]
file, kept = home + "/.codex/hooks.json", home + "/trusted"
for line in sys.stdin:
    asked = json.loads(line)
    if asked["method"] == "config/batchWrite":
        [edit] = asked["params"]["edits"]
        assert (edit["keyPath"], edit["mergeStrategy"]) == ("hooks.state", "upsert")
        open(kept, "w").write(json.dumps(edit["value"]))
    trusted = json.load(open(kept)) if os.path.exists(kept) else {{}}
    hooks = []
    for event, groups in json.load(open(file))["hooks"].items():
        command = groups[0]["hooks"][0]["command"]
        state = "trusted" if event in trusted else "untrusted"
        hooks.append({{"key": event, "command": command, "currentHash": "sha256:" + event,
                      "trustStatus": state}})
    if "id" in asked:
        print("not JSON", flush=True)
        result = {{"data": [{{"hooks": hooks}}]}}
        print(json.dumps({{"id": asked["id"], "result": result}}), flush=True)
"""


@pytest.fixture
def user(scratch_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{scratch_home}/bin:/usr/bin:/bin")
    (scratch_home / "bin").mkdir()
    return scratch_home


@pytest.fixture
def codex(user: Path) -> Path:
    path = user / "bin" / "codex"
    path.write_text(CODEX.format(python=sys.executable))
    path.chmod(0o755)
    (user / ".codex").mkdir()
    return path


def out(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert run(list(args)) == code, capsys.readouterr()
    return capsys.readouterr()


def test_every_agent_that_is_found_gets_hooks_and_a_line(
    user: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in (".copilot", ".gemini", ".config/opencode"):
        (user / folder).mkdir(parents=True)
    said = out(capsys, "install").out
    for label in ("Copilot CLI", "OpenCode", "Gemini CLI"):
        assert f"{label}: {user}/." in said
    for label in ("Claude Code", "Codex", "Qwen Code"):
        assert f"{label}: not found on this machine" in said
    assert not (user / ".qwen").exists()
    again = out(capsys, "install").out
    assert again.count("Already installed: nothing to change") == 3
    removed = out(capsys, "uninstall").out
    assert removed.count("hooks taken out") == 3
    assert json.loads((user / ".gemini" / "settings.json").read_text()) == {}
    assert "no hook of the journal in any agent" in out(capsys, "uninstall").out


def test_one_file_that_is_refused_leaves_the_other_agents_installed(
    user: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (user / ".gemini").mkdir()
    settings = user / ".gemini" / "settings.json"
    settings.write_text('{"security": {} /* mine */}')
    said = out(capsys, "install", "gemini-cli", "qwen-code", code=2)
    assert f"journal: Gemini CLI: refused: {settings} was not changed" in said.err
    assert "Qwen Code: " in said.out
    assert (user / ".qwen" / "settings.json").exists()
    assert settings.read_text() == '{"security": {} /* mine */}'


def test_a_settings_file_goes_with_one_agent_and_needs_its_folder(
    user: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(user / "none" / "settings.json")
    said = out(capsys, "install", "codex", "qwen-code", "--settings", file, code=2).err
    assert "--settings names the file of one agent" in said
    assert "no folder" in out(capsys, "install", "qwen-code", "--settings", file, code=2).err
    assert not (user / "none").exists()
    assert not (user / ".agent-journal").exists()


def test_codex_is_trusted_through_its_own_interface(
    codex: Path, user: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = out(capsys, "install", "codex")
    assert "Codex does not run the hooks until they are trusted" in said.out
    assert not (user / "trusted").exists()
    doctor = out(capsys, "doctor", "--json", code=1).out
    assert "Codex does not trust 12 hooks" in doctor
    assert "Codex does not run" in out(capsys, "install", "codex", "--no-trust").out
    assert "Codex trusts 12 hooks now." in out(capsys, "install", "codex", "--trust").out
    kept = json.loads((user / "trusted").read_text())
    assert kept["Stop"] == {"trusted_hash": "sha256:Stop"}
    assert "trust" not in out(capsys, "install", "codex").out
    assert "does not trust" not in out(capsys, "doctor", "--json").out


@pytest.mark.parametrize("script", ["exit 3", 'read x; echo \'{"id":1,"error":{}}\'', "cat"])
def test_a_codex_that_does_not_answer_is_reported(
    codex: Path, script: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("journal.agents.codex.trust.SECONDS", 0.5)
    codex.write_text(f"#!/bin/sh\n{script}\n")
    said = out(capsys, "install", "codex", "--trust")
    assert "Codex runs hooks only when they are trusted, and cannot be asked" in said.err
    assert "Traceback" not in said.err
    assert (Path(os.environ["HOME"]) / ".codex" / "hooks.json").exists()


def test_a_hooks_json_that_codex_refuses_is_reported(
    codex: Path, user: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (user / ".codex" / "hooks.json").write_text('{"hooks": {}, "mine": 1}')
    (user / ".codex" / "config.toml").write_text("[features]\nhooks = false\n")
    said = out(capsys, "install", "codex", "--no-trust").err
    assert "codex refuses hooks.json because of the key 'mine'" in said
    assert "hooks are turned off in" in said
