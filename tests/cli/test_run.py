"""`journal run`: a planned session is shown from its start, and no other session takes its plan."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import stored
from commands import program
from hooks import emit
from installed import Installed
from journal.session import plan
from journal.session.event import Event
from journal.session.fold import fold
from journal.session.meaning import Author, Kind, Meaning
from journal.session.plan import name_of
from journal.session.state import SessionState
from places import FIXTURES
from sync.views.sessions import title

# A program that fires installed hooks as the agent does. Each argument is EVENT:SESSION, or
# tool:COMMAND for a command in a session of its own.
AGENT = f"""\
import json, os, subprocess, sys
from pathlib import Path
sys.path.insert(0, {str(FIXTURES)!r})
import firing
settings, scratch = Path(sys.argv[1]), Path(sys.argv[2])
for step in sys.argv[3:]:
    event, _, session = step.partition(":")
    if event == "tool":
        subprocess.run(["/bin/sh", "-c", session], start_new_session=True, check=True)
        continue
    mine = {{"CLAUDE_PID": str(os.getpid()), "CLAUDE_CODE_SESSION_ID": session}}
    env = dict(os.environ) | firing.environment(scratch) | mine
    data = json.dumps({{"session_id": session, "cwd": os.getcwd(), "source": "startup"}}).encode()
    (command,) = firing.commands(settings, event)
    assert firing.run(command, data, env, Path.cwd()).code == 0
