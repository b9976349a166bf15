"""The table of states, row by row, through the real syncer: in every order of arrival the same."""

import json
import os
import tempfile
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recordings
import stored
from chance import examples
from hooks import emit
from journal.settings.sources import Settings
from sync.query import listing
from sync.query.filters import Filters
from sync.store import states

AGENT = "claude-code"
ADOPT_ON = Settings().sessions.adopt_on
SECOND_US = 1_000_000
START_US = recordings.START_NS // 1000
PASSES = 3
DEAD_PID = str(recordings.MOST_PIDS + 1)
HOST = f'"host":{json.dumps(os.uname().nodename)}'.encode()

Step = tuple[str, dict[str, Any]]


def call(event: str, key: str = "t1", command: str = "ls", **more: Any) -> Step:
    used = {"tool_name": "Bash", "tool_input": {"command": command}, "tool_use_id": key}
    return event, {**used, **more}


def notice(kind: str, message: str = "look here") -> Step:
    return "Notification", {"notification_type": kind, "message": message}


def gone(step: Step) -> Step:
    """A step whose agent's process is not there any more: without a later event it has ended."""
    return step[0], {**step[1], "from": "gone"}


def far(step: Step) -> Step:
    """A step on another host, of whose processes nothing is known."""
    return step[0], {**step[1], "from": "far"}


START = ("SessionStart", {"source": "startup"})
RESUME = ("SessionStart", {"source": "resume"})
COMPACT = ("SessionStart", {"source": "compact"})
PROMPT = ("UserPromptSubmit", {"prompt": "do it"})
MACHINE = ("UserPromptSubmit", {"prompt": "<task-notification>\nbash 1 done"})
STOP = ("Stop", {"last_assistant_message": "done"})
FAILED_STOP = ("StopFailure", {"error": "overloaded"})
END = ("SessionEnd", {"reason": "prompt_input_exit"})
LOGOUT = ("SessionEnd", {"reason": "logout"})
BEFORE = call("PreToolUse")
AFTER = call("PostToolUse", tool_response={"stdout": "x"})
FAILED = call("PostToolUseFailure", error="Exit code 1")
SLOW = call("PreToolUse", "t2", "sleep 99")
PERMISSION = call("PermissionRequest", command="rm x")
ASKED = {"tool_name": "AskUserQuestion", "tool_use_id": "q"}
QUESTION = ("PreToolUse", {**ASKED, "tool_input": {"questions": [{"question": "Which one?"}]}})
ANSWERED = ("PostToolUse", ASKED)
CHILD = ("SubagentStart", {"agent_id": "c1", "agent_type": "general-purpose"})
CHILD_BEFORE = call("PreToolUse", "t3", "make", agent_id="c1")
CHILD_AFTER = call("PostToolUse", "t3", "make", agent_id="c1", tool_response={"stdout": "x"})
CHILD_PERMISSION = call("PermissionRequest", command="rm y", agent_id="c1")
CHILD_END = ("SubagentStop", {"agent_id": "c1"})
COMPACT_END = ("SubagentStop", {"agent_id": "c9", "agent_type": ""})


class Row(NamedTuple):
    """Events one second apart, and what a person is shown after them."""

    steps: list[Step]
    status: str
    since: int | None = None  # the second since which a person is waited for
    question: str = ""
    reason: str | None = None  # of an end
    tool: str = ""  # that runs
    subagents: int = 0  # that run
    prompts: int = 1
    interrupted: str = ""


