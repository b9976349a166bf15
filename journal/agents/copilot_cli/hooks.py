"""Copilot CLI: what its hook payloads mean.

Source: recordings of 1.0.102. Registered under PascalCase names most payloads are like Claude
Code's; three events keep camelCase fields, and other installations may have registered camelCase
names for all. No payload has a call's id or the last answer: both are in events.jsonl.
"""

from collections.abc import Mapping
from typing import Any

from journal.agents.copilot_cli import tools
from journal.agents.fields import moment_us, part, prompt, text
from journal.session.meaning import Kind, Meaning

PROMPTS = frozenset(
    {"UserPromptSubmit", "SessionStart", "userPromptSubmitted", "userPromptTransformed",
     "sessionStart"}
)  # fmt: skip
_PASCAL = {
    "sessionStart": "SessionStart",
    "userPromptSubmitted": "UserPromptSubmit",
    "preToolUse": "PreToolUse",
    "postToolUse": "PostToolUse",
    "postToolUseFailure": "PostToolUseFailure",
    "notification": "Notification",
    "agentStop": "Stop",
    "subagentStart": "SubagentStart",
    "subagentStop": "SubagentStop",
    "errorOccurred": "ErrorOccurred",
    "sessionEnd": "SessionEnd",
}
_CALLS = {
    "PreToolUse": Kind.TOOL_BEFORE,
    "PostToolUse": Kind.TOOL_AFTER,
    "PostToolUseFailure": Kind.TOOL_FAILED,
}
_QUESTIONS = ("permission_prompt", "elicitation_dialog")
_SOURCES = {"new": "startup"}


def meaning(event: str, payload: Mapping[str, Any]) -> Meaning:
    """The meaning of one payload; an event that is not known means "other".

    What a sub-agent does carries the sub-agent's id as its session: it belongs to its parent.
    """
    name = _PASCAL.get(event, event)
    parent = text(payload, "parent_agent_id", "parentAgentId")
    shared = {
        "session": parent or text(payload, "session_id", "sessionId"),
        "cwd": text(payload, "cwd"),
        "subagent": text(payload, "agent_id", "agentId") if parent else "",
        "subagent_type": text(payload, "agent_type", "agentType", "agentName") if parent else "",
        "fired_us": moment_us(payload.get("timestamp")),
    }
    if name in _CALLS:
        return _call(_CALLS[name], payload, shared)
    if name == "UserPromptSubmit" and not parent:  # else the task that a sub-agent was given
        return prompt(text(payload, "prompt"), shared)
    if name == "Notification":
        return _notice(payload, shared)
    return _of_session(name, payload, shared)


def _call(kind: Kind, payload: Mapping[str, Any], shared: Mapping[str, Any]) -> Meaning:
    given = payload.get("tool_input", payload.get("toolArgs"))
    made = tools.understood(kind, text(payload, "tool_name", "toolName"), given, shared)
    if kind is Kind.TOOL_FAILED:
        error = text(payload, "error") or text(part(payload, "error"), "message")
        return made._replace(text=error, output=error)
    if kind is Kind.TOOL_BEFORE:
        return made
    result = part(payload, "tool_result", "toolResult")
    output = text(result, "text_result_for_llm", "textResultForLlm")
    kind_of_result = text(result, "result_type", "resultType") or "success"
    if kind_of_result != "success" or tools.exit_code(output):
        return made._replace(kind=Kind.TOOL_FAILED, text=output, output=output)
    return made._replace(output=output)


def _notice(payload: Mapping[str, Any], shared: Mapping[str, Any]) -> Meaning:
    notice = text(payload, "notification_type", "notificationType")
    kind = Kind.ATTENTION_ASKED if notice in _QUESTIONS else Kind.OTHER
    return Meaning(kind, text=text(payload, "message"), detail=notice, **shared)


def _of_session(name: str, payload: Mapping[str, Any], shared: dict[str, Any]) -> Meaning:
    shared = {**shared, "transcript": text(payload, "transcript_path", "transcriptPath")}
    if name == "SessionStart":
        source = text(payload, "source")
        return Meaning(Kind.SESSION_START, detail=_SOURCES.get(source, source), **shared)
    if name == "Stop" and not shared["subagent"]:
        return Meaning(Kind.TURN_END, **shared)
    if name == "SubagentStart":
        return Meaning(Kind.SUBAGENT_START, **shared)
    if name == "SubagentStop":
        words = text(payload, "last_assistant_message", "response")
        return Meaning(Kind.SUBAGENT_END, text=words, **shared)
    if name == "ErrorOccurred" and payload.get("recoverable") is not True:
        error = part(payload, "error")
        words, kind = text(error, "message"), text(error, "name")
        return Meaning(Kind.TURN_FAILED, text=words, detail=kind, **shared)
    if name == "SessionEnd":
        return Meaning(Kind.SESSION_END, detail=text(payload, "reason"), **shared)
    return Meaning(Kind.OTHER, **shared)
