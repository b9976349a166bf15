"""What a session is, worked out from its events: the table of states, and the recordings."""

from collections.abc import Sequence

import pytest

import recordings
from journal.agents import meaning_of
from journal.record import record
from journal.session.event import Event
from journal.session.fold import fold
from journal.session.meaning import Kind, Meaning
from journal.session.state import MAX_COMMANDS, SessionState, is_attended

ADOPT_ON = ("PreToolUse", "PostToolUse", "PostToolUseFailure", "attended_prompt", "planned")


def folded(steps: Sequence[tuple[str, dict[str, object]]], entrypoint: str = "cli") -> SessionState:
    """The state after these events, one second apart."""
    state = SessionState()
    for number, (name, payload) in enumerate(steps):
        meaning = meaning_of("claude-code", name, payload)
        origin = {"host": "h", "pid": 7, "entrypoint": entrypoint}
        at_us = (number + 1) * 1_000_000
        event = Event(
            number, number.to_bytes(16, "big"), at_us, "claude-code", name, origin, meaning
        )
        state = fold(state, event)
    return state


def recorded(name: str, session: str | None = None) -> SessionState:
    """The state of a recording's session (of its first one, if it holds several)."""
    state = SessionState()
    for number, (_, line) in enumerate(recordings.records(name)):
        made = record.parse(line[:-1])
        meaning = meaning_of(made.agent, made.event, record.load_body(made.body))
        session = session or meaning.session
        if meaning.session == session:
            event = Event(number, made.id, made.at_us, made.agent, made.event, made.origin, meaning)
            state = fold(state, event)
    return state


PROMPT = ("UserPromptSubmit", {"prompt": "do it"})
STOP = ("Stop", {"last_assistant_message": "done"})
START = ("SessionStart", {"source": "startup"})
RESUME = ("SessionStart", {"source": "resume"})
END = ("SessionEnd", {"reason": "prompt_input_exit"})
PERMISSION = ("PermissionRequest", {"tool_name": "Bash", "tool_input": {"command": "rm x"}})
REMINDER = ("Notification", {"notification_type": "permission_prompt", "message": "waiting"})
IDLE = ("Notification", {"notification_type": "idle_prompt", "message": "?"})
DIALOG = ("Notification", {"notification_type": "elicitation_dialog", "message": "?"})
CHILD = ("SubagentStart", {"agent_id": "c1", "agent_type": "general-purpose"})
CHILD_END = ("SubagentStop", {"agent_id": "c1"})
COMPACT_END = ("SubagentStop", {"agent_id": "c9", "agent_type": ""})


FAILED = ("StopFailure", {"error": "overloaded"})


@pytest.mark.parametrize(
    ("steps", "inferred", "ending"),
    [
        ([START, PROMPT, STOP, END], "", "ended"),
        ([START, PROMPT, STOP], "process_gone", "ended"),
        ([START, PROMPT, FAILED, END], "", "failed"),
        ([START, PROMPT, FAILED, PROMPT, STOP, END], "", "ended"),
        ([START, PROMPT], "process_gone", "cut off"),
        ([START, PROMPT, PERMISSION], "silence", "cut off"),
        ([START, PROMPT, CHILD, STOP], "process_gone", "cut off"),
        ([START, PROMPT, STOP], "", ""),
    ],
)
def test_how_a_session_ended(
    steps: list[tuple[str, dict[str, object]]], inferred: str, ending: str
) -> None:
    state = folded(steps)
    state.inferred_end = inferred
    assert state.ending == ending


def test_an_end_in_the_middle_of_a_tool_cuts_off() -> None:
    assert folded([START, PROMPT, before(), END]).ending == "cut off"


