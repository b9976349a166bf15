"""Copilot CLI: the journal's file in its folder of hooks, and what keeps it from running.

Source: 1.0.102 and GitHub's hooks reference.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from journal.agents.contract import OwnFile, Servers, Setup, folder_of, stdio_server

# PermissionRequest is not among them: it asks the program, not the person, for every command.
EVENTS = (
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PostToolUse",
    "PostToolUseFailure",
    "Notification",
    "SubagentStart",
    "SubagentStop",
    "Stop",
    "ErrorOccurred",
    "PreCompact",
    "SessionEnd",
)
_TIMEOUT_SECONDS = 10


def _render(commands: Mapping[str, str]) -> bytes:
    hooks = {
        event: [{"type": "command", "bash": command, "timeoutSec": _TIMEOUT_SECONDS}]
        for event, command in commands.items()
    }
    return json.dumps({"version": 1, "hooks": hooks}, ensure_ascii=False, indent=2).encode() + b"\n"


def _commands(data: bytes) -> dict[str, str]:
    try:
        return {
            event: hook["bash"]
            for event, found in json.loads(data)["hooks"].items()
            for hook in found
            if isinstance(hook["bash"], str)
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _obstacles(folder: Path, values: Mapping[str, Any]) -> list[str]:
    path = folder.parent / "settings.json"
    try:
        settings = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        settings = {}  # it may hold comments: what it says is not known
    if isinstance(settings, dict) and settings.get("disableAllHooks") is True:
        return [f"disableAllHooks is set in {path}: no hook runs"]
    return []


_folder = folder_of("COPILOT_HOME", ".copilot")

SETUP = Setup(
    program="copilot",
    folder=_folder,
    file="hooks/agent-journal.json",
    events=dict.fromkeys(EVENTS),
    hooks=OwnFile(render=_render, commands=_commands),
    canary="PreCompact",
    obstacles=_obstacles,
    servers=Servers(
        file=lambda environ: _folder(environ) / "mcp-config.json",
        entry=lambda command: {"type": "local", **stdio_server(command), "tools": ["*"]},
        needs_map=True,
    ),
)
