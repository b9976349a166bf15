"""The agents the journal understands; each module says what its agent's payloads mean."""

from collections.abc import Callable, Mapping
from typing import Any

from journal.agents.claude_code import hooks, transcript_meaning
from journal.session.meaning import OTHER, Meaning

_READERS: Mapping[str, Callable[[str, Mapping[str, Any]], Meaning]] = {
    "claude-code": hooks.meaning,
}
AGENTS = tuple(_READERS)
# The events of records that were copied from the agents' own files.
TRANSCRIPT, HISTORY = transcript_meaning.TRANSCRIPT, transcript_meaning.HISTORY


def meaning_of(agent: str, event: str, payload: Any) -> Meaning:
    """What a payload means; unknown agents, events and shapes are kept and mean "other"."""
    reader = _READERS.get(agent)
    if reader is None or not isinstance(payload, dict):
        if reader is not None and payload is None:
            return reader(event, {})
        return OTHER
    return reader(event, payload)
