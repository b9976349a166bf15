"""OpenCode's rows: what is kept of them, and what they mean.

A row changes while a message is written. Only what will not change any more is kept: a text that
has ended, a call that runs, and one that ended. So its name and its bytes are the same whenever it
is read.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from journal.agents.contract import Transcripts
from journal.agents.fields import call
from journal.agents.opencode import tools
from journal.agents.transcript_entry import (
    Entry,
    Row,
    digest,
    dump,
    load,
    name,
    obj,
    placed,
    text,
    tokens,
)
from journal.session.meaning import OTHER, Author, Kind, Meaning, Usage
from journal.session.own_words import without_frames
from journal.times import to_text

_ABORTED = "MessageAbortedError"
_DEFAULT_TITLES = ("New session - ", "Child session - ")
_OF_A_START = ("id", "parent_id", "directory", "version", "agent", "time_created")
_OF_A_TITLE = ("id", "title")
_HEADLESS = '"permission":"question","pattern":"*","action":"deny"'  # `opencode run` asks no person


_FILE = "opencode.db"


def folders(environ: Mapping[str, str]) -> list[Path]:
    """Where OpenCode keeps its database."""
    configured = environ.get("XDG_DATA_HOME")
    data = Path(configured) if configured else Path(environ.get("HOME", "")) / ".local" / "share"
    return [data / "opencode"] if data.is_absolute() else []


def holds(path: Path) -> bool:
    """Whether a file's name is that of the database."""
    return path.name == _FILE


class Rows:
    """Reads rows as database.py gives them; each says all that its meaning needs."""

    def __init__(self, path: Path, thinking: bool = True) -> None:
        self._thinking = thinking

    def entries(self, line: bytes) -> list[Entry]:
        """What is kept of a row. BadLineError: it is not a JSON object."""
        fields = load(line)
        of = obj(fields, "of")
        for key in ("of", "time_updated"):
            fields.pop(key, None)
        kind = text(fields, "table")
        if kind == "session":
            return _of_session(fields, of)
        if kind == "message":
            return _of_message(fields, of)
        return self._of_part(fields, of) if kind == "part" else []

    def _of_part(self, fields: dict[str, Any], of: dict[str, Any]) -> list[Entry]:
        data, unique = obj(fields, "data"), name(fields, "id")
        kind = data.get("type")
        if kind == "tool":
            return _of_tool(fields, of, obj(data, "state"))
        if kind == "reasoning" and not self._thinking:
            return []
        is_user = text(of, "message", "role") == "user"
        if kind in ("text", "reasoning") and not is_user and not _has_ended(data, of):
            return []
        stable = unique if kind in ("text", "reasoning", "step-finish") else ""
        at = obj(data, "time").get("start") or fields.get("time_created")
        return [_entry(stable or f"{unique} {digest(data)}", at, fields, of)]


def _of_session(fields: dict[str, Any], of: dict[str, Any]) -> list[Entry]:
    unique, title = name(fields, "id"), text(fields, "title")
    if not unique:
        return []
    start = {"table": "session", **{key: fields.get(key) for key in _OF_A_START}}
    found = [_entry(unique, fields.get("time_created"), start, of)]
    if title and not title.startswith(_DEFAULT_TITLES):
        titled = {"table": "session", **{key: fields.get(key) for key in _OF_A_TITLE}}
        at = fields.get("time_created")
        found.append(_entry(f"{unique} {digest(titled)}", at, titled, of))
    return found


def _of_message(fields: dict[str, Any], of: dict[str, Any]) -> list[Entry]:
    data, unique = obj(fields, "data"), name(fields, "id")
    if data.get("role") == "user":
        stable = {key: value for key, value in data.items() if key != "summary"}
        return [_entry(unique, fields.get("time_created"), fields | {"data": stable}, of)]
    ended = obj(data, "time").get("completed")
    if not ended and not data.get("error"):
        return []
    return [_entry(unique, ended or fields.get("time_created"), fields, of, 2)]


def _of_tool(fields: dict[str, Any], of: dict[str, Any], state: dict[str, Any]) -> list[Entry]:
    """The beginning of a call, and its end once it has one."""
    status, unique, time = state.get("status"), name(fields, "id"), obj(state, "time")
    if status not in ("running", "completed", "error"):
        return []
    begun = {"status": "running", "input": state.get("input")}
    first = fields | {"data": obj(fields, "data") | {"state": begun}}
    created = fields.get("time_created")
    found = [_entry(f"{unique} begins", time.get("start") or created, first, of)]
    if status != "running":
        found.append(_entry(f"{unique} ends", time.get("end") or created, fields, of, 1))
    return found


def _has_ended(data: Mapping[str, Any], of: Mapping[str, Any]) -> bool:
    if obj(data, "time").get("end"):
        return True
    return bool(obj(of, "message", "time").get("completed") or obj(of, "message").get("error"))


