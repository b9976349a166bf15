"""The loop on every front end: a session ends, its summary is stored, the next one gets it.

With real hooks, processes and kills. On a busy machine the start's own pass may be late: it then
says that records are missing, and the test syncs.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

import agent_recordings
import commands
import firing
import opencode_plugin
import recordings
from chance import THOROUGH
from hooks import autostart, emit
from installed import Installed
from journal.agents import AGENTS
from journal.layout import Layout
from journal.setup import hooks_file
from journal.setup.install import install

PROMPT = "how many parsers are there?"
COMMAND = "grep -c parser src/*.py > counted.txt"
ANSWER = "There are three parsers."
# Where a person works with Claude Code, and what the agent's environment says there.
FRONT_ENDS = {
    "terminal": {"CLAUDE_CODE_ENTRYPOINT": "cli", "CLAUDE_CODE_SESSION_ATTENDED": "1"},
    "editor": {"CLAUDE_CODE_ENTRYPOINT": "claude-vscode"},
    "desktop": {"CLAUDE_CODE_ENTRYPOINT": "claude-desktop"},
    "web": {"CLAUDE_CODE_ENTRYPOINT": "remote"},
    "a person's program": {
        "CLAUDE_CODE_ENTRYPOINT": "sdk-ts",
        "CLAUDE_CODE_SESSION_ATTENDED": "1",
    },
}
TERMINAL = FRONT_ENDS["terminal"]
# The version before ran a program by its path, the one before that in the foreground.
_CODE = re.compile(r"-c '[^']*' ")
_BACKGROUND = re.compile(r"set -- (.+?) shell=\$\$(.*?) && if .*? fi \|\| ")


def run_command(installed: Installed, event: str, env: Mapping[str, str], **payload: Any) -> bytes:
    """Fire one hook of Claude Code; what it printed."""
    fields = {"session_id": env["CLAUDE_CODE_SESSION_ID"], "cwd": str(installed.folder), **payload}
    (command,) = firing.commands(installed.settings, event)
    environ = firing.environment(installed.folder) | dict(env)
    done = firing.run(command, json.dumps(fields).encode(), environ, installed.folder)
    assert (done.code, done.stderr) == (0, b"")
    return done.stdout


def work(installed: Installed, env: Mapping[str, str], until: str = "SessionEnd") -> None:
    """A session that runs a command and answers, up to one of its events."""
    call = {"tool_name": "Bash", "tool_use_id": "t", "tool_input": {"command": COMMAND}}
    env = {**env, "CLAUDE_CODE_SESSION_ID": "first"}
    steps: list[tuple[str, dict[str, Any]]] = [
        ("SessionStart", {"source": "startup"}),
        ("UserPromptSubmit", {"prompt": PROMPT}),
        ("PreToolUse", call),
        ("PostToolUse", {**call, "tool_response": {"stdout": "3"}}),
        ("Stop", {"last_assistant_message": ANSWER}),
        ("SessionEnd", {"reason": "prompt_input_exit"}),
    ]
    for event, payload in steps:
        run_command(installed, event, env, **payload)
        if event == until:
            return


def check_next_context(installed: Installed, *words: str) -> None:
    """The next session's context holds these words."""
    env = {**TERMINAL, "CLAUDE_CODE_SESSION_ID": "next"}
    said = run_command(installed, "SessionStart", env, source="startup").decode()
    if "not yet synced" in said or not said:
        installed.journal("sync")
        said = run_command(installed, "SessionStart", env, source="startup").decode()
    for word in words:
        assert json.dumps(word)[1:-1] in said


def first(installed: Installed) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(installed.journal("show", "first", "--json"))
    return said


