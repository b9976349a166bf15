"""The hooks of the other agents as each one runs them: installed, then fired by its own shell."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import agent_recordings
import opencode_plugin
from chance import THOROUGH
from hooks import emit
from hooks.context import compose, unescape
from hooks.front_end import front_end
from journal.agents import AGENTS, meaning_of
from journal.layout import Layout
from journal.session.meaning import Kind
from journal.setup import hooks_file
from journal.setup.hook_command import script_file
from journal.setup.install import install, installed_agents, uninstall

COMMANDS = ("codex", "copilot-cli", "gemini-cli", "qwen-code")
BASH = shutil.which("bash") or "/bin/sh"
NOW_US = 1_795_000_000_000_000


class Place:
    """A scratch person with the hooks of one agent."""

    def __init__(self, folder: Path, agent: str) -> None:
        self.agent = AGENTS[agent]
        self.layout = Layout(folder / "home")
        self.path = hooks_file.default_path(self.agent, os.environ)
        install(self.layout, agent, None, durable=False, now_us=NOW_US)

    @property
    def commands(self) -> dict[str, str]:
        return dict(hooks_file.look(self.agent, self.path).commands(self.layout.home))

    def fire(
        self, event: str, stdin: bytes, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [BASH, "-c", self.commands[event]],
            input=stdin,
            capture_output=True,
            env={**os.environ, **(env or {})},
            timeout=60,
        )

    def records(self) -> list[dict[str, Any]]:
        files = sorted(self.layout.home.glob("days/*/*.jsonl"))
        lines = [line for path in files for line in path.read_bytes().split(b"\n") if line]
        return sorted(map(json.loads, lines), key=lambda record: str(record["id"]))


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    return Place(tmp_path, request.param)


RECORDED = [
    (agent, name)
    for agent in COMMANDS
    for name in agent_recordings.names(agent)
    if THOROUGH or name in ("simple", "subagent")
]


@pytest.mark.parametrize(("place", "name"), RECORDED, indirect=["place"])
def test_each_payload_is_recorded_once_as_it_came(place: Place, name: str) -> None:
    agent = place.agent.name
    firings = [f for f in agent_recordings.load(agent, name) if f.event in place.commands]
    for firing in firings:
        done = place.fire(firing.event, firing.stdin, firing.env)
        assert (done.returncode, done.stderr) == (0, b"")
        # A second session begins with a context, if the first one's pass has ended by then.
        assert done.stdout == b"" or b"<agent-journal project=" in done.stdout
    found = place.records()
    assert [(r["agent"], r["event"], r["payload"]) for r in found] == [
        (agent, f.event, f.payload) for f in firings
    ]
    assert {r["pid"] for r in found} == ({os.getpid()} if firings else set())
    ids = {f.payload.get("session_id", f.payload.get("sessionId")) for f in firings}
    assert {r["session"] for r in found} == ids


@pytest.mark.parametrize("place", ["codex", "copilot-cli", "gemini-cli"], indirect=True)
def test_a_missing_interpreter_costs_no_record(place: Place) -> None:
    place_of = script_file(place.layout, "codex")
    for path in (place.path, place_of):
        if path.exists():
            text = path.read_text()
            python = text.partition(" -I -S ")[0].rpartition("set -- ")[2]
            path.write_text(text.replace(f"{python} -I", "/gone/python -I") if python else text)
    stdin = b'{"session_id":"s","cwd":"/"}'
    event = place.agent.setup.canary
    done = place.fire(event, stdin)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert [path.read_bytes() for path in place.layout.spool.glob("*.raw")] == [stdin]


def test_codex_s_command_is_the_same_for_every_version_and_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path, "codex")
    before, script = place.path.read_bytes(), script_file(place.layout, "codex")
    monkeypatch.setattr("journal.setup.install.base_interpreter", lambda: Path("/new/python3.14"))
    monkeypatch.setattr("journal.setup.programs.packaged", lambda: Path(emit.__file__).parent)
    report = install(place.layout, "codex", None, durable=True, now_us=NOW_US)
    assert (report.outcome, report.programs) == ("unchanged", (script.name,))
    assert place.path.read_bytes() == before
    assert "/new/python3.14 -I -S" in script.read_text()
    # Pinned: with any other letter Codex runs none of the hooks until they are trusted again.
    for event, groups in json.loads(before)["hooks"].items():
        command = f'/bin/sh {script} {event} "$PPID" 2>/dev/null || true'
        seconds = 3 if event in ("Interrupt", "SessionEnd") else 10
        hook = {"type": "command", "command": command, "timeout": seconds}
        assert groups == [{"hooks": [hook]}]


def test_agents_that_are_found_and_agents_that_are_installed(tmp_path: Path) -> None:
    home = Path(os.environ["HOME"])
    foreign = {"theme": "dark", "hooks": {"AfterTool": [{"hooks": [{"command": "x"}]}]}}
    (home / ".gemini").mkdir()
    (home / ".gemini" / "settings.json").write_text(json.dumps(foreign))
    places = [Place(tmp_path, agent) for agent in AGENTS if agent != "claude-code"]
    assert [agent.name for agent in installed_agents(os.environ)] == [
        place.agent.name for place in places
    ]
    for place in places:
        assert set(place.commands) == set(place.agent.setup.events)
        assert (place.layout.hooks / "run.py").exists()
        assert uninstall(place.layout, place.agent.name, None, now_us=NOW_US).events
    assert not place.layout.hooks.exists()
    assert installed_agents(os.environ) == []
    assert json.loads((home / ".gemini" / "settings.json").read_text()) == foreign
    assert not (home / ".copilot" / "hooks" / "agent-journal.json").exists()
    assert not (home / ".config" / "opencode" / "plugins" / "agent-journal.js").exists()


@pytest.mark.parametrize(
    "name", agent_recordings.names("opencode") if THOROUGH else ["simple", "subagent", "fail"]
)
def test_opencode_s_plugin_records_through_the_same_command(tmp_path: Path, name: str) -> None:
    place = Place(tmp_path, "opencode")
    opencode_plugin.run(place.path, name)
    found = place.records()
    replayed = opencode_plugin.replayed(name)
    with_transcript = [payload for _, payload in replayed if "transcript_path" in payload]
    assert replayed[0][1] in with_transcript
    for payload in with_transcript:  # another person's
        payload["transcript_path"] = f"{os.environ['HOME']}/.local/share/opencode/opencode.db"
    assert [(r["event"], r["payload"]) for r in found] == replayed
    assert found[0]["event"] == "SessionStart"
    assert [r["payload"]["session_id"] for r in found] == [r["session"] for r in found]
    assert "git" in found[0]


def test_opencode_s_plugin_knows_the_api_of_version_2(tmp_path: Path) -> None:
    place = Place(tmp_path, "opencode")
    opencode_plugin.run_version_2(place.path, tmp_path)
    found = [(r["event"], r["payload"]["cwd"]) for r in place.records()]
    events = ("SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop", "SessionEnd")
    assert found == [(event, str(tmp_path)) for event in events]
    kinds = [meaning_of("opencode", r["event"], r["payload"]) for r in place.records()]
    assert (kinds[1].kind, kinds[1].text) == (Kind.PROMPT, "do it")
    assert (kinds[3].kind, kinds[3].text) == (Kind.TOOL_FAILED, "no")


def test_a_plugin_whose_commands_are_broken_does_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path, "opencode")
    shutil.rmtree(place.layout.home)
    text = place.path.read_text().replace("/bin/sh", "/nowhere/sh")
    place.path.write_text(text)
    assert opencode_plugin.run(place.path, "simple") == [[]]


def test_a_file_with_our_name_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    path = hooks_file.default_path(AGENTS["opencode"], os.environ)
    path.parent.mkdir(parents=True)
    path.write_text("export default {}")
    with pytest.raises(Exception, match="the journal did not write it"):
        Place(tmp_path, "opencode")
    assert path.read_text() == "export default {}"


PREPARED = "1\t2026-11-21 09:12 +01:00\tshop\t{chars}\t3\tstartup,resume\t/opt/j/journal\n{row}\n"


def prepared(words: str, chars: int) -> bytes:
    escaped = json.dumps(words)[1:-1]
    pair = f"{len(words)}\t{escaped}"
    row = "\t".join(["old", "old", "100", "0", "", "", pair, pair, pair, pair])
    return PREPARED.format(chars=chars, row=row).encode()


@pytest.mark.parametrize("place", COMMANDS, indirect=True)
def test_a_start_gets_the_context_in_the_agent_s_own_form(place: Place, tmp_path: Path) -> None:
    cwd = tmp_path / "shop"
    cwd.mkdir()
    key = f"path:{place.layout.id}:{cwd}"
    place.layout.contexts.mkdir(parents=True)
    place.layout.context_file(key).write_bytes(prepared("what was done", 2000))
    (place.layout.home / "synced").write_text(str(10**9))
    source = "new" if place.agent.name == "copilot-cli" else "startup"
    payload = {"session_id": "s", "cwd": str(cwd), "source": source}
    done = place.fire("SessionStart", json.dumps(payload).encode())
    said = json.loads(done.stdout)
    if place.agent.name == "copilot-cli":
        assert set(said) == {"additionalContext"}
    else:
        assert set(said) == {"hookSpecificOutput"}
        said = said["hookSpecificOutput"]
        assert said["hookEventName"] == "SessionStart"
    assert "what was done" in said["additionalContext"]


def test_a_limit_in_bytes_counts_bytes() -> None:
    data = prepared("\u65e5\u672c" * 2000, 8000)
    whole, _ = compose(data, "s", "startup", "shop", [])
    cut, _ = compose(data, "s", "startup", "shop", [], max_bytes=9_900)
    assert len(unescape(whole).encode()) > 9_900
    assert len(unescape(cut).encode()) <= 9_900


@pytest.mark.parametrize(
    ("data", "session"),
    [
        (b'{"sessionId":"a","x":{"session_id":"b"}}', b"a"),
        (b'{"hook":{},"session_id":"b"}', b"b"),
        (b'{"conversation_id":"c"}', b"c"),
        (b'{"text":"\\"session_id\\":1"}', b""),
        (b'{"sessionId":7}', b""),
        (b"", b""),
    ],
)
def test_every_spelling_of_a_session_id_is_found(data: bytes, session: bytes) -> None:
    assert emit.session_field(data) == session


def test_no_agent_believes_the_variables_of_another() -> None:
    environ = {"CLAUDE_CODE_SESSION_ID": "c", "GEMINI_SESSION_ID": "g", "CLAUDE_PID": "1"}
    data = b'{"session_id":"own"}'
    for agent in ("codex", "copilot-cli", "opencode", "qwen-code"):
        line, session, _ = emit.record(agent, "Stop", data, 1, environ, parent="12")
        assert (session, json.loads(line)["pid"]) == ("own", 12)


def test_the_pid_of_a_daemon_does_not_count(tmp_path: Path) -> None:
    script = tmp_path / "codex"
    script.write_text("#!/bin/sh\necho here\nread x\n")
    script.chmod(0o755)
    for words, pid_is_kept in (("app-server", False), ("exec", True)):
        command, pipe = [script, words, "--x"], subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
            assert process.stdout is not None
            process.stdout.readline()
            line, _, _ = emit.record("codex", "Stop", b"{}", 1, {}, parent=str(process.pid))
            found = front_end("codex", str(process.pid))
            process.communicate(b"\n")
        kept = json.loads(line)["pid"] == process.pid
        if Path("/proc/self/cmdline").exists():
            assert (kept, found) == (pid_is_kept, "headless" if words == "exec" else "cli")
