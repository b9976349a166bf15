"""Codex's rollouts: what a kept line means.

Most things are in a rollout twice: as an item or event of the program, and in the shape of the
API (`response_item`). The first is read; of the second, calls and results that are in no item.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from journal.agents.codex import tools, transcript
from journal.agents.codex.transcript import call, command_line
from journal.agents.contract import Transcripts
from journal.agents.transcript_entry import obj, objects, placed, text, texts, tokens, usage
from journal.session.meaning import OTHER, Author, Kind, Meaning, Usage
from journal.session.own_words import without_frames

_WRAPPERS = (
    "<environment_context>",
    "<user_instructions>",
    "<permissions",
    "<turn_aborted>",
    "<subagent_notification>",
    "<user_shell_command>",
    "# AGENTS.md instructions",
)
_IDE_REQUEST = "## My request for Codex:"  # an editor writes what it shows in front of it
_RAN = re.compile(r"(?:Process exited with code|Exit code:) (-?\d{1,9})\b")
_PATCH = {"add": "Add", "delete": "Delete", "update": "Update"}
_WRONG = ("failed", "declined", "error")


def meaning(payload: Mapping[str, Any]) -> Meaning:
    """The meaning of one kept line."""
    line = obj(payload, "line")
    kind, said = text(line, "type"), obj(line, "payload")
    subagent, inherited = bool(text(payload, "agent_id")), payload.get("inherited") is True
    made = OTHER
    if kind == "session_meta":
        made = Meaning(Kind.SUBAGENT_START) if subagent and not inherited else OTHER
    elif kind == "token_usage_record":
        made = OTHER._replace(usage=_usage(payload, text(said, "response_id"), obj(said, "usage")))
    elif kind == "event_msg":
        made = _of_event(payload, said, subagent)
    elif kind == "response_item":
        made = _of_api(payload, said)
    if inherited:
        made = OTHER if subagent else made._replace(inherited=True)
    return placed(made, payload)


def _of_event(payload: Mapping[str, Any], said: dict[str, Any], subagent: bool) -> Meaning:
    kind = text(said, "type")
    if kind == "item_completed":
        return _of_item(payload, obj(said, "item"), subagent)
    if kind == "user_message":
        return _prompt(payload, text(said, "message"), "", subagent)
    if kind == "agent_message":
        return _answer(text(said, "message"), "")
    if kind == "agent_reasoning":
        return _thinking(text(said, "text"))
    if kind == "thread_name_updated":
        return Meaning(Kind.TITLE, text=text(said, "thread_name"), detail="agent")
    if kind == "token_count":
        return OTHER._replace(usage=_legacy_usage(payload, obj(said, "info")))
    return _end(payload, kind, said, subagent)


def _end(payload: Mapping[str, Any], kind: str, said: dict[str, Any], subagent: bool) -> Meaning:
    """The end of a turn: the last words before it, which an item reported, ended it."""
    last = text(said, "last_agent_message")
    if kind == "task_complete" and last and payload.get("told") is not True:
        return Meaning(Kind.SUBAGENT_END if subagent else Kind.TURN_END, text=last)
    if kind == "turn_aborted" and not subagent:
        return Meaning(Kind.WAITING_NOTICED, detail=text(said, "reason"), interrupted=True)
    if kind == "error" and not subagent:
        return Meaning(Kind.TURN_FAILED, text=text(said, "message") or kind)
    return OTHER


def _of_item(payload: Mapping[str, Any], item: dict[str, Any], subagent: bool) -> Meaning:
    kind, unique = text(item, "type"), text(item, "id")
    if kind == "UserMessage":
        return _prompt(payload, texts(objects(item, "content")), unique, subagent)
    if kind == "AgentMessage":
        return _answer(texts(objects(item, "content")), unique)
    if kind == "Reasoning":
        parts = item.get("summary_text")
        thought = [part for part in parts if isinstance(part, str)] if parts else []
        return _thinking("\n".join(thought))
    reader = _ITEMS.get(kind)
    if reader is None:
        return OTHER
    tool, given, output = reader(item)
    called = obj(payload, "call")
    if called and kind != "CollabAgentToolCall":
        tool, given = text(called, "name") or tool, obj(called, "input") or given
    code = item.get("exit_code")
    failed = item.get("status") in _WRONG or (type(code) is int and code != 0)
    return _result(_called(Kind.TOOL_AFTER, tool, unique, given, payload), output, failed, code)


def _command(item: dict[str, Any]) -> tuple[str, dict[str, Any], Any]:
    return "Bash", {"command": command_line(item.get("command"))}, text(item, "aggregated_output")


def _edit(item: dict[str, Any]) -> tuple[str, dict[str, Any], Any]:
    """A patch as the tool is given it: nested calls leave only what they changed."""
    parts = ["*** Begin Patch"]
    for path, change in obj(item, "changes").items():
        what = _PATCH.get(text(change, "type"), "Update")
        added = "\n".join(f"+{line}" for line in text(change, "content").splitlines())
        body = text(change, "unified_diff").rstrip("\n") or (added if what == "Add" else "")
        parts += [f"*** {what} File: {path}", *([body] if body else [])]
    patch = "\n".join([*parts, "*** End Patch", ""])
    return "apply_patch", {"command": patch}, text(item, "stdout") or text(item, "stderr")


def _mcp(item: dict[str, Any]) -> tuple[str, dict[str, Any], Any]:
    tool = f"mcp__{text(item, 'server')}__{text(item, 'tool')}"
    return tool, obj(item, "arguments"), item.get("error") or item.get("result")


def _web(item: dict[str, Any]) -> tuple[str, dict[str, Any], Any]:
    return "web_search", {"query": text(item, "query")}, None


def _image(item: dict[str, Any]) -> tuple[str, dict[str, Any], Any]:
    return "view_image", {"path": text(item, "path")}, None


def _delegate(item: dict[str, Any]) -> tuple[str, dict[str, Any], Any]:
    return text(item, "tool"), {"message": text(item, "prompt")}, None


_ITEMS: dict[str, Callable[[dict[str, Any]], tuple[str, dict[str, Any], Any]]] = {
    "CommandExecution": _command,
    "FileChange": _edit,
    "McpToolCall": _mcp,
    "WebSearch": _web,
    "ImageView": _image,
    "CollabAgentToolCall": _delegate,
}


def _of_api(payload: Mapping[str, Any], said: dict[str, Any]) -> Meaning:
    kind, unique = text(said, "type"), text(said, "call_id")
    if kind in ("function_call", "custom_tool_call", "local_shell_call") and unique:
        called = call(said)
        return _called(Kind.TOOL_BEFORE, called["name"], unique, called["input"], payload)
    if not kind.endswith("_output") or payload.get("told") is True:
        return OTHER
    called = obj(payload, "call")
    output, code = _api_output(said.get("output"))
    tool, given = text(called, "name"), obj(called, "input")
    made = _result(_called(Kind.TOOL_AFTER, tool, unique, given, payload), output, False, code)
    wrong = made.tool == "apply_patch" and "verification failed" in output[:100]
    cut_off = output.endswith("aborted by user")
    if wrong or cut_off or code:
        return made._replace(kind=Kind.TOOL_FAILED, text=output, interrupted=cut_off)
    return made


def _api_output(output: Any) -> tuple[str, int | None]:
    """What a tool gave back to the model without its frame, and the exit code that it says."""
    whole = output if isinstance(output, str) else texts(objects({"o": output}, "o"))
    head, found, body = whole.partition("\nOutput:\n")
    code = _RAN.search(head) if found else None
    return (body if code else whole), (int(code[1]) if code else None)


def _called(kind: Kind, tool: str, unique: str, given: Any, payload: Mapping[str, Any]) -> Meaning:
    if tool == "exec" or not unique:
        return OTHER  # a script: the calls that it makes have items of their own
    made = tools.understood(kind, tool, given, {"cwd": text(payload, "cwd")})
    return made._replace(tool_use_id=unique)


def _result(made: Meaning, output: Any, failed: bool, code: Any) -> Meaning:
    if made is OTHER:
        return OTHER
    if not failed:
        return made._replace(output=output)
    said = output if isinstance(output, str) else text(output, "message")
    reason = f"Exit code {code}\n{said}" if type(code) is int else said
    return made._replace(kind=Kind.TOOL_FAILED, text=reason, output=output, interrupted=code == -1)


def _prompt(payload: Mapping[str, Any], words: str, unique: str, subagent: bool) -> Meaning:
    words = without_frames(words.rpartition(_IDE_REQUEST)[2]).strip()
    if subagent or not words or words.startswith(_WRAPPERS):
        return OTHER
    by = Author.UNKNOWN if payload.get("headless") is True else Author.PERSON
    return Meaning(Kind.PROMPT, text=words, item=unique, by=by)


def _answer(words: str, unique: str) -> Meaning:
    return Meaning(Kind.ANSWER, text=words, item=unique) if words else OTHER


def _thinking(words: str) -> Meaning:
    return Meaning(Kind.THINKING, text=words) if words else OTHER


def _usage(payload: Mapping[str, Any], message: str, said: dict[str, Any]) -> Usage | None:
    if not said:
        return None
    return usage(
        message,
        text(payload, "model"),
        tokens(said, "input_tokens"),
        tokens(said, "output_tokens"),
        tokens(said, "cached_input_tokens"),
        tokens(said, "cache_write_input_tokens"),
    )


def _legacy_usage(payload: Mapping[str, Any], info: dict[str, Any]) -> Usage | None:
    """Repeated when nothing was used in between: the sum so far names the message."""
    if payload.get("paginated") is True:
        return None
    total = tokens(info, "total_token_usage", "total_tokens")
    whose = text(payload, "agent_id") or text(payload, "session_id")
    return _usage(payload, f"{whose} {total}", obj(info, "last_token_usage")) if total else None


def _begins(fields: Mapping[str, Any]) -> bool:
    return fields.get("type") == "session_meta" and bool(obj(fields, "payload"))


def _is_record(fields: Mapping[str, Any]) -> bool:
    return bool(text(fields, "type") and text(fields, "timestamp")) and "payload" in fields


TRANSCRIPTS = Transcripts(
    folders=transcript.folders,
    holds=transcript.holds,
    begins=_begins,
    is_record=_is_record,
    session_of=transcript.session_of,
    reader=transcript.Rollout,
    meaning=meaning,
)
