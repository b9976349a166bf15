"""`journal install` for several agents: what is found, refused, trusted, replaced and removed."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from journal.cli import run

# Answers as `codex app-server` does, and notes in config.toml which hooks it has to trust.
CODEX = """\
#!{python}
import json, os, re, sys, tomllib
folder = os.environ["HOME"] + "/.codex"
file, kept = folder + "/hooks.json", folder + "/config.toml"
def noted():
    config = tomllib.load(open(kept, "rb")) if os.path.exists(kept) else {{}}
    return config.get("hooks", {{}}).get("state", {{}})
for line in sys.stdin:
    asked = json.loads(line)
    states = noted()
    if asked["method"] == "config/batchWrite":
        for edit in asked["params"]["edits"]:
            if edit["mergeStrategy"] == "upsert":
                assert edit["keyPath"] == "hooks.state"
                states.update(edit["value"])
            else:
                assert edit["value"] is None
                del states[json.loads(edit["keyPath"].removeprefix("hooks.state."))]
        text = open(kept).read().partition("[hooks.state")[0] if os.path.exists(kept) else ""
        for key, state in states.items():
            text += "[hooks.state." + json.dumps(key) + "]\\n"
            text += "trusted_hash = " + json.dumps(state["trusted_hash"]) + "\\n"
        open(kept, "w").write(text)
    hooks = []
    known = json.load(open(file)) if os.path.exists(file) else {{}}
    for event, groups in known.get("hooks", {{}}).items():
        command = groups[0]["hooks"][0]["command"]
        key = file + ":" + re.sub("(?<=[a-z])(?=[A-Z])", "_", event).lower() + ":0:0"
        state = "trusted" if key in states else "untrusted"
        hooks.append({{"key": key, "command": command, "currentHash": "sha256:" + event,
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
    assert removed.count("hooks removed") == 3
    assert not (user / ".gemini" / "settings.json").exists()
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
    config = user / ".codex" / "config.toml"
    said = out(capsys, "install", "codex")
    assert "Codex does not run the hooks until they are trusted" in said.out
    assert "hooks.state" not in config.read_text()
    waiting = "Codex does not trust 12 hooks: it does not run them"
    doctor = out(capsys, "doctor", "--json", code=1).out
    assert waiting in doctor
    assert waiting in out(capsys, "status").out
    assert waiting in out(capsys).out
    assert "Codex does not run" in out(capsys, "install", "codex", "--no-trust").out
    assert "Codex trusts 12 hooks now." in out(capsys, "install", "codex", "--trust").out
    states = tomllib.loads(config.read_text())["hooks"]["state"]
    assert states[f"{user}/.codex/hooks.json:stop:0:0"] == {"trusted_hash": "sha256:Stop"}
    assert "trust" not in out(capsys, "install", "codex").out
    for command in (["doctor", "--json"], ["status"], []):
        assert "does not trust" not in out(capsys, *command).out
    assert "Codex no longer trusts 12 hooks." in out(capsys, "uninstall").out
    assert "hooks.state" not in config.read_text()


def test_a_reader_that_leaves_does_not_end_an_installation(codex: Path, user: Path) -> None:
    for command in ("install codex gemini-cli --trust", "uninstall"):
        installing = command != "uninstall"
        words = [sys.executable, "-m", "journal", *command.split()]
        left, ours = os.pipe()
        os.close(left)
        done = subprocess.run(words, stdout=ours, stderr=ours)
        os.close(ours)
        assert done.returncode == 0
        config = tomllib.loads((user / ".codex" / "config.toml").read_text())
        assert ("agent-journal" in config.get("mcp_servers", {})) is installing
        assert len(config.get("hooks", {}).get("state", {})) == (12 if installing else 0)
        settings = user / ".gemini" / "settings.json"
        assert settings.exists() is installing
        assert not installing or set(json.loads(settings.read_text())) == {"hooks", "mcpServers"}


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
