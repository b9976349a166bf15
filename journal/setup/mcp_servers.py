"""`journal mcp` in the agents' own lists of servers, and the skill that says when to ask it.

For an agent that rewrites its list while it runs, its own program is used; else, or where that
is not there, our entry is merged into the file. Everything else in it stays as it was.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from journal.agents.contract import Agent, Servers, Skill
from journal.durable_files import write_whole
from journal.errors import JournalError, UsageError
from journal.layout import Layout
from journal.setup import settings_file, settings_writing
from journal.setup.hook_command import SILENCE

NAME = "agent-journal"
_SECONDS = 30.0  # for the agent's own program
_MARK = b"<!-- agent-journal: written by `journal install`"
_HINT = "add the server yourself: docs/recall.md says how"
_OUR_TABLE = re.compile(
    rf"^\[mcp_servers\.(?:{NAME}|\"{NAME}\")\][^\n]*\n(?:(?!\[)[^\n]*\n?)*", re.MULTILINE
)

Outcome = Literal["registered", "unchanged", "removed", "absent"]
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Registration:
    """What was done with an agent's list of servers, or would be."""

    agent: Agent
    path: Path
    outcome: Outcome
    backup: Path | None = None


def server_command(layout: Layout) -> list[str]:
    """What an agent starts. Not from its folder: -P keeps a project's own modules out."""
    python = str(Path(sys.executable).absolute())
    return [python, "-P", "-m", "journal", "--home", str(layout.home), "mcp"]


def register(
    layout: Layout, agent: Agent, environ: Mapping[str, str], now_us: int, *, dry_run: bool = False
) -> Registration | None:
    """The agent knows the server of this home, and the skill; None: it keeps no such list.

    UsageError: the file cannot be kept, or holds a server of this name that is not ours.
    """
    servers = agent.setup.servers
    if servers is None:
        return None
    path, wanted = servers.file(environ), server_command(layout)
    known = _command(_entry(servers, path))
    if known and not _is_ours(known):
        raise UsageError(f"{path} has another server named {NAME}", "rename it")
    if agent.setup.skill is not None and not dry_run:
        _write_skill(agent.setup.skill, environ)
    if known == wanted:
        return Registration(agent, path, "unchanged")
    if dry_run:
        return Registration(agent, path, "registered")
    if servers.add is not None and servers.remove is not None:
        program = agent.setup.program
        if known:
            _run_program(program, servers.remove(NAME), environ)
        _run_program(program, servers.add(NAME, wanted), environ)
        if _command(_entry(servers, path)) == wanted:
            return Registration(agent, path, "registered")
    backup = _merge(servers, path, servers.entry(wanted), now_us)
    return Registration(agent, path, "registered", backup)


def registered_command(agent: Agent, environ: Mapping[str, str]) -> list[str]:
    """What the agent starts under our name; empty: nothing. UsageError: the file is unreadable."""
    servers = agent.setup.servers
    return [] if servers is None else _command(_entry(servers, servers.file(environ)))


def unregister(
    agent: Agent, environ: Mapping[str, str], now_us: int, *, dry_run: bool = False
) -> Registration | None:
    """Remove our server, of any home, and the skill from the agent. Errors as above."""
    servers = agent.setup.servers
    if servers is None:
        return None
    path = servers.file(environ)
    if agent.setup.skill is not None and not dry_run:
        _remove_skill(agent.setup.skill, environ)
    if not _is_ours(_command(_entry(servers, path))):
        return Registration(agent, path, "absent")
    if dry_run:
        return Registration(agent, path, "removed")
    if servers.remove is not None:
        _run_program(agent.setup.program, servers.remove(NAME), environ)
        if not _entry(servers, path):
            return Registration(agent, path, "removed")
    return Registration(agent, path, "removed", _merge(servers, path, None, now_us))


