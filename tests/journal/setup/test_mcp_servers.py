"""`journal mcp` in the agents' lists of servers: added once, nothing else touched, removed."""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from journal.agents import AGENTS
from journal.cli import run

# Adds and removes servers as `claude mcp` does, and says no more than it.
CLAUDE = """\
#!{python}
import json, os, sys
path = os.environ["HOME"] + "/.claude.json"
if sys.argv[1:2] == ["--version"]:
    print("2.9.9 (Claude Code)")
    sys.exit()
values = json.load(open(path)) if os.path.exists(path) else {{}}
servers = values.setdefault("mcpServers", {{}})
assert sys.argv[3:5] == ["--scope", "user"], sys.argv
if sys.argv[2] == "add":
    assert sys.argv[6] == "--"
    servers[sys.argv[5]] = {{"type": "stdio", "command": sys.argv[7], "args": sys.argv[8:]}}
else:
    del servers[sys.argv[5]]
values["said"] = values.get("said", 0) + 1
json.dump(values, open(path, "w"))
"""
FILES = {
    "claude-code": (".claude.json", '{\n    "projects": {"/x": {"n": 1.50}}\n}'),
    "codex": (".codex/config.toml", '# mine\nmodel = "m"\n\n[mcp_servers.other]\ncommand = "x"\n'),
    "copilot-cli": (".copilot/mcp-config.json", '{"mcpServers":{"a":{"command":"b"}}}\n'),
    "gemini-cli": (".gemini/settings.json", '{"mcpServers":{"a":{"command":"b"}},"z":1}'),
    "qwen-code": (".qwen/settings.json", '{\n\t"theme": "x"\n}\n'),
    "opencode": (".config/opencode/opencode.json", '{"mcp":{"a":{"type":"remote"}}}'),
}


