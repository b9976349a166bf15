"""Installing the hooks: their programs into the home, their commands into the agents' files.

The programs come first, so that the files never point to nothing; they go last, for the same
reason. Of one agent nothing is written before everything that can be refused has been looked at.
"""

import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from journal import home_id
from journal.agents import AGENTS
from journal.agents.contract import Agent, Merged
from journal.durable_files import make_folder
from journal.errors import JournalError, UsageError
from journal.layout import Layout
from journal.setup import hooks_file, lost_records, programs, registered
from journal.setup.agent_versions import accepted_events
from journal.setup.hook_command import (
    Programs,
    base_interpreter,
    constant_command,
    hook_command,
    hook_script,
    script_file,
)
from journal.setup.hooks_file import HooksFile

# Where `uvx`, `uv run --with` and `pipx run` keep environments that they delete at will.
_UV = re.compile(r"/(archive|builds|environments)-v\d+/|/\.cache/uv/|/Caches/uv/|/uv/cache/")
_PIPX = re.compile(r"/pipx/\.cache/|/\.cache/pipx/|/Caches/pipx/")

Outcome = Literal["created", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class Installation:
    """What `install` did, or would do. `events`: those whose hook is new or another one now."""

    agent: Agent
    home: Path
    settings: Path
    outcome: Outcome
    events: tuple[str, ...]
    programs: tuple[str, ...]  # files that were copied into the home
    interpreter: Path
    backup: Path | None
    replaced: tuple[str, ...]  # homes whose hooks gave way
    warnings: tuple[str, ...]
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Removal:
    """What `uninstall` did, or would do. `events`: those that had one of our hooks."""

    agent: Agent
    homes: tuple[str, ...]  # of those hooks
    settings: Path
    events: tuple[str, ...]
    backup: Path | None
    dry_run: bool


def install(
    layout: Layout,
    agent: str,
    settings: Path | None,
    *,
    durable: bool,
    now_us: int,
    autostart: bool = False,
    dry_run: bool = False,
) -> Installation:
    """Register the hooks of `layout`'s home in the agent's file (default: this user's); idempotent.

    Hooks of another home in that file give way, so that nothing is recorded twice. UsageError: no
    such agent, a throw-away environment, no POSIX shell, or a file that cannot be kept; nothing
    was written. JournalError: something cannot be written.
    """
    chosen = known(agent)
    check_possible()
    run_by = Programs(layout, base_interpreter(), programs.packaged(), durable)
    file = hooks_file.look(chosen, _path(chosen, settings))
    accepted, warnings = accepted_events(chosen)
    if not dry_run:
        home_id.ensure(layout, again=True)
    change = file.with_hooks({event: _command(run_by, chosen, event) for event in accepted})
    scripts = _scripts(run_by, chosen)
    stale = programs.stale(layout, scripts)
    backup = None
    if not dry_run:
        make_folder(layout.home)
        programs.copy(layout, stale, scripts)
        programs.mark_autostart(layout, wanted=autostart)
        backup = change.write(now_us) if change.events else None
        lost_records.reserve(layout)
        registered.note(layout, agent, file.path, tuple(accepted))
    changed: Outcome = "changed" if file.exists else "created"
    obstacles = chosen.setup.obstacles(file.path.parent, file.values)
    return Installation(
        agent=chosen,
        home=layout.home,
        settings=file.path,
        outcome=changed if change.events else "unchanged",
        events=change.events,
        programs=stale,
        interpreter=run_by.python,
        backup=backup,
        replaced=_other_homes(file, layout),
        warnings=(*warnings, *(f"{one} ({file.path})" for one in obstacles)),
        dry_run=dry_run,
    )


def uninstall(
    layout: Layout, agent: str, settings: Path | None, *, now_us: int, dry_run: bool = False
) -> Removal:
    """Take our hooks out of the agent's file, then the programs out of the home if none needs them.

    The journal stays. A file that no one else has changed since is restored byte for byte. Errors
    as for `install`.
    """
    chosen = known(agent)
    file = hooks_file.look(chosen, _path(chosen, settings))
    change = file.without_hooks()
    found = tuple(hooks_file.homes(file.commands()))
    backup = None
    if not dry_run:
        if change.events:
            backup = change.write(now_us)
        registered.remove(layout, agent, file.path)
        if (change.events or settings is None) and not _is_needed(layout):
            programs.remove(layout)
    return Removal(chosen, found, file.path, change.events, backup, dry_run)


def check_possible() -> None:
    """UsageError or JournalError: no hooks can be installed for any agent."""
    if os.name != "posix":
        raise UsageError("the hooks need a POSIX shell", "install it in WSL, Linux or macOS")
    _check_environment(sys.prefix)


def known(name: str) -> Agent:
    """The agent with this name. UsageError: there is none."""
    if name not in AGENTS:
        raise UsageError(f"unknown agent {name!r}", f"known: {', '.join(AGENTS)}")
    return AGENTS[name]


def found_agents(environ: Mapping[str, str]) -> list[Agent]:
    """The agents of this machine: the program is on PATH, or its configuration folder exists."""
    path = environ.get("PATH", os.defpath)
    return [
        agent
        for agent in AGENTS.values()
        if shutil.which(agent.setup.program, path=path) or agent.setup.folder(environ).is_dir()
    ]


def installed_agents(environ: Mapping[str, str], home: Path | None = None) -> list[Agent]:
    """The agents whose file of this user has our hooks, of any home or of one.

    One whose file cannot be read is among them: it may hold some.
    """
    files = {name: hooks_file.default_path(agent, environ) for name, agent in AGENTS.items()}
    return [agent for name, agent in AGENTS.items() if _has_ours(agent, files[name], home)]


def _has_ours(agent: Agent, path: Path, home: Path | None) -> bool:
    try:
        return bool(hooks_file.look(agent, path).commands(home))
    except UsageError:
        return isinstance(agent.setup.hooks, Merged)  # else a file that is not ours
    except JournalError:
        return True


def _is_needed(layout: Layout) -> bool:
    """Whether some agent of this user still runs this home's programs, as its settings say."""
    return bool(installed_agents(os.environ, layout.home)) or any(
        _has_ours(agent, Path(file), layout.home)
        for agent in AGENTS.values()
        if (noted := registered.read(layout, agent.name)) is not None
        for file in noted.files
    )


def _path(agent: Agent, settings: Path | None) -> Path:
    if settings is None:
        return hooks_file.default_path(agent, os.environ)
    if not settings.parent.is_dir():
        hint = "make the folder, or name another file"
        raise UsageError(f"no folder {settings.parent}", hint)
    return settings


def _command(run_by: Programs, agent: Agent, event: str) -> str:
    if _is_constant(agent):
        return constant_command(run_by.layout, agent.name, event)
    return hook_command(run_by, agent.name, event)


def _is_constant(agent: Agent) -> bool:
    return isinstance(agent.setup.hooks, Merged) and agent.setup.hooks.constant


def _scripts(run_by: Programs, agent: Agent) -> dict[str, bytes]:
    """Name and content of what a constant command runs."""
    if not _is_constant(agent):
        return {}
    name = script_file(run_by.layout, agent.name).name
    return {name: hook_script(run_by, agent.name).encode()}


def _other_homes(file: HooksFile, layout: Layout) -> tuple[str, ...]:
    named = hooks_file.homes(file.commands())
    return tuple(home for home in named if home != str(layout.home))


def throw_away(prefix: str) -> str:
    """The command that installs for good, if the environment at `prefix` will be deleted; or ""."""
    if _UV.search(prefix):
        return "uv tool install agent-journal"
    return "pipx install agent-journal" if _PIPX.search(prefix) else ""


def _check_environment(prefix: str) -> None:
    if command := throw_away(prefix):
        message = f"this environment is temporary: {prefix}"
        raise UsageError(message, f"run: {command}, then: journal install")
