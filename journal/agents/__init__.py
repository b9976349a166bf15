"""The agents the journal understands; each module says what its agent's payloads mean."""

from collections.abc import Callable, Mapping
from typing import Any

from journal.agents import claude_code
from journal.meaning import OTHER, Meaning

_READERS: Mapping[str, Callable[[str, Mapping[str, Any]], Meaning]] = {
    "claude-code": claude_code.meaning,
}
AGENTS = tuple(_READERS)


def meaning_of(agent: str, event: str, payload: Any) -> Meaning:
    """What a payload means; unknown agents, events and shapes are kept and mean "other"."""
    reader = _READERS.get(agent)
    if reader is None or not isinstance(payload, dict):
        if reader is not None and payload is None:
            return reader(event, {})
        return OTHER
    return reader(event, payload)
