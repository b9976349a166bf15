"""Copilot CLI's `events.jsonl`: where it lies, what is kept of its lines, and what they mean.

Source: files of 1.0.102. Not kept: the inputs of hooks, which repeat what hooks recorded and what
the journal's own context, and system prompts.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from journal.agents.contract import Transcripts
from journal.agents.copilot_cli import tools
from journal.agents.transcript_entry import (
    Entry,
    dump,
    load,
    name,
    obj,
    placed,
    text,
    tokens,
    usage,
)
from journal.session.meaning import OTHER, Author, Kind, Meaning, Usage
from journal.session.own_words import has_frame, without_frames

_FILE = "events.jsonl"
_LEFT_OUT = ("hook.", "system.message")
_THINKING = ("assistant.reasoning",)
_SPOKEN = ("user.", "assistant.", "tool.")
_MOST_CALLS = 500  # that are open at once
_PLACES = ("session.start", "session.resume", "session.context_changed")
_NO_PERSON = ("agent-", "system", "skill-", "command-")


def folders(environ: Mapping[str, str]) -> list[Path]:
    """Where Copilot CLI keeps a folder for each session."""
    configured = environ.get("COPILOT_HOME")
    home = Path(configured) if configured else Path(environ.get("HOME", "")) / ".copilot"
    return [home / "session-state"] if home.is_absolute() else []


def holds(path: Path) -> bool:
    """Whether a file's name is that of a session's events."""
    return path.name == _FILE


def session_of(path: Path) -> str:
    """The session whose events a file holds: its folder's name."""
    return path.parent.name


class Events:
    """Reads one file of events. Its first line says where the session works."""

    def __init__(self, path: Path, thinking: bool = True) -> None:
        self._thinking = thinking
        self._session = session_of(path)
        self._cwd = self._branch = ""
        self._types: dict[str, str] = {}  # of sub-agents
        self._children: dict[str, str] = {}  # sub-agents, by the calls that began them
        self._calls: dict[str, dict[str, Any]] = {}

    def entries(self, line: bytes) -> list[Entry]:
        """What is kept of a line. BadLineError: it is not a JSON object."""
        fields = load(line)
        kind, said = text(fields, "type"), obj(fields, "data")
        if kind.startswith(_LEFT_OUT):
            return []
        if has_frame(line) and not kind.startswith(_SPOKEN):
            return []
        subagent = name(fields, "agentId")
        self._follow(kind, said, subagent)
        if not self._thinking:
            if kind in _THINKING:
                return []
            line, said = _without_thinking(fields, said, line)
        return [
            Entry(
                name(fields, "id"),
                text(fields, "timestamp"),
                self._session,
                subagent,
                self._types.get(subagent, ""),
                self._cwd,
                self._branch,
                "",
                line,
                self._context(kind, said),
            )
        ]

    def _follow(self, kind: str, said: dict[str, Any], subagent: str) -> None:
        """Note what lines behind this one build on."""
        if kind in _PLACES:
            place = obj(said, "context") or said
            self._session = name(said, "sessionId") or self._session
            self._cwd = text(place, "cwd") or self._cwd
            self._branch = text(place, "branch") or self._branch
        elif kind == "subagent.started":
            self._types[subagent] = name(said, "agentType") or name(said, "agentName")
            self._children[name(said, "toolCallId")] = subagent
        elif kind == "tool.execution_start" and (unique := name(said, "toolCallId")):
            self._calls[unique] = {"name": said.get("toolName"), "input": said.get("arguments")}
            if len(self._calls) > _MOST_CALLS:
                del self._calls[next(iter(self._calls))]

    def _context(self, kind: str, said: dict[str, Any]) -> dict[str, Any]:
        """Turns are not named: hooks do not know their ids."""
        if kind != "tool.execution_complete":
            return {}
        unique = name(said, "toolCallId")
        called, child = self._calls.pop(unique, None), self._children.pop(unique, "")
        return ({"call": called} if called else {}) | ({"child": child} if child else {})


def _without_thinking(
    fields: dict[str, Any], said: dict[str, Any], line: bytes
) -> tuple[bytes, dict[str, Any]]:
    kept = {key: value for key, value in said.items() if not key.startswith("reasoning")}
    return (line if len(kept) == len(said) else dump({**fields, "data": kept})), kept


