"""Gemini CLI's chats: where they lie, and what is kept of their lines.

Source: chats of 0.61.0, and of earlier versions (one JSON object with `messages`). A record is
written again when its calls have ended: each part of it has a name that follows from what it says,
so what was written before is known, and what is new is added. What a kept part means is in
transcript_meaning.py.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from journal.agents.transcript_entry import Entry, Row, digest, dump, load, name, obj, objects, text
from journal.session.own_words import has_frame

_CHATS = "chats"
_ROOT = ".project_root"
_ENDED = ("success", "error", "cancelled")
_MOST_BYTES = 256 << 20  # of a chat of an earlier version, which is read whole


def folders(environ: Mapping[str, str]) -> list[Path]:
    """Where Gemini CLI keeps a folder for each project."""
    home = Path(environ.get("GEMINI_CLI_HOME") or environ.get("HOME", ""))
    return [home / ".gemini" / "tmp"] if home.is_absolute() else []


def holds(path: Path) -> bool:
    """Whether a path is that of a chat, or of a sub-agent's."""
    if path.parent.name == _CHATS:
        return path.name.startswith("session-") and path.suffix in (".jsonl", ".json")
    return path.parent.parent.name == _CHATS and path.suffix == ".jsonl"


def session_of(path: Path) -> str:
    """The session that a path names; of a session's own chat only the file's name."""
    return path.parent.name if path.parent.parent.name == _CHATS else path.stem


def rows(path: Path, since_ms: int) -> Iterator[Row] | None:
    """A chat of an earlier version, which is one object; None for a file of lines."""
    if path.suffix != ".json":
        return None
    return (Row(0, line) for line in old_lines(path))


def old_lines(path: Path) -> Iterator[bytes]:
    """A chat of an earlier version as lines: what it says of itself, then its messages.

    OSError, BadLineError: it cannot be read.
    """
    with path.open("rb") as file:
        chat = load(file.read(_MOST_BYTES))
    messages = objects(chat, "messages")
    yield dump({key: value for key, value in chat.items() if key != "messages"})
    for message in messages:
        yield dump(message)


def subagent_files(path: Path) -> list[Path]:
    """The chats of a session's sub-agents, for the session that its own chat names."""
    try:
        with path.open("rb") as file:
            session = name(load(file.readline(1 << 20)), "sessionId")
    except (OSError, ValueError):
        return []
    folder = path.parent / session
    return sorted(folder.glob("*.jsonl")) if session and folder.is_dir() else []


def joined(lines: Iterable[list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Records as they were: one that is written again holds what it said before, too."""
    known: dict[str, dict[str, Any]] = {}
    for parts in lines:
        whole: dict[str, Any] = {}
        for part in parts:
            unique = name(part, "id")
            if text(part, "type") != "gemini" or not unique:
                yield part
                continue
            whole = known.setdefault(unique, {})
            calls = {name(call, "id"): call for call in objects(whole, "toolCalls")}
            calls |= {name(call, "id"): call for call in objects(part, "toolCalls")}
            whole |= part | ({"toolCalls": list(calls.values())} if calls else {})
        if whole:
            yield whole


class Chat:
    """Reads one chat. Its first line says whose it is."""

    def __init__(self, path: Path, thinking: bool = True) -> None:
        self._thinking = thinking
        self._is_inner = path.parent.parent.name == _CHATS
        self._session = session_of(path)
        self._subagent = path.stem if self._is_inner else ""
        self._cwd = _project_root(path)

    def entries(self, line: bytes) -> list[Entry]:
        """What is kept of a line. BadLineError: it is not a JSON object."""
        fields = load(line)
        if "$set" in fields:
            return self._of_patch(fields)
        unique, kind = name(fields, "id"), text(fields, "type")
        if not kind and "sessionId" in fields:
            return self._of_start(fields)
        if kind == "gemini":
            return self._of_answer(fields, unique)
        if kind != "user" and has_frame(line):
            return []
        return [self._entry(unique, fields, text(fields, "timestamp"))]

    def _of_start(self, fields: dict[str, Any]) -> list[Entry]:
        """A file begins so, and so does each time that its session is taken up again."""
        if self._is_inner:
            self._subagent = name(fields, "sessionId") or self._subagent
        else:
            self._session = name(fields, "sessionId") or self._session
        directories = fields.get("directories")
        if not self._cwd and isinstance(directories, list) and directories:
            self._cwd = directories[0] if isinstance(directories[0], str) else ""
        kept = {key: value for key, value in fields.items() if key != "lastUpdated"}
        return [self._entry(f"start {digest(kept)}", kept, text(fields, "startTime"))]

    def _of_patch(self, fields: dict[str, Any]) -> list[Entry]:
        """Times are left out, and the messages that a compressed chat begins with again."""
        left_out = ("lastUpdated", "sessionId", "messages")
        kept = {k: v for k, v in obj(fields, "$set").items() if k not in left_out}
        if not kept:
            return []
        return [self._entry(f"set {digest(kept)}", {"$set": kept}, "")]

    def _of_answer(self, fields: dict[str, Any], unique: str) -> list[Entry]:
        at = text(fields, "timestamp")
        apart = ("toolCalls", "thoughts") if fields.get("thoughts") else ("toolCalls",)
        said = {key: value for key, value in fields.items() if key not in apart}
        frame = {key: fields.get(key) for key in ("id", "timestamp", "type")}
        found = [self._entry(f"{unique} {digest(said)}", said, at)]
        if self._thinking and (thoughts := objects(fields, "thoughts")):
            thought = frame | {"thoughts": thoughts}
            found.insert(0, self._entry(f"{unique} {digest(thought)}", thought, at))
        for call in objects(fields, "toolCalls"):
            found += self._of_call(frame, unique, call)
        return found

    def _of_call(self, frame: dict[str, Any], unique: str, call: dict[str, Any]) -> list[Entry]:
        at, inner = text(frame, "timestamp"), name(call, "id")
        begun = frame | {"toolCalls": [{key: call.get(key) for key in ("id", "name", "args")}]}
        found = [self._entry(f"{unique} {inner} begins", begun, at)]
        if call.get("status") in _ENDED:
            ended = frame | {"toolCalls": [call]}
            found.append(
                self._entry(f"{unique} {inner} ends", ended, text(call, "timestamp") or at)
            )
        return found

    def _entry(self, own_id: str, fields: dict[str, Any], at: str) -> Entry:
        line, kind = dump(fields), "subagent" if self._subagent else ""
        where = (self._session, self._subagent, kind, self._cwd, "", "")
        return Entry(own_id, at, *where, line)


def _project_root(path: Path) -> str:
    """The directory of a project's chats: only a file next to them says it."""
    for folder in path.parents[1:3]:
        try:
            return (folder / _ROOT).read_text("utf-8").strip()
        except (OSError, ValueError):
            continue
    return ""
