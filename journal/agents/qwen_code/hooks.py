"""Qwen Code: what its hook payloads mean.

Source: recordings of 0.24.4. It has Claude Code's events and Gemini CLI's tools. A call's id in its
transcript is `tool_call_id`. UserPromptSubmit comes again, empty, for each further model call.
"""

from collections.abc import Mapping
from typing import Any

from journal.agents.fields import call, common, part, prompt, text
from journal.agents.gemini_cli import tools
from journal.session.meaning import Kind, Meaning

PROMPTS = frozenset({"UserPromptSubmit"})
_CALLS = {
    "PreToolUse": Kind.TOOL_BEFORE,
    "PostToolUse": Kind.TOOL_AFTER,
    "PostToolUseFailure": Kind.TOOL_FAILED,
    "PermissionRequest": Kind.PERMISSION_ASKED,
}
_SESSION = {
    "SessionStart": (Kind.SESSION_START, "source"),
    "SubagentStart": (Kind.SUBAGENT_START, ""),
    "SubagentStop": (Kind.SUBAGENT_END, ""),
    "Stop": (Kind.TURN_END, ""),
    "StopFailure": (Kind.TURN_FAILED, "error"),
    "SessionEnd": (Kind.SESSION_END, "reason"),
}
_NOTICES = {
    "permission_prompt": Kind.ATTENTION_ASKED,
    "elicitation_dialog": Kind.ATTENTION_ASKED,
    "idle_prompt": Kind.WAITING_NOTICED,
}


def meaning(event: str, payload: Mapping[str, Any]) -> Meaning:
    """The meaning of one payload; an event that is not known means "other"."""
    shared = common(payload)
    if event in _CALLS:
        return _call(_CALLS[event], payload, shared)
    if event == "UserPromptSubmit" and not shared["subagent"]:
        return prompt(text(payload, "prompt"), shared)
    if event == "Notification":
        notice = text(payload, "notification_type")
        kind = _NOTICES.get(notice, Kind.OTHER)
        return Meaning(kind, text=text(payload, "message"), detail=notice, **shared)
    kind, detail = _SESSION.get(event, (Kind.OTHER, ""))
    return Meaning(
        kind,
        text=text(payload, "last_assistant_message"),
        detail=text(payload, detail),
        transcript=text(payload, "transcript_path") if event in _SESSION else "",
        **shared,
    )


def _call(kind: Kind, payload: Mapping[str, Any], shared: Mapping[str, Any]) -> Meaning:
    tool, given = text(payload, "tool_name"), payload.get("tool_input")
    made = call(kind, tool, given, tools.ACTIONS, shared)
    made = made._replace(tool_use_id=text(payload, "tool_call_id", "tool_use_id"))
    error = text(payload, "error")
    if kind is Kind.TOOL_FAILED:
        cut_off = payload.get("is_interrupt") is True
        return made._replace(text=error, output=error, interrupted=cut_off)
    if kind is Kind.TOOL_AFTER:
        words = tools.output(part(payload, "tool_response").get("llmContent"))
        return made._replace(output=words)
    return made