@pytest.fixture
def agent() -> Iterator[subprocess.Popen[bytes]]:
    """The agent's process, which the test kills."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"]) as process:
        yield process
        process.kill()


@contextmanager
def watching(installed: Installed) -> Iterator[None]:
    command = [sys.executable, "-m", "journal", "--home", str(installed.home), "watch"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while not autostart.watcher(str(installed.home)):
            time.sleep(0.01)
        yield
        process.kill()


def make_older(installed: Installed, versions: int) -> None:
    """Put the commands of an earlier version into the settings; 0: leave those of this one."""
    settings = json.loads(installed.settings.read_text())
    for group in (group for groups in settings["hooks"].values() for group in groups):
        for hook in group["hooks"]:
            hook["command"], number = _CODE.subn('"$h/hooks/run.py" ', hook["command"])
            assert number == 1
            if versions > 1:
                hook["command"], number = _BACKGROUND.subn(r"\1\2 || ", hook["command"])
                assert number == 1
    if versions:
        installed.settings.write_text(json.dumps(settings))


# How session 1 ends, whether a watcher runs, how many versions old the hooks are. With THOROUGH=1
# all of these on each front end, else one, by turns.
WAYS = (("SessionEnd", False, 0), ("SessionEnd", True, 1), ("kill", True, 0), ("kill", False, 2))
CASES = [
    (front_end, *way)
    for number, front_end in enumerate(FRONT_ENDS)
    for way in (WAYS if THOROUGH else WAYS[number % 4 : number % 4 + 1])
]


@pytest.mark.parametrize(("front_end", "end", "watched", "versions"), CASES)
def test_the_next_session_gets_the_context_on_every_front_end_and_however_it_ends(
    installed: Installed,
    agent: subprocess.Popen[bytes],
    front_end: str,
    end: str,
    watched: bool,
    versions: int,
) -> None:
    make_older(installed, versions)
    env = {**FRONT_ENDS[front_end], "CLAUDE_PID": str(agent.pid)}
    is_killed = end == "kill"
    with watching(installed) if watched else nullcontext():
        work(installed, env, "PostToolUse" if is_killed else end)
        agent.kill()
        agent.wait()
        check_next_context(installed, PROMPT, COMMAND, *(() if is_killed else (ANSWER,)))
        installed.journal("sync")
    session = first(installed)
    assert session["summary"]["request"] == PROMPT
    assert is_killed or session["summary"]["learned"] == ANSWER
    assert session["session"]["ending"] == ("cut off" if is_killed else "ended")


@pytest.mark.parametrize("name", [name for name in AGENTS if name != "claude-code"])
def test_the_loop_closes_for_every_agent(tmp_path: Path, name: str) -> None:
    layout = Layout(tmp_path / "home")
    path = hooks_file.default_path(AGENTS[name], os.environ)
    install(layout, name, None, durable=False, now_us=time.time_ns() // 1000)
    cwd = tmp_path / "shop"
    cwd.mkdir()

    def fire(event: str, said: Mapping[str, Any], env: Mapping[str, str] | None = None) -> str:
        command = dict(hooks_file.look(AGENTS[name], path).commands(layout.home)).get(event)
        if command is None:
            return ""
        environ = firing.environment(tmp_path) | dict(env or {})
        environ["HOME"] = os.environ["HOME"]
        done = firing.run(command, json.dumps(said).encode(), environ, cwd)
        assert (done.code, done.stderr) == (0, b"")
        return done.stdout.decode()

    for event, said, env in _recorded(name):
        fire(event, {**said, "cwd": str(cwd)}, env)
    commands.shared().run(layout.home, "sync", cwd=tmp_path)
    source = "new" if name == "copilot-cli" else "startup"
    start = {"session_id": "next", "sessionId": "next", "cwd": str(cwd), "source": source}
    said = fire("SessionStart", start)
    assert "simple thing" in said
    assert "notes.txt" in said


# Of three agents: the events of a start, a prompt, a call and an end of a turn, and a tool.
THREE = {
    "codex": ("SessionStart", "UserPromptSubmit", "PreToolUse", "Stop", "Bash"),
    "gemini-cli": ("SessionStart", "BeforeAgent", "BeforeTool", "AfterAgent", "run_shell_command"),
    "claude-code": ("SessionStart", "UserPromptSubmit", "PreToolUse", "Stop", "Bash"),
}


def test_sessions_of_three_agents_are_one_context_that_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the smallest limit of any agent: Codex's 9,900 bytes, also in Japanese."""
    layout, cwd = Layout(tmp_path / "home"), tmp_path / "shop"
    cwd.mkdir()
    install(layout, "codex", None, durable=False, now_us=time.time_ns() // 1000)
    words, now_ns = "\u65e5\u672c\u8a9e" * 900, time.time_ns() - 60 * 10**9
    for agent, (*events, tool) in THREE.items():
        for event in events:
            now_ns += 10**9
            said = {
                "session_id": f"{agent}-1", "cwd": str(cwd), "source": "startup",
                "prompt": f"{agent} {words}", "last_assistant_message": words, "tool_name": tool,
                "tool_input": {"command": f"make {words}"}, "tool_use_id": "t1",
            }  # fmt: skip
            line, session, _ = emit.record(agent, event, json.dumps(said).encode(), now_ns, {})
            day = layout.days / emit.utc(now_ns)[:10]
            recordings.append(day / f"{emit.file_name(agent, session)}.jsonl", line)
    monkeypatch.setenv("JOURNAL_CONTEXT__MAX_CHARS", "4000")
    commands.shared().run(layout.home, "sync", cwd=tmp_path)
    path = hooks_file.default_path(AGENTS["codex"], os.environ)
    command = dict(hooks_file.look(AGENTS["codex"], path).commands())["SessionStart"]
    start = json.dumps({"session_id": "next", "cwd": str(cwd), "source": "startup"}).encode()
    done = firing.run(command, start, dict(os.environ), cwd)
    reported = json.loads(done.stdout)["hookSpecificOutput"]["additionalContext"]
    assert len(reported.encode()) <= 9_900
    heads = re.findall(r"^\[\S+\] (\S+)", reported, re.MULTILINE)
    assert sorted(heads) == sorted(THREE)


def _recorded(name: str) -> list[tuple[str, dict[str, Any], dict[str, str]]]:
    """A recorded session of an agent, as its hooks were fired."""
    if name == "opencode":
        return [(event, payload, {}) for event, payload in opencode_plugin.replayed("simple")]
    return [(one.event, one.payload, one.env) for one in agent_recordings.load(name, "simple")]