@pytest.mark.parametrize(
    ("entrypoint", "attended", "person"),
    [
        ("cli", None, True), ("claude-vscode", None, True), ("claude-desktop", None, True),
        ("remote", None, True), ("sdk-ts", None, False), ("sdk-ts", True, True),
        ("sdk-cli", False, False), ("codex_exec", None, False), ("codex_vscode", None, True),
        ("headless", None, False), ("mcp", None, False), (None, None, False),
    ],
)  # fmt: skip
def test_where_a_person_sits(entrypoint: str | None, attended: bool | None, person: bool) -> None:
    origin = {"entrypoint": entrypoint}
    assert is_attended(origin if attended is None else origin | {"attended": attended}) == person


def before(key: str = "t1", command: str = "ls") -> tuple[str, dict[str, object]]:
    payload = {"tool_name": "Bash", "tool_input": {"command": command}, "tool_use_id": key}
    return "PreToolUse", payload


def after(key: str = "t1", command: str = "ls") -> tuple[str, dict[str, object]]:
    return "PostToolUse", {**before(key, command)[1], "tool_response": {"stdout": "x"}}


def failed(key: str = "t1", error: str = "Exit code 1") -> tuple[str, dict[str, object]]:
    return "PostToolUseFailure", {**before(key)[1], "error": error}


ASK = (
    "PreToolUse",
    {
        "tool_name": "AskUserQuestion",
        "tool_use_id": "q",
        "tool_input": {"questions": [{"question": "Which one?"}]},
    },
)
ANSWERED = ("PostToolUse", {"tool_name": "AskUserQuestion", "tool_use_id": "q"})


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([START], "idle"),
        ([START, PROMPT], "working"),
        ([START, PROMPT, STOP], "idle"),
        ([START, PROMPT, before()], "working"),
        ([START, PROMPT, before(), after(), STOP], "idle"),
        ([PROMPT, before(), PERMISSION], "awaiting"),
        ([PROMPT, before(), PERMISSION, REMINDER], "awaiting"),
        ([PROMPT, before(), PERMISSION, after()], "working"),
        ([PROMPT, before(), PERMISSION, failed()], "working"),
        ([PROMPT, before(), PERMISSION, PROMPT], "working"),
        ([PROMPT, before(), PERMISSION, STOP], "idle"),
        ([PROMPT, DIALOG], "awaiting"),
        ([PROMPT, ASK], "awaiting"),
        ([PROMPT, ASK, ANSWERED], "working"),
        ([PROMPT, IDLE], "idle"),
        ([PROMPT, ("StopFailure", {"error": "overloaded"})], "idle"),
        ([START, PROMPT, STOP, END], "finished"),
        ([START, PROMPT, STOP, END, after()], "finished"),
        ([START, PROMPT, STOP, END, STOP], "finished"),
        ([START, PROMPT, END, PROMPT], "finished"),
        ([START, PROMPT, STOP, END, RESUME], "idle"),
        ([START, PROMPT, before(), END, RESUME], "idle"),
        ([START, PROMPT, STOP, END, RESUME, PROMPT], "working"),
        ([PROMPT, CHILD, STOP], "working"),
        ([PROMPT, CHILD, STOP, CHILD_END], "idle"),
        ([PROMPT, CHILD, CHILD_END, STOP], "idle"),
        ([PROMPT, STOP, COMPACT_END], "idle"),
        ([PROMPT, STOP, ("SessionStart", {"source": "compact"})], "idle"),
        ([("SomethingNew", {"x": 1})], "idle"),
    ],
)
def test_the_table_of_states(steps: list[tuple[str, dict[str, object]]], status: str) -> None:
    assert folded(steps).status == status


def test_a_reminder_does_not_make_the_wait_younger() -> None:
    state = folded([PROMPT, before(), PERMISSION, REMINDER, REMINDER])
    assert state.question_us == 3_000_000
    assert state.question == "rm x"


def test_a_tool_without_an_end_is_interrupted_by_the_next_prompt() -> None:
    state = folded([PROMPT, before(command="sleep 99"), PROMPT])
    assert state.interrupted == "sleep 99"
    assert not state.open_tools


