"""How a session is run, where the agent itself does not say so: before a person, or headless.

Read off the command line of the agent's process. Asked at SessionStart only; where there is no
/proc nothing is known, and the agent's transcript may say it later.
"""

from hooks.local_pass import read_file

TERMINAL, HEADLESS = "cli", "headless"
# Of each agent, the arguments with which it runs without a person.
_ARGUMENTS = {
    "codex": (b"exec", b"e", b"review"),
    "copilot-cli": (b"-p", b"--prompt", b"--acp"),
    "gemini-cli": (b"-p", b"--prompt", b"--acp", b"--experimental-acp"),
    "opencode": (b"run", b"serve", b"acp"),
    "qwen-code": (b"-p", b"--prompt", b"--acp", b"--experimental-acp"),
}


def front_end(agent: str, pid: str) -> str:
    """`cli` for a terminal, `headless`, or "" if it is not known."""
    known = _ARGUMENTS.get(agent)
    if known is None or not pid.isdigit():
        return ""
    _, *arguments = read_file(f"/proc/{pid}/cmdline").split(b"\0")
    if not arguments:
        return ""
    found = any(
        argument in known or argument.startswith(b"--prompt=")
        for argument in arguments[: _first_text(arguments)]
    )
    return HEADLESS if found else TERMINAL


def _first_text(arguments: list[bytes]) -> int:
    """How many arguments come before the first that holds a space: from there on a prompt."""
    return next((at for at, text in enumerate(arguments) if b" " in text), len(arguments))
