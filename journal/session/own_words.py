"""What this program itself said: it is neither indexed nor summarized.

The context it gave to a session, and what its own commands printed there, come back in prompts,
answers, tool output and transcripts. They stay out of the index and of summaries.
"""

import re

# Both are compiled when the first text comes that may hold them.
_FRAME = r"(?s)<agent-journal project=.*?(?:</agent-journal>|\Z)"
_NAME = r"(?:\S*/)?(?:agent-)?journal|\S*python[\d.]*\s+-m\s+journal"
_READING = "sessions|show|search|context|export|status|doctor|replay|redact|import"
_COMMAND = (
    rf"(?:^|[;&|(\n`])\s*(?:\w+=\S*\s+)*(?:{_NAME})"
    rf"(?:\s+--home(?:=|\s+)\S+)?(?:\s+(?:{_READING})\b|\s*(?:$|[;&|)\n`]))"
)


def has_frame(text: bytes) -> bool:
    """Whether bytes hold a context that this program gave; they may be JSON."""
    return b"<agent-journal project=" in text or b"u003cagent-journal project=" in text


def without_frames(text: str) -> str:
    """The text without the contexts that this program gave; an open one goes on to the end."""
    return re.sub(_FRAME, "", text) if "<agent-journal project=" in text else text


def is_own_command(command: str) -> bool:
    """Whether a command line runs this program to read what it knows."""
    return "journal" in command and re.search(_COMMAND, command) is not None
