"""Claude Code: where its hooks are registered, and what keeps them from running."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from journal.agents.contract import Merged, Setup, folder_of

# The first version whose settings may name the event: an older one skips the whole file because
# of a name that it does not know. From its changelog; PostToolUseFailure, which stands in none,
# from the first public report of a hook that was accepted.
EVENTS = {
    "SessionStart": (1, 0, 62),
    "UserPromptSubmit": (1, 0, 54),
    "PreToolUse": (1, 0, 38),
    "PostToolUse": (1, 0, 38),
    "PostToolUseFailure": (2, 1, 50),
    "PermissionRequest": (2, 0, 45),
    "Notification": (1, 0, 38),
    "SubagentStart": (2, 0, 43),
    "SubagentStop": (1, 0, 41),
    "PreCompact": (1, 0, 48),
    "PostCompact": (2, 1, 76),
    "Stop": (1, 0, 38),
    "StopFailure": (2, 1, 78),
    "SessionEnd": (1, 0, 85),
}
# Without a limit of its own, SessionEnd has 1.5 s for all hooks together.
_TIMEOUT_SECONDS = {"SessionStart": 10, "SessionEnd": 10}


def _entry(event: str, command: str) -> dict[str, Any]:
    """One hook: synchronous, with a limit where the agent's own does not do."""
    entry: dict[str, Any] = {"type": "command", "command": command}
    if event in _TIMEOUT_SECONDS:
        entry["timeout"] = _TIMEOUT_SECONDS[event]
    return entry


def _obstacles(folder: Path, values: Mapping[str, Any]) -> list[str]:
    if values.get("disableAllHooks") is True:
        return ["disableAllHooks is set: no hook runs"]
    return []


SETUP = Setup(
    program="claude",
    folder=folder_of("CLAUDE_CONFIG_DIR", ".claude"),
    file="settings.json",
    events=EVENTS,
    hooks=Merged(entry=_entry),
    canary="Notification",
    obstacles=_obstacles,
)
