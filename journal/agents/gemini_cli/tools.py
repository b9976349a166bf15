"""Gemini CLI's tools: what each does, to what, and what its output says of success.

Qwen Code, which began as a copy of Gemini CLI, has the same tools.
"""

import re
from typing import Any

from journal.agents.fields import Actions, content
from journal.session.meaning import Action

_FILE = ("file_path", "absolute_path", "path")
ACTIONS: Actions = {
    "run_shell_command": (Action.RUN, ("command",)),
    "read_file": (Action.READ, _FILE),
    "read_many_files": (Action.READ, ("include", "paths")),
    "write_file": (Action.EDIT, _FILE),
    "replace": (Action.EDIT, _FILE),
    "edit": (Action.EDIT, _FILE),
    "list_directory": (Action.SEARCH, ("dir_path", "path")),
    "glob": (Action.SEARCH, ("pattern",)),
    "grep_search": (Action.SEARCH, ("pattern",)),
    "search_file_content": (Action.SEARCH, ("pattern",)),
    "google_web_search": (Action.SEARCH, ("query",)),
    "web_search": (Action.SEARCH, ("query",)),
    "web_fetch": (Action.SEARCH, ("url", "prompt")),
    "ask_user": (Action.ASK, ("question",)),
    "ask_user_question": (Action.ASK, ("question",)),
    "invoke_agent": (Action.DELEGATE, ("prompt", "agent_name")),
    "task": (Action.DELEGATE, ("description", "prompt")),
}
CANCELLED = "Command cancelled by user"
_WRAPPED = re.compile(r"\s*<untrusted_context>\n?(.*?)\n?</untrusted_context>\s*", re.DOTALL)
# Behind the output of a command; a line of the output itself may look the same, so the last counts.
_EXIT_CODE = re.compile(r"^Exit Code: (-?\d{1,9})\n(?:.*\n){0,3}?Process Group PGID", re.MULTILINE)


def output(response: Any) -> str:
    """What a tool gave back to the model, without what is wrapped around it."""
    words = content(response)
    found = _WRAPPED.fullmatch(words)
    return found[1] if found else words


def exit_code(words: str) -> int:
    """With what a command ended; 0 if its output does not say otherwise."""
    codes = _EXIT_CODE.findall(words)
    return int(codes[-1]) if codes else 0
