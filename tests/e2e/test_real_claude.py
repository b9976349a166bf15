"""The real Claude Code from npm, offline: what its hooks and its transcripts report is shown once.

As test_real_agents: `make e2e` sets E2E_AGENTS to the folder with the program. Each scenario runs
it against a model that does what is written down, headless or at a terminal. A second hook of each
event keeps what it reads: the journal must hold exactly that.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from messages_model import REFUSAL, Call, Failure, MessagesModel
from terminal import CLEAR_LINE, ENTER, ESCAPE, UP, Terminal

PROGRAMS = Path(os.environ.get("E2E_AGENTS", "/nowhere")) / "node_modules" / ".bin"
PROGRAM = PROGRAMS / "claude"
SECONDS = 600.0
KEY = "sk-ant-none-00000000000000000000"
pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="E2E_AGENTS holds no claude")

ONE = Call("Bash", {"command": "echo one", "description": "Says one"})
TWO = Call("Bash", {"command": "echo two", "description": "Says two"})
FAILS = Call("Bash", {"command": "ls /nowhere", "description": "Fails"})
ALLOWED = ("--allowedTools", "Bash", "Agent", "Task")


class Person:
    """A scratch person with the real program, our hooks in it, and hooks that keep their stdin."""

    def __init__(self, folder: Path, model: MessagesModel) -> None:
        self.model = model
        self.home, self.project = folder / "user", folder / "code"
        self.kept = folder / "kept"
        for path in (self.home / "tmp", self.project / ".claude", self.kept):
            path.mkdir(parents=True)
        self.env = {
            "HOME": str(self.home),
            "TMPDIR": str(self.home / "tmp"),
            "PATH": f"{PROGRAMS}:/usr/bin:/bin",
            "TERM": "xterm-256color",
            "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "1",
            "JOURNAL_CAPTURE__AUTOSTART": "false",
            "ANTHROPIC_BASE_URL": model.url,
            "ANTHROPIC_API_KEY": KEY,
        }
        known = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
        begun = {
            "hasCompletedOnboarding": True, "theme": "dark",
            "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
            "projects": {str(self.project): known},
        }  # fmt: skip
        (self.home / ".claude.json").write_text(json.dumps(begun))
        self.journal("install", "claude-code")
        self.settings = self.home / ".claude/settings.json"
        self._keep_payloads()

    def _keep_payloads(self) -> None:
        hooks = json.loads(self.settings.read_text())["hooks"]
        command = f"cat > {self.kept}/$(date +%s%N).$$"
        for groups in hooks.values():
            for group in groups:
                group["hooks"] = [{"type": "command", "command": command}]
        (self.project / ".claude/settings.json").write_text(json.dumps({"hooks": hooks}))

    def journal(self, *args: str) -> str:
        command = [sys.executable, "-m", "journal", *args]
        done = subprocess.run(command, capture_output=True, text=True, env=self.env)
        assert done.returncode == 0, (args, done.stdout, done.stderr)
        return done.stdout

    def ask(self, prompt: str, *words: str, script: list[Any], code: int = 0) -> None:
        """One headless run."""
        self.model.script = script
        done = subprocess.run(
            [str(PROGRAM), "-p", prompt, *words, *ALLOWED],
            capture_output=True, text=True, env=self.env, cwd=self.project,
            stdin=subprocess.DEVNULL, timeout=SECONDS,
        )  # fmt: skip
        assert done.returncode == code, (done.stdout[-3000:], done.stderr[-3000:])

    def terminal(self, *words: str, script: list[Any]) -> Terminal:
        """The program at a terminal, ready for a prompt."""
        self.model.script = script
        terminal = Terminal([str(PROGRAM), *words, *ALLOWED], self.project, self.env)
        terminal.wait_for("shift+tab")
        terminal.rest()
        return terminal

    def sessions(self) -> list[str]:
        """The sessions, oldest first."""
        self.journal("sync")
        lines = self.journal("sessions", "--all", "--json", "--limit", "0").splitlines()
        listed = sorted(map(json.loads, lines), key=lambda one: one["started_at"])
        return [one["session"] for one in listed]

    def shown(self, session: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.journal("show", session, "--json"))
        return found

    def check_payloads(self) -> None:
        """Each payload of a hook is in the journal once, as the other hook read it."""
        days = self.home.glob(".agent-journal/days/*/*.jsonl")
        records = [json.loads(line) for path in days for line in path.read_bytes().splitlines()]
        ours = [_plain(one["payload"]) for one in records if one["event"] != "Transcript"]
        kept = [_plain(json.loads(path.read_bytes())) for path in self.kept.iterdir()]
        assert kept
        assert Counter(ours) == Counter(kept)


def _plain(payload: Any) -> str:
    return json.dumps(payload, sort_keys=True)


@pytest.fixture
def model() -> Iterator[MessagesModel]:
    with MessagesModel() as server:
        yield server


@pytest.fixture
def person(tmp_path: Path, model: MessagesModel) -> Person:
    return Person(tmp_path, model)


Reported = dict[str, list[Any]]
Scenario = Callable[[Person], list[Reported]]


def reported(
    prompts: list[str], answers: list[str], calls: list[tuple[str, bool | None]]
) -> Reported:
    return {"prompts": prompts, "answers": answers, "calls": calls}


def one_command(person: Person) -> list[Reported]:
    person.ask("run one", script=[ONE, "One was run."])
    return [reported(["run one"], ["One was run."], [("Bash", True)])]


def failed_command(person: Person) -> list[Reported]:
    person.ask("look nowhere", script=[FAILS, "It is not there."])
    return [reported(["look nowhere"], ["It is not there."], [("Bash", False)])]


def parallel_calls(person: Person) -> list[Reported]:
    person.ask("run both", script=[[ONE, TWO, FAILS], "All were run."])
    calls = [("Bash", False), ("Bash", True), ("Bash", True)]
    return [reported(["run both"], ["All were run."], calls)]


def sub_agent(person: Person) -> list[Reported]:
    given = {"description": "Runs one", "prompt": "run one", "subagent_type": "general-purpose"}
    task = Call("Agent", given | {"run_in_background": False})
    person.ask("let another do it", script=[task, ONE, "The other is done.", "Both are done."])
    calls = [("Agent", True), ("Bash", True)]
    return [reported(["let another do it"], ["Both are done."], calls)]


def resumed(person: Person) -> list[Reported]:
    person.ask("run one", script=[ONE, "One was run."])
    (session,) = person.sessions()
    person.ask("run two", "--resume", session, script=[TWO, "Two was run."])
    answers = ["One was run.", "Two was run."]
    return [reported(["run one", "run two"], answers, [("Bash", True)] * 2)]


def forked(person: Person) -> list[Reported]:
    person.ask("run one", script=[ONE, "One was run."])
    (session,) = person.sessions()
    person.ask("run two", "--resume", session, "--fork-session", script=[TWO, "Two was run."])
    first = reported(["run one"], ["One was run."], [("Bash", True)])
    both = ["One was run.", "Two was run."]
    return [first, reported(["run one", "run two"], both, [("Bash", True)] * 2)]


def failed_run(person: Person) -> list[Reported]:
    refusal = Failure(400, "invalid_request_error")
    person.ask("this will fail", script=[ONE, refusal], code=1)
    return [reported(["this will fail"], [f"API Error: 400 {REFUSAL}"], [("Bash", True)])]


def two_turns_of_a_terminal(person: Person) -> list[Reported]:
    terminal = person.terminal(script=[ONE, "One was run.", "Nothing to do."])
    terminal.ask("run one please", then="One was run.")
    terminal.ask("continue with it", then="Nothing to do.")
    leave(terminal)
    answers = ["One was run.", "Nothing to do."]
    return [reported(["run one please", "continue with it"], answers, [("Bash", True)])]


def taken_back(person: Person) -> list[Reported]:
    terminal = person.terminal(script=[ONE, "One was run.", TWO, "Two was run.", "Better so."])
    terminal.ask("run one please", then="One was run.")
    terminal.ask("run two please", then="Two was run.")
    terminal.type("/rewind", then="Restore earlier code")
    terminal.type(ENTER, then="(current)")
    terminal.rest()
    terminal.type(UP, then="run two please")
    terminal.type(ENTER, then="Restore conversation")
    terminal.rest()
    terminal.type(ENTER, then="")
    terminal.rest(3)
    terminal.type(CLEAR_LINE, then="")
    terminal.rest()
    terminal.ask("do it better", then="Better so.")
    leave(terminal)
    prompts = ["run one please", "-run two please", "do it better"]
    answers = ["One was run.", "-Two was run.", "Better so."]
    return [reported(prompts, answers, [("-Bash", True), ("Bash", True)])]


def hooks_off_in_the_middle(person: Person) -> list[Reported]:
    """Nothing of the second turn is recorded: the person has switched hooks off."""
    terminal = person.terminal(script=[ONE, "One was run.", TWO, "Two was run."])
    terminal.ask("run one please", then="One was run.")
    before = person.settings.read_text()
    person.settings.write_text(json.dumps(json.loads(before) | {"disableAllHooks": True}))
    terminal.rest(3)
    terminal.ask("run two please", then="Two was run.")
    leave(terminal)
    return [reported(["run one please"], ["One was run."], [("Bash", True)])]


def cleared(person: Person) -> list[Reported]:
    terminal = person.terminal(script=["First words.", "Second words."])
    terminal.ask("say the first", then="First words.")
    terminal.type("/clear", then="clear")
    terminal.rest()
    terminal.type(ENTER, then="")
    terminal.rest(3)
    terminal.ask("say the second", then="Second words.")
    leave(terminal)
    return [
        reported(["say the first"], ["First words."], []),
        reported(["say the second"], ["Second words."], []),
    ]


def interrupted(person: Person) -> list[Reported]:
    long = Call("Bash", {"command": "touch begun && sleep 600", "description": "Waits"})
    terminal = person.terminal(script=[long, "Nothing more."])
    terminal.type("wait long please", then="please")
    terminal.type(ENTER, then="")
    until = time.monotonic() + 60
    while not (person.project / "begun").exists():
        assert time.monotonic() < until
        terminal.rest(0.2)
    terminal.type(ESCAPE, then="Interrupted")
    terminal.ask("stop and rest", then="Nothing more.")
    leave(terminal)
    prompts = ["wait long please", "stop and rest"]
    return [reported(prompts, ["Nothing more."], [("Bash", False)])]


def killed(person: Person) -> list[Reported]:
    terminal = person.terminal(script=[ONE, "One was run."])
    terminal.ask("run one please", then="One was run.")
    os.kill(terminal.pid, signal.SIGKILL)
    terminal.end()
    return [reported(["run one please"], ["One was run."], [("Bash", True)])]


def leave(terminal: Terminal) -> None:
    terminal.type("/exit", then="exit")
    terminal.rest()
    terminal.end(ENTER)


SCENARIOS: tuple[Scenario, ...] = (
    one_command, failed_command, parallel_calls, sub_agent, resumed, forked, failed_run,
    two_turns_of_a_terminal, taken_back, hooks_off_in_the_middle, cleared, interrupted, killed,
)  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.__name__)
def test_every_payload_once_and_the_conversation_as_it_was(
    person: Person, scenario: Scenario
) -> None:
    wanted = scenario(person)
    found = [_reported(person.shown(session)) for session in person.sessions()]
    assert found == wanted
    person.check_payloads()


def _reported(shown: dict[str, Any]) -> Reported:
    calls = sorted((_marked(o, o["tool"]), o["ok"]) for o in shown["observations"])
    return {
        "prompts": [_marked(p, p["text"]) for p in shown["prompts"] if p["by"] != "machine"],
        "answers": [_marked(one, one["text"]) for one in shown["answers"]],
        "calls": calls,
    }


def _marked(one: dict[str, Any], text: str) -> str:
    """With a sign where it was taken back."""
    return f"-{text}" if one["taken_back"] else text
