"""Qwen Code: where its hooks are registered. Source: 0.24.4 and its hooks reference."""

from typing import Any

from journal.agents.contract import Merged, Servers, Setup, folder_of, stdio_server

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


_folder = folder_of("", ".qwen")

SETUP = Setup(
    program="qwen",
    folder=_folder,
    file="settings.json",
    events=dict.fromkeys(EVENTS),
    hooks=Merged(entry=_entry),
    canary="PreCompact",
    servers=Servers(file=lambda environ: _folder(environ) / "settings.json", entry=stdio_server),
)
