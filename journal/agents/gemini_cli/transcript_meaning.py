"""Gemini CLI's chats: what a kept part of them means.

A chat does not say when a turn ends: an answer is the last one if no call follows it.
"""

from collections.abc import Mapping
from typing import Any

from journal.agents import fields
from journal.agents.contract import Transcripts
from journal.agents.gemini_cli import tools, transcript
from journal.agents.gemini_cli.prompt_text import prompt_text
from journal.agents.transcript_entry import load, obj, objects, placed, text, tokens, usage
from journal.session.meaning import OTHER, Action, Kind, Meaning, Usage

_CANCELLED = "Request cancelled"


def meaning(payload: Mapping[str, Any]) -> Meaning:
    """The meaning of one kept part."""
    line, inner = obj(payload, "line"), bool(text(payload, "agent_id"))
    kind, made = text(line, "type"), OTHER
    if kind == "user":
        words = "" if inner else prompt_text(line)
        if words:
            made = Meaning(Kind.PROMPT, text=words, item=text(line, "id"))
    elif kind == "gemini":
        made = _answer(line)
    elif kind == "error" and not inner:
        made = Meaning(Kind.TURN_FAILED, text=_content(line) or kind)
    elif kind == "info" and _content(line).startswith(_CANCELLED) and not inner:
        made = Meaning(Kind.WAITING_NOTICED, detail="cancelled", interrupted=True)
    elif "$set" in line:
        made = _patch(obj(line, "$set"), inner)
    elif "sessionId" in line and inner:
        made = Meaning(Kind.SUBAGENT_START)
    return placed(made, payload)


def _patch(said: dict[str, Any], inner: bool) -> Meaning:
    summary = text(said, "summary")
    if not summary:
        return OTHER
    if not inner:
        return Meaning(Kind.TITLE, text=summary, detail="agent")
    try:
        return Meaning(Kind.SUBAGENT_END, text=text(load(summary.encode()), "response") or summary)
    except ValueError:
        return Meaning(Kind.SUBAGENT_END, text=summary)


def _content(line: dict[str, Any]) -> str:
    said = line.get("content")
    if isinstance(said, str):
        return said
    return "\n".join(text(part, "text") for part in objects(line, "content"))


def _answer(line: dict[str, Any]) -> Meaning:
    for call in objects(line, "toolCalls"):
        return _call(call)
    thoughts = objects(line, "thoughts")
    if thoughts and "content" not in line:
        said = (f"{text(t, 'subject')}\n{text(t, 'description')}".strip() for t in thoughts)
        return Meaning(Kind.THINKING, text="\n\n".join(said))
    words, used = _content(line), _usage(line, obj(line, "tokens"))
    if not words.strip():
        return OTHER._replace(usage=used)
    return Meaning(Kind.ANSWER, text=words, item=text(line, "id"), usage=used)


def _call(call: dict[str, Any]) -> Meaning:
    tool, given = text(call, "name"), call.get("args")
    made = fields.call(Kind.TOOL_BEFORE, tool, given, tools.ACTIONS, {})
    made = made._replace(tool_use_id=text(call, "id"), unnamed=True)
    status = call.get("status")
    if status is None:
        return made
    output, error = _given_back(call)
    if status != "success":
        reason, cut_off = error or output or text(call, "resultDisplay"), status == "cancelled"
        return made._replace(kind=Kind.TOOL_FAILED, text=reason, output=reason, interrupted=cut_off)
    code = tools.exit_code(output) if made.action is Action.RUN else 0
    if code:
        reason = f"Exit code {code}\n{output}"
        return made._replace(kind=Kind.TOOL_FAILED, text=reason, output=output)
    if child := text(call, "agentId"):
        return made._replace(kind=Kind.TOOL_AFTER, output={"agentId": child, "result": output})
    return made._replace(kind=Kind.TOOL_AFTER, output=output)


def _given_back(call: dict[str, Any]) -> tuple[str, str]:
    """What the model was given of a call: its output, and its error."""
    answers = [obj(part, "functionResponse", "response") for part in objects(call, "result")]
    outputs = [tools.output(text(answer, "output")) for answer in answers]
    errors = [text(answer, "error") for answer in answers]
    return "\n".join(filter(None, outputs)), "\n".join(filter(None, errors))


def _usage(line: dict[str, Any], said: dict[str, Any]) -> Usage | None:
    """What the model thought counts as output: it is the total without the prompt."""
    if not said:
        return None
    prompt, tool = tokens(said, "input"), tokens(said, "tool")
    output = max(tokens(said, "output"), tokens(said, "total") - prompt - tool)
    message, model = text(line, "id"), text(line, "model")
    return usage(message, model, prompt + tool, output, tokens(said, "cached"))


def _begins(fields: Mapping[str, Any]) -> bool:
    return "sessionId" in fields and "projectHash" in fields


def _is_record(fields: Mapping[str, Any]) -> bool:
    return _begins(fields) or "$set" in fields or bool(text(fields, "id") and text(fields, "type"))


TRANSCRIPTS = Transcripts(
    folders=transcript.folders,
    holds=transcript.holds,
    begins=_begins,
    is_record=_is_record,
    session_of=transcript.session_of,
    reader=transcript.Chat,
    meaning=meaning,
    subagent_files=transcript.subagent_files,
    rows=transcript.rows,
    joined=transcript.joined,
)