def _entry(servers: Servers, path: Path) -> Any:
    """What the file says of a server of our name; None: nothing."""
    values = _toml(path)[1] if servers.is_toml else settings_file.load(path).values
    known = values.get(servers.key, {})
    if not isinstance(known, dict):
        raise UsageError(f'{path} was not changed: "{servers.key}" is not an object', _HINT)
    return known.get(NAME)


def _command(entry: Any) -> list[str]:
    """The command line of a server; empty if it is none that is started."""
    if not isinstance(entry, dict):
        return []
    command, more = entry.get("command"), entry.get("args", [])
    whole = command if isinstance(command, list) else [command, *more]
    return [str(part) for part in whole] if whole and whole[0] else ["(remote)"]


def _is_ours(command: Sequence[str]) -> bool:
    return len(command) > 1 and command[-1] == "mcp" and "journal" in command


def _merge(servers: Servers, path: Path, entry: Values | None, now_us: int) -> Path | None:
    """The file with this entry, or without ours; returns the backup, None without a file."""
    if servers.is_toml:
        return _merge_toml(path, entry, now_us)
    document = settings_file.load(path)
    known = {**document.values.get(servers.key, {})}
    known.pop(NAME, None)
    if entry is not None:
        known[NAME] = entry
    values = {**document.values, servers.key: known}
    if not known and not (servers.needs_map and len(values) > 1):
        del values[servers.key]
    if entry is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        return settings_writing.write(document, values, now_us)
    return settings_writing.write_original(document, values, now_us)


def _toml(path: Path) -> tuple[settings_file.Document, Values]:
    try:
        data = settings_file.read(path)
        return settings_file.Document(path, data, {}), tomllib.loads((data or b"").decode())
    except ValueError as error:
        raise UsageError(f"{path} was not changed: it is not TOML: {error}", _HINT) from error


def _merge_toml(path: Path, entry: Values | None, now_us: int) -> Path | None:
    """Our table at the end of the text; the rest must have the same content as before."""
    document, values = _toml(path)
    text = (document.data or b"").decode()
    known = {**values.get("mcp_servers", {})}
    known.pop(NAME, None)
    made = _OUR_TABLE.sub("", text)
    if entry is not None:
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items()]
        made = made.rstrip("\n") + "\n" * 2 * bool(made.strip())
        made += "\n".join([f"[mcp_servers.{NAME}]", *lines, ""])
        known[NAME] = entry
    else:
        made = made.rstrip("\n") + "\n" * bool(made.strip())
        if not made and document.data and not path.is_symlink():
            return settings_writing.remove(document, now_us)
    expected = {**values, "mcp_servers": known}
    with suppress(ValueError):
        if _plain(tomllib.loads(made)) == _plain(expected):
            path.parent.mkdir(parents=True, exist_ok=True)
            return settings_writing.replace(document, made.encode(), now_us)
    raise UsageError(f"{path} was not changed: its servers have an unknown form", _HINT)


def _plain(values: Values) -> Values:
    return {key: value for key, value in values.items() if value != {}}


def _run_program(program: str, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Run the agent's own program; what it did is seen in the file."""
    path = shutil.which(program, path=environ.get("PATH", os.defpath))
    if path is None:
        return
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            env={**environ, SILENCE: "1", "DISABLE_AUTOUPDATER": "1"},
        )


def _write_skill(skill: Skill, environ: Mapping[str, str]) -> None:
    """Ours is brought up to date; one that a person made their own stays."""
    path, content = skill.file(environ), skill.content()
    try:
        old = settings_file.read(path)
        if old == content or (old is not None and _MARK not in old):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content, 0o644)
    except OSError as error:
        raise JournalError(f"cannot write {path}: {error.strerror}", "check its owner") from error


def _remove_skill(skill: Skill, environ: Mapping[str, str]) -> None:
    path = skill.file(environ)
    try:
        if _MARK in (settings_file.read(path) or b""):
            path.unlink()
            with suppress(OSError):  # there is something else in it
                path.parent.rmdir()
    except OSError as error:
        raise JournalError(f"cannot remove {path}: {error.strerror}", "check its owner") from error
