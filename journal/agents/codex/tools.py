"""Codex's tools: what each does, and to what.

Newer models call tools from JavaScript: hooks report each call in it, with the same names.
"""

from collections.abc import Mapping
from typing import Any

from journal.agents.fields import Actions, call, text
from journal.agents.patches import files
from journal.session.meaning import Action, Kind, Meaning

PATCH = "apply_patch"
ACTIONS: Actions = {
    "Bash": (Action.RUN, ("command",)),
    "view_image": (Action.READ, ("path",)),
    "web_search": (Action.SEARCH, ("query",)),
    "request_user_input": (Action.ASK, ("question",)),
}
_DELEGATING = ("spawn_agent", "wait_agent", "send_input", "close_agent")


def understood(kind: Kind, tool: str, given: Any, shared: Mapping[str, Any]) -> Meaning:
    """A call as hooks and rollouts report it; relative files lie below the session's directory."""
    made = call(kind, tool, given, ACTIONS, shared)
    if tool == PATCH:
        changed = files(text(given, "command", "input"), str(shared.get("cwd", "")))
        return made._replace(action=Action.EDIT, target=changed[0] if changed else "")
    if tool.endswith(_DELEGATING):
        return made._replace(action=Action.DELEGATE, target=text(given, "message", "prompt"))
    return made
