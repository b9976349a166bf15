"""Codex: what its hook payloads mean.

Source: recordings of 0.171.0. No payload says that a command failed, and a patch that does not
apply has no end at all: both are in the rollout, joined by the call's id.
"""

from collections.abc import Mapping
from typing import Any

from journal.agents.codex import tools
from journal.agents.fields import common, prompt, text
from journal.session.meaning import Kind, Meaning

PROMPTS = frozenset({"UserPromptSubmit"})
_CALLS = {"PreToolUse": Kind.TOOL_BEFORE, "PostToolUse": Kind.TOOL_AFTER}


def meaning(event: str, payload: Mapping[str, Any]) -> Meaning:
    """The meaning of one payload; an event that is not known means "other"."""
    shared = common(payload)
    if not shared["subagent"]:  # a sub-agent's turns are parts of its session's
        shared["turn"] = text(payload, "turn_id")
    if event in _CALLS:
        return _call(_CALLS[event], payload, shared)
    if event == "PermissionRequest":
        asked = tools.understood(
            Kind.PERMISSION_ASKED, text(payload, "tool_name"), payload.get("tool_input"), shared
        )
        return asked._replace(text=text(payload.get("tool_input"), "description"))
    if event == "UserPromptSubmit":
        if shared["subagent"]:
            return Meaning(Kind.OTHER, **shared)  # the task that a sub-agent was given
        return prompt(text(payload, "prompt"), shared)
    return _of_session(event, payload, shared)


def _call(kind: Kind, payload: Mapping[str, Any], shared: Mapping[str, Any]) -> Meaning:
    made = tools.understood(kind, text(payload, "tool_name"), payload.get("tool_input"), shared)
    return made._replace(
        tool_use_id=text(payload, "tool_use_id"), output=payload.get("tool_response")
    )


def _of_session(event: str, payload: Mapping[str, Any], shared: Mapping[str, Any]) -> Meaning:
    words, file = text(payload, "last_assistant_message"), text(payload, "transcript_path")
    if event == "SessionStart":
        return Meaning(
            Kind.SESSION_START, detail=text(payload, "source"), transcript=file, **shared
        )
    if event == "Stop":
        return Meaning(Kind.TURN_END, text=words, transcript=file, **shared)
    if event == "Interrupt":  # nothing else says that the turn is over
        return Meaning(Kind.TURN_END, interrupted=True, transcript=file, **shared)
    if event == "SubagentStart":
        return Meaning(Kind.SUBAGENT_START, **shared)
    if event == "SubagentStop":
        own = text(payload, "agent_transcript_path")
        return Meaning(Kind.SUBAGENT_END, text=words, transcript=own, **shared)
    if event == "SessionEnd":
        return Meaning(Kind.SESSION_END, detail=text(payload, "reason"), transcript=file, **shared)
    return Meaning(Kind.OTHER, detail=text(payload, "trigger"), **shared)
