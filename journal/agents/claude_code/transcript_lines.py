"""Claude Code's transcripts: where they lie, and what is kept of their lines.

Source: the sessions reference of Claude Code and files of 2.1.329; "internal, changes between
versions". What a kept record means is for claude_code_transcript.py.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from journal.record import record
from journal.session.own_words import has_frame

_THINKING = ("thinking", "redacted_thinking")


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
    turn: str = ""


def folders(environ: Mapping[str, str]) -> list[Path]:
    """Where the agent keeps its transcripts."""
    configured = environ.get("CLAUDE_CONFIG_DIR")
    folder = Path(configured) if configured else Path(environ.get("HOME", "")) / ".claude"
    return [folder / "projects"] if folder.is_absolute() else []


def session_of(path: Path) -> str:
    """The session in a transcript's own name."""
    is_subagent = path.parent.name == "subagents"
    return path.parent.parent.name if is_subagent else path.stem


def subagent_files(path: Path) -> list[Path]:
    """The transcripts of a session's sub-agents, next to its own."""
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
    return field(said, "agentType") if isinstance(said, dict) else ""


def entries(line: bytes, thinking: bool) -> list[Entry]:
    """What is kept of one line; nothing of the agent's own prompts and of this program's words.

    BadLineError: it is not a JSON object.
    """
    fields = record.load_body(line)
    if not isinstance(fields, dict):
        raise record.BadLineError("not an object")
    kind, attachment = field(fields, "type"), fields.get("attachment")
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
    for block in blocks(fields):
        if block.get("type") == "tool_use":
            call = field(block, "id"), {"name": block.get("name"), "input": block.get("input")}
        elif block.get("type") == "tool_result":
            result = field(block, "tool_use_id")
    data = dump(fields) if line is None else line
    return Entry(
        session=field(fields, "sessionId"),
        subagent=field(fields, "agentId"),
        uuid=field(fields, "uuid"),
        at=field(fields, "timestamp"),
        cwd=field(fields, "cwd"),
        branch=field(fields, "gitBranch"),
        entrypoint=field(fields, "entrypoint"),
        part=part,
        line=data,
        call=call,
        result=result,
        turn=field(fields, "promptId"),
    )


def _parts(fields: dict[str, Any], thinking: bool) -> Iterator[dict[str, Any]]:
    """A record as one, or as one for each call, result and run of text that it holds."""
    content = message(fields).get("content")
    if not isinstance(content, list):
        yield fields
        return
    kept = [block for block in content if thinking or not is_thinking(block)]
    if content and not kept:
        if "usage" in message(fields):  # what the model thought is left out, its tokens count
            yield _with_content(fields, [])
        return
    runs = _runs(kept)
    if len(runs) < 2:
        yield fields if len(kept) == len(content) else _with_content(fields, kept)
        return
    for number, run in enumerate(runs):
        part = _with_content(fields, run)
        if number:
            part.pop("toolUseResult", None)
        yield part


def _with_content(fields: dict[str, Any], content: list[Any]) -> dict[str, Any]:
    return {**fields, "message": {**message(fields), "content": content}}


def _runs(content: list[Any]) -> list[list[Any]]:
    """A call or a result is a line of its own; other parts stay together."""
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


def is_thinking(block: Any) -> bool:
    """Whether a block of a content holds what the model thought."""
    return isinstance(block, dict) and block.get("type") in _THINKING


def joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The record whose parts these are, in their order."""
    first = parts[0]
    if len(parts) == 1:
        return first
    content = [block for part in parts for block in part["message"]["content"]]
    return _with_content(first, content)


def dump(fields: dict[str, Any]) -> bytes:
    """A record as JSON, also with numbers beyond 64 bits and lone surrogates."""
    try:
        return orjson.dumps(fields)
    except TypeError:
        return json.dumps(fields).encode()


def message(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was said to a model or by one; empty if a record holds nothing of the kind."""
    said = fields.get("message")
    return said if isinstance(said, dict) else {}


def blocks(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The blocks of a message's content."""
    content = message(fields).get("content")
    found = content if isinstance(content, list) else []
    return [block for block in found if isinstance(block, dict)]


def field(fields: Mapping[str, Any], key: str) -> str:
    """A field that is a text; "" if it is absent or anything else."""
    value = fields.get(key)
    return value if isinstance(value, str) else ""
