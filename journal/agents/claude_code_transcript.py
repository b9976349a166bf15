"""Claude Code's transcripts: which records are kept of them, and what each of these means.

Source: the sessions reference of Claude Code and files of 2.1.329; "internal, changes between
versions". A kept record is the payload of a `Transcript` event (hooks saw the same; it only adds
what they do not know) or of a `History` event (no hook did: it stands for what happened).
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from journal import record
from journal.agents import claude_code_tools as tools
from journal.meaning import FAILED, Kind, Meaning, Usage
from journal.own_words import has_frame

TRANSCRIPT = "Transcript"
HISTORY = "History"
_THINKING = ("thinking", "redacted_thinking")
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
}


class Entry(NamedTuple):
    """A record to be kept, or a part of one. Texts are "" where it says nothing."""

    session: str
    subagent: str
    uuid: str
    at: str  # ISO 8601
    cwd: str
    branch: str
    entrypoint: str
    part: int | None  # of a record that says several things: which of them
    line: bytes  # JSON, as the agent wrote it unless something was taken out
    call: tuple[str, dict[str, Any]] | None  # that begins here: its id, and `{"name", "input"}`
    result: str  # the id of the call that ends here


def folders(environ: Mapping[str, str]) -> list[Path]:
    """Where the agent keeps its transcripts."""
    configured = environ.get("CLAUDE_CONFIG_DIR")
    folder = Path(configured) if configured else Path(environ.get("HOME", "")) / ".claude"
    return [folder / "projects"] if folder.is_absolute() else []


def subagent_files(path: Path) -> list[Path]:
    """The transcripts of a session's sub-agents, beside its own."""
    folder = f"{str(path).removesuffix('.jsonl')}/subagents"
    if not os.path.isdir(folder):  # noqa: PTH112 - of each open session, in each pass
        return []  # most have none
    return sorted(Path(folder).rglob("agent-*.jsonl"))


def subagent_type(path: Path) -> str:
    """Of which type the sub-agent of a transcript is; "" if nothing says so."""
    try:
        said = orjson.loads(path.with_suffix(".meta.json").read_bytes())
    except (OSError, ValueError):
        return ""
    return _text(said, "agentType") if isinstance(said, dict) else ""


def entries(line: bytes, thinking: bool) -> list[Entry]:
    """What is kept of one line; nothing of the agent's own prompts and of this program's words.

    BadLineError: it is no JSON object.
    """
    fields = record.load_body(line)
    if not isinstance(fields, dict):
        raise record.BadLineError("not an object")
    kind, attachment = _text(fields, "type"), fields.get("attachment")
    if kind.startswith("api-request"):
        return []
    if isinstance(attachment, dict) and attachment.get("type") == "prompt_snapshot":
        return []
    if kind not in ("user", "assistant") and has_frame(line):
        return []
    parts = list(_parts(fields, thinking))
    numbers = range(len(parts)) if len(parts) > 1 else [None]
    return [
        _entry(part, number, line if part is fields else None)
        for number, part in zip(numbers, parts, strict=False)
    ]


def _entry(fields: dict[str, Any], part: int | None, line: bytes | None) -> Entry:
    call, result = None, ""
    for block in _blocks(fields):
        if block.get("type") == "tool_use":
            call = _text(block, "id"), {"name": block.get("name"), "input": block.get("input")}
        elif block.get("type") == "tool_result":
            result = _text(block, "tool_use_id")
    data = json.dumps(fields, ensure_ascii=False).encode() if line is None else line
    return Entry(
        session=_text(fields, "sessionId"),
        subagent=_text(fields, "agentId"),
        uuid=_text(fields, "uuid"),
        at=_text(fields, "timestamp"),
        cwd=_text(fields, "cwd"),
        branch=_text(fields, "gitBranch"),
        entrypoint=_text(fields, "entrypoint"),
        part=part,
        line=data,
        call=call,
        result=result,
    )


def _parts(fields: dict[str, Any], thinking: bool) -> Iterator[dict[str, Any]]:
    """A record as one, or as one for each call, result and run of text that it holds."""
    message = fields.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list) or not isinstance(message, dict):
        yield fields
        return
    kept = [block for block in content if thinking or not _is_thinking(block)]
    if content and not kept:
        return
    runs = _runs(kept)
    if len(runs) < 2:
        yield fields if len(kept) == len(content) else _with_content(fields, message, kept)
        return
    for number, run in enumerate(runs):
        part = _with_content(fields, message, run)
        if number:
            part.pop("toolUseResult", None)
        yield part