TABLE = {
    "a start": Row([START], "idle", prompts=0),
    "a prompt": Row([START, PROMPT], "working"),
    "a machine's prompt": Row([START, PROMPT, STOP, MACHINE], "working"),
    "a tool": Row([START, PROMPT, BEFORE], "working", tool="Bash ls"),
    "a tool that ended": Row([START, PROMPT, BEFORE, AFTER], "working"),
    "two tools, the newest": Row([PROMPT, BEFORE, SLOW], "working", tool="Bash sleep 99"),
    "asked for a permission": Row(
        [PROMPT, BEFORE, PERMISSION], "awaiting", since=2, question="rm x"
    ),
    "reminded twice": Row(
        [PROMPT, BEFORE, PERMISSION, notice("permission_prompt"), notice("permission_prompt")],
        "awaiting",
        since=2,
        question="rm x",
    ),
    "a notice of a permission": Row(
        [PROMPT, notice("permission_prompt")], "awaiting", since=1, question="look here"
    ),
    "a dialog": Row(
        [PROMPT, notice("elicitation_dialog", "Your name?"), notice("elicitation_dialog")],
        "awaiting",
        since=1,
        question="Your name?",
    ),
    "a question": Row([PROMPT, QUESTION], "awaiting", since=1, question="Which one?"),
    "a question, reminded": Row(
        [PROMPT, QUESTION, notice("permission_prompt")], "awaiting", since=1, question="Which one?"
    ),
    "answered": Row([PROMPT, QUESTION, ANSWERED], "working"),
    "permitted": Row([PROMPT, BEFORE, PERMISSION, AFTER], "working"),
    "permitted, but it failed": Row([PROMPT, BEFORE, PERMISSION, FAILED], "working"),
    "refused": Row([PROMPT, BEFORE, PERMISSION, STOP], "idle"),
    "noticed, then permitted": Row(
        [PROMPT, BEFORE, notice("permission_prompt"), AFTER], "working"
    ),
    "a dialog that was answered": Row(
        [PROMPT, BEFORE, notice("elicitation_dialog"), AFTER], "working"
    ),
    "idle is noticed while it asks": Row(
        [PROMPT, BEFORE, PERMISSION, notice("idle_prompt")], "awaiting", since=2, question="rm x"
    ),
    "compacted within a turn": Row([START, PROMPT, COMPACT_END, COMPACT], "working"),
    "asked again later": Row(
        [PROMPT, BEFORE, PERMISSION, AFTER, call("PermissionRequest", command="rm y")],
        "awaiting",
        since=4,
        question="rm y",
    ),
    "a turn's end": Row([START, PROMPT, BEFORE, AFTER, STOP], "idle"),
    "a turn that failed": Row([START, PROMPT, FAILED_STOP], "idle"),
    "noticed to be idle": Row([START, PROMPT, notice("idle_prompt")], "idle"),
    "an end": Row([START, PROMPT, STOP, END], "finished", reason="prompt_input_exit"),
    "another end": Row([START, PROMPT, LOGOUT], "finished", reason="logout"),
    "ended while asking": Row(
        [PROMPT, BEFORE, PERMISSION, END], "finished", reason="prompt_input_exit", interrupted="ls"
    ),
    "a tool behind the end": Row(
        [START, PROMPT, BEFORE, END, AFTER], "finished", reason="prompt_input_exit",
        interrupted="ls",
    ),
    "a turn's end behind the end": Row(
        [START, PROMPT, END, STOP], "finished", reason="prompt_input_exit"
    ),
    "a prompt behind the end": Row(
        [START, PROMPT, END, PROMPT], "finished", reason="prompt_input_exit", prompts=2
    ),
    "a reminder behind the end": Row(
        [START, PROMPT, END, notice("permission_prompt")], "finished", reason="prompt_input_exit"
    ),
    "resumed": Row([START, PROMPT, STOP, END, RESUME], "idle"),
    "resumed and asked": Row([START, PROMPT, STOP, END, RESUME, PROMPT], "working", prompts=2),
    "resumed and ended": Row(
        [START, PROMPT, END, RESUME, PROMPT, LOGOUT], "finished", reason="logout", prompts=2
    ),
    "resumed after a crash": Row([START, PROMPT, BEFORE, RESUME], "idle", interrupted="ls"),
    "compacted": Row([START, PROMPT, STOP, COMPACT_END, COMPACT], "idle"),
    "its process is gone": Row([gone(START), gone(PROMPT)], "finished", reason="process_gone"),
    "gone while a tool ran": Row(
        [gone(PROMPT), gone(BEFORE)], "finished", reason="process_gone"
    ),
    "gone while it asked": Row(
        [gone(PROMPT), gone(BEFORE), gone(PERMISSION)], "finished", reason="process_gone"
    ),
    "gone with its sub-agent": Row(
        [gone(PROMPT), gone(CHILD)], "finished", reason="process_gone"
    ),
    "gone when it had ended": Row(
        [gone(PROMPT), gone(END)], "finished", reason="prompt_input_exit"
    ),
    "gone, then a prompt": Row([gone(START), gone(PROMPT), far(PROMPT)], "working", prompts=2),
    "gone, then a turn's end": Row([gone(START), gone(PROMPT), far(STOP)], "idle"),
    "gone, then a notice": Row(
        [gone(START), gone(PROMPT), far(notice("permission_prompt"))], "awaiting", since=2,
        question="look here",
    ),
    "gone, then something unknown": Row([gone(START), gone(PROMPT), far(("New", {}))], "working"),
    "gone, then an end": Row(
        [gone(START), gone(PROMPT), far(LOGOUT)], "finished", reason="logout"
    ),
    "gone, resumed, gone again": Row(
        [gone(PROMPT), far(RESUME), gone(PROMPT)], "finished", reason="process_gone", prompts=2
    ),
    "a sub-agent at work": Row([PROMPT, CHILD, STOP], "working", subagents=1),
    "a sub-agent's tool": Row(
        [PROMPT, CHILD, CHILD_BEFORE, STOP], "working", subagents=1, tool="Bash make"
    ),
    "a sub-agent that ended": Row([PROMPT, CHILD, CHILD_BEFORE, STOP, CHILD_END], "idle"),
    "a sub-agent that ended first": Row([PROMPT, CHILD, CHILD_END, STOP], "idle"),
    "a sub-agent's tool ends, the session still asks": Row(
        [PROMPT, CHILD, CHILD_BEFORE, BEFORE, PERMISSION, CHILD_AFTER],
        "awaiting", since=4, question="rm x", subagents=1,
    ),
    "a sub-agent asks": Row(
        [PROMPT, CHILD, CHILD_BEFORE, CHILD_PERMISSION, AFTER, STOP],
        "awaiting", since=3, question="rm y", subagents=1,
    ),
    "a sub-agent asked, and goes on": Row(
        [PROMPT, CHILD, CHILD_BEFORE, CHILD_PERMISSION, CHILD_AFTER], "working", subagents=1
    ),
    "a sub-agent asked, and ended": Row(
        [PROMPT, CHILD, CHILD_BEFORE, CHILD_PERMISSION, CHILD_END, STOP], "idle"
    ),
    "an end takes its sub-agents": Row(
        [PROMPT, CHILD, CHILD_BEFORE, END], "finished", reason="prompt_input_exit"
    ),
    "interrupted": Row([PROMPT, SLOW, PROMPT], "working", prompts=2, interrupted="sleep 99"),
    "interrupted, then done": Row(
        [PROMPT, SLOW, PROMPT, BEFORE, AFTER, STOP], "idle", prompts=2, interrupted="sleep 99"
    ),
    "denied is not interrupted": Row([PROMPT, BEFORE, STOP, PROMPT], "working", prompts=2),
    "unknown": Row([("SomethingNew", {"x": 1})], "idle", prompts=0),
}  # fmt: skip


