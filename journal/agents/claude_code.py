"""Claude Code: what its hook payloads mean.

Source: the hooks reference of Claude Code and recordings of 2.1.329. Fields of the wrong type
count as absent: the journal keeps what was sent, a view shows what it can.
"""

from collections.abc import Mapping
from typing import Any

from journal.meaning import Action, Kind, Meaning

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
# tool → what it does, and the input field that says to what
_ACTIONS = {
    "Read": (Action.READ, "file_path"),
    "NotebookRead": (Action.READ, "notebook_path"),
    "Glob": (Action.SEARCH, "pattern"),
    "Grep": (Action.SEARCH, "pattern"),
    "LS": (Action.SEARCH, "path"),
    "WebSearch": (Action.SEARCH, "query"),
    "WebFetch": (Action.SEARCH, "url"),
    "ToolSearch": (Action.SEARCH, "query"),
    "Write": (Action.EDIT, "file_path"),
    "Edit": (Action.EDIT, "file_path"),
    "MultiEdit": (Action.EDIT, "file_path"),
    "NotebookEdit": (Action.EDIT, "notebook_path"),
    "Bash": (Action.RUN, "command"),
    "PowerShell": (Action.RUN, "command"),
    "Agent": (Action.DELEGATE, "description"),
    "Task": (Action.DELEGATE, "description"),
}
_OTHER_ACTION = (Action.OTHER, "")
# Prompts that the agent writes itself: a finished background task, a slash command's echo.
_MACHINE_TEXT = (
    "<task-notification",
    "<system-reminder",
    "<command-name>",
    "<command-message>",
    "<local-command-",
    "<bash-input>",
    "<bash-stdout>",
    "<teammate-message",
)
_WITH_WORDS = frozenset(EVENTS) - {"PreToolUse", "PostToolUse", "PermissionRequest"}
# What a response repeats of its own input, or of the file it worked on.
_REPEATED = frozenset(
    {"originalFile", "structuredPatch", "oldString", "newString", "prompt", "usage", "toolStats"}
)
_REPEATED_BY_WRITE = _REPEATED | {"content"}


def meaning(event: str, payload: Mapping[str, Any]) -> Meaning:
    """The meaning of one payload; an event that is not known means "other"."""
    kind = _KINDS.get(event, Kind.OTHER)
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
        return Meaning(*common)
    tool = _text(payload, "tool_name")
    tool_input = payload.get("tool_input")
    return Meaning(
        *common,
        tool,
        _text(payload, "tool_use_id"),
        *_action(tool, tool_input),
        tool_input if isinstance(tool_input, dict) else None,
        _output(kind, tool, payload),
        payload.get("is_interrupt") is True,
    )


def _text(payload: Mapping[str, Any], key: str) -> str:
    value = payload.get(key)
    return value if isinstance(value, str) else ""


def _words(event: str, payload: Mapping[str, Any]) -> tuple[str, str, bool]:
    """The event's text, its detail, and whether a person wrote it."""
    if event == "UserPromptSubmit":
        prompt = _text(payload, "prompt")
        return prompt, "", not prompt.lstrip().startswith(_MACHINE_TEXT)
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


def _action(tool: str, tool_input: Any) -> tuple[Action, str]:
    if not isinstance(tool_input, dict):
        return Action.OTHER, ""
    if tool == "AskUserQuestion":
        return Action.ASK, _question(tool_input)
    action, key = _ACTIONS.get(tool, _OTHER_ACTION)
    return action, _text(tool_input, key)


def _question(tool_input: Mapping[str, Any]) -> str:
    questions = tool_input.get("questions")
    if isinstance(questions, list) and questions and isinstance(questions[0], dict):
        return _text(questions[0], "question")
    return _text(tool_input, "question")


def _output(kind: Kind, tool: str, payload: Mapping[str, Any]) -> Any:
    if kind is Kind.TOOL_FAILED:
        return _text(payload, "error")
    response = payload.get("tool_response")
    if not isinstance(response, dict):
        return response
    if tool == "Read" and isinstance(response.get("file"), dict):
        return response["file"].get("content")
    repeated = _REPEATED_BY_WRITE if tool == "Write" else _REPEATED
    if repeated.isdisjoint(response):
        return response
    return {key: value for key, value in response.items() if key not in repeated}
