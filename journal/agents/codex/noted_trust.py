"""Which hooks Codex runs, as its `config.toml` notes it: read without starting Codex.

    [hooks.state."/home/me/.codex/hooks.json:pre_tool_use:0:0"]
    trusted_hash = "sha256:..."

The key names the file, the event, and the position of the group and of the hook in it (0.171.0).
Only Codex knows whether the hash is the right one: `trust` asks it.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from journal.agents.contract import HookTrust

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


def noted(folder: Path, file: Path, values: Mapping[str, Any]) -> list[HookTrust]:
    """All hooks of a hooks.json (`values`: its content); what cannot be read notes nothing.

    `folder`: where config.toml is.
    """
    states = _states(folder)
    real = os.path.realpath(file)
    found = []
    for event, group, number, command in _hooks(values):
        place = f"{_WORD.sub('_', event).lower()}:{group}:{number}"
        key, state = states.get((real, place), (f"{file}:{place}", {}))
        digest = str(state.get("trusted_hash") or "")
        is_on = bool(digest) and state.get("enabled") is not False
        found.append(HookTrust(key, command, digest, is_on))
    return found


def _hooks(values: Mapping[str, Any]) -> Iterator[tuple[str, int, int, str]]:
    """Event, position of the group, position in it, and command."""
    events = values.get("hooks")
    for event, groups in events.items() if isinstance(events, dict) else ():
        for group, one in enumerate(groups if isinstance(groups, list) else []):
            hooks = one.get("hooks") if isinstance(one, dict) else None
            for number, hook in enumerate(hooks if isinstance(hooks, list) else []):
                if isinstance(hook, dict):
                    yield event, group, number, str(hook.get("command") or "")


def _states(folder: Path) -> dict[tuple[str, str], tuple[str, Mapping[str, Any]]]:
    """Key and state, by file (without symlinks) and `event:group:hook`."""
    try:
        config = tomllib.loads((folder / "config.toml").read_text())
    except (OSError, ValueError):
        return {}
    hooks = config.get("hooks")
    states = hooks.get("state") if isinstance(hooks, dict) else None
    found: dict[tuple[str, str], tuple[str, Mapping[str, Any]]] = {}
    for key, state in states.items() if isinstance(states, dict) else ():
        file, *place = key.rsplit(":", 3)
        if isinstance(state, dict):
            found[os.path.realpath(file), ":".join(place)] = key, state
    return found
