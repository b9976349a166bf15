"""Claude Code's transcripts: what a kept record of them means.

Source: the sessions reference of Claude Code and files of 2.1.329; "internal, changes between
versions". A kept record is the payload of a `Transcript` event (hooks saw the same; it only adds
what they do not know) or of a `History` event (no hook did: it stands for what happened).
"""

from collections.abc import Mapping
from typing import Any

from journal.agents.claude_code import tools
from journal.agents.claude_code.transcript_lines import blocks, field, is_thinking, message
from journal.session.meaning import FAILED, Kind, Meaning, Usage

TRANSCRIPT = "Transcript"
HISTORY = "History"
_FINAL = ("end_turn", "stop_sequence", "max_tokens", "refusal")
_SYNTHETIC = "<synthetic>"  # the model of records that no model wrote
_SIDECHAIN = "sidechain"  # sub-agents of versions that gave them no id
_INTERRUPT = "[Request interrupted by user"
_REFUSED = (_INTERRUPT, "The user doesn't want to ")
_NO_PERSON = ("task-notification", "peer", "coordinator", "scheduled")
_TOLD = {  # what a hook reports itself is only told
    Kind.TOOL_BEFORE: Kind.TOLD_CALL,
    Kind.TOOL_AFTER: Kind.TOLD_RESULT,
    Kind.TOOL_FAILED: Kind.TOLD_RESULT,
    Kind.TURN_END: Kind.TOLD_ANSWER,
    Kind.SUBAGENT_END: Kind.TOLD_ANSWER,
    Kind.PROMPT: Kind.TOLD_OTHER,
    Kind.WAITING_NOTICED: Kind.TOLD_OTHER,
    Kind.TURN_FAILED: Kind.TOLD_OTHER,
}
_HAPPENED = {Kind.TOLD_PROMPT: Kind.PROMPT}  # no hook reports it, so it is told even beside them


def meaning(event: str, payload: Mapping[str, Any]) -> Meaning:
    """The meaning of one kept record."""
    line = payload.get("line")
    fields = line if isinstance(line, dict) else {}
    subagent = field(payload, "agent_id") or _SIDECHAIN * (fields.get("isSidechain") is True)
    made = _meaning(fields, payload.get("call"), bool(subagent))
    kinds = _HAPPENED if event == HISTORY else _TOLD
    return made._replace(
        kind=kinds.get(made.kind, made.kind),
        session=field(payload, "session_id"),
        subagent=subagent,
        subagent_type=field(payload, "agent_type"),
        cwd=field(fields, "cwd"),
        usage=_usage(fields),
    )


def _meaning(fields: Mapping[str, Any], call: Any, is_subagent: bool) -> Meaning:
    kind = fields.get("type")
    if kind == "assistant":
        return _of_assistant(fields, is_subagent)
    if kind == "user":
        for block in blocks(fields):
            if block.get("type") == "tool_result":
                return _of_result(fields, block, call)
        return _of_prompt(fields, is_subagent)
    attachment = fields.get("attachment")
    if isinstance(attachment, dict) and attachment.get("type") == "queued_command":
        return _of_queued(attachment)
    return Meaning(Kind.TOLD_OTHER)


def _of_queued(attachment: Mapping[str, Any]) -> Meaning:
    """What somebody typed into a running turn: no hook reports it."""
    text = _content_text(attachment.get("prompt"))
    if not text or attachment.get("commandMode", "prompt") != "prompt":
        return Meaning(Kind.TOLD_OTHER)
    return Meaning(Kind.TOLD_PROMPT, text=text, by_person=_is_by_person(attachment, text))


def _of_assistant(fields: Mapping[str, Any], is_subagent: bool) -> Meaning:
    for block in blocks(fields):
        if block.get("type") == "tool_use":
            return _of_call(block)
    text = _texts(fields)
    if fields.get("isApiErrorMessage") is True:
        return Meaning(Kind.TURN_FAILED, text=text)
    said = message(fields)
    if said.get("model") == _SYNTHETIC:
        return Meaning(Kind.TOLD_OTHER)  # a filler that the agent wrote itself
    if not text:
        thought = "\n".join(field(b, "thinking") for b in blocks(fields) if is_thinking(b))
        return Meaning(Kind.TOLD_THINKING, text=thought)
    if said.get("stop_reason") in _FINAL:
        return Meaning(Kind.SUBAGENT_END if is_subagent else Kind.TURN_END, text=text)
    return Meaning(Kind.TOLD_ANSWER, text=text)


def _of_call(block: Mapping[str, Any]) -> Meaning:
    tool, given = field(block, "name"), block.get("input")
    action, target = tools.action(tool, given)
    return Meaning(
        Kind.TOOL_BEFORE,
        tool=tool,
        tool_use_id=field(block, "id"),
        action=action,
        target=target,
        tool_input=given if isinstance(given, dict) else None,
    )


def _of_result(fields: Mapping[str, Any], block: Mapping[str, Any], call: Any) -> Meaning:
    called = _of_call(call) if isinstance(call, dict) else Meaning(Kind.TOOL_BEFORE)
    own = tools.is_own(called.tool, called.target)
    end = called._replace(tool_use_id=field(block, "tool_use_id"), own=own)
    text = _content_text(block.get("content"))
    if block.get("is_error") is True:
        cut_off = text.startswith(_REFUSED) or "toolDenialKind" in fields
        return end._replace(
            kind=Kind.TOOL_FAILED, text=text, output=text, interrupted=cut_off, detail=FAILED
        )
    response = fields.get("toolUseResult")
    output = tools.output(called.tool, response) if isinstance(response, (dict, list)) else text
    return end._replace(kind=Kind.TOOL_AFTER, output=output)


def _of_prompt(fields: Mapping[str, Any], is_subagent: bool) -> Meaning:
    text = _texts(fields)
    synthetic = ("isMeta", "isCompactSummary", "isVisibleInTranscriptOnly")
    if is_subagent or not text or any(fields.get(key) is True for key in synthetic):
        return Meaning(Kind.TOLD_OTHER)
    if text.startswith(_INTERRUPT):
        return Meaning(Kind.WAITING_NOTICED)  # the turn is over
    return Meaning(Kind.PROMPT, text=text, by_person=_is_by_person(fields, text))


def _is_by_person(fields: Mapping[str, Any], text: str) -> bool:
    origin = fields.get("origin")
    kind = origin.get("kind") if isinstance(origin, dict) else None
    known = kind in _NO_PERSON or fields.get("turnOrigin") in _NO_PERSON
    return not known and tools.is_by_person(text)


def _usage(fields: Mapping[str, Any]) -> Usage | None:
    said = message(fields).get("usage")
    if not isinstance(said, dict):
        return None
    unique, model = field(message(fields), "id"), field(message(fields), "model")
    if not unique or model == _SYNTHETIC:
        return None
    return Usage(
        unique,
        model,
        _count(said, "input_tokens"),
        _count(said, "output_tokens"),
        _count(said, "cache_read_input_tokens"),
        _count(said, "cache_creation_input_tokens"),
    )


def _count(said: Mapping[str, Any], key: str) -> int:
    value = said.get(key)
    return value if type(value) is int and 0 <= value < 2**53 else 0


def _texts(fields: Mapping[str, Any]) -> str:
    return _content_text(message(fields).get("content"))


def _content_text(content: Any) -> str:
    """The words of a content, which is a text or a list of blocks."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(
        field(b, "text") for b in parts if isinstance(b, dict) and b.get("type") == "text"
    )
