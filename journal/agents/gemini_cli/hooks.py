"""Gemini CLI: what its hook payloads mean.

Source: recordings of 0.61.0. Payloads have no call ids, and nothing marks what a sub-agent did.
`prompt_response` repeats pieces of streamed text, so the last answer is left to the chat file.
"""

import re
from collections.abc import Mapping
from typing import Any

from journal.agents.fields import call, common, part, prompt, text
from journal.agents.gemini_cli import tools
from journal.session.meaning import Kind, Meaning

PROMPTS = frozenset({"BeforeAgent", "AfterAgent"})
_HOOK_CONTEXT = re.compile(r"\s*<hook_context>.*?</hook_context>\s*", re.DOTALL)


def meaning(event: str, payload: Mapping[str, Any]) -> Meaning:
    """The meaning of one payload; an event that is not known means "other"."""
    shared = common(payload)
    if event == "BeforeTool":
        return _call(Kind.TOOL_BEFORE, payload, shared)
    if event == "AfterTool":
        return _ended(_call(Kind.TOOL_AFTER, payload, shared), part(payload, "tool_response"))
    if event == "BeforeAgent":
        return prompt(own_words(text(payload, "prompt")), shared)
    if event == "Notification":
        return _notice(payload, shared)
    shared |= {"transcript": text(payload, "transcript_path")}
    if event == "SessionStart":
        return Meaning(Kind.SESSION_START, detail=text(payload, "source"), **shared)
    if event == "AfterAgent":
        return Meaning(Kind.TURN_END, **shared)
    if event == "SessionEnd":
        return Meaning(Kind.SESSION_END, detail=text(payload, "reason"), **shared)
    return Meaning(Kind.OTHER, **shared)


def own_words(words: str) -> str:
    """A prompt without the context of hooks, which headless runs put in front of it."""
    found = _HOOK_CONTEXT.match(words)
    return words[found.end() :] if found else words


def _call(kind: Kind, payload: Mapping[str, Any], shared: Mapping[str, Any]) -> Meaning:
    tool, given = text(payload, "tool_name"), payload.get("tool_input")
    return call(kind, tool, given, tools.ACTIONS, shared)


def _ended(made: Meaning, response: Mapping[str, Any]) -> Meaning:
    words = tools.output(response.get("llmContent"))
    error = text(part(response, "error"), "message")
    cancelled = words.startswith(tools.CANCELLED)
    if error or cancelled or (made.tool == "run_shell_command" and tools.exit_code(words)):
        return made._replace(
            kind=Kind.TOOL_FAILED, text=error or words, output=words, interrupted=cancelled
        )
    return made._replace(output=words)


def _notice(payload: Mapping[str, Any], shared: Mapping[str, Any]) -> Meaning:
    notice = text(payload, "notification_type")
    details = part(payload, "details")
    return Meaning(
        Kind.ATTENTION_ASKED if notice == "ToolPermission" else Kind.OTHER,
        text=text(payload, "message"),
        target=text(details, "command", "filePath", "title"),
        detail=notice,
        **shared,
    )
