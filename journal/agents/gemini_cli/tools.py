"""Gemini CLI's tools: what each does, to what, and the words around what they give back."""

import re
from typing import Any

from journal.agents.entry import text
from journal.session.meaning import Action
from journal.session.own_words import is_own_command

_ACTIONS = {
    "run_shell_command": (Action.RUN, "command"),
    "write_file": (Action.EDIT, "file_path"),
    "replace": (Action.EDIT, "file_path"),
    "read_file": (Action.READ, "file_path"),
    "list_directory": (Action.SEARCH, "dir_path"),
    "glob": (Action.SEARCH, "pattern"),
    "grep_search": (Action.SEARCH, "pattern"),
    "google_web_search": (Action.SEARCH, "query"),
    "web_fetch": (Action.SEARCH, "prompt"),
    "invoke_agent": (Action.DELEGATE, "prompt"),
    "ask_user": (Action.ASK, "question"),
}
_EXIT = re.compile(r"^Exit Code: (-?\d{1,9})\s*$", re.MULTILINE)
_UNTRUSTED = re.compile(r"\A<untrusted_context>\n?(.*?)\n?</untrusted_context>", re.DOTALL)


def action(tool: str, tool_input: Any) -> tuple[Action, str]:
    """What a call does, and to what."""
    what, key = _ACTIONS.get(tool, (Action.OTHER, ""))
    return what, text(tool_input, key) if key else ""


def is_own(tool: str, target: str) -> bool:
    """Whether this call ran the journal to read what it knows."""
    return tool == "run_shell_command" and is_own_command(target)


def unwrapped(output: str) -> str:
    """What a tool gave back, without the mark that the model must not obey it."""
    found = _UNTRUSTED.match(output)
    return found[1] if found else output


def exit_code(output: str) -> int:
    """What a command ended with: the last line that says one; 0 if none does."""
    found = _EXIT.findall(output)
    return int(found[-1]) if found else 0