"""


class Planner:
    """Installed hooks, an agent that fires them, and `journal run` to start it."""

    def __init__(self, installed: Installed) -> None:
        self.installed = installed
        self.program = installed.folder / "agent.py"
        self.program.write_text(AGENT)

    def agent(self, *steps: str) -> list[str]:
        """The command of an agent that takes these steps."""
        paths = (self.program, self.installed.settings, self.installed.folder)
        return [sys.executable, *map(str, paths), *steps]

    def command(self, *args: str) -> list[str]:
        """For a process that the test looks at itself."""
        return [sys.executable, "-m", "journal", *self.arguments(*args)]

    def arguments(self, *args: str) -> list[str]:
        return ["--home", str(self.installed.home), "run", *args]

    def run(self, *args: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
        command = [program(), *self.arguments(*args)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.installed.folder)
        assert done.returncode == code, (args, done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    def sessions(self, *args: str) -> dict[str, dict[str, Any]]:
        lines = self.installed.journal("sessions", "--json", *args).splitlines()
        return {one["session"]: one for one in map(json.loads, lines)}

    def titles(self, *args: str) -> dict[str, str]:
        return {name: one["title"] for name, one in self.sessions(*args).items()}


@pytest.fixture
def planner(installed: Installed) -> Planner:
    return Planner(installed)


def quoted(command: list[str]) -> str:
    import shlex

    return shlex.join(command)


def test_the_command_takes_the_place_of_the_program(planner: Planner) -> None:
    command = planner.command("--", "sh", "-c", "echo $$; cat; exit 7")
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        out, _ = process.communicate("typed\n")
    assert (out, process.returncode) == (f"{process.pid}\ntyped\n", 7)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGPIPE, signal.SIGINT])
def test_signals_are_the_commands_own(planner: Planner, number: signal.Signals) -> None:
    done = subprocess.run(planner.command("--", "sh", "-c", f"kill -{number} $$"))
    assert done.returncode == -number


def test_the_environment_holds_an_id_the_terminal_session_and_the_name(planner: Planner) -> None:
    said = [
        planner.run("--name", " über: alles ", "--", "printenv", plan.VARIABLE).stdout
        for _ in range(2)
    ]
    ids = {text.split(":")[0] for text in said}
    assert len(ids) == 2
    assert {len(one) for one in ids} == {32}
    assert {text.split(":", 1)[1] for text in said} == {f"{os.getsid(0)}:über: alles\n"}


def test_options_of_the_command_stay_its_own(planner: Planner) -> None:
    assert planner.run("echo", "--name", "x", "--", "-h").stdout == "--name x -- -h\n"


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--"], 2, "missing argument 'COMMAND...'"),
        ([], 2, "missing argument 'COMMAND...'"),
        (["--", ""], 2, "COMMAND is empty"),
        (["--", "no-such-agent", "-p"], 2, "no such command: no-such-agent (check its name and"),
        (["--", "/dev/null/agent"], 2, "no such command"),
        (["--", "/"], 1, "cannot run /: Permission denied (check that"),
        (["--name", "a\nb", "--", "true"], 2, "--name is too long or cannot be printed"),
        (["--name", "n" * 121, "--", "true"], 2, "one line of at most 120 characters"),
    ],
)
def test_a_command_that_cannot_start_is_reported_in_one_line(
    planner: Planner, args: list[str], code: int, said: str
) -> None:
    done = planner.run(*args, code=code)
    assert said in done.stderr
    assert done.stdout == ""


def test_a_warning_says_that_nothing_is_recorded(planner: Planner, tmp_path: Path) -> None:
    assert planner.run("--", "true").stderr == ""
    planner.installed.journal("off", "--here")
    assert "capture is off, nothing is recorded (journal on --here)" in (
        planner.run("--", "true").stderr
    )
    planner.installed.journal("off")
    assert "capture is off, nothing is recorded (journal on)" in planner.run("--", "true").stderr
    other = [program(), "--home", str(tmp_path / "other"), "run", "true"]
    done = subprocess.run(other, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    assert "hooks not installed" in done.stderr


def test_a_planned_session_is_shown_from_its_start_under_its_name(planner: Planner) -> None:
    planner.run("--name", "nightly audit", "--", *planner.agent("SessionStart:s-planned"))
    subprocess.run(planner.agent("SessionStart:s-other"), check=True)
    assert planner.titles() == {"s-planned": "nightly audit"}
    assert set(planner.sessions("--all")) == {"s-planned", "s-other"}
    assert "nightly audit" in planner.installed.journal("show", "s-planned")
    assert "nightly audit" in planner.installed.journal()


def test_agents_that_a_script_starts_are_planned(planner: Planner) -> None:
    one, two = (quoted(planner.agent(f"SessionStart:s-{name}")) for name in ("one", "two"))
    planner.run("--name", "script", "--", "sh", "-c", f"{one}; {two}; true")
    assert planner.titles() == {"s-one": "script", "s-two": "script"}


def test_another_session_of_the_same_agent_is_planned(planner: Planner) -> None:
    cleared = planner.agent("SessionStart:s-1", "SessionEnd:s-1", "SessionStart:s-2")
    planner.run("--name", "cleared", "--", *cleared)
    assert planner.titles() == {"s-1": "cleared", "s-2": "cleared"}


def test_an_agent_that_a_tool_starts_is_not_the_planned_one(planner: Planner) -> None:
    nested = quoted(planner.agent("SessionStart:s-nested", "SessionEnd:s-nested"))
    outer = planner.agent("SessionStart:s-outer", f"tool:{nested}", "SessionEnd:s-outer")
    planner.run("--name", "outer", "--", *outer)
    assert planner.titles() == {"s-outer": "outer"}
    assert planner.sessions("--all")["s-nested"]["events"] == 2  # kept, as every event is


def test_two_planned_sessions_in_one_folder_bind_to_their_own(planner: Planner) -> None:
    running = [
        subprocess.Popen(
            planner.command("--name", name, "--", *planner.agent(f"SessionStart:s-{name}")),
            cwd=planner.installed.folder,
        )
        for name in ("left", "right")
    ]
    assert [process.wait() for process in running] == [0, 0]
    assert planner.titles() == {"s-left": "left", "s-right": "right"}


def test_a_bare_end_binds_to_nothing(planner: Planner) -> None:
    planner.run("--name", "ended", "--", *planner.agent("SessionEnd:s-stranger"))
    assert planner.titles() == {}
    one = planner.sessions("--all")["s-stranger"]
    assert (one["adopted"], one["title"], one["events"]) == (False, "", 1)


def test_a_planned_session_stays_one_in_a_rebuilt_database(planner: Planner) -> None:
    planner.run("--name", "kept", "--", *planner.agent("SessionStart:s-1"))
    before = planner.sessions()
    planner.installed.journal("sync", "--rebuild")
    assert planner.sessions() == before
    stored.check(planner.installed.home)


def recorded(value: str, pid: str) -> str | None:
    environ = {"JOURNAL_PLAN": value, "CLAUDE_PID": pid}
    line, _, _ = emit.record("claude-code", "SessionStart", b"{}", 1, environ)
    found: str | None = json.loads(line).get("plan")
    return found


@pytest.mark.parametrize("pid", ["", "none", "999999999", str(2**62), "mine"])
def test_a_plan_counts_where_terminal_sessions_cannot_be_compared(pid: str) -> None:
    pid = str(os.getpid()) if pid == "mine" else pid
    assert recorded("my own id", pid) == "my own id"
    assert recorded("a:b", pid) == "a:b"
    expected = None if pid == str(os.getpid()) else "id:x:name"
    assert recorded("id:x:name", pid) == expected


def test_an_agent_in_the_session_of_the_plan_counts() -> None:
    value = plan.compose("1" * 32, os.getsid(0), "name")
    assert recorded(value, str(os.getpid())) == value
    assert recorded("", str(os.getpid())) is None


def test_the_longest_name_reaches_the_record_whole() -> None:
    value = plan.compose("1" * 32, 2**31, "ü" * plan.NAME_CHARS)
    assert name_of(recorded(value, "") or "") == "ü" * plan.NAME_CHARS


@pytest.mark.parametrize(
    ("value", "name"), [("", ""), ("p-1", ""), ("a:b", ""), ("a:b:", ""), ("a:1:x: y ", "x: y")]
)
def test_the_name_of_a_plan(value: str, name: str) -> None:
    assert name_of(value) == name


def folded(*steps: tuple[Kind, str]) -> SessionState:
    state = SessionState()
    for at, (kind, value) in enumerate(steps, 1):
        text = Meaning(kind, text="the prompt", by=Author.PERSON if kind is Kind.PROMPT else "")
        state = fold(state, Event(at, b"", at, "claude-code", "", {"plan": value}, text))
    return state


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.SESSION_START])
def test_only_a_start_makes_a_planned_session(kind: Kind) -> None:
    state = folded((kind, "i:1:name"))
    assert (state.plan, "planned" in state.triggers) == ("", False)


def test_a_name_stays_until_there_is_another() -> None:
    start, prompt = Kind.SESSION_START, Kind.PROMPT
    assert title(folded((start, "i:1:"), (prompt, ""))) == "the prompt"
    assert title(folded((start, "i:1:first"), (prompt, ""))) == "first"
    assert title(folded((start, "i:1:first"), (start, "j:1:"), (start, ""))) == "first"
    assert title(folded((start, "i:1:first"), (start, "j:1:second"))) == "second"
