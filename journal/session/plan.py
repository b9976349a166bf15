"""The plan of a session: what `journal run` puts into an agent's environment for the hooks.

`<id>:<session>:<name>`: 32 hex digits; the terminal session (setsid) in which it was started,
which `hooks.emit.is_planned` compares with the agent's own; a name, which may be empty. Any other
text that is set is an id alone.
"""

VARIABLE = "JOURNAL_PLAN"
NAME_CHARS = 120  # 256 of the whole reach the record


def compose(unique: str, session: int, name: str) -> str:
    """The value of the variable."""
    return f"{unique}:{session}:{name}"


def name_of(plan: str) -> str:
    """The name that the session was given; "" if none."""
    return "".join(plan.split(":", 2)[2:]).strip()
