"""Claude Code's transcripts: what a kept record of them means.

Source: the sessions reference of Claude Code and files of 1.0.10 to 2.1.332; "internal, changes
between versions". Fields of the wrong type count as absent.
"""

from collections.abc import Mapping
from typing import Any

from journal.agents.claude_code import tools
from journal.agents.claude_code.prompt_text import own_words
from journal.agents.claude_code.transcript_lines import blocks, field, is_thinking, message
from journal.agents.claude_code.transcript_usage import totals, usage
from journal.session.meaning import Author, Kind, Meaning, Place

TRANSCRIPT = "Transcript"
HISTORY = "History"  # what versions before 0.2 called records of sessions that no hook saw
_FINAL = ("end_turn", "stop_sequence", "max_tokens", "refusal")
_SYNTHETIC = "<synthetic>"  # the model of records that no model wrote
_SIDECHAIN = "sidechain"  # sub-agents of versions that gave them no id
_CAVEAT = "Caveat: The messages below"
_INTERRUPT = "[Request interrupted by user"
_REFUSED = (_INTERRUPT, "The user doesn't want to ")
_NO_PERSON = frozenset(
    ("task-notification", "peer", "coordinator", "scheduled", "loop_wakeup", "schedule_wakeup",
     "poll_event", "system", "channel-machine")
)  # fmt: skip
_PERSON = frozenset(("human", "typed", "channel", "ide", "desktop", "remote"))
_SYNTHETIC_USER = ("isMeta", "isCompactSummary", "isVisibleInTranscriptOnly")


def meaning(event: str, payload: Mapping[str, Any]) -> Meaning:
    """The meaning of one kept record."""
    line = payload.get("line")
    fields = line if isinstance(line, dict) else {}
    subagent = field(payload, "agent_id") or _SIDECHAIN * (fields.get("isSidechain") is True)
    session = field(payload, "session_id")
    made = _meaning(fields, payload.get("call"), bool(subagent))
    return made._replace(
        session=session,
        subagent=subagent,
        subagent_type=field(payload, "agent_type"),
        cwd=field(fields, "cwd"),
        usage=usage(fields),
        turn=field(fields, "promptId") or field(payload, "turn"),
        place=_place(payload),
        item=made.item or field(fields, "uuid"),
        message=field(message(fields), "id"),
        inherited=_is_inherited(fields, session),
    )


def _place(payload: Mapping[str, Any]) -> Place:
    offset, part = payload.get("offset"), payload.get("part")
    name = field(payload, "file").rpartition("/")[2]  # the folder may be another one tomorrow
    return Place(
        name,
        offset if isinstance(offset, int) else 0,
        part if isinstance(part, int) else 0,
    )


def _is_inherited(fields: Mapping[str, Any], session: str) -> bool:
    """Whether a fork took the line over from another session, as the line says."""
    asked_by = field(fields, "requestSessionId")
    return isinstance(fields.get("forkedFrom"), dict) or (asked_by != "" and asked_by != session)


def _meaning(fields: Mapping[str, Any], call: Any, is_subagent: bool) -> Meaning:
    kind = field(fields, "type")
    if kind == "assistant":
        return _of_assistant(fields, is_subagent)
    if kind == "user":
        for block in blocks(fields):
            if block.get("type") == "tool_result":
                return _of_result(fields, block, call)
        return _of_prompt(fields, is_subagent)
    attachment = fields.get("attachment")
    if isinstance(attachment, dict) and attachment.get("type") == "queued_command":
        return _of_queued(fields, attachment, is_subagent)
    return _OTHERS.get(kind, _nothing)(fields)


def _nothing(fields: Mapping[str, Any]) -> Meaning:
    return Meaning(Kind.OTHER)


def _of_queue(fields: Mapping[str, Any]) -> Meaning:
    """A prompt that was put into the queue, or taken out again by the person."""
    text, operation = field(fields, "content"), field(fields, "operation")
    if operation == "popAll" or (operation == "remove" and _is_withdrawn(fields)):
        return Meaning(Kind.QUEUED, text=own_words(text).text, detail="withdrawn")
    if operation != "enqueue" or not text.strip():
        return Meaning(Kind.OTHER)
    words = own_words(text)
    return Meaning(Kind.QUEUED, text=words.text, by=words.by or _author(fields))


def _is_withdrawn(fields: Mapping[str, Any]) -> bool:
    reason = field(fields, "reason")
    return reason in ("popped", "cancelled", "edited", "user_cancelled", "withdrawn")


def _of_title(fields: Mapping[str, Any]) -> Meaning:
    by_person = field(fields, "type") == "custom-title"
    text = field(fields, "customTitle") if by_person else field(fields, "aiTitle")
    text = text or field(fields, "title")
    return Meaning(Kind.TITLE, text=text, detail="person" if by_person else "agent")


def _of_cost(fields: Mapping[str, Any]) -> Meaning:
    return Meaning(Kind.OTHER, totals=totals(fields))


