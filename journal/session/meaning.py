"""What an event means in our terms, whichever agent it came from.

`journal/agents/` has a module for each agent that turns its payloads into a Meaning; nothing
else names an agent's fields.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple


class Kind(StrEnum):
    """What happened."""

    SESSION_START = "session_start"
    PROMPT = "prompt"
    TOOL_BEFORE = "tool_before"
    TOOL_AFTER = "tool_after"
    TOOL_FAILED = "tool_failed"
    PERMISSION_ASKED = "permission_asked"
    ATTENTION_ASKED = "attention_asked"
    WAITING_NOTICED = "waiting_noticed"
    SUBAGENT_START = "subagent_start"
    SUBAGENT_END = "subagent_end"
    TURN_END = "turn_end"
    TURN_FAILED = "turn_failed"
    SESSION_END = "session_end"
    # What a transcript tells beside the hooks; it changes no state, whenever it comes.
    TOLD_PROMPT = "told_prompt"
    TOLD_ANSWER = "told_answer"
    TOLD_CALL = "told_call"
    TOLD_RESULT = "told_result"
    TOLD_THINKING = "told_thinking"
    TOLD_OTHER = "told_other"
    OTHER = "other"


FAILED = "failed"
ASIDE = frozenset(kind for kind in Kind if kind.value.startswith("told_"))


class Action(StrEnum):
    """What a tool does to the world."""

    READ = "read"  # target: a file
    SEARCH = "search"  # target: a pattern or a question
    EDIT = "edit"  # target: a file
    RUN = "run"  # target: a command
    ASK = "ask"  # target: a question to the person
    DELEGATE = "delegate"  # target: what a sub-agent was told
    OTHER = "other"


class Usage(NamedTuple):
    """The tokens of one message of a model."""

    message: str  # its id; several records may tell of one message
    model: str
    input: int
    output: int
    cache_read: int
    cache_write: int


class Meaning(NamedTuple):
    """One event, understood. Texts are as the agent sent them, redacted, never cut."""

    kind: Kind
    session: str = ""  # the agent's session id; "" if the payload names none
    cwd: str = ""
    subagent: str = ""  # the sub-agent that did it; "" is the session itself
    subagent_type: str = ""
    text: str = ""  # a prompt, the last words of a turn, an error, a message
    by_person: bool = True  # of a prompt: somebody typed it
    detail: str = ""  # source of a start, reason of an end, kind of a notice; of a told end: FAILED
    tool: str = ""
    tool_use_id: str = ""
    action: Action = Action.OTHER
    target: str = ""
    tool_input: Mapping[str, Any] | None = None
    output: Any = None  # what the tool gave back, without what repeats its input
    interrupted: bool = False
    own: bool = False  # it ran this program: what it read back is nothing new
    transcript: str = ""  # the file that the agent keeps of the session, or of a sub-agent
    usage: Usage | None = None


OTHER = Meaning(Kind.OTHER)


def leaves(value: Any, limit_chars: int) -> str:
    """The string leaves of JSON values, one a line, until the limit is reached."""
    if isinstance(value, str):
        return value[:limit_chars]
    if isinstance(value, dict) and (text := _flat(value, limit_chars)) is not None:
        return text
    found: list[str] = []
    left = limit_chars
    stack = [value]
    while stack and left > 0:
        top = stack.pop()
        if isinstance(top, str):
            found.append(top[:left])
            left -= len(top)
        elif isinstance(top, dict):
            stack.extend(reversed(list(top.values())))
        elif isinstance(top, list):
            stack.extend(reversed(top))
    return "\n".join(found)


def _flat(value: Mapping[str, Any], limit_chars: int) -> str | None:
    """The leaves of an object that holds no other and is below the limit, as most are."""
    found, chars = [], 0
    for item in value.values():
        if isinstance(item, str):
            found.append(item)
            chars += len(item)
        elif isinstance(item, (dict, list)):
            return None
    return "\n".join(found) if chars < limit_chars else None
