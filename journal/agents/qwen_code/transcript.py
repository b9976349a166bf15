"""Qwen Code's transcripts: where they lie, what is kept of their lines, and what they mean.

Source: files of 0.24.4: Claude Code's frame around Gemini's parts. A line is kept as one entry for
each of its calls and results, and one for the words around them.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from journal.agents.contract import Transcripts
from journal.agents.fields import call
from journal.agents.gemini_cli import tools
from journal.agents.transcript_entry import (
    Entry,
    dump,
    load,
    name,
    obj,
    objects,
    placed,
    text,
    tokens,
    usage,
)
from journal.session.meaning import OTHER, Author, Kind, Meaning, Usage
from journal.session.own_words import has_frame, without_frames

_CHATS = "chats"
_LEFT_OUT = ("ui_telemetry",)  # repeats calls and answers
_PERSON = "real_user"
_MOST_CALLS = 500  # that are open at once


def folders(environ: Mapping[str, str]) -> list[Path]:
    """Where Qwen Code keeps a folder for each project."""
    home = Path(environ.get("HOME", ""))
    return [home / ".qwen" / "projects"] if home.is_absolute() else []


def holds(path: Path) -> bool:
    """Whether a path is that of a transcript."""
    return path.parent.name == _CHATS and path.suffix == ".jsonl"


def session_of(path: Path) -> str:
    """The session that a transcript's name has."""
    return path.stem


class Lines:
    """Reads one transcript; each line says whose it is."""

    def __init__(self, path: Path, thinking: bool = True) -> None:
        self._thinking = thinking
        self._session = session_of(path)
        self._calls: dict[str, dict[str, Any]] = {}

    def entries(self, line: bytes) -> list[Entry]:
        """What is kept of a line. BadLineError: it is not a JSON object."""
        fields = load(line)
        kind = text(fields, "type")
        if text(fields, "subtype") in _LEFT_OUT or (kind == "system" and has_frame(line)):
            return []
        self._session = name(fields, "sessionId") or self._session
        parts = objects(fields, "message", "parts")
        kept = [part for part in parts if self._thinking or part.get("thought") is not True]
        if parts and not kept:
            return []
        runs = _runs(kept)
        goes_on = any("functionCall" in part for part in parts)
        if len(runs) < 2 and len(kept) == len(parts):
            return [self._entry(fields, line, "", goes_on)]
        return [
            self._entry(part, dump(part), f" {number}", goes_on)
            for number, part in enumerate(_parts(fields, runs))
        ]

    def _entry(self, fields: dict[str, Any], line: bytes, number: str, goes_on: bool) -> Entry:
        unique = name(fields, "uuid")
        context: dict[str, Any] = {"goes_on": True} if goes_on else {}
        for part in objects(fields, "message", "parts"):
            called, result = obj(part, "functionCall"), obj(part, "functionResponse")
            if called_id := name(called, "id"):
                given = {"name": called.get("name"), "input": called.get("args")}
                self._calls[called_id] = given
                if len(self._calls) > _MOST_CALLS:
                    del self._calls[next(iter(self._calls))]
            if known := self._calls.pop(name(result, "id"), None):
                context["call"] = known
        return Entry(
            f"{unique}{number}" if unique else "",
            text(fields, "timestamp"),
            self._session,
            name(fields, "agentId"),
            "",
            text(fields, "cwd"),
            text(fields, "gitBranch"),
            "",
            line,
            context,
        )