def _entry(
    unique: str, at_ms: Any, fields: dict[str, Any], of: dict[str, Any], part: int = 0
) -> Entry:
    own = text(fields, "session_id") or text(fields, "id")
    root = name(of, "root") or own
    message = obj(of, "message")
    context: dict[str, Any] = {key: message[key] for key in ("role", "modelID") if key in message}
    if _HEADLESS in text(of, "permission"):
        context["headless"] = True
    inner = own if own != root else ""
    kind, cwd = text(of, "agent") if inner else "", text(of, "directory")
    line = dump(fields)
    place = at_ms if type(at_ms) is int else 0
    return Entry(unique, _at(at_ms), root, inner, kind, cwd, "", "", line, context, place, part)


def _at(at_ms: Any) -> str:
    try:
        return to_text(int(at_ms) * 1000)
    except (TypeError, ValueError, OverflowError):
        return ""


def meaning(payload: Mapping[str, Any]) -> Meaning:
    """The meaning of one kept row, or of a part of one."""
    line = obj(payload, "line")
    data, inner = obj(line, "data"), bool(text(payload, "agent_id"))
    table, made = text(line, "table"), OTHER
    if table == "session":
        if "title" in line:
            title = Meaning(Kind.TITLE, text=text(line, "title"), detail="agent")
            made = OTHER if inner else title
        elif inner:
            made = Meaning(Kind.SUBAGENT_START)
    elif table == "message":
        made = _end(data, inner)
    elif table == "part":
        made = _part(payload, line, data, inner)
    return placed(made, payload)


def _end(data: dict[str, Any], inner: bool) -> Meaning:
    """How a message ended otherwise than with words."""
    error = obj(data, "error")
    said, what = text(error, "data", "message"), text(error, "name")
    if not error or inner:
        return OTHER
    if what == _ABORTED:
        return Meaning(Kind.WAITING_NOTICED, detail=what, interrupted=True)
    return Meaning(Kind.TURN_FAILED, text=said or what or "error", detail=what)


def _part(
    payload: Mapping[str, Any], line: dict[str, Any], data: dict[str, Any], inner: bool
) -> Meaning:
    kind, unique, words = text(data, "type"), text(line, "id"), text(data, "text")
    if kind == "tool":
        return _call(data, obj(data, "state"))
    if kind == "step-finish":
        return OTHER._replace(usage=_usage(payload, line, obj(data, "tokens")))
    if kind == "reasoning":
        return Meaning(Kind.THINKING, text=words) if words else OTHER
    if kind != "text" or not words or data.get("synthetic") is True or data.get("ignored") is True:
        return OTHER
    if payload.get("role") != "user":
        return Meaning(Kind.ANSWER, text=words, item=unique)
    headless = payload.get("headless") is True
    words = without_frames(tools.without_quotes(words) if headless else words).strip()
    if inner or not words:
        return OTHER
    return Meaning(
        Kind.PROMPT, text=words, item=unique, by=Author.UNKNOWN if headless else Author.PERSON
    )


def _call(data: dict[str, Any], state: dict[str, Any]) -> Meaning:
    tool, given = text(data, "tool"), state.get("input")
    made = call(Kind.TOOL_BEFORE, tool, given, tools.ACTIONS, {})
    made = made._replace(tool_use_id=text(data, "callID"))
    status, output = state.get("status"), state.get("output")
    code = obj(state, "metadata").get("exit")
    if status == "error":
        reason = text(state, "error")
        return made._replace(kind=Kind.TOOL_FAILED, text=reason, output=reason)
    if status != "completed":
        return made
    if type(code) is int and code != 0:
        reason = f"Exit code {code}\n{output}"
        return made._replace(kind=Kind.TOOL_FAILED, text=reason, output=output)
    if tool == tools.UNKNOWN:
        return made._replace(kind=Kind.TOOL_FAILED, text=text(given, "error"), output=output)
    if child := text(state, "metadata", "sessionId"):
        output = {"agentId": child, "result": output}
    return made._replace(kind=Kind.TOOL_AFTER, output=output)


def _usage(payload: Mapping[str, Any], line: dict[str, Any], said: dict[str, Any]) -> Usage | None:
    """Of one step of a message; the output without what the model thought, which is apart."""
    if not said:
        return None
    return Usage(
        text(line, "message_id") or text(line, "id"),
        text(payload, "modelID"),
        tokens(said, "input"),
        tokens(said, "output") + tokens(said, "reasoning"),
        tokens(said, "cache", "read"),
        tokens(said, "cache", "write"),
    )


def _sessions(path: Path) -> list[str]:
    from journal.agents.opencode import database

    return database.sessions(path)


def _rows(path: Path, since_ms: int) -> Iterator[Row] | None:
    from journal.agents.opencode import database

    return database.rows(path, since_ms)


def _no_lines(fields: Mapping[str, Any]) -> bool:
    return False


TRANSCRIPTS = Transcripts(
    folders=folders,
    holds=holds,
    begins=_no_lines,
    is_record=_no_lines,
    session_of=lambda path: "",  # one database holds all sessions
    reader=Rows,
    meaning=meaning,
    rows=_rows,
    sessions=_sessions,
)
