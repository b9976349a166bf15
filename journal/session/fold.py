"""fold(state, event) -> state: what a session is, worked out from its events in order.

A pure function: no clock, no settings, no SQL. Events must come ordered by (`at`, `id`); whoever
has one that sorts earlier folds the session anew from the start.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from journal.session.meaning import Action, Kind, Meaning
from journal.session.own_words import without_frames
from journal.session.plan import name_of
from journal.session.state import (
    MAX_COMMANDS,
    MAX_FILES,
    MAX_PROMPTS,
    MAX_SEARCHES,
    MAX_SUBAGENTS,
    MAX_TARGET_CHARS,
    MAX_TEXT_CHARS,
    Command,
    OpenTool,
    Said,
    SessionState,
    Subagent,
)

V = TypeVar("V")


class Event(NamedTuple):
    """A stored event with its meaning."""

    seq: int  # its row in the database
    id: bytes
    at_us: int
    agent: str
    name: str  # the agent's own name for it
    origin: Mapping[str, Any]  # host, pid, entrypoint, plan, git
    meaning: Meaning


def fold(state: SessionState, event: Event) -> SessionState:
    """The state after `event`, which sorts after all that `state` has seen. Takes `state` over.

    What is only told (`meaning.ASIDE`) is not for it.
    """
    state.events += 1
    state.last_us = event.at_us
    state.inferred_end = ""  # any later event lifts it
    if not state.started_us:
        state.started_us = event.at_us
    _place(state, event)
    step = _STEPS.get(event.meaning.kind)
    if step is not None:
        step(state, event.meaning, event.at_us)
    return state


def _place(state: SessionState, event: Event) -> None:
    origin = event.origin
    state.host = origin.get("host") or state.host
    state.home = origin.get("home") or state.home
    if process := origin.get("process") or "":
        state.processes = state.processes + 1 if process == state.process else 1
        state.process = process
    state.pid = origin.get("pid") or state.pid
    state.entrypoint = origin.get("entrypoint") or state.entrypoint
    if event.meaning.kind is Kind.SESSION_START and origin.get("plan"):
        _plan(state, origin["plan"])
    if not state.cwd:
        state.cwd = event.meaning.cwd
    git = origin.get("git")
    if git:
        state.project = state.project or git.get("key") or ""
        state.project_name = state.project_name or git.get("name") or ""
        state.top = state.top or git.get("top") or ""
        state.folder = state.folder or git.get("folder") or ""
        state.shown = state.shown or git.get("shown") or ""
        state.branch = git.get("branch") or ""
        state.head = git.get("head") or ""


def _plan(state: SessionState, plan: str) -> None:
    """Only a start makes a session a planned one: what a stranger leaves behind binds to none."""
    if not state.plan or name_of(plan):  # one that resumes without a name keeps the old one
        state.plan = plan
    _trigger(state, "planned")


def _trigger(state: SessionState, name: str) -> None:
    if name not in state.triggers:
        state.triggers.append(name)


def _session_start(state: SessionState, meaning: Meaning, at_us: int) -> None:
    if meaning.detail == "resume":
        # The agent's process is a new one: nothing that ran in the old one still does.
        state.ended_us = None
        state.end_reason = ""
        state.turn_open = False
        _close_question(state)
        _interrupt(state, at_us)
        _end_subagents(state, at_us)


def _prompt(state: SessionState, meaning: Meaning, at_us: int) -> None:
    _interrupt(state, at_us)
    _close_question(state)
    state.turn_open = True
    state.turn_error = ""
    if not meaning.by_person:
        return
    if state.attended:
        _trigger(state, "attended_prompt")
    said = Said(at_us, without_frames(meaning.text)[:MAX_TEXT_CHARS])
    state.prompts += 1
    state.first_prompt = state.first_prompt or said
    state.last_prompts = [*state.last_prompts, said][-MAX_PROMPTS:]


def _tool_before(state: SessionState, meaning: Meaning, at_us: int) -> None:
    _trigger(state, "PreToolUse")
    target = meaning.target[:MAX_TARGET_CHARS]
    if meaning.tool_use_id and meaning.tool_use_id not in state.open_tools:
        state.open_tools[meaning.tool_use_id] = OpenTool(
            meaning.tool, target, meaning.action.value, at_us, meaning.subagent
        )
        state.tools += 1
    if meaning.subagent:
        return
    state.turn_open = True
    if not state.question_by and state.question_tool != meaning.tool:
        _close_question(state)
    if meaning.action is Action.ASK:
        _ask(state, target, meaning, at_us)


def _tool_ended(state: SessionState, meaning: Meaning, at_us: int, failed: bool) -> None:
    _trigger(state, "PostToolUseFailure" if failed else "PostToolUse")
    if not state.open_tools.pop(meaning.tool_use_id, None):
        state.tools += 1
    # A notice names no tool: whatever the session itself ends then was permitted.
    if meaning.subagent == state.question_by and state.question_tool in (meaning.tool, ""):
        _close_question(state)
    if not meaning.subagent and state.ended_us is None:
        state.turn_open = True
    state.failures += failed
    if meaning.target and not meaning.own:
        _note_action(state, meaning, at_us, failed)


def _note_action(state: SessionState, meaning: Meaning, at_us: int, failed: bool) -> None:
    target = meaning.target[:MAX_TARGET_CHARS]
    if meaning.action is Action.RUN:
        command = state.commands.pop(target, None) or Command()
        command.runs += 1
        command.failures += failed
        command.last_failed = failed
        command.last_error = meaning.text[:MAX_TARGET_CHARS] if failed else ""
        command.last_us = at_us
        _put(state.commands, target, command, MAX_COMMANDS)
    elif meaning.action is Action.SEARCH:
        _put(state.searches, target, at_us, MAX_SEARCHES)
    elif meaning.action is Action.READ and not failed:
        _put(state.files_read, target, at_us, MAX_FILES)
    elif meaning.action is Action.EDIT and not failed:
        _put(state.files_edited, target, at_us, MAX_FILES)


def _put(kept: dict[str, V], key: str, value: V, limit: int) -> None:
    """The newest at the end, the oldest dropped."""
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > limit:
        del kept[next(iter(kept))]


def _tool_after(state: SessionState, meaning: Meaning, at_us: int) -> None:
    _tool_ended(state, meaning, at_us, failed=False)


def _tool_failed(state: SessionState, meaning: Meaning, at_us: int) -> None:
    _tool_ended(state, meaning, at_us, failed=True)
    if meaning.interrupted:
        state.interrupted = meaning.target[:MAX_TARGET_CHARS] or meaning.tool
        state.interrupted_us = at_us


def _asked(state: SessionState, meaning: Meaning, at_us: int) -> None:
    what = meaning.target or meaning.text or meaning.tool
    _ask(state, what[:MAX_TARGET_CHARS], meaning, at_us)


def _ask(state: SessionState, question: str, meaning: Meaning, at_us: int) -> None:
    if state.question_us is None:  # a reminder does not make the wait younger
        state.question, state.question_us = question, at_us
        state.question_tool, state.question_by = meaning.tool, meaning.subagent


def _close_question(state: SessionState) -> None:
    state.question, state.question_us = "", None
    state.question_tool, state.question_by = "", ""


def _waiting_noticed(state: SessionState, meaning: Meaning, at_us: int) -> None:
    state.turn_open = False  # an interrupted turn leaves no other sign of its end


def _turn_end(state: SessionState, meaning: Meaning, at_us: int) -> None:
    state.turn_open = False
    if not state.question_by:
        _close_question(state)
    for key in [key for key, tool in state.open_tools.items() if not tool.subagent]:
        del state.open_tools[key]  # refused or denied: it never ran
    if meaning.text:
        state.last_words = Said(at_us, without_frames(meaning.text)[:MAX_TEXT_CHARS])


def _turn_failed(state: SessionState, meaning: Meaning, at_us: int) -> None:
    state.turn_error = (meaning.text or meaning.detail)[:MAX_TARGET_CHARS]
    _turn_end(state, meaning._replace(text=""), at_us)


def _subagent_start(state: SessionState, meaning: Meaning, at_us: int) -> None:
    if meaning.subagent:
        child = Subagent(meaning.subagent_type, at_us)
        _put(state.subagents, meaning.subagent, child, MAX_SUBAGENTS)


def _subagent_end(state: SessionState, meaning: Meaning, at_us: int) -> None:
    child = state.subagents.get(meaning.subagent)  # a compaction ends one that never began
    if child is not None:
        child.ended_us = at_us
    if meaning.subagent and meaning.subagent == state.question_by:
        _close_question(state)
    for key in [k for k, tool in state.open_tools.items() if tool.subagent == meaning.subagent]:
        if meaning.subagent:
            del state.open_tools[key]


def _session_end(state: SessionState, meaning: Meaning, at_us: int) -> None:
    _interrupt(state, at_us)
    _close_question(state)
    _end_subagents(state, at_us)
    state.open_tools.clear()
    state.turn_open = False
    state.ended_us = at_us
    state.end_reason = meaning.detail or "other"


def _interrupt(state: SessionState, at_us: int) -> None:
    """What the session itself had running was cut off: no event says so but the next prompt."""
    for key in [key for key, tool in state.open_tools.items() if not tool.subagent]:
        tool = state.open_tools.pop(key)
        state.interrupted = tool.target or tool.tool
        state.interrupted_us = at_us


def _end_subagents(state: SessionState, at_us: int) -> None:
    for child in state.subagents.values():
        if child.ended_us is None:
            child.ended_us = at_us


_STEPS: Mapping[Kind, Callable[[SessionState, Meaning, int], None]] = {
    Kind.SESSION_START: _session_start,
    Kind.PROMPT: _prompt,
    Kind.TOOL_BEFORE: _tool_before,
    Kind.TOOL_AFTER: _tool_after,
    Kind.TOOL_FAILED: _tool_failed,
    Kind.PERMISSION_ASKED: _asked,
    Kind.ATTENTION_ASKED: _asked,
    Kind.WAITING_NOTICED: _waiting_noticed,
    Kind.SUBAGENT_START: _subagent_start,
    Kind.SUBAGENT_END: _subagent_end,
    Kind.TURN_END: _turn_end,
    Kind.TURN_FAILED: _turn_failed,
    Kind.SESSION_END: _session_end,
}
