"""Codex: where its hooks are registered, and what keeps them from running.

Source: 0.171.0 and its documentation. A hook is trusted by a hash of its event, matcher, command
and time-out: none of them may change from one version of this program to the next.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from journal.agents.contract import (
    Environ,
    HookTrust,
    Merged,
    Servers,
    Setup,
    Trust,
    folder_of,
    stdio_server,
)

EVENTS = (
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PermissionRequest",
    "PostToolUse",
    "PreCompact",
    "PostCompact",
    "SubagentStart",
    "SubagentStop",
    "Stop",
    "Interrupt",
    "SessionEnd",
)
_ROOT_KEYS = {"hooks", "description"}
_TIMEOUT_SECONDS = 10
_LEAST_TIMEOUT_SECONDS = 3  # the most that these two may have
_SHORT = ("Interrupt", "SessionEnd")


def _entry(event: str, command: str) -> dict[str, Any]:
    timeout = _LEAST_TIMEOUT_SECONDS if event in _SHORT else _TIMEOUT_SECONDS
    return {"type": "command", "command": command, "timeout": timeout}


def _obstacles(folder: Path, values: Mapping[str, Any]) -> list[str]:
    found = []
    if unknown := sorted(set(values) - _ROOT_KEYS):
        found.append(f"codex refuses hooks.json because of the key {unknown[0]!r}")
    import tomllib  # only for those who install or look

    try:
        config = tomllib.loads((folder / "config.toml").read_text())
    except FileNotFoundError:
        return found
    except (OSError, ValueError) as error:
        return [*found, f"{folder / 'config.toml'} cannot be read: {error}"]
    features = config.get("features")
    if isinstance(features, dict) and features.get("hooks") is False:
        found.append(f"hooks are turned off in {folder / 'config.toml'} ([features] hooks)")
    return found


def _look(environ: Environ) -> list[HookTrust]:
    from journal.agents.codex import trust  # slow to load

    return trust.look(environ)


def _grant(environ: Environ, hooks: list[HookTrust]) -> None:
    from journal.agents.codex import trust

    trust.grant(environ, hooks)


def _withdraw(environ: Environ, hooks: list[HookTrust]) -> None:
    from journal.agents.codex import trust

    trust.withdraw(environ, hooks)


def _noted(environ: Environ, file: Path, values: Mapping[str, Any]) -> list[HookTrust]:
    from journal.agents.codex import noted_trust

    return noted_trust.noted(_folder(environ), file, values)


_folder = folder_of("CODEX_HOME", ".codex")

SETUP = Setup(
    program="codex",
    folder=_folder,
    file="hooks.json",
    events=dict.fromkeys(EVENTS),
    hooks=Merged(entry=_entry, constant=True),
    canary="PreCompact",
    obstacles=_obstacles,
    trust=Trust(look=_look, grant=_grant, withdraw=_withdraw, noted=_noted),
    servers=Servers(
        file=lambda environ: _folder(environ) / "config.toml",
        key="mcp_servers",
        entry=stdio_server,
        is_toml=True,
    ),
)