@pytest.fixture
def user(scratch_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{scratch_home}/bin:/usr/bin:/bin")
    (scratch_home / "bin").mkdir()
    return scratch_home


def out(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert run(list(args)) == code, capsys.readouterr()
    return capsys.readouterr()


def server(user: Path, agent: str) -> Any:
    """Our entry in an agent's file; None: there is none."""
    servers = AGENTS[agent].setup.servers
    assert servers is not None
    text = (user / FILES[agent][0]).read_text()
    values = tomllib.loads(text) if servers.is_toml else json.loads(text)
    return values.get(servers.key, {}).get("agent-journal")


@pytest.mark.parametrize("agent", FILES)
def test_registered_once_and_removed_byte_for_byte(
    agent: str, user: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, text = FILES[agent]
    path = user / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert "journal mcp would be registered" in out(capsys, "install", agent, "--dry-run").out
    assert path.read_text() == text
    assert "journal mcp registered" in out(capsys, "install", agent, "--no-trust").out
    entry = server(user, agent)
    command = entry["command"]
    whole = command if isinstance(command, list) else [command, *entry["args"]]
    home = str(user / ".agent-journal")
    assert whole == [sys.executable, "-P", "-m", "journal", "--home", home, "mcp"]
    before = path.read_bytes()
    assert "journal mcp registered already" in out(capsys, "install", agent, "--no-trust").out
    assert path.read_bytes() == before
    other = str(user / "other")
    out(capsys, "--home", other, "install", agent, "--no-trust")
    assert other in json.dumps(server(user, agent))
    assert "journal mcp removed" in out(capsys, "uninstall").out
    assert path.read_text() == text
    assert "journal mcp" not in out(capsys, "uninstall").out


@pytest.mark.parametrize("agent", FILES)
def test_a_file_that_is_not_there_is_made_and_no_mcp_leaves_it_out(
    agent: str, user: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "journal mcp" not in out(capsys, "install", agent, "--no-trust", "--no-mcp").out
    if (path := user / FILES[agent][0]).exists():
        assert "agent-journal mcp" not in path.read_text()
        assert server(user, agent) is None
    out(capsys, "install", agent, "--no-trust")
    assert server(user, agent) is not None
    out(capsys, "uninstall")
    assert not path.exists()


@pytest.mark.parametrize("more", ["", ', "other": {"a": 1}'])
def test_copilot_s_file_keeps_its_map_which_copilot_demands(
    more: str, user: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = user / ".copilot" / "mcp-config.json"
    path.parent.mkdir()
    path.write_text(f'{{"mcpServers": {{}}{more}}}')
    before = path.read_bytes()
    out(capsys, "install", "copilot-cli")
    out(capsys, "uninstall")
    assert path.read_bytes() == before
    out(capsys, "install", "copilot-cli")
    for backup in path.parent.glob("*backup*"):
        backup.unlink()
    out(capsys, "uninstall")
    assert path.exists() is bool(more)
    assert not more or json.loads(path.read_text()) == json.loads(before)


def test_claude_code_registers_the_server_with_its_own_program(
    user: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = user / "bin" / "claude"
    program.write_text(CLAUDE.format(python=sys.executable))
    program.chmod(0o755)
    for _ in range(2):
        out(capsys, "install", "claude-code")
    values = json.loads((user / ".claude.json").read_text())
    assert values["said"] == 1
    assert values["mcpServers"]["agent-journal"]["args"][-1] == "mcp"
    skill = user / ".claude/skills/agent-journal/SKILL.md"
    assert skill.read_text().startswith("---\nname: agent-journal\n")
    assert len(skill.read_text().splitlines()) <= 16
    out(capsys, "uninstall")
    assert not skill.exists()
    assert json.loads((user / ".claude.json").read_text()) == {"mcpServers": {}, "said": 2}


@pytest.mark.parametrize(
    ("agent", "text"),
    [
        ("opencode", '{"mcp": {} /* mine */}'),
        ("codex", "model = "),
        ("codex", 'mcp_servers = { other = { command = "x" } }\n'),
        ("copilot-cli", '{"mcpServers": []}'),
        ("claude-code", '{"mcpServers": {"agent-journal": {"command": "another-program"}}}'),
    ],
)
def test_a_file_of_servers_that_cannot_be_changed_is_left_alone_and_reported(
    agent: str, text: str, user: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = user / FILES[agent][0]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    said = out(capsys, "install", agent, "--no-trust")
    assert f"journal: {AGENTS[agent].label}: journal mcp: {path}" in said.err
    assert path.read_text() == text


def test_a_skill_that_a_person_changed_is_theirs(
    user: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    skill = user / ".claude/skills/agent-journal/SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text("my own")
    out(capsys, "install", "claude-code")
    out(capsys, "uninstall", "claude-code")
    assert skill.read_text() == "my own"


@pytest.mark.parametrize("agent", ["claude-code", "codex", "opencode"])
def test_doctor_checks_the_registration_and_repairs_it(
    user: Path, agent: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def found(*args: str) -> list[dict[str, Any]]:
        capsys.readouterr()
        run(["doctor", "--json", *args])
        lines = map(json.loads, capsys.readouterr().out.splitlines())
        return [one for one in lines if one["check"] == "recall"]

    path = user / FILES[agent][0]
    out(capsys, "install", agent, "--no-trust", "--no-mcp")
    assert [one["status"] for one in found()] == ["warning"]
    out(capsys, "install", agent, "--no-trust")
    assert [one["status"] for one in found()] == ["ok"]
    path.write_text(path.read_text().replace(sys.executable, "/gone/python"))
    (gone,) = found()
    assert gone["status"] == "error"
    assert "/gone/python" in gone["message"]
    path.write_text(path.read_text().replace("/gone/python", "/bin/sh"))
    assert found()[0]["message"].endswith("is not as this version registers it")
    assert [one["fixed"] for one in found("--fix")] == [True]
    assert [one["status"] for one in found()] == ["ok"]
