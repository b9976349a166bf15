"""Claude Code: what its hook payloads mean.

Source: the hooks reference of Claude Code and recordings of 2.1.329. Fields of the wrong type
count as absent: the journal keeps what was sent, a view shows what it can.
"""

from collections.abc import Mapping
from typing import Any

from journal.agents.claude_code import tools
from journal.agents.claude_code import transcript_meaning as transcript
from journal.session.meaning import Kind, Meaning

EVENTS = (
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PostToolUse",
    "PostToolUseFailure",
    "PermissionRequest",
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
    "SubagentStart": Kind.SUBAGENT_START,
    "SubagentStop": Kind.SUBAGENT_END,
    "Stop": Kind.TURN_END,
    "StopFailure": Kind.TURN_FAILED,
    "SessionEnd": Kind.SESSION_END,
}
_NOTICES = {
    "permission_prompt": Kind.ATTENTION_ASKED,
    "elicitation_dialog": Kind.ATTENTION_ASKED,
    "idle_prompt": Kind.WAITING_NOTICED,
}
_COPIED = (transcript.TRANSCRIPT, transcript.HISTORY)
_WITH_TRANSCRIPT = ("SessionStart", "Stop", "SubagentStop", "SessionEnd")
_WITH_WORDS = frozenset(EVENTS) - {"PreToolUse", "PostToolUse", "PermissionRequest"}


def meaning(event: str, payload: Mapping[str, Any]) -> Meaning:
    """The meaning of one payload; an event that is not known means "other"."""
    kind = _KINDS.get(event, Kind.OTHER)
    if event in _COPIED:
        return transcript.meaning(event, payload)
    if event == "Notification":
        kind = _NOTICES.get(_text(payload, "notification_type"), Kind.OTHER)
    text, detail, by_person = _words(event, payload) if event in _WITH_WORDS else ("", "", True)
    common = (
        kind,
        _text(payload, "session_id"),
        _text(payload, "cwd"),
        _text(payload, "agent_id"),
        _text(payload, "agent_type"),
        text,
        by_person,
        detail,
    )
    if "tool_name" not in payload:
        path = _text(payload, "transcript_path") if event in _WITH_TRANSCRIPT else ""
        return Meaning(*common, transcript=path)
    tool = _text(payload, "tool_name")
    tool_input = payload.get("tool_input")
    action, target = tools.action(tool, tool_input)
    return Meaning(
        *common,
        tool,
        _text(payload, "tool_use_id"),
        action,
        target,
        tool_input if isinstance(tool_input, dict) else None,
        _output(kind, tool, payload),
        payload.get("is_interrupt") is True,
        tools.is_own(tool, target),
    )


def _text(payload: Mapping[str, Any], key: str) -> str:
    value = payload.get(key)
    return value if isinstance(value, str) else ""


def _words(event: str, payload: Mapping[str, Any]) -> tuple[str, str, bool]:
    """The event's text, its detail, and whether a person wrote it."""
    if event == "UserPromptSubmit":
        prompt = _text(payload, "prompt")
        return prompt, "", tools.is_by_person(prompt)
    if event in ("Stop", "SubagentStop", "StopFailure"):
        return _text(payload, "last_assistant_message"), _text(payload, "error"), True
    if event == "PostToolUseFailure":
        return _text(payload, "error"), "", True
    if event == "SessionStart":
        return "", _text(payload, "source"), True
    if event == "SessionEnd":
        return "", _text(payload, "reason"), True
    if event == "Notification":
        return _text(payload, "message"), _text(payload, "notification_type"), True
    if event == "PostCompact":
        return _text(payload, "compact_summary"), _text(payload, "trigger"), True
    return "", "", True


def _output(kind: Kind, tool: str, payload: Mapping[str, Any]) -> Any:
    if kind is Kind.TOOL_FAILED:
        return _text(payload, "error")
    return tools.output(tool, payload.get("tool_response"))
