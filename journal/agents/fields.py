"""Fields of a payload: one of the wrong type counts as absent.

The journal keeps what was sent, a view shows what it can.
"""

from collections.abc import Mapping
from typing import Any

from journal.session.meaning import Action, Kind, Meaning
from journal.session.own_words import is_own_command
from journal.times import to_us

Actions = Mapping[str, tuple[Action, tuple[str, ...]]]


def text(fields: Any, *keys: str) -> str:
    """The first of these fields that is a text; "" if there is none."""
    if isinstance(fields, dict):
        for key in keys:
            if isinstance(value := fields.get(key), str):
                return value
    return ""


def part(fields: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """The first of these fields that is an object; an empty one if there is none."""
    return next((value for key in keys if isinstance(value := fields.get(key), dict)), {})


def common(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Who and where, as hooks in the manner of Claude Code name it."""
    return {
        "session": text(payload, "session_id"),
        "cwd": text(payload, "cwd"),
        "subagent": text(payload, "agent_id"),
        "subagent_type": text(payload, "agent_type"),
        "fired_us": moment_us(payload.get("timestamp")),
    }


def moment_us(value: Any) -> int:
    """A time in ISO 8601 or in milliseconds since 1970, as microseconds; 0 if it is neither."""
    if type(value) is int:
        return value * 1000 if 0 < value < 1 << 52 else 0
    try:
        return max(0, to_us(value)) if isinstance(value, str) else 0
    except (ValueError, OverflowError):
        return 0


def content(value: Any) -> str:
    """The words of a content, which is a text or a list of parts with texts."""
    if isinstance(value, str):
        return value
    parts = value if isinstance(value, list) else []
    return "\n".join(filter(None, (text(part, "text") for part in parts)))


def prompt(words: str, shared: Mapping[str, Any]) -> Meaning:
    """A prompt of the session itself; one without words is none."""
    if not words.strip():
        return Meaning(Kind.OTHER, **shared)
    return Meaning(Kind.PROMPT, text=words, **shared)


def call(kind: Kind, tool: str, given: Any, actions: Actions, shared: Mapping[str, Any]) -> Meaning:
    """A tool call. `actions`: what each tool does, and the fields that may say to what."""
    action, keys = actions.get(tool, (Action.OTHER, ()))
    target = text(given, *keys)
    return Meaning(
        kind,
        tool=tool,
        action=action,
        target=target,
        tool_input=given if isinstance(given, dict) else None,
        own=action is Action.RUN and is_own_command(target),
        **shared,
    )