def meaning(payload: Mapping[str, Any]) -> Meaning:
    """The meaning of one kept line."""
    line = obj(payload, "line")
    kind, said = text(line, "type"), obj(line, "data")
    inner = bool(text(payload, "agent_id"))
    if kind.startswith("tool."):
        made = _of_call(payload, kind, said)
    elif kind == "user.message":
        made = _prompt(said, inner)
    elif kind == "assistant.message":
        made = _answer(said, inner)
    else:
        made = _of_event(kind, said, inner)
    return placed(made, payload)


def _answer(said: dict[str, Any], inner: bool) -> Meaning:
    """Words behind which the model asked for no tool end the turn."""
    words, thought = text(said, "content"), text(said, "reasoningText")
    if not words.strip():
        return Meaning(Kind.THINKING, text=thought) if thought else OTHER
    unique = text(said, "messageId")
    if said.get("toolRequests"):
        return Meaning(Kind.ANSWER, text=words, item=unique, ends_turn=False)
    return Meaning(Kind.SUBAGENT_END if inner else Kind.TURN_END, text=words, item=unique)


def _of_event(kind: str, said: dict[str, Any], inner: bool) -> Meaning:
    if kind in _THINKING:
        return Meaning(Kind.THINKING, text=text(said, "content"))
    if kind == "session.usage_record":
        return OTHER._replace(usage=_usage(obj(said, "usage")))
    if kind == "session.title_changed":
        return Meaning(Kind.TITLE, text=text(said, "title"), detail="agent")
    if kind == "subagent.started":
        return Meaning(Kind.SUBAGENT_START)
    if kind == "subagent.failed":
        return Meaning(Kind.SUBAGENT_END, text=text(said, "error") or kind)
    if kind == "abort" and not inner:
        return Meaning(Kind.WAITING_NOTICED, detail=text(said, "reason"), interrupted=True)
    if kind == "session.error" and not inner:
        what = text(said, "errorType")
        return Meaning(Kind.TURN_FAILED, text=text(said, "message") or what or kind, detail=what)
    return OTHER


def _prompt(said: dict[str, Any], is_subagent: bool) -> Meaning:
    """What was typed: the message that the model is sent has more around it."""
    words = without_frames(text(said, "content")).strip()
    source = text(said, "source")
    if is_subagent or not words or source.startswith("agent-"):
        return OTHER
    by = Author.MACHINE if source.startswith(_NO_PERSON) else ""
    return Meaning(Kind.PROMPT, text=words, item=text(said, "messageId"), by=by)


def _of_call(payload: Mapping[str, Any], kind: str, said: dict[str, Any]) -> Meaning:
    unique = text(said, "toolCallId")
    if kind == "tool.execution_start":
        given = said.get("arguments")
        return _called(Kind.TOOL_BEFORE, unique, text(said, "toolName"), given, payload)
    if kind != "tool.execution_complete":
        return OTHER
    called = obj(payload, "call")
    tool, given = text(called, "name"), called.get("input")
    made = _called(Kind.TOOL_AFTER, unique, tool, given, payload)
    output = text(said, "result", "content")
    code = obj(said, "shellExecution").get("exitCode")
    if said.get("success") is False:
        reason = text(said, "error", "message")
        return made._replace(kind=Kind.TOOL_FAILED, text=reason, output=output or reason)
    if type(code) is int and code != 0:
        reason = f"Exit code {code}\n{output}"
        return made._replace(kind=Kind.TOOL_FAILED, text=reason, output=output)
    if child := text(payload, "child"):
        return made._replace(output={"agentId": child, "result": output})
    return made._replace(output=output)


def _called(kind: Kind, unique: str, tool: str, given: Any, payload: Mapping[str, Any]) -> Meaning:
    made = tools.understood(kind, tool, given, {"cwd": text(payload, "cwd")})
    return made._replace(tool_use_id=unique, unnamed=True)


def _usage(said: dict[str, Any]) -> Usage | None:
    message = text(said, "apiCallId") or text(said, "accounting", "usageId")
    if not said:
        return None
    return usage(
        message,
        text(said, "model"),
        tokens(said, "inputTokens"),
        tokens(said, "outputTokens"),
        tokens(said, "cacheReadTokens"),
        tokens(said, "cacheWriteTokens"),
    )


def _begins(fields: Mapping[str, Any]) -> bool:
    return fields.get("type") == "session.start" and bool(obj(fields, "data"))


def _is_record(fields: Mapping[str, Any]) -> bool:
    return bool(text(fields, "type") and text(fields, "id")) and "data" in fields


TRANSCRIPTS = Transcripts(
    folders=folders,
    holds=holds,
    begins=_begins,
    is_record=_is_record,
    session_of=session_of,
    reader=Events,
    meaning=meaning,
)
