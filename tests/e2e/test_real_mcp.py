"""The real programs from npm see `journal mcp`, and its tools answer them; offline.

As test_real_agents: `make e2e` sets E2E_AGENTS to the folder with the programs.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import real_agent
from real_agent import WORDS
from scripted_model import Call, ScriptedModel, Step, Tools

import reported
from journal.agents import AGENTS

PROGRAMS = Path(os.environ.get("E2E_AGENTS", "/nowhere")) / "node_modules" / ".bin"
SECONDS = 600.0
WAIT = "WaitForMcpServers"  # the program does not wait for servers by itself
TOOL = "mcp__agent-journal__search"
RECENT = "mcp__agent-journal__recent"
pytestmark = pytest.mark.skipif(not PROGRAMS.is_dir(), reason="E2E_AGENTS names no folder")


class Model(BaseHTTPRequestHandler):
    """Answers as the Messages API streams: it waits for our tool, calls it, and is done."""

    requests: list[dict[str, Any]]

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.requests.append(asked)
        names = [tool.get("name") for tool in asked.get("tools", [])]
        told_of = json.dumps(asked.get("messages", []))
        block: dict[str, Any] = {"type": "text", "text": ""}
        delta: dict[str, Any] = {"type": "text_delta", "text": "done"}
        reason = "end_turn"
        for name, given, most in ((TOOL, {"query": "walruses"}, 1), (WAIT, {}, 20)):
            number = told_of.count(f'"id": "toolu_{name}')
            if name in names and number < most:
                unique = f"toolu_{name}{number}"
                block = {"type": "tool_use", "id": unique, "name": name, "input": {}}
                delta = {"type": "input_json_delta", "partial_json": json.dumps(given)}
                reason = "tool_use"
                break
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {
            "id": "msg_1", "type": "message", "role": "assistant", "model": asked.get("model"),
            "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage,
        }  # fmt: skip
        ended = {"stop_reason": reason, "stop_sequence": None}
        events = [
            {"type": "message_start", "message": message},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": ended, "usage": usage},
            {"type": "message_stop"},
        ]
        if not asked.get("stream"):
            text = {**message, "content": [{"type": "text", "text": "done"}], **ended}
            self._send("application/json", json.dumps(text))
            return
        lines = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]
        self._send("text/event-stream", "".join(lines))

    def do_GET(self) -> None:
        self._send("application/json", "{}")

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def _send(self, kind: str, text: str) -> None:
        data = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def model() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    kept: list[dict[str, Any]] = []
    handler = type("Scripted", (Model,), {"requests": kept})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", kept
    server.shutdown()
    server.server_close()


class Person:
    """A scratch person with one real program, our hooks and our server, and an earlier session."""

    def __init__(self, folder: Path, program: str, **environ: str) -> None:
        if not (PROGRAMS / program).exists():
            pytest.skip(f"{program} is not installed")
        self.program = program
        self.home, self.project = folder / "user", folder / "code"
        for path in (self.home / "tmp", self.project):
            path.mkdir(parents=True)
        self.env = {
            "HOME": str(self.home),
            "TMPDIR": str(self.home / "tmp"),
            "PATH": f"{PROGRAMS}:/usr/bin:/bin",
            "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "MCP_TIMEOUT": "300000",  # on a busy machine
            "ENABLE_TOOL_SEARCH": "false",  # else tools of servers are named when asked for
            "JOURNAL_CAPTURE__AUTOSTART": "false",
            **environ,
        }
        now_us = time.time_ns() // 1000
        at = {"now_us": now_us, "cwd": str(self.project)}
        reported.asked(self.home / ".agent-journal", "aaaa01", "about walruses", 9000, **at)

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=self.env,
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
        )
        assert done.returncode == 0, (command, done.stdout[-3000:], done.stderr[-3000:])
        return done.stdout + (done.stderr if command[1:] == ("mcp", "list") else "")

    def journal(self, *args: str) -> str:
        return self.run(sys.executable, "-m", "journal", *args)


CONNECTING = ("claude-code", "opencode", "qwen-code")  # whose lists say whether it answers


@pytest.mark.parametrize("agent", AGENTS)
def test_the_program_lists_the_server_and_forgets_it(agent: str, tmp_path: Path) -> None:
    program = AGENTS[agent].setup.program
    person = Person(tmp_path, program)
    person.journal("install", agent, *(["--no-trust"] if agent == "codex" else []))
    listed = person.run(program, "mcp", "list")
    assert "agent-journal" in listed
    assert agent not in CONNECTING or "connected" in listed.lower()
    person.journal("uninstall", agent)
    assert "agent-journal" not in person.run(program, "mcp", "list")


def test_a_call_of_claude_code_gets_the_records_but_not_its_own(
    tmp_path: Path, model: tuple[str, list[dict[str, Any]]]
) -> None:
    url, requests = model
    person = Person(tmp_path, "claude", ANTHROPIC_BASE_URL=url, ANTHROPIC_API_KEY="none")
    person.journal("install", "claude-code")
    words = ["-p", "tell of walruses and narwhals", "--allowedTools", f"{TOOL},{WAIT}"]
    person.run("claude", *words)
    results = [
        block
        for asked in requests
        for message in asked.get("messages", [])
        if isinstance(message["content"], list)
        for block in message["content"]
        if block.get("type") == "tool_result"
    ]
    said = json.dumps(results)
    assert "| about walruses" in said
    assert "narwhals" not in said


EVERYWHERE = {"project": "*"}


def ask_journal(tools: Tools, folder: str) -> Call | None:
    """Ask for the latest sessions, however the program names the tool."""
    for name, tool in tools.items():
        if re.search("agent[-_]journal", name):
            if tool.get("type") == "namespace":
                return Call("recent", EVERYWHERE, space=name)
            if name.endswith("recent"):
                return Call(name, EVERYWHERE)
    if "tool_call" in tools:  # tools of servers are called through it
        return Call("tool_call", {"name": RECENT, "arguments": EVERYWHERE})
    return None


def wait(tools: Tools, folder: str) -> Call | None:
    """Until the server has started, for programs that do not wait for it."""
    if "exec_command" in tools:
        return Call("exec_command", {"cmd": "sleep 9", "yield_time_ms": 20_000})
    return Call("bash", {"command": "sleep 9", "description": "Waits"})


SCRIPTS: dict[str, tuple[Step, ...]] = dict.fromkeys(("codex", "copilot-cli"), (wait, ask_journal))
# Codex names tools of servers to models that it does not know; others have to search for them.
MORE = {"codex": ["--model", "m1"]}


@pytest.mark.parametrize("agent", WORDS)
def test_a_call_gets_the_records_but_not_those_of_its_own_session(
    agent: str, tmp_path: Path
) -> None:
    with ScriptedModel(*SCRIPTS.get(agent, (ask_journal,))) as model:
        person = real_agent.Person(tmp_path, agent, model)
        trust = ["--trust"] if person.agent.setup.trust else []
        person.journal("install", agent, *trust)
        now_us = time.time_ns() // 1000
        at = {"now_us": now_us, "cwd": str(person.project)}
        reported.asked(tmp_path / "home", "aaaa01", "about walruses", 9000, **at)
        asked = person.ask(*MORE.get(agent, []))
    said = [json.dumps(request) for request in asked]
    assert any("| request: about walruses" in text for text in said)
    assert not any(f"| request: {real_agent.PROMPT}" in text for text in said)
