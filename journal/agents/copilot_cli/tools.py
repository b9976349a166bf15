"""Copilot CLI's tools, by its own names (in events.jsonl) and by Claude Code's (in hooks)."""

from typing import Any

from journal.agents.entry import text
from journal.session.meaning import Action
from journal.session.own_words import is_own_command

_NAMES = {
    "bash": "Bash",
    "create": "Write",
    "edit": "Edit",
    "view": "Read",
    "task": "Agent",
    "grep": "Grep",
    "glob": "Glob",
    "web_fetch": "WebFetch",
    "ask_user": "AskUserQuestion",
}
_ACTIONS = {
    "Bash": (Action.RUN, "command"),
    "Write": (Action.EDIT, "path"),
    "Edit": (Action.EDIT, "path"),
    "Read": (Action.READ, "path"),
    "Agent": (Action.DELEGATE, "description"),
    "Grep": (Action.SEARCH, "pattern"),
    "Glob": (Action.SEARCH, "pattern"),
    "WebFetch": (Action.SEARCH, "url"),
    "AskUserQuestion": (Action.ASK, "question"),
}


def hook_name(tool: str) -> str:
    """The name by which hooks report a tool."""
    return _NAMES.get(tool, tool)


def action(tool: str, tool_input: Any) -> tuple[Action, str]:
    """What a call does, and to what."""
    what, key = _ACTIONS.get(hook_name(tool), (Action.OTHER, ""))
    return what, text(tool_input, key) if key else ""


def is_own(tool: str, target: str) -> bool:
    """Whether this call ran the journal to read what it knows."""
    return hook_name(tool) == "Bash" and is_own_command(target)
