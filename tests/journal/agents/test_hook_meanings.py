"""What the recorded hooks of the other agents mean: prompts, calls, failures, questions, ends."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agent_recordings
from journal.agents import AGENTS, meaning_of
from journal.agents.contract import Agent
from journal.session.event import Event
from journal.session.fold import fold
from journal.session.meaning import Action, Kind, Meaning
from journal.session.state import SessionState
from opencode_plugin import replayed

NEW = ("codex", "copilot-cli", "opencode", "gemini-cli", "qwen-code")
ALL = [(agent, name) for agent in NEW for name in agent_recordings.names(agent)]
_ENDS = (Kind.TOOL_AFTER, Kind.TOOL_FAILED)


def meanings(agent: str, name: str) -> list[Meaning]:
    if agent == "opencode":
        pairs = replayed(name)
    else:
        pairs = [(one.event, one.payload) for one in agent_recordings.load(agent, name)]
    return [meaning_of(agent, event, payload) for event, payload in pairs]


def folded(agent: str, name: str) -> dict[str, SessionState]:
    states: dict[str, SessionState] = {}
    for number, meaning in enumerate(meanings(agent, name)):
        state = states.setdefault(meaning.session, SessionState())
        event = Event(number, b"%16d" % number, number + 1, agent, "", {}, meaning)
        states[meaning.session] = fold(state, event)
    return states


def only(agent: str, name: str) -> SessionState:
    [state] = folded(agent, name).values()
    return state


def calls(agent: str, name: str) -> list[tuple[str, str, bool]]:
    """Action, the end of the target, and success, of each call that ended."""
    return [
        (m.action.value, m.target.rpartition("/")[2], m.kind is Kind.TOOL_AFTER)
        for m in meanings(agent, name)
        if m.kind in _ENDS and not m.subagent
    ]


@pytest.mark.parametrize(("agent", "name"), ALL)
def test_every_recording_has_a_session_and_the_person_s_prompts_alone(
    agent: str, name: str
) -> None:
    states = folded(agent, name)
    assert all(states), "each payload names its session"
    prompts = [m for m in meanings(agent, name) if m.kind is Kind.PROMPT]
    assert prompts
    for one in prompts:
        assert not one.subagent
        assert one.text.startswith("please "), one.text
    assert sum(state.prompts for state in states.values()) == len(prompts)


@pytest.mark.parametrize("agent", NEW)
def test_a_simple_session_runs_writes_reads_and_edits(agent: str) -> None:
    found = [(action, ok) for action, _, ok in calls(agent, "simple")]
    reading = [] if agent == "codex" else [("read", True)]
    assert [one for one in found if one[0] in ("run", "edit", "read")][:2] == [
        ("run", True), ("edit", True)
    ]  # fmt: skip
    assert all(one in found for one in reading)
    assert all(ok for _, ok in found)
    state = only(agent, "simple")
    assert [path.rpartition("/")[2] for path in state.files_edited] == ["notes.txt"]
    assert next(iter(state.files_edited)).startswith("/home/dev/")
    assert state.status == ("idle" if agent == "qwen-code" else "finished")


FAILURES = {
    # codex: the exit code is in the rollout alone, and a patch that does not apply has no end
    "codex": [("run", True), ("run", True)],
    "copilot-cli": [("run", False), ("read", False), ("edit", False), ("other", False)],
    "opencode": [("run", False), ("other", False)],  # the others: as parts of messages
    "gemini-cli": [("run", False), ("read", False), ("edit", False)],
}


@pytest.mark.parametrize("agent", FAILURES)
def test_failures_are_reported_as_far_as_hooks_know_them(agent: str) -> None:
    assert [(action, ok) for action, _, ok in calls(agent, "fail")] == FAILURES[agent]
    failed = [m for m in meanings(agent, "fail") if m.kind is Kind.TOOL_FAILED]
    assert all(m.text and m.output for m in failed)


@pytest.mark.parametrize("agent", ["codex", "copilot-cli", "opencode"])
def test_a_sub_agent_works_inside_its_parent_s_session(agent: str) -> None:
    [state] = folded(agent, "subagent").values()
    [child] = state.subagents.values()
    assert child.ended_us is not None
    found = meanings(agent, "subagent")
    inner = [m for m in found if m.subagent and m.kind in _ENDS]
    assert [m.target for m in inner] == ["echo from the subagent"]
    [end] = [m for m in found if m.kind is Kind.SUBAGENT_END]
    assert end.text == "The subagent is done."
    assert any(m.action is Action.DELEGATE for m in found if not m.subagent)
    assert state.prompts == 1


def test_gemini_delegates_although_nothing_marks_what_its_sub_agent_does() -> None:
    [call] = [m for m in meanings("gemini-cli", "subagent") if m.action is Action.DELEGATE][:1]
    assert call.target == "please do the subinner thing"


@pytest.mark.parametrize("agent", ["codex", "copilot-cli", "opencode", "gemini-cli"])
def test_a_question_waits_until_it_is_answered(agent: str) -> None:
    state, seen = SessionState(), []
    for number, meaning in enumerate(meanings(agent, "i-ask-yes")):
        state = fold(state, Event(number, b"", number + 1, agent, "", {}, meaning))
        seen.append((meaning.kind, state.status))
    assert (
        seen.count((Kind.PERMISSION_ASKED, "awaiting"))
        + seen.count((Kind.ATTENTION_ASKED, "awaiting"))
        == 1
    )
    asked = next(at for at, (_, status) in enumerate(seen) if status == "awaiting")
    assert seen[asked + 1 :]
    assert all(status != "awaiting" for _, status in seen[asked + 2 :])


@pytest.mark.parametrize("agent", ["codex", "opencode", "qwen-code"])
def test_the_last_answer_is_known_where_hooks_report_it(agent: str) -> None:
    words = only(agent, "simple").last_words
    assert words is not None
    assert words.text == "All done: wrote notes.txt and read it back."


def test_gemini_s_garbled_answer_does_not_count() -> None:
    assert only("gemini-cli", "simple").last_words is None


@pytest.mark.parametrize("agent", ["codex", "copilot-cli", "opencode", "gemini-cli"])
def test_a_session_that_is_resumed_is_one_session(agent: str) -> None:
    state = only(agent, "resume")
    assert state.prompts == 2
    starts = [m.detail for m in meanings(agent, "resume") if m.kind is Kind.SESSION_START]
    assert starts == ["startup", "resume"]


def test_an_interrupt_of_codex_ends_the_turn() -> None:
    kinds = [(m.kind, m.interrupted) for m in meanings("codex", "sigint")]
    assert kinds[-2:] == [(Kind.TURN_END, True), (Kind.SESSION_END, False)]
    assert only("codex", "sigint").interrupted == "sleep 20; echo slept"


def test_context_in_front_of_a_prompt_is_not_the_person_s() -> None:
    [prompt] = [m for m in meanings("gemini-cli", "context") if m.kind is Kind.PROMPT]
    assert prompt.text == "please do the simple thing"
    from journal.agents.gemini_cli.hooks import own_words

    reported = (
        "<hook_context>&lt;agent-journal project=x&gt;\n&lt;/agent-journal&gt;</hook_context>"
    )
    assert own_words(f"{reported}\n\nfix <hook_context>") == "fix <hook_context>"


def test_a_patch_names_its_first_file_below_the_session_s_folder() -> None:
    patch = "*** Begin Patch\n*** Update File: a b.py\n*** Move to: c.py\n*** End Patch"
    given = {"cwd": "/p", "tool_name": "apply_patch", "tool_input": {"command": patch}}
    made = meaning_of("codex", "PreToolUse", given)
    assert (made.action, made.target) == (Action.EDIT, "/p/a b.py")


def test_quotes_are_the_person_s_unless_run_added_them() -> None:
    def words(run: bool) -> str:
        parts = [{"type": "text", "text": '"x"'}, {"type": "text", "text": "y", "synthetic": True}]
        payload = {"session_id": "s", "run": run, "output": {"parts": parts}}
        return meaning_of("opencode", "UserPromptSubmit", payload).text

    assert (words(True), words(False)) == ("x", '"x"')


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_KEYS = (
    "session_id", "sessionId", "cwd", "agent_id", "parent_agent_id", "tool_name", "toolName",
    "tool_input", "tool_response", "tool_result", "error", "details", "properties", "input",
    "output", "prompt", "notification_type", "source", "timestamp",
)  # fmt: skip


@given(st.sampled_from(NEW), st.dictionaries(st.sampled_from(_KEYS), _json), st.data())
def test_no_payload_can_break_a_reader(agent: str, payload: dict[str, Any], data: Any) -> None:
    event = data.draw(st.sampled_from([*AGENTS[agent].setup.events, "", "Unknown"]))
    made = meaning_of(agent, event, payload)
    kept = ("tool_input", "output", "usage", "totals", "place", "ends_turn", "files")
    simple = {field: value for field, value in made._asdict().items() if field not in kept}
    assert all(isinstance(value, (str, bool, int)) for value in simple.values())


def test_agents_are_data() -> None:
    for name, agent in AGENTS.items():
        assert agent.name == name
        assert agent.setup.canary in agent.setup.events
        assert isinstance(agent, Agent)