def append(home: Path, session: str, number: int, step: Step) -> None:
    """Write one step of a session, made in this second after the start, whenever it arrives."""
    name, payload = step
    now_ns = recordings.START_NS + number * 10**9
    origin = payload.get("from", "")
    body = {"session_id": session, "cwd": "/w", **payload}
    environ = {"CLAUDE_PID": DEAD_PID} if origin == "gone" else {}
    line = recordings.line(name, body, now_ns, CLAUDE_CODE_ENTRYPOINT="cli", **environ)
    if origin == "far":
        line = line.replace(HOST, b'"host":"far"', 1)
    file_name = f"{AGENT}.{emit.fingerprint(session)}.jsonl"
    recordings.append(home / "days" / "2026-11-18" / file_name, line)


def seen(home: Path) -> dict[str, Row]:
    """What is shown of each session, without its steps."""
    db = stored.database(home)
    keys = listing.page(db, listing.Wanted(Filters()))
    found = {}
    for session in listing.read(db, keys, ADOPT_ON):
        query = "select state from session_states where session = ?"
        state = states.load(db.execute(query, (session.key,)).get)
        assert state is not None
        waiting = session.waiting_us
        found[session.id] = Row(
            steps=[],
            status=session.status,
            since=None if waiting is None else (waiting - START_US) // SECOND_US,
            question=session.question,
            reason=session.end_reason,
            tool=f"{session.tool} {session.target}".strip(),
            subagents=session.subagents,
            prompts=session.prompts,
            interrupted=state.interrupted,
        )
    db.close()
    return found


def expected() -> dict[str, Row]:
    return {name: row._replace(steps=[]) for name, row in TABLE.items()}