def _of_files(fields: Mapping[str, Any]) -> Meaning:
    """Which backup holds the content that each followed file has at this moment."""
    snapshot = fields.get("snapshot")
    kept = snapshot.get("trackedFileBackups") if isinstance(snapshot, dict) else None
    files: dict[str, str | None] = {}
    for path, backup in kept.items() if isinstance(kept, dict) else ():
        name = backup.get("backupFileName") if isinstance(backup, dict) else None
        files[str(path)] = name if isinstance(name, str) else None
    return Meaning(Kind.FILES, files=files, item=field(fields, "messageId"))


_OTHERS = {
    "queue-operation": _of_queue,
    "custom-title": _of_title,
    "ai-title": _of_title,
    "cost-state": _of_cost,
    "file-history-snapshot": _of_files,
}


def _of_queued(
    fields: Mapping[str, Any], attachment: Mapping[str, Any], is_subagent: bool
) -> Meaning:
    """What a person typed into a running turn, at the place at which it was delivered."""
    text = _prompt_text(attachment.get("prompt"))
    if not text or is_subagent or attachment.get("commandMode", "prompt") != "prompt":
        return Meaning(Kind.OTHER)
    words = own_words(text)
    by = words.by or _author(attachment) or _author(fields)
    return Meaning(Kind.PROMPT, text=words.text, by=by)


def _of_assistant(fields: Mapping[str, Any], is_subagent: bool) -> Meaning:
    for block in blocks(fields):
        if block.get("type") == "tool_use":
            return _of_call(block)
    text = _texts(fields)
    if fields.get("isApiErrorMessage") is True:
        return Meaning(Kind.TURN_FAILED, text=text)
    said = message(fields)
    if said.get("model") == _SYNTHETIC:
        return Meaning(Kind.OTHER)  # a filler that the agent wrote itself
    if not text.strip():
        thought = "\n".join(field(b, "thinking") for b in blocks(fields) if is_thinking(b))
        return Meaning(Kind.THINKING, text=thought) if thought else Meaning(Kind.OTHER)
    reason = said.get("stop_reason")
    if reason in _FINAL:
        return Meaning(Kind.SUBAGENT_END if is_subagent else Kind.TURN_END, text=text)
    return Meaning(Kind.ANSWER, text=text, ends_turn=False if reason else None)


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
    text = content_text(block.get("content"))
    if block.get("is_error") is True:
        cut_off = text.startswith(_REFUSED) or "toolDenialKind" in fields
        return end._replace(kind=Kind.TOOL_FAILED, text=text, output=text, interrupted=cut_off)
    response = fields.get("toolUseResult")
    output = tools.output(called.tool, response) if isinstance(response, (dict, list)) else text
    return end._replace(kind=Kind.TOOL_AFTER, output=output)


def _of_prompt(fields: Mapping[str, Any], is_subagent: bool) -> Meaning:
    text = _prompt_text(message(fields).get("content"))
    if fields.get("isMeta") is True and text and not text.startswith(_CAVEAT):
        return Meaning(Kind.NOTE, text=text)  # the text of a skill, with what its commands printed
    if is_subagent or not text or any(fields.get(key) is True for key in _SYNTHETIC_USER):
        return Meaning(Kind.OTHER)
    if text.startswith(_INTERRUPT):
        return Meaning(Kind.WAITING_NOTICED)  # the turn is over
    words = own_words(text)
    position = fields.get("turnPosition")
    index = position.get("turnIndex") if isinstance(position, dict) else 0
    return Meaning(
        Kind.PROMPT,
        text=words.text,
        by=words.by or _author(fields),
        parent=field(fields, "parentUuid"),
        turn_index=index if isinstance(index, int) else 0,
    )


def _author(fields: Mapping[str, Any]) -> str:
    """Who wrote a prompt, as its line says; "" if it does not."""
    origin = fields.get("origin")
    kind = field(origin, "kind") if isinstance(origin, dict) else ""
    for said in (kind, field(fields, "turnOrigin"), field(fields, "promptSource")):
        if said in _NO_PERSON:
            return Author.MACHINE
        if said in _PERSON:
            return Author.PERSON
        if said == "sdk":
            return Author.UNKNOWN
    return ""


def _texts(fields: Mapping[str, Any]) -> str:
    return content_text(message(fields).get("content"))


def _prompt_text(content: Any) -> str:
    """The words of a prompt; an image is named by its type, and a prompt may be nothing else."""
    text = content_text(content)
    images = [_image(block) for block in content if _is_image(block)] if _is_list(content) else []
    return "\n".join([*([text] if text.strip() else []), *images])


def _is_list(content: Any) -> bool:
    return isinstance(content, list)


def _is_image(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") in ("image", "document")


def _image(block: Mapping[str, Any]) -> str:
    source = block.get("source")
    kind = field(source, "media_type") if isinstance(source, dict) else ""
    return f"[{field(block, 'type')}{' ' if kind else ''}{kind}]"


def content_text(content: Any) -> str:
    """The words of a content, which is a text or a list of blocks."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(
        field(b, "text") for b in parts if isinstance(b, dict) and b.get("type") == "text"
    )