def _runs(parts: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """A call, a result and a thought are lines of their own; other words stay together."""
    runs: list[list[dict[str, Any]]] = []
    joins = False
    for part in parts:
        alone = not ("text" in part and part.get("thought") is not True)
        if alone or not joins:
            runs.append([part])
        else:
            runs[-1].append(part)
        joins = not alone
    return runs


def _parts(fields: dict[str, Any], runs: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """A line as one for each run; what was used is in the first."""
    found = []
    for number, run in enumerate(runs):
        part = {**fields, "message": {**obj(fields, "message"), "parts": run}}
        if number:
            part.pop("usageMetadata", None)
            part.pop("toolCallResult", None)
        found.append(part)
    return found


def joined(lines: Iterable[list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Lines as they were, of the parts that were kept of them."""
    for first, *rest in lines:
        parts = [part for line in (first, *rest) for part in objects(line, "message", "parts")]
        yield {**first, "message": {**obj(first, "message"), "parts": parts}} if rest else first


def meaning(payload: Mapping[str, Any]) -> Meaning:
    """The meaning of one kept line, or of a part of one."""
    line = obj(payload, "line")
    kind, parts = text(line, "type"), objects(line, "message", "parts")
    made = OTHER
    if kind == "user":
        made = OTHER if text(payload, "agent_id") else _prompt(line, parts)
    elif kind == "assistant":
        made = _answer(payload, line, parts)
        made = made._replace(usage=_usage(line, obj(line, "usageMetadata")))
    elif kind == "tool_result":
        made = _result(payload, line, parts)
    elif kind == "system" and text(line, "subtype") == "custom_title":
        title = text(line, "systemPayload", "customTitle")
        made = Meaning(Kind.TITLE, text=title, detail="person")
    return placed(made, payload)


def _words(parts: list[dict[str, Any]]) -> str:
    return "\n".join(found for part in parts if (found := text(part, "text")))


def _prompt(line: dict[str, Any], parts: list[dict[str, Any]]) -> Meaning:
    words = without_frames(_words(parts)).strip()
    if not words:
        return OTHER
    said_by = text(line, "provenance")
    by = {_PERSON: Author.PERSON, "": ""}.get(said_by, Author.MACHINE)
    return Meaning(Kind.PROMPT, text=words, item=text(line, "uuid"), by=by)


def _answer(
    payload: Mapping[str, Any], line: dict[str, Any], parts: list[dict[str, Any]]
) -> Meaning:
    """A message without a call of a tool ends the turn."""
    for part in parts:
        if called := obj(part, "functionCall"):
            unique, tool = text(called, "id"), text(called, "name")
            return _called(Kind.TOOL_BEFORE, unique, tool, called.get("args"))
    words = _words(parts)
    if not words.strip():
        return OTHER
    if all(part.get("thought") is True for part in parts):
        return Meaning(Kind.THINKING, text=words)
    unique = text(line, "uuid")
    if payload.get("goes_on") is True:
        return Meaning(Kind.ANSWER, text=words, item=unique, ends_turn=False)
    end = Kind.SUBAGENT_END if text(payload, "agent_id") else Kind.TURN_END
    return Meaning(end, text=words, item=unique)


def _result(payload: Mapping[str, Any], line: dict[str, Any], parts: list[Any]) -> Meaning:
    said = obj(line, "toolCallResult")
    answer = next((obj(part, "functionResponse") for part in parts), {})
    called = obj(payload, "call")
    unique = text(answer, "id") or text(said, "callId")
    tool = text(called, "name") or text(answer, "name")
    made = _called(Kind.TOOL_AFTER, unique, tool, called.get("input"))
    output, error = text(answer, "response", "output"), text(answer, "response", "error")
    status, code = text(said, "status"), obj(said, "resultDisplay").get("exitCode")
    shown = text(said, "resultDisplay", "output") or output
    if error or status in ("error", "cancelled"):
        reason = error or text(said, "error", "message") or shown
        cut_off = status == "cancelled"
        return made._replace(
            kind=Kind.TOOL_FAILED, text=reason, output=shown or reason, interrupted=cut_off
        )
    if type(code) is int and code != 0:
        return made._replace(kind=Kind.TOOL_FAILED, text=f"Exit code {code}\n{shown}", output=shown)
    return made._replace(output=shown)


def _called(kind: Kind, unique: str, tool: str, given: Any) -> Meaning:
    return call(kind, tool, given, tools.ACTIONS, {})._replace(tool_use_id=unique)


def _usage(line: dict[str, Any], said: dict[str, Any]) -> Usage | None:
    """What the model thought counts as output: it is the total without the prompt."""
    if not said:
        return None
    prompt, total = tokens(said, "promptTokenCount"), tokens(said, "totalTokenCount")
    output = max(tokens(said, "candidatesTokenCount"), total - prompt)
    cached = tokens(said, "cachedContentTokenCount")
    return usage(text(line, "uuid"), text(line, "model"), prompt, output, cached)


def _begins(fields: Mapping[str, Any]) -> bool:
    has_parts = isinstance(obj(fields, "message").get("parts"), list)
    return _is_record(fields) and (has_parts or "provenance" in fields)


def _is_record(fields: Mapping[str, Any]) -> bool:
    return bool(text(fields, "uuid") and text(fields, "type") and text(fields, "sessionId"))


TRANSCRIPTS = Transcripts(
    folders=folders,
    holds=holds,
    begins=_begins,
    is_record=_is_record,
    session_of=session_of,
    reader=Lines,
    meaning=meaning,
    joined=joined,
)
