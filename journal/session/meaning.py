"""# target: the task of a sub-agent

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
    QUEUED = "queued"  # a prompt that waits for its turn; it counts only if it is nowhere else
    ANSWER = "answer"  # words on the way; at the end of a turn they are a TURN_END
    THINKING = "thinking"
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
    TITLE = "title"  # detail: who gave the name, "person" or "agent"
    FILES = "files"  # the state of files at a prompt, see Meaning.files
    NOTE = "note"  # what the agent itself put into the conversation, as the output of a skill
    OTHER = "other"


class Author(StrEnum):
    """Who wrote a prompt."""

    PERSON = "person"
    MACHINE = "machine"  # a task notification, a wake-up, a peer
    UNKNOWN = "unknown"  # a script and a person who type the same command look alike


class Action(StrEnum):
    """What a tool does to the world."""

    READ = "read"  # target: a file
    SEARCH = "search"  # target: a pattern or a question
    EDIT = "edit"  # target: a file
    RUN = "run"  # target: a command
    ASK = "ask"  # target: a question to the person
    DELEGATE = "delegate"  # target: the task of a sub-agent
    OTHER = "other"


class Usage(NamedTuple):
    """The tokens of one message of a model."""

    message: str  # its identity; several records may be of one message
    model: str
    input: int
    output: int
    cache_read: int
    cache_write: int


class Place(NamedTuple):
    """Where in an agent's own files something is; places of one file are ordered."""

    file: str
    offset: int  # of the line, bytes
    part: int


class Meaning(NamedTuple):
    """One event, understood. Texts are as the agent sent them, redacted, never cut."""

    kind: Kind
    session: str = ""  # the agent's session id; "" if the payload names none
    cwd: str = ""
    subagent: str = ""  # the sub-agent that did it; "" is the session itself
    subagent_type: str = ""
    text: str = ""  # a prompt's own words, the last words of a turn, an error, a message
    by: str = ""  # who wrote a prompt, see Author; "": what the session's front end says
    detail: str = ""  # source of a start, reason of an end, kind of a notice
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
    totals: tuple[Usage, ...] = ()  # what the agent counted of the session, by model
    # The conversation: see journal/session/conversation.py.
    turn: str = ""  # the agent's id of the turn; "" if it gives none
    place: Place | None = None  # in a transcript; None: a hook says it
    item: str = ""  # the transcript's own id of what is said here
    message: str = ""  # the model's id of the message in which it is said
    parent: str = ""  # of a prompt in a transcript: the item that it follows
    turn_index: int = 0  # of a prompt in a transcript: its number; 0: not known
    ends_turn: bool | None = None  # of an ANSWER; None: the transcript does not say
    unnamed: bool = False  # of a call in a transcript: the agent's hooks do not report its id
    inherited: bool = False  # the line says itself that it was copied from another session
    taken_back: bool = False  # set by the merge
    files: Mapping[str, str | None] | None = None  # path: the backup of its content; None: gone
    fired_us: int = 0  # when the agent made a hook's payload; 0: the payload does not say

    @property
    def reported(self) -> bool:
        """Whether a transcript says it, and no hook."""
        return self.place is not None

    @property
    def by_person(self) -> bool:
        """Whether no machine wrote the prompt."""
        return self.by != Author.MACHINE


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