@pytest.fixture(scope="module")
def in_order(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    """What is shown when everything arrives as it happened."""
    home = tmp_path_factory.mktemp("states")
    for name, row in TABLE.items():
        for number, step in enumerate(row.steps):
            append(home, name, number, step)
    stored.sync(home)
    return seen(home)


@pytest.mark.parametrize("name", TABLE)
def test_a_row_of_the_table(in_order: dict[str, Row], name: str) -> None:
    assert in_order[name] == TABLE[name]._replace(steps=[])


@given(chance=st.randoms(use_true_random=False))
@settings(max_examples=examples(30), deadline=None)
def test_every_order_of_arrival_gives_the_same_table(chance: Random) -> None:
    """All rows at once: each step comes in any of three passes, and there in any order."""
    with tempfile.TemporaryDirectory(prefix="states-") as folder:
        home = Path(folder)
        arriving: list[list[tuple[str, int, Step]]] = [[] for _ in range(PASSES)]
        for name, row in TABLE.items():
            for number, step in enumerate(row.steps):
                chance.choice(arriving).append((name, number, step))
        for steps in arriving:
            chance.shuffle(steps)
            for name, number, step in steps:
                append(home, name, number, step)
            stored.sync(home)
        assert seen(home) == expected()
        stored.check(home)


@given(order=st.permutations(range(5)))
@settings(max_examples=examples(8), deadline=None)
def test_a_wait_has_one_beginning_in_every_order_of_one_event_a_pass(order: list[int]) -> None:
    steps = TABLE["reminded twice"].steps
    with tempfile.TemporaryDirectory(prefix="states-") as folder:
        for number in order:
            append(Path(folder), "one", number, steps[number])
            stored.sync(Path(folder))
        assert seen(Path(folder)) == {"one": TABLE["reminded twice"]._replace(steps=[])}


class Recorded(NamedTuple):
    """What a person would say of a session of a recording."""

    status: str
    reason: str | None
    prompts: int
    tools: int
    failures: int = 0
    subagents: int = 0  # in all
    interrupted: str = ""


RECORDED = {
    "p-sigkill": [Recorded("finished", "process_gone", 1, 1)],
    "i-clear": [
        Recorded("finished", "clear", 1, 0),
        Recorded("finished", "prompt_input_exit", 1, 0),
    ],
    "i-compact": [Recorded("finished", "prompt_input_exit", 2, 4)],
    "p-subagent": [Recorded("finished", "other", 1, 3, subagents=1)],
    "p-resume": [Recorded("finished", "other", 2, 4)],
}


def recorded_lines(name: str) -> list[bytes]:
    """The lines of a recording, of a process that is not there any more."""
    lines = []
    for firing in recordings.load(name):
        now_ns = recordings.START_NS + int(firing.after_ms * 1e6)
        environ = {**firing.env, "CLAUDE_PID": DEAD_PID}
        lines.append(emit.record(AGENT, firing.event, firing.stdin, now_ns, environ)[0])
    return lines


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_a_recorded_session_is_what_a_person_would_say(
    tmp_path: Path, name: str, seed: int | None
) -> None:
    lines = recorded_lines(name)
    if seed is not None:
        Random(seed).shuffle(lines)
    half = len(lines) // 2
    for part in (lines[:half], lines[half:]):
        recordings.append(tmp_path / "days" / "2026-11-18" / f"{AGENT}.r.jsonl", b"".join(part))
        stored.sync(tmp_path)
    assert recorded(tmp_path) == RECORDED[name]


def recorded(home: Path) -> list[Recorded]:
    """The sessions of a home, in the order in which they began."""
    query = "select state, status, end_reason, prompts from session_states order by started_us"
    found = []
    for data, status, reason, prompts in stored.rows(home, query):
        state = states.load(data)
        assert state is not None
        children = state.subagents.values()
        assert status != "finished" or reason == "process_gone" or all(c.ended_us for c in children)
        found.append(
            Recorded(
                status, reason or None, prompts, state.tools, state.failures, len(children),
                state.interrupted,
            )
        )  # fmt: skip
    return found


def test_a_killed_agent_of_another_host_counts_as_working(tmp_path: Path) -> None:
    host = json.dumps(os.uname().nodename).encode()
    lines = [
        line.replace(b'"host":' + host, b'"host":"far"') for line in recorded_lines("p-sigkill")
    ]
    recordings.append(tmp_path / "days" / "2026-11-18" / f"{AGENT}.r.jsonl", b"".join(lines))
    stored.sync(tmp_path)
    assert recorded(tmp_path) == [Recorded("working", None, 1, 1)]
    (row,) = seen(tmp_path).values()
    assert row.tool.startswith("Bash ")
