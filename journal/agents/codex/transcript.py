"""Codex's rollouts: where they lie, and what is kept of their lines.

Source: rollouts of 0.171.0 (`history_mode: paginated`, with `item_completed`) and the source of
earlier versions (legacy: `user_message`, `agent_message`, calls as API items only). What a kept
line means is in transcript_meaning.py.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from journal.agents.transcript_entry import Entry, dump, load, name, obj, text
from journal.session.own_words import has_frame

_NAME = re.compile(r"rollout-.*?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.jsonl(?:\.zst)?")
_UUID_7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_CALLS = ("function_call", "custom_tool_call", "local_shell_call")
_RESULTS = ("function_call_output", "custom_tool_call_output")
_MOST_CALLS = 500  # that are remembered at once
_HEADLESS = "codex_exec"
_SPOKEN = ("event_msg", "response_item", "token_usage_record")


def folders(environ: Mapping[str, str]) -> list[Path]:
    """Where Codex keeps its rollouts."""
    configured = environ.get("CODEX_HOME")
    home = Path(configured) if configured else Path(environ.get("HOME", "")) / ".codex"
    return [home / "sessions", home / "archived_sessions"] if home.is_absolute() else []


def holds(path: Path) -> bool:
    """Whether a file's name is that of a rollout."""
    return _NAME.fullmatch(path.name) is not None


def session_of(path: Path) -> str:
    """The thread that a rollout's name has: a session, or one of its sub-agents."""
    found = _NAME.fullmatch(path.name)
    return found[1] if found else path.name.split(".")[0]


class Rollout:
    """Reads one rollout. Its first line says whose it is: recall it before lines further on."""

    def __init__(self, path: Path, thinking: bool = True) -> None:
        self._thinking = thinking
        self._thread = self._session = session_of(path)
        self._subagent = self._type = self._cwd = self._branch = self._entrypoint = ""
        self._model = self._turn = self._answered = ""
        self._paginated = self._begun = self._inherits = False
        self._calls: dict[str, dict[str, Any]] = {}
        self._ended: dict[str, bool] = {}  # calls that an item has reported completely

    def entries(self, line: bytes) -> list[Entry]:
        """What is kept of a line; nothing of the agent's own prompts and of this program's words.

        BadLineError: it is not a JSON object.
        """
        fields = load(line)
        kind, said = text(fields, "type"), obj(fields, "payload")
        if kind == "session_meta":
            line, said = self._start(fields, said, line)
        self._follow(kind, said)
        if not self._keeps(kind, said, line):
            return []
        entry = Entry(
            _own_id(fields, kind, said),
            text(fields, "timestamp"),
            self._session,
            self._subagent,
            self._type,
            self._cwd,
            self._branch,
            self._entrypoint,
            line,
            self._context(kind, said),
        )
        self._remember(said)
        return [entry]

    def _keeps(self, kind: str, said: dict[str, Any], line: bytes) -> bool:
        if said.get("role") in ("developer", "system"):
            return False
        if not self._thinking and _is_thinking(said):
            return False
        return kind in _SPOKEN or not has_frame(line)

    def _start(
        self, fields: dict[str, Any], said: dict[str, Any], line: bytes
    ) -> tuple[bytes, dict[str, Any]]:
        """Take over what the first line says; the line without the agent's system prompt."""
        if self._begun:
            self._inherits = name(said, "id") != self._thread
        else:
            self._begun = True
            self._whose(said)
        if "base_instructions" not in said and "instructions" not in said:
            return line, said
        kept = {k: v for k, v in said.items() if k not in ("base_instructions", "instructions")}
        return dump({**fields, "payload": kept}), kept

    def _whose(self, said: dict[str, Any]) -> None:
        self._thread = name(said, "id") or self._thread
        spawn = obj(said, "source", "subagent", "thread_spawn")
        parent = name(said, "parent_thread_id") or name(spawn, "parent_thread_id")
        self._session = name(said, "session_id") or parent or self._thread
        if said.get("thread_source") == "subagent" or spawn or self._session != self._thread:
            self._subagent = self._thread
            self._type = name(said, "agent_role") or name(spawn, "agent_role") or "default"
            self._session = parent if self._session == self._thread and parent else self._session
        self._cwd = text(said, "cwd")
        self._branch = text(said, "git", "branch")
        self._entrypoint = name(said, "originator")
        self._paginated = said.get("history_mode") == "paginated"

    def _follow(self, kind: str, said: dict[str, Any]) -> None:
        """Note what lines behind this one build on."""
        turn = name(said, "turn_id")
        if turn:
            root = name(said, "root_turn_id")
            self._turn = root or (self._turn if self._subagent and self._turn else turn)
            if self._inherits and not self._is_before(turn):
                self._inherits = False
        if kind == "turn_context":
            self._model = name(said, "model") or self._model
            self._cwd = text(said, "cwd") or self._cwd

    def _is_before(self, turn: str) -> bool:
        """Whether a turn began before this thread did: then it is a copy of another thread's."""
        if _UUID_7.fullmatch(turn) and _UUID_7.fullmatch(self._thread):
            return turn < self._thread  # RFC 9562: they sort by time
        return False

    def _context(self, kind: str, said: dict[str, Any]) -> dict[str, Any]:
        context: dict[str, Any] = {"turn": self._turn} if self._turn else {}
        if self._inherits:
            context["inherited"] = True
        what = said.get("type")
        if kind == "token_usage_record" or what == "token_count":
            context["model"] = self._model
            context["paginated"] = self._paginated
        unique = name(said, "call_id") or name(said, "item", "id")
        if what in _RESULTS and unique in self._ended:
            context["told"] = True
        elif (what in _RESULTS or what == "item_completed") and unique in self._calls:
            context["call"] = self._calls[unique]
        if what == "task_complete" and self._answered == self._turn:
            context["told"] = True
        if self._entrypoint == _HEADLESS and (what == "user_message" or _is_prompt(said)):
            context["headless"] = True
        return context

    def _remember(self, said: dict[str, Any]) -> None:
        what, item = said.get("type"), obj(said, "item")
        if what == "agent_message" or item.get("type") == "AgentMessage":
            self._answered = self._turn
        if what in _CALLS and (unique := name(said, "call_id")):
            _put(self._calls, unique, call(said))
        elif what == "item_completed" and "status" in item and (unique := name(item, "id")):
            _put(self._ended, unique, True)


