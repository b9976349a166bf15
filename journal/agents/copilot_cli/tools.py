"""Copilot CLI's tools: each under the name that hooks of PascalCase events give it.

Transcripts and hooks of camelCase events have Copilot's own names (1.0.102).
"""

import re
from collections.abc import Mapping
from typing import Any

from journal.agents.fields import Actions, call, text
from journal.agents.patches import files
from journal.session.meaning import Action, Kind, Meaning

_RUN = (Action.RUN, ("command",))
_READ = (Action.READ, ("path", "file_path"))
_EDIT = (Action.EDIT, ("path", "file_path"))
_FIND = (Action.SEARCH, ("pattern", "query"))
_FETCH = (Action.SEARCH, ("url", "query"))
_TASK = (Action.DELEGATE, ("description", "prompt"))
_ASK = (Action.ASK, ("question",))
ACTIONS: Actions = {
    "Bash": _RUN, "powershell": _RUN,
    "Read": _READ, "Write": _EDIT, "Edit": _EDIT,
    "Grep": _FIND, "Glob": _FIND, "WebFetch": _FETCH, "web_search": _FETCH,
    "Agent": _TASK, "AskUserQuestion": _ASK,
}  # fmt: skip
_HOOK_NAMES = {
    "bash": "Bash", "view": "Read", "create": "Write", "edit": "Edit", "grep": "Grep",
    "glob": "Glob", "web_fetch": "WebFetch", "task": "Agent", "ask_user": "AskUserQuestion",
}  # fmt: skip
_PATCH = "apply_patch"
_EXIT_CODE = re.compile(r"<shellId: \S+ completed with exit code (-?\d{1,9})>\s*\Z")


def understood(kind: Kind, tool: str, given: Any, shared: Mapping[str, Any]) -> Meaning:
    """A call as hooks and transcripts report it."""
    tool = _HOOK_NAMES.get(tool, tool)
    made = call(kind, tool, given, ACTIONS, shared)
    patch = given if isinstance(given, str) else text(given, "command", "input", "patch")
    if patch.lstrip().startswith("*** Begin Patch") and tool in (_PATCH, "Edit"):
        changed = files(patch, str(shared.get("cwd", "")))
        return made._replace(action=Action.EDIT, target=changed[0] if changed else "")
    return made


def exit_code(output: str) -> int | None:
    """With what a command ended, as the last line of its output says; None if it does not."""
    found = _EXIT_CODE.search(output)
    return int(found[1]) if found else None
