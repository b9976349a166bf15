"""How states of sessions are stored: as compressed JSON. SQL cannot look into them."""

from typing import Any

import orjson

from journal.session.state import SessionState
from sync.store.compression import pack_state, unpack


def dump(state: SessionState) -> bytes:
    """What `session_states.state` holds."""
    return pack_state(state.dump())


def load(data: bytes) -> SessionState | None:
    """A stored state; None if another version stored it."""
    return SessionState.load(unpack(data))


def fields(data: bytes) -> dict[str, Any]:
    """Its JSON object, of any version; most of what is as in the state of no events is left out."""
    found: dict[str, Any] = orjson.loads(unpack(data))
    return found
