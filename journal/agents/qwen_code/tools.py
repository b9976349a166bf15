"""Qwen Code's tools: what each does, and to what."""

from typing import Any

from journal.agents.entry import text
from journal.session.meaning import Action
from journal.session.own_words import is_own_command

_ACTIONS = {
    "run_shell_command": (Action.RUN, "command"),
    "write_file": (Action.EDIT, "file_path"),
    "edit": (Action.EDIT, "file_path"),
    "read_file": (Action.READ, "file_path"),
    "list_directory": (Action.SEARCH, "path"),
    "glob": (Action.SEARCH, "pattern"),
    "grep_search": (Action.SEARCH, "pattern"),
    "web_fetch": (Action.SEARCH, "url"),
    "web_search": (Action.SEARCH, "query"),
    "task": (Action.DELEGATE, "description"),
    "agent": (Action.DELEGATE, "description"),
    "ask_user_question": (Action.ASK, "question"),
}


def action(tool: str, tool_input: Any) -> tuple[Action, str]:
    """What a call does, and to what."""
    what, key = _ACTIONS.get(tool, (Action.OTHER, ""))
    return what, text(tool_input, key) if key else ""


def is_own(tool: str, target: str) -> bool:
    """Whether this call ran the journal to read what it knows."""
    return tool == "run_shell_command" and is_own_command(target)