def call(said: Mapping[str, Any]) -> dict[str, Any]:
    """A call as hooks name it: `{"name", "input"}`."""
    tool, given = name(said, "name"), _arguments(said)
    if tool in ("exec_command", "shell_command", "shell") or said.get("type") == "local_shell_call":
        return {"name": "Bash", "input": {"command": _command(said, given)}}
    if tool == "apply_patch":
        patch = text(given, "input") or text(given, "patch")
        return {"name": tool, "input": {"command": text(said, "input") or patch}}
    space = name(said, "namespace")
    tool = f"{space}{tool}" if space.startswith(("collaboration", "mcp__")) else tool
    return {"name": tool, "input": given if isinstance(given, dict) else {"input": given}}


def _arguments(said: Mapping[str, Any]) -> Any:
    given = said.get("arguments", said.get("input"))
    if not isinstance(given, str) or "input" in said:
        return given
    try:
        return load(given.encode("utf-8", "surrogatepass"))
    except ValueError:
        return given


def _command(said: Mapping[str, Any], given: Any) -> str:
    told = given if isinstance(given, dict) else {}
    for key in ("cmd", "command"):
        if isinstance(told.get(key), str):
            return text(told, key)
    return command_line(told.get("command", obj(said, "action").get("command")))


def command_line(argv: Any) -> str:
    """What a shell was asked to run: its script, or the words of another program."""
    words = [word for word in argv if isinstance(word, str)] if isinstance(argv, list) else []
    if len(words) == 3 and words[1] in ("-lc", "-c"):
        return words[2]
    return " ".join(words)


def _is_thinking(said: Mapping[str, Any]) -> bool:
    kind = said.get("type")
    return kind in ("reasoning", "agent_reasoning", "agent_reasoning_raw_content") or (
        text(said, "item", "type") == "Reasoning"
    )


def _is_prompt(said: Mapping[str, Any]) -> bool:
    return text(said, "item", "type") == "UserMessage"


def _own_id(fields: Mapping[str, Any], kind: str, said: Mapping[str, Any]) -> str:
    """Files of earlier versions number no lines: there the bytes are the name."""
    ordinal, at = fields.get("ordinal"), name(fields, "timestamp")
    if type(ordinal) is not int or not at:
        return ""
    inner = name(said, "item", "id") or name(said, "id") or name(said, "call_id")
    return f"{ordinal} {at} {kind} {name(said, 'type')} {inner}"


def _put(known: dict[str, Any], unique: str, value: Any) -> None:
    known[unique] = value
    if len(known) > _MOST_CALLS:
        del known[next(iter(known))]
