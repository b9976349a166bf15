"""Gemini CLI: where its hooks are registered, and what keeps them from running. Source: 0.61.0."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from journal.agents.contract import Merged, Servers, Setup, folder_of, stdio_server

# Not PreCompress, which it fires before each call of a model, nor the hooks around models, of which
# one is fired for each chunk of a stream.
EVENTS = (
    "SessionStart",
    "BeforeAgent",
    "BeforeTool",
    "AfterTool",
    "AfterAgent",
    "Notification",
    "SessionEnd",
)
_NAME = "agent-journal"
_TIMEOUT_MS = 10_000


def _entry(event: str, command: str) -> dict[str, Any]:
    return {"type": "command", "command": command, "name": _NAME, "timeout": _TIMEOUT_MS}


def _obstacles(folder: Path, values: Mapping[str, Any]) -> list[str]:
    config = values.get("hooksConfig")
    if not isinstance(config, dict):
        return []
    disabled = config.get("disabled")
    if config.get("enabled") is False:
        return ["hooksConfig.enabled is false: no hook runs"]
    if isinstance(disabled, list) and _NAME in disabled:
        return [f"hooksConfig.disabled names {_NAME}: our hooks do not run"]
    return []


_folder = folder_of("", ".gemini")

SETUP = Setup(
    program="gemini",
    folder=_folder,
    file="settings.json",
    events=dict.fromkeys(EVENTS),
    hooks=Merged(entry=_entry),
    canary="Notification",
    obstacles=_obstacles,
    servers=Servers(file=lambda environ: _folder(environ) / "settings.json", entry=stdio_server),
)
