"""Claude Code's tools: what each does, and what it gives back."""

from collections.abc import Mapping
from typing import Any

from journal.session.meaning import Action
from journal.session.own_words import is_own_command

# tool → what it does, and the input field that says to what
_ACTIONS = {
    "Read": (Action.READ, "file_path"),
    "NotebookRead": (Action.READ, "notebook_path"),
    "Glob": (Action.SEARCH, "pattern"),
    "Grep": (Action.SEARCH, "pattern"),
    "LS": (Action.SEARCH, "path"),
    "WebSearch": (Action.SEARCH, "query"),
    "WebFetch": (Action.SEARCH, "url"),
    "ToolSearch": (Action.SEARCH, "query"),
    "Write": (Action.EDIT, "file_path"),
    "Edit": (Action.EDIT, "file_path"),
    "MultiEdit": (Action.EDIT, "file_path"),
    "NotebookEdit": (Action.EDIT, "notebook_path"),
    "Bash": (Action.RUN, "command"),
    "PowerShell": (Action.RUN, "command"),
    "Agent": (Action.DELEGATE, "description"),
    "Task": (Action.DELEGATE, "description"),
}
_OTHER_ACTION = (Action.OTHER, "")
_SHELLS = ("Bash", "PowerShell")
# What a response repeats of its own input, or of the file it worked on.
_REPEATED = frozenset(
    {"originalFile", "structuredPatch", "oldString", "newString", "prompt", "usage", "toolStats"}
)
_REPEATED_BY_WRITE = _REPEATED | {"content"}


def is_own(tool: str, target: str) -> bool:
    """Whether this call ran the journal to read what it knows."""
    return tool in _SHELLS and is_own_command(target)


def action(tool: str, tool_input: Any) -> tuple[Action, str]:
    """What a call does, and to what."""
    if not isinstance(tool_input, dict):
        return Action.OTHER, ""
    if tool == "AskUserQuestion":
        return Action.ASK, _question(tool_input)
    what, key = _ACTIONS.get(tool, _OTHER_ACTION)
    return what, _text(tool_input, key)


def _question(tool_input: Mapping[str, Any]) -> str:
    questions = tool_input.get("questions")
    if isinstance(questions, list) and questions and isinstance(questions[0], dict):
        return _text(questions[0], "question")
    return _text(tool_input, "question")


def output(tool: str, response: Any) -> Any:
    """A response without what repeats the call's own input."""
    if not isinstance(response, dict):
        return response
    if tool == "Read" and isinstance(response.get("file"), dict):
        return response["file"].get("content")
    repeated = _REPEATED_BY_WRITE if tool == "Write" else _REPEATED
    if repeated.isdisjoint(response):
        return response
    return {key: value for key, value in response.items() if key not in repeated}


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""
