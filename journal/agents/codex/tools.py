"""Codex's tools: what each does, to what, and whether it failed."""

import re
from typing import Any

from journal.agents.entry import text
from journal.session.meaning import Action
from journal.session.own_words import is_own_command

_ACTIONS = {
    "Bash": (Action.RUN, "command"),
    "view_image": (Action.READ, "path"),
    "web_search": (Action.SEARCH, "query"),
}
_DELEGATES = ("spawn_agent", "wait_agent", "send_message", "send_input")
_PATCHED = re.compile(r"^\*\*\* (?:Add|Update|Delete) File: (.+)$", re.MULTILINE)


def action(tool: str, tool_input: Any) -> tuple[Action, str]:
    """What a call does, and to what; of a patch, its first file."""
    if tool == "apply_patch":
        found = _PATCHED.search(text(tool_input, "command"))
        return Action.EDIT, found[1].strip() if found else ""
    if tool.endswith(_DELEGATES):
        return Action.DELEGATE, text(tool_input, "message") or text(tool_input, "prompt")
    what, key = _ACTIONS.get(tool, (Action.OTHER, ""))
    return what, text(tool_input, key) if key else ""


def is_own(tool: str, target: str) -> bool:
    """Whether this call ran the journal to read what it knows."""
    return tool == "Bash" and is_own_command(target)
