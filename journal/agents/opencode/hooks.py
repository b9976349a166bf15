"""OpenCode: what the payloads mean that our plugin makes of its hooks and events.

The plugin names the session, its parent's if a sub-agent did it, the folder and the event, in the
words of Claude Code, next to the hook's own `input` and `output`, or the event's
`properties`. Source: recordings of 1.18.33.
"""

from collections.abc import Mapping
from typing import Any

from journal.agents.fields import call, common, content, moment_us, part, prompt, text
from journal.agents.opencode import tools
from journal.session.meaning import Kind, Meaning

PROMPTS = frozenset({"UserPromptSubmit"})


def meaning(event: str, payload: Mapping[str, Any]) -> Meaning:
    """The meaning of one payload; an event that is not known means "other"."""
    shared = common(payload)
    if event in ("PreToolUse", "PostToolUse"):
        return _call(event, payload, shared)
    if event == "PostToolUseFailure":
        return _failed(part(part(payload, "properties"), "part"), shared)
    if event == "UserPromptSubmit" and not shared["subagent"]:
        output = part(payload, "output")
        words = _words(output)
        made = prompt(tools.without_quotes(words) if payload.get("run") is True else words, shared)
        times = part(part(output, "message"), "time")
        return made._replace(fired_us=moment_us(times.get("created")))
    if event == "PermissionRequest":
        return _asked(part(payload, "properties"), shared)
    return _of_session(event, payload, shared)


def _words(output: Mapping[str, Any]) -> str:
    """What the person typed: parts that the program itself added are not theirs."""
    parts = output.get("parts")
    if not isinstance(parts, list):
        return content(output.get("prompt")) or text(part(output, "prompt"), "text")
    typed = [p for p in parts if isinstance(p, dict) and p.get("synthetic") is not True]
    return content([p for p in typed if p.get("type") == "text"])


def _call(event: str, payload: Mapping[str, Any], shared: Mapping[str, Any]) -> Meaning:
    said, gave = part(payload, "input"), part(payload, "output")
    is_end = event == "PostToolUse"
    given = said.get("args") if is_end else gave.get("args")
    kind = Kind.TOOL_AFTER if is_end else Kind.TOOL_BEFORE
    made = call(kind, text(said, "tool"), given, tools.ACTIONS, shared)
    made = made._replace(tool_use_id=text(said, "callID"))
    if not is_end:
        return made
    output = gave.get("output")
    code = part(gave, "metadata").get("exit")
    is_failed = isinstance(code, int) and code != 0
    if is_failed or made.tool == tools.UNKNOWN or gave.get("status") == "error":
        words = content(output) or text(gave, "error") or text(part(gave, "error"), "message")
        return made._replace(kind=Kind.TOOL_FAILED, text=words, output=words)
    return made._replace(output=output)


def _failed(tool: Mapping[str, Any], shared: Mapping[str, Any]) -> Meaning:
    state = part(tool, "state")
    error = text(state, "error")
    made = call(Kind.TOOL_FAILED, text(tool, "tool"), state.get("input"), tools.ACTIONS, shared)
    return made._replace(tool_use_id=text(tool, "callID"), text=error, output=error)


def _asked(properties: Mapping[str, Any], shared: Mapping[str, Any]) -> Meaning:
    patterns = properties.get("patterns")
    first = patterns[0] if isinstance(patterns, list) and patterns else ""
    asked = text(part(properties, "metadata"), "command", "filepath") or first
    return Meaning(
        Kind.PERMISSION_ASKED,
        target=asked if isinstance(asked, str) else "",
        text=text(properties, "permission"),
        **shared,
    )


def _of_session(event: str, payload: Mapping[str, Any], shared: Mapping[str, Any]) -> Meaning:
    words = text(payload, "last_assistant_message")
    shared = {**shared, "transcript": text(payload, "transcript_path")}
    if event == "SessionStart":
        return Meaning(Kind.SESSION_START, detail=text(payload, "source"), **shared)
    if event == "Stop":
        interrupted = payload.get("interrupted") is True
        return Meaning(Kind.TURN_END, text=words, interrupted=interrupted, **shared)
    if event == "StopFailure":
        error = part(part(payload, "properties"), "error")
        said = text(part(error, "data"), "message")
        kind = Kind.SUBAGENT_END if shared["subagent"] else Kind.TURN_FAILED
        return Meaning(kind, text=said, detail=text(error, "name"), **shared)
    if event == "SubagentStart":
        return Meaning(Kind.SUBAGENT_START, **shared)
    if event == "SubagentStop":
        return Meaning(Kind.SUBAGENT_END, text=words, **shared)
    if event == "SessionEnd":
        return Meaning(Kind.SESSION_END, detail=text(payload, "reason"), **shared)
    return Meaning(Kind.OTHER, **shared)
