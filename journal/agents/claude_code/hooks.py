"""Claude Code: what its hook payloads mean.

Source: the hooks reference of Claude Code and recordings of 2.1.329. Fields of the wrong type
count as absent: the journal keeps what was sent, a view shows what it can.
"""

from collections.abc import Mapping
from typing import Any

from journal.agents.claude_code import tools
from journal.agents.claude_code import transcript_meaning as transcript
from journal.agents.claude_code.prompt_text import own_words
from journal.session.meaning import Author, Kind, Meaning

EVENTS = (
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PostToolUse",
    "PostToolUseFailure",
    "PermissionRequest",
    "PreSkillShellCommand",
    "Notification",
    "SubagentStart",
    "SubagentStop",
    "PreCompact",
    "PostCompact",
    "Stop",
    "StopFailure",
    "SessionEnd",
)
PROMPTS = frozenset({"UserPromptSubmit", "UserPromptExpansion"})  # hold a person's own words
_KINDS = {
    "SessionStart": Kind.SESSION_START,
    "UserPromptSubmit": Kind.PROMPT,
    "PreToolUse": Kind.TOOL_BEFORE,
    "PostToolUse": Kind.TOOL_AFTER,
    "PostToolUseFailure": Kind.TOOL_FAILED,
    "PermissionRequest": Kind.PERMISSION_ASKED,
    "PreSkillShellCommand": Kind.NOTE,  # its id names no call: no end is reported
    "SubagentStart": Kind.SUBAGENT_START,
    "SubagentStop": Kind.SUBAGENT_END,
    "Stop": Kind.TURN_END,
    "StopFailure": Kind.TURN_FAILED,
    "SessionEnd": Kind.SESSION_END,
}
_NOTICES = {
    "permission_prompt": Kind.ATTENTION_ASKED,
    "elicitation_dialog": Kind.ATTENTION_ASKED,
    "elicitation_url_dialog": Kind.ATTENTION_ASKED,
    "agent_needs_input": Kind.ATTENTION_ASKED,
    "quota_auto_resume_stale": Kind.ATTENTION_ASKED,
    "idle_prompt": Kind.WAITING_NOTICED,
}
# `UserPromptSubmit.source`; "sdk" may be a script or a person's program.
_AUTHORS = {
    "user": Author.PERSON,
    "sdk": Author.UNKNOWN,
    "system": Author.MACHINE,
    "loop_wakeup": Author.MACHINE,
    "schedule_wakeup": Author.MACHINE,
    "poll_event": Author.MACHINE,
}
_COMMON = ("session_id", "cwd", "agent_id", "agent_type", "prompt_id")
_COPIED = (transcript.TRANSCRIPT, transcript.HISTORY)
_WITH_TRANSCRIPT = ("SessionStart", "Stop", "SubagentStop", "SessionEnd")
_WITH_WORDS = frozenset(EVENTS) - {"PreToolUse", "PostToolUse", "PermissionRequest"}
# Python 3.11 needs ten times as long to find a member in its class.
_OTHER, _NOTE, _TOOL_FAILED = Kind.OTHER, Kind.NOTE, Kind.TOOL_FAILED


def meaning(event: str, payload: Mapping[str, Any]) -> Meaning:
    """The meaning of one payload; an event that is not known means "other"."""
    if event in _COPIED:
        return transcript.meaning(event, payload)
    kind = _KINDS.get(event, _OTHER)
    if event == "Notification":
        kind = _NOTICES.get(_text(payload, "notification_type"), Kind.OTHER)
    elif event == "Stop" and payload.get("background_tasks"):
        kind = Kind.ANSWER  # a pause: the agent goes on when its tasks have ended
    text, detail, by = _words(event, payload) if event in _WITH_WORDS else ("", "", "")
    session, cwd, subagent, subagent_type, turn = [
        value if isinstance(value := payload.get(key), str) else "" for key in _COMMON
    ]
    # By position: nearly every record comes through here, and names take twice as long.
    who = kind, session, cwd, subagent, subagent_type
    if "tool_name" not in payload:
        file = _text(payload, "transcript_path") if event in _WITH_TRANSCRIPT else ""
        return Meaning(*who, text, by, detail, transcript=file, turn=turn)
    tool, tool_input = _text(payload, "tool_name"), payload.get("tool_input")
    action, target = tools.action(tool, tool_input)
    if kind is _NOTE:
        return Meaning(*who, target, by, detail, tool, "", action, target, turn=turn)
    return Meaning(
        *who,
        text,
        by,
        detail,
        tool,
        _text(payload, "tool_use_id"),
        action,
        target,
        tool_input if isinstance(tool_input, dict) else None,
        _output(kind, tool, payload),
        payload.get("is_interrupt") is True,
        tools.is_own(tool, target),
        turn=turn,
    )


def _text(payload: Mapping[str, Any], key: str) -> str:
    value = payload.get(key)
    return value if isinstance(value, str) else ""


def _words(event: str, payload: Mapping[str, Any]) -> tuple[str, str, str]:
    """The event's text, its detail, and who wrote it."""
    if event == "UserPromptSubmit":
        words = own_words(_text(payload, "prompt"))
        return words.text, "", words.by or _AUTHORS.get(_text(payload, "source"), "")
    if event in ("Stop", "SubagentStop", "StopFailure"):
        return _text(payload, "last_assistant_message"), _text(payload, "error"), ""
    if event == "PostToolUseFailure":
        return _text(payload, "error"), "", ""
    if event == "SessionStart":
        return "", _text(payload, "source") or "startup", ""
    if event == "SessionEnd":
        return "", _text(payload, "reason"), ""
    if event == "Notification":
        return _text(payload, "message"), _text(payload, "notification_type"), ""
    if event == "PostCompact":
        return _text(payload, "compact_summary"), _text(payload, "trigger"), ""
    return "", "", ""


def _output(kind: Kind, tool: str, payload: Mapping[str, Any]) -> Any:
    if kind is _TOOL_FAILED:
        return _text(payload, "error")
    return tools.output(tool, payload.get("tool_response"))
