"""OpenCode's tools: what each does, and to what."""

from typing import Any

from journal.agents.entry import text
from journal.session.meaning import Action
from journal.session.own_words import is_own_command

_ACTIONS = {
    "bash": (Action.RUN, "command"),
    "write": (Action.EDIT, "filePath"),
    "edit": (Action.EDIT, "filePath"),
    "read": (Action.READ, "filePath"),
    "grep": (Action.SEARCH, "pattern"),
    "glob": (Action.SEARCH, "pattern"),
    "list": (Action.SEARCH, "path"),
    "webfetch": (Action.SEARCH, "url"),
    "websearch": (Action.SEARCH, "query"),
    "task": (Action.DELEGATE, "description"),
    "question": (Action.ASK, "question"),
}


def action(tool: str, tool_input: Any) -> tuple[Action, str]:
    """What a call does, and to what."""
    what, key = _ACTIONS.get(tool, (Action.OTHER, ""))
    return what, text(tool_input, key) if key else ""


def is_own(tool: str, target: str) -> bool:
    """Whether this call ran the journal to read what it knows."""
    return tool == "bash" and is_own_command(target)