def test_a_denied_tool_is_not_an_interrupt() -> None:
    assert folded([PROMPT, before(), STOP]).interrupted == ""


def test_a_machines_prompt_is_not_the_persons() -> None:
    machine = ("UserPromptSubmit", {"prompt": "<task-notification>\nbash 1 done"})
    state = folded([PROMPT, STOP, machine])
    assert state.prompts == 1
    assert state.status == "working"
    assert state.first_prompt is not None
    assert state.first_prompt.text == "do it"


@pytest.mark.parametrize(
    ("steps", "entrypoint", "adopted"),
    [
        ([START], "cli", False),
        ([START, END], "sdk-cli", False),
        ([START, PROMPT], "cli", True),
        ([START, PROMPT, STOP], "sdk-cli", False),
        ([START, PROMPT, before()], "sdk-cli", True),
        ([failed()], "sdk-cli", True),
    ],
)
def test_a_session_is_adopted_by_what_happens_in_it(
    steps: list[tuple[str, dict[str, object]]], entrypoint: str, adopted: bool
) -> None:
    assert folded(steps, entrypoint).adopted(ADOPT_ON) is adopted


def test_a_planned_session_is_adopted_at_its_start() -> None:
    origin = {"plan": "p-1"}
    event = Event(1, b"", 1, "claude-code", "SessionStart", origin, Meaning(Kind.SESSION_START))
    assert fold(SessionState(), event).adopted(ADOPT_ON)


def test_a_state_of_any_length_stays_bounded_and_keeps_the_newest() -> None:
    steps = [after(f"t{n}", f"command {n}") for n in range(3 * MAX_COMMANDS)]
    state = folded(steps)
    assert len(state.commands) == MAX_COMMANDS
    assert next(reversed(state.commands)) == f"command {3 * MAX_COMMANDS - 1}"
    assert state.tools == 3 * MAX_COMMANDS


def test_a_command_remembers_how_it_ended_last() -> None:
    state = folded([failed("a", "Exit code 2\nboom"), failed("b"), after("c")])
    command = state.commands["ls"]
    assert (command.runs, command.failures, command.last_failed) == (3, 2, False)


@pytest.mark.parametrize("name", recordings.NAMES)
def test_a_state_survives_being_stored(name: str) -> None:
    state = recorded(name)
    assert SessionState.load(state.dump()) == state


def test_a_state_of_another_version_is_not_read() -> None:
    assert SessionState.load(b'{"version":-1}') is None


@pytest.mark.parametrize(
    ("name", "status", "reason", "tools", "failures"),
    [
        ("p-simple", "finished", "other", 4, 0),
        ("p-fail", "finished", "other", 2, 2),
        ("p-sigkill", "working", "", 1, 0),
        ("p-subagent", "finished", "other", 3, 0),
        ("i-exit", "finished", "prompt_input_exit", 4, 0),
        ("i-clear", "finished", "clear", 0, 0),
        ("i-compact", "finished", "prompt_input_exit", 4, 0),
        ("p-resume", "finished", "other", 4, 0),
    ],
)
def test_the_recorded_sessions_end_as_they_did(
    name: str, status: str, reason: str, tools: int, failures: int
) -> None:
    state = recorded(name)
    assert (state.status, state.end_reason) == (status, reason)
    assert (state.tools, state.failures) == (tools, failures)


def test_files_commands_and_last_words_of_the_recorded_session_are_known() -> None:
    state = recorded("p-simple")
    assert list(state.files_edited) == ["/home/dev/code/p-simple/notes.txt"]
    assert list(state.commands) == ["echo hello from bash && pwd"]
    assert state.last_words is not None
    assert state.last_words.text == "All done: wrote notes.txt and read it back."


def test_the_recorded_sub_agent_is_a_child_that_ended() -> None:
    state = recorded("p-subagent")
    assert [child.type for child in state.subagents.values()] == ["general-purpose"]
    assert all(child.ended_us for child in state.subagents.values())
