"""OpenCode's tools: what each does, and to what."""

from journal.agents.fields import Actions
from journal.session.meaning import Action

ACTIONS: Actions = {
    "bash": (Action.RUN, ("command",)),
    "shell": (Action.RUN, ("command",)),  # of version 2
    "read": (Action.READ, ("filePath",)),
    "write": (Action.EDIT, ("filePath",)),
    "edit": (Action.EDIT, ("filePath",)),
    "multiedit": (Action.EDIT, ("filePath",)),
    "grep": (Action.SEARCH, ("pattern",)),
    "glob": (Action.SEARCH, ("pattern",)),
    "list": (Action.SEARCH, ("path",)),
    "webfetch": (Action.SEARCH, ("url",)),
    "websearch": (Action.SEARCH, ("query",)),
    "question": (Action.ASK, ("question",)),
    "task": (Action.DELEGATE, ("description", "prompt")),
    "subagent": (Action.DELEGATE, ("description", "prompt")),  # of version 2
}
UNKNOWN = "invalid"  # the tool that replaces one that does not exist


def without_quotes(prompt: str) -> str:
    """The words of `opencode run "do it"`, which adds quotes to an argument with spaces."""
    inner = prompt[1:-1]
    if len(prompt) < 2 or prompt[0] != '"' or prompt[-1] != '"':
        return prompt
    if '"' in inner.replace('\\"', ""):
        return prompt  # several arguments
    return inner.replace('\\"', '"')
