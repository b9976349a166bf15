"""Qwen Code: where its hooks are registered. Source: 0.24.4 and its hooks reference."""

from typing import Any

from journal.agents.contract import Merged, Setup, folder_of

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
    "Stop",
    "SessionEnd",
)


def _entry(event: str, command: str) -> dict[str, Any]:
    """Without a time-out: versions differ in its unit, and the default of 60 s does."""
    return {"type": "command", "command": command}


SETUP = Setup(
    program="qwen",
    folder=folder_of("", ".qwen"),
    file="settings.json",
    events=dict.fromkeys(EVENTS),
    hooks=Merged(entry=_entry),
    canary="PreCompact",
)
