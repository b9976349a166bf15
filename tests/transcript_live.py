"""The hooks that a session fired, told from its transcript: the same session, captured live.

Needed to see that what was captured and what is read from the transcript later is one session. Of
the real transcripts there are recordings of the hooks themselves (tests/recordings.py).
"""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import recordings
from recordings import Firing
from transcript_records import Record

from hooks import emit

BEGINNING = b'{"parentUuid":'
HOUR_US = 3_600_000_000
COMMANDS = ("<command-name>", "<local-command", "<bash-", "[Request interrupted by user")
SYNTHETIC = ("isMeta", "isCompactSummary", "isSidechain")
Timed = tuple[int, str, Record]  # microseconds, event, its own fields


def firings(path: Path, copies: frozenset[str] = frozenset()) -> list[tuple[int, Firing]]:
    """The firings of one session with their times in microseconds, in their order.

    `path`: its transcript; sub-agents' files are found beside it. `copies`: uuids of records that
    came from a session it was forked from, and fired nothing in this one.
    """
    records = [one for one in _read(path) if one["uuid"] not in copies]
    if not records:
        return []
    found = list(_session(records, "fork" if copies else ""))
    for inner in sorted((path.with_suffix("") / "subagents").glob("*.jsonl")):
        found += _subagent(_read(inner), inner)
    found.sort(key=lambda one: one[0])
    return list(_complete(found, path, records[0]))


def write_live(home: Path, path: Path, copies: frozenset[str] = frozenset()) -> list[bytes]:
    """Append the firings of one session to the journal of `home`, as the hooks would; the lines."""
    lines = []
    for at_us, firing in firings(path, copies):
        now_ns = at_us * 1000
        line, session, _ = emit.record(
            "claude-code", firing.event, firing.stdin, now_ns, firing.env
        )
        name = f"{emit.utc(now_ns)[:10]}/{emit.file_name('claude-code', session)}.jsonl"
        recordings.append(home / "days" / name, line)
        lines.append(line)
    return lines


def _read(path: Path) -> list[Record]:
    """The records that are part of the talk; times only go on."""
    records, at_us, seen = [], 0, set()
    for line in path.read_bytes().split(b"\n"):
        record = _whole(line.lstrip(b"\0")) or _whole(line[max(0, line.rfind(BEGINNING)) :])
        if record and "uuid" in record and record["uuid"] not in seen:
            when = datetime.fromisoformat(record["timestamp"])
            at_us = max(at_us, int(when.timestamp() * 1_000_000))
            records.append({**record, "at_us": at_us})
            seen.add(record["uuid"])
    return records


def _whole(line: bytes) -> Record | None:
    """The record, or None of a torn one."""
    try:
        record: Record = json.loads(line)
    except ValueError:
        return None
    return record


def _session(records: list[Record], source: str) -> Iterator[Timed]:
    """The session's own events."""
    first = records[0]
    cleared = any("<command-name>/clear" in _text(one) for one in records[:3])
    source = source or ("clear" if cleared else "startup")
    yield first["at_us"] - 500_000, "SessionStart", {"source": source}
    before_us = first["at_us"]
    for at_us, event, fields in _events(records, {}):
        if event == "UserPromptSubmit" and at_us - before_us > HOUR_US:
            yield before_us + 500_000, "SessionEnd", {"reason": "other"}
            yield at_us - 500_000, "SessionStart", {"source": "resume"}
        yield at_us, event, fields
        before_us = at_us
    calls, results = _calls(records)
    if not calls.keys() - results.keys() or any(_refused(one) for one in results.values()):
        yield records[-1]["at_us"] + 900_000, "SessionEnd", {"reason": "other"}


def _subagent(records: list[Record], path: Path) -> Iterator[Timed]:
    agent = {"agent_id": records[0]["agentId"], "agent_type": "general-purpose"}
    yield records[0]["at_us"], "SubagentStart", agent
    for at_us, event, fields in _events(records, agent):
        more = {"agent_transcript_path": str(path)} if event == "Stop" else {}
        yield at_us, "SubagentStop" if event == "Stop" else event, {**fields, **more}