def _with_content(
    fields: dict[str, Any], message: dict[str, Any], content: list[Any]
) -> dict[str, Any]:
    return {**fields, "message": {**message, "content": content}}


def _runs(content: list[Any]) -> list[list[Any]]:
    """A call or a result stands alone; what else is side by side stays so."""
    runs: list[list[Any]] = []
    joins = False
    for block in content:
        alone = isinstance(block, dict) and block.get("type") in ("tool_use", "tool_result")
        if alone or not joins:
            runs.append([block])
        else:
            runs[-1].append(block)
        joins = not alone
    return runs


def _is_thinking(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") in _THINKING


def joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The record whose parts these are, in their order."""
    first = parts[0]
    if len(parts) == 1:
        return first
    content = [block for part in parts for block in part["message"]["content"]]
    return _with_content(first, first["message"], content)


def meaning(event: str, payload: Mapping[str, Any]) -> Meaning:
    """The meaning of one kept record."""
    line = payload.get("line")
    fields = line if isinstance(line, dict) else {}
    subagent = _text(payload, "agent_id") or _SIDECHAIN * (fields.get("isSidechain") is True)
    made = _meaning(fields, payload.get("call"), bool(subagent))
    kind = made.kind if event == HISTORY else _TOLD.get(made.kind, made.kind)
    if kind is Kind.TOLD_PROMPT and event == HISTORY:
        kind = Kind.PROMPT
    elif event != HISTORY and kind in (Kind.PROMPT, Kind.WAITING_NOTICED, Kind.TURN_FAILED):
        made, kind = Meaning(Kind.TOLD_OTHER), Kind.TOLD_OTHER
    return made._replace(
        kind=kind,
        session=_text(payload, "session_id"),
        subagent=subagent,
        subagent_type=_text(payload, "agent_type"),
        cwd=_text(fields, "cwd"),
        usage=_usage(fields),
    )


def _meaning(fields: Mapping[str, Any], call: Any, is_subagent: bool) -> Meaning:
    kind = fields.get("type")
    if kind == "assistant":
        return _of_assistant(fields, is_subagent)
    if kind == "user":
        for block in _blocks(fields):
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
    for block in _blocks(fields):
        if block.get("type") == "tool_use":
            return _of_call(block)
    text = _texts(fields)
    if fields.get("isApiErrorMessage") is True:
        return Meaning(Kind.TURN_FAILED, text=text)
    message = fields.get("message")
    if isinstance(message, dict) and message.get("model") == _SYNTHETIC:
        return Meaning(Kind.TOLD_OTHER)  # a filler that the agent wrote itself
    if not text:
        thought = "\n".join(_text(b, "thinking") for b in _blocks(fields) if _is_thinking(b))
        return Meaning(Kind.TOLD_THINKING, text=thought)
    if isinstance(message, dict) and message.get("stop_reason") in _FINAL:
        return Meaning(Kind.SUBAGENT_END if is_subagent else Kind.TURN_END, text=text)
    return Meaning(Kind.TOLD_ANSWER, text=text)


def _of_call(block: Mapping[str, Any]) -> Meaning:
    tool, given = _text(block, "name"), block.get("input")
    action, target = tools.action(tool, given)
    return Meaning(
        Kind.TOOL_BEFORE,
        tool=tool,
        tool_use_id=_text(block, "id"),
        action=action,
        target=target,
        tool_input=given if isinstance(given, dict) else None,
    )


def _of_result(fields: Mapping[str, Any], block: Mapping[str, Any], call: Any) -> Meaning:
    called = _of_call(call) if isinstance(call, dict) else Meaning(Kind.TOOL_BEFORE)
    own = tools.is_own(called.tool, called.target)
    end = called._replace(tool_use_id=_text(block, "tool_use_id"), own=own)
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
    message = fields.get("message")
    said = message.get("usage") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(said, dict):
        return None
    unique, model = _text(message, "id"), _text(message, "model")
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


def _blocks(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    message = fields.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    found = content if isinstance(content, list) else []
    return [block for block in found if isinstance(block, dict)]


def _texts(fields: Mapping[str, Any]) -> str:
    message = fields.get("message")
    return _content_text(message.get("content") if isinstance(message, dict) else None)


def _content_text(content: Any) -> str:
    """The words of a content, which is a text or a list of blocks."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "\n".join(
        _text(b, "text") for b in blocks if isinstance(b, dict) and b.get("type") == "text"
    )


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""
