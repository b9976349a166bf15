"""OpenCode: the journal's plugin in its folder of plugins. Source: 1.18.33."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from journal.agents.contract import Environ, OwnFile, Servers, Setup

# Those that the plugin sends.
EVENTS = (
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PostToolUse",
    "PostToolUseFailure",
    "PermissionRequest",
    "PermissionReplied",
    "SubagentStart",
    "SubagentStop",
    "Stop",
    "StopFailure",
    "PostCompact",
    "SessionEnd",
)
_PLUGIN = Path(__file__).with_name("plugin.js")
_EMPTY = b"const COMMANDS = {}\n"
_LINE = re.compile(rb"^const COMMANDS = (\{.*\})$", re.MULTILINE)


def _folder(environ: Environ) -> Path:
    home = Path(environ.get("HOME") or Path.home())
    configured = environ.get("XDG_CONFIG_HOME") or home / ".config"
    return Path(os.path.abspath(configured)) / "opencode"  # noqa: PTH100 - links stay


def _render(commands: Mapping[str, str]) -> bytes:
    line = b"const COMMANDS = " + json.dumps(dict(commands), ensure_ascii=False).encode() + b"\n"
    return _PLUGIN.read_bytes().replace(_EMPTY, line)


def _commands(data: bytes) -> dict[str, str]:
    found = _LINE.search(data)
    try:
        commands = json.loads(found[1]) if found else {}
    except ValueError:
        return {}
    return {event: text for event, text in commands.items() if isinstance(text, str)}


SETUP = Setup(
    program="opencode",
    folder=_folder,
    file="plugins/agent-journal.js",
    events=dict.fromkeys(EVENTS),
    hooks=OwnFile(render=_render, commands=_commands),
    canary="PermissionReplied",
    servers=Servers(
        file=lambda environ: _folder(environ) / "opencode.json",
        key="mcp",
        entry=lambda command: {"type": "local", "command": list(command), "enabled": True},
    ),
)
