"""How each agent goes back into a session: its own command, as it documents it."""

import re
import shlex

# agent → the program and what comes before the session's id
_COMMANDS = {
    "claude-code": ("claude", "--resume"),
    "codex": ("codex", "resume"),
    "copilot-cli": ("copilot", "--resume"),
    "opencode": ("opencode", "--session"),
    "qwen-code": ("qwen", "--resume"),
    "gemini-cli": ("gemini", "--resume"),
}
# An id is an argument: none may be read as an option, and a line may be pasted into any shell.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")


def command(agent: str, session: str) -> list[str] | None:
    """The arguments, the program first; None: unknown."""
    words = _COMMANDS.get(agent)
    if words is None or not _ID.fullmatch(session):
        return None
    return [*words, session]


def line(agent: str, session: str, directory: str) -> str:
    """One line for a shell that goes back from anywhere; "" if unknown."""
    words = command(agent, session)
    if words is None or not directory.isprintable():
        return ""
    started = shlex.join(words)
    return f"cd {shlex.quote(directory)} && {started}" if directory else started
