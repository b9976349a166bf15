"""Claude Code: where its hooks are registered, and what keeps them from running."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from journal.agents.contract import (
    Environ,
    Merged,
    Servers,
    Setup,
    Skill,
    folder_of,
    stdio_server,
)

# The first version whose settings may name the event: an older one skips the whole file because
# of a name that it does not know. From its changelog; PostToolUseFailure, which is in none,
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
# With the version in which it was seen first; nothing depends on it.
_RECENT = {"PreSkillShellCommand": (2, 1, 332)}
# The agent's own limit is 600 s, and 1.5 s for all hooks of SessionEnd together. A home on a disk
# that stalls must not hold the agent so long.
_TIMEOUT_SECONDS = 5
_LONGER_SECONDS = {"SessionStart": 10, "SessionEnd": 10}


def _entry(event: str, command: str) -> dict[str, Any]:
    """One hook: synchronous, with a limit."""
    timeout = _LONGER_SECONDS.get(event, _TIMEOUT_SECONDS)
    return {"type": "command", "command": command, "timeout": timeout}


def _obstacles(folder: Path, values: Mapping[str, Any]) -> list[str]:
    if values.get("disableAllHooks") is True:
        return ["disableAllHooks is set: no hook runs"]
    return []


_folder = folder_of("CLAUDE_CONFIG_DIR", ".claude")


def _servers_file(environ: Environ) -> Path:
    """Next to the folder, unless a variable names the folder: then inside of it."""
    folder = _folder(environ)
    return folder / ".claude.json" if environ.get("CLAUDE_CONFIG_DIR") else Path(f"{folder}.json")


def _add(name: str, command: Sequence[str]) -> list[str]:
    return ["mcp", "add", "--scope", "user", name, "--", *command]


SETUP = Setup(
    program="claude",
    folder=_folder,
    file="settings.json",
    events=EVENTS,
    hooks=Merged(entry=_entry),
    canary="Notification",
    recent=_RECENT,
    obstacles=_obstacles,
    servers=Servers(
        file=_servers_file,
        entry=lambda command: {"type": "stdio", **stdio_server(command), "env": {}},
        add=_add,
        remove=lambda name: ["mcp", "remove", "--scope", "user", name],
    ),
    skill=Skill(
        file=lambda environ: _folder(environ) / "skills" / "agent-journal" / "SKILL.md",
        content=lambda: Path(__file__).with_name("SKILL.md").read_bytes(),
    ),
)