def _events(records: list[Record], agent: Record) -> Iterator[Timed]:
    calls, results = _calls(records)
    invalid = {key for key, one in results.items() if _error(one).startswith("<tool_use_error>")}
    for record in records:
        at_us, kind = record["at_us"], record["type"]
        common = {**agent, "prompt_id": record.get("promptId"), "cwd": record["cwd"]}
        if kind == "assistant":
            for block in record["message"]["content"]:
                if block["type"] == "tool_use" and block["id"] not in invalid:
                    yield at_us + 2_000, "PreToolUse", {**common, **calls[block["id"]]}
            yield from ((at_us + 3_000, *end) for end in _end(record, common))
        elif kind == "user" and (block := _result(record)):
            if block["tool_use_id"] not in invalid and not _refused(record):
                call = calls[block["tool_use_id"]]
                yield at_us - 2_000, *_after(record, block, {**common, **call})
        elif kind == "user" and record.get("isCompactSummary"):
            summary = {"trigger": "manual", "compact_summary": _text(record)}
            yield at_us + 9_000, "PostCompact", {**common, **summary}
        elif kind == "user" and _is_prompt(record):
            yield at_us, "UserPromptSubmit", {**common, "prompt": _text(record)}
        elif record.get("subtype") == "compact_boundary":
            yield at_us - 9_000, "PreCompact", {"trigger": "manual", "custom_instructions": None}
            yield at_us, "SessionStart", {"source": "compact"}


def _end(record: Record, common: Record) -> Iterator[tuple[str, Record]]:
    text = _text(record)
    if record.get("isApiErrorMessage"):
        yield "StopFailure", {**common, "error": "overloaded", "last_assistant_message": text}
    elif text and record["message"]["stop_reason"] == "end_turn":
        yield "Stop", {**common, "stop_hook_active": False, "last_assistant_message": text}


def _after(record: Record, block: Record, fields: Record) -> tuple[str, Record]:
    if block.get("is_error"):
        failed = {"error": _error(record), "is_interrupt": False}
        return "PostToolUseFailure", {**fields, **failed, "duration_ms": 9}
    response = record.get("toolUseResult", block["content"])
    return "PostToolUse", {**fields, "tool_response": response, "duration_ms": 9}


def _calls(records: list[Record]) -> tuple[dict[str, Record], dict[str, Record]]:
    """The calls by their ids as hooks name them, and the records of their results."""
    calls, results = {}, {}
    for record in records:
        if record["type"] == "assistant":
            for block in record["message"]["content"]:
                if block["type"] == "tool_use":
                    said = {"tool_name": block["name"], "tool_input": block["input"]}
                    calls[block["id"]] = {**said, "tool_use_id": block["id"]}
        elif record["type"] == "user" and (block := _result(record)):
            results[block["tool_use_id"]] = record
    return calls, results


def _result(record: Record) -> Record | None:
    content = record["message"]["content"]
    blocks = content if isinstance(content, list) else []
    return next((block for block in blocks if block["type"] == "tool_result"), None)


def _error(record: Record) -> str:
    block: Any = _result(record)
    return str(block["content"]) if block.get("is_error") else ""


def _refused(record: Record) -> bool:
    return _error(record).startswith(("The user doesn't want to", "[Request interrupted"))


def _text(record: Record) -> str:
    content = record.get("message", {}).get("content", "")
    if isinstance(content, str):
        return content
    return "\n".join(block["text"] for block in content if block["type"] == "text")


def _is_prompt(record: Record) -> bool:
    text = _text(record)
    return not any(record.get(key) for key in SYNTHETIC) and not text.startswith(COMMANDS)


def _complete(found: list[Timed], path: Path, first: Record) -> Iterator[tuple[int, Firing]]:
    """Each with what all payloads have, and the variables of its hook."""
    session = path.stem
    env = {
        "CLAUDE_CODE_ENTRYPOINT": first["entrypoint"],
        "CLAUDE_PID": str(2 + first["at_us"] % 30_000),
        "CLAUDE_CODE_SESSION_ID": session,
        "CLAUDE_PROJECT_DIR": first["cwd"],
    }
    prompt_id = None
    for at_us, event, fields in found:
        payload: Record = {"session_id": session, "transcript_path": str(path)}
        payload["cwd"] = fields.get("cwd", first["cwd"])
        prompt_id = fields.get("prompt_id") or prompt_id
        if prompt_id:
            payload["prompt_id"] = prompt_id
        own = {key: value for key, value in fields.items() if key != "prompt_id"}
        payload |= {"hook_event_name": event, **own}
        stdin = json.dumps(payload, ensure_ascii=False).encode() + b"\n"
        after_ms = (at_us - found[0][0]) / 1000
        yield at_us, Firing(event, after_ms, env, stdin)
