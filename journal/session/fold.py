"""fold(state, event) -> state: what a session is, worked out from its events in order.

A pure function: no clock, no settings, no SQL. Events come in the order of the conversation (see
conversation.py); if one belongs before others, the session is folded again from there.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from journal.session.meaning import Action, Author, Kind, Meaning
from journal.session.origin import place, trigger
from journal.session.own_words import without_frames
from journal.session.state import (
    MAX_COMMANDS,
    MAX_FILES,
    MAX_PARENTS,
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
    is_attended,
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
    patch: str | None = None  # what the conversation says of it beyond its record, see mentions.py


def fold(state: SessionState, event: Event) -> SessionState:
    """The state after `event`, the next one of the conversation. Takes `state` over."""
    meaning = event.meaning
    if meaning.inherited:
        return state  # another session did it
    state.events += 1
    state.last_us = max(state.last_us or event.at_us, event.at_us)  # may lie before 1970
    state.inferred_end = ""  # any later event lifts it
    if not state.started_us:
        state.started_us = event.at_us
    place(state, event.origin, meaning)
    if meaning.taken_back:
        _taken_back(state, meaning, event.at_us)
    elif (step := _STEPS.get(meaning.kind)) is not None:
        step(state, meaning, event.at_us)
    return state


def _taken_back(state: SessionState, meaning: Meaning, at_us: int) -> None:
    """Of a turn that was taken back its edits count, unless the files were restored."""
    if meaning.kind is Kind.TOOL_AFTER and meaning.action is Action.EDIT and meaning.target:
        _put(state.files_edited, meaning.target[:MAX_TARGET_CHARS], at_us, MAX_FILES)
    if meaning.kind is Kind.PROMPT:
        _note_position(state, meaning)


def _session_start(state: SessionState, meaning: Meaning, at_us: int) -> None:
    if meaning.detail == "fork" and state.events == 1:
        state.forked_us = at_us
    if meaning.detail == "resume":
        # The agent's process is a new one: nothing that ran in the old one still does.
        state.ended_us = None
        state.end_reason = ""
        state.turn_open = False
        _close_question(state)
        _interrupt(state, at_us)
        _end_subagents(state, at_us)


def _prompt(state: SessionState, meaning: Meaning, at_us: int) -> None:
    _note_position(state, meaning)
    state.unnumbered = 0 if meaning.turn_index else state.unnumbered + 1
    _interrupt(state, at_us)
    _close_question(state)
    if meaning.reported and state.ended_us is not None:
        state.ended_us, state.end_reason = None, ""  # no hook was there to report the resume
    state.turn_open = True
    state.turn_error = ""
    if not meaning.by_person:
        return
    is_person = is_attended({"entrypoint": state.entrypoint})
    by = meaning.by or (Author.PERSON if is_person else Author.UNKNOWN)
    if state.attended and by == Author.PERSON:
        trigger(state, "attended_prompt")
    state.prompts += 1
    _note_words(state, by, Said(at_us, without_frames(meaning.text)[:MAX_TEXT_CHARS]))


def _note_position(state: SessionState, meaning: Meaning) -> None:
    state.turn_index = max(state.turn_index, meaning.turn_index)
    if meaning.parent:
        state.parents = [*state.parents, meaning.parent][-MAX_PARENTS:]


def _note_words(state: SessionState, by: str, said: Said) -> None:
    """What a person wrote; in a session without a person, what has no known author."""
    if by == Author.PERSON and not state.has_person:
        state.has_person, state.first_prompt, state.last_prompts = True, None, []
    if by == Author.PERSON or not state.has_person:
        state.first_prompt = state.first_prompt or said
        state.last_prompts = [*state.last_prompts, said][-MAX_PROMPTS:]


def _title(state: SessionState, meaning: Meaning, at_us: int) -> None:
    name = " ".join(meaning.text.split())[:MAX_TARGET_CHARS]
    if meaning.detail == "person":
        state.named = name
    else:
        state.named_by_agent = name or state.named_by_agent


def _tool_before(state: SessionState, meaning: Meaning, at_us: int) -> None:
    trigger(state, "PreToolUse")
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
    trigger(state, "PostToolUseFailure" if failed else "PostToolUse")
    if not state.open_tools.pop(meaning.tool_use_id, None):
        state.tools += 1
    # A notice names no tool: every call that the session itself ends then was permitted.
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
    if meaning.interrupted:
        _interrupt(state, at_us)
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
    Kind.TITLE: _title,
}
