"""Installing the hooks: their programs into the home, their commands into the agents' files.

The programs come first, so that the files never point to nothing; they go last, for the same
reason. Of one agent nothing is written before everything that can be refused has been looked at.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import hooks
from hooks import autostart as starting
from journal import home_id
from journal.agents import AGENTS
from journal.agents.contract import Agent, Merged, Version
from journal.errors import JournalError, UsageError
from journal.layout import Layout, make_folder, write_whole
from journal.setup import hooks_file, lost, registered
from journal.setup.hook_command import (
    SILENCE,
    Programs,
    base_interpreter,
    constant_command,
    hook_command,
    hook_script,
    script_file,
)
from journal.setup.hooks_file import HooksFile

APPLICATION = "application"  # next to the programs: one line, the application's own interpreter
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_VERSION_SECONDS = 10.0
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
    """What `uninstall` did, or would do. `events`: those that had a hook of ours."""

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
    programs = Programs(layout, base_interpreter(), _packaged(), durable)
    file = hooks_file.look(chosen, _path(chosen, settings))
    accepted, warnings = _accepted_events(chosen)
    if not dry_run:
        home_id.ensure(layout, again=True)
    change = file.with_hooks({event: _command(programs, chosen, event) for event in accepted})
    scripts = _scripts(programs, chosen)
    stale = stale_programs(layout, scripts)
    backup = None
    if not dry_run:
        make_folder(layout.home)
        _copy_programs(layout, stale, scripts)
        _mark(layout.home / starting.MARKER, autostart)
        backup = change.write(now_us) if change.events else None
        lost.reserve(layout)
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
        interpreter=programs.python,
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
            _remove_programs(layout)
    return Removal(chosen, found, file.path, change.events, backup, dry_run)


def check_possible() -> None:
    """UsageError or JournalError: no hooks can be installed, whichever agent is meant."""
    if os.name != "posix":
        raise UsageError("the hooks need a POSIX shell", "install it in WSL, Linux or macOS")
    _check_environment(sys.prefix)


def known(name: str) -> Agent:
    """The agent with this name. UsageError: there is none."""
    if name not in AGENTS:
        raise UsageError(f"unknown agent: {name}", f"known: {', '.join(AGENTS)}")
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
    """The agents in whose file of this user are hooks of ours, or of one home.

    One whose file cannot be read is among them: it may hold some.
    """
    return [agent for agent in AGENTS.values() if _has_ours(agent, environ, home)]


def _has_ours(agent: Agent, environ: Mapping[str, str], home: Path | None) -> bool:
    path = hooks_file.default_path(agent, environ)
    try:
        return bool(hooks_file.look(agent, path).commands(home))
    except UsageError:
        return isinstance(agent.setup.hooks, Merged)  # else a file that is not ours
    except JournalError:
        return True


def _is_needed(layout: Layout) -> bool:
    """Whether some agent of this user still runs this home's programs."""
    return bool(installed_agents(os.environ, layout.home))


def _path(agent: Agent, settings: Path | None) -> Path:
    if settings is None:
        return hooks_file.default_path(agent, os.environ)
    if not settings.parent.is_dir():
        hint = "make the folder, or name another file"
        raise UsageError(f"no folder {settings.parent}", hint)
    return settings


def _command(programs: Programs, agent: Agent, event: str) -> str:
    if _is_constant(agent):
        return constant_command(programs.layout, agent.name, event)
    return hook_command(programs, agent.name, event)


def _is_constant(agent: Agent) -> bool:
    return isinstance(agent.setup.hooks, Merged) and agent.setup.hooks.constant


def _scripts(programs: Programs, agent: Agent) -> dict[str, bytes]:
    """Name and content of what a constant command runs."""
    if not _is_constant(agent):
        return {}
    name = script_file(programs.layout, agent.name).name
    return {name: hook_script(programs, agent.name).encode()}


def _other_homes(file: HooksFile, layout: Layout) -> tuple[str, ...]:
    named = hooks_file.homes(file.commands())
    return tuple(home for home in named if home != str(layout.home))


def stale_programs(layout: Layout, scripts: Mapping[str, bytes] | None = None) -> tuple[str, ...]:
    """Names of the hook programs in the home that are missing or not as this application's."""
    stale = []
    for name, data in {**(scripts or {}), **_programs()}.items():
        try:
            if (layout.hooks / name).read_bytes() != data:
                stale.append(name)
        except OSError:
            stale.append(name)  # writing it will say what is wrong
    return tuple(stale)


def throw_away(prefix: str) -> str:
    """The command that installs for good, if the environment at `prefix` will be deleted; or ""."""
    if _UV.search(prefix):
        return "uv tool install agent-journal"
    return "pipx install agent-journal" if _PIPX.search(prefix) else ""


def agent_versions(program: str = "claude") -> tuple[Version, ...]:
    """The versions of an agent that a shell of this user may start, as they say themselves."""
    folders = [folder for folder in os.environ.get("PATH", "").split(":") if folder[:1] == "/"]
    home = Path.home()
    folders += [str(home / ".local" / "bin"), str(home / f".{program}" / "local")]
    found = {os.path.realpath(f"{folder}/{program}") for folder in folders}
    versions = {_version(path) for path in found if os.access(path, os.X_OK)}
    return tuple(sorted(version for version in versions if version is not None))


def _check_environment(prefix: str) -> None:
    if command := throw_away(prefix):
        message = f"this environment is temporary: {prefix}"
        raise UsageError(message, f"run: {command}, then: journal install")


def _version(program: str) -> Version | None:
    try:
        said = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_VERSION_SECONDS,
            env={**os.environ, SILENCE: "1", "DISABLE_AUTOUPDATER": "1"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None  # one that does not run reads no settings
    found = _VERSION.search(said.stdout.decode("utf-8", "replace"))
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def _accepted_events(agent: Agent) -> tuple[list[str], list[str]]:
    """The events that every installed version accepts, and what to say about the others."""
    events, program = agent.setup.events, agent.setup.program
    floors = {event: since for event, since in events.items() if since is not None}
    if not floors:
        return list(events), []
    versions = agent_versions(program)
    if not versions:
        least = ".".join(map(str, max(floors.values())))
        return list(events), [f"{program} was not found; the hooks need version {least} or newer"]
    refused = [event for event, since in floors.items() if versions[0] < since]
    if not refused:
        return list(events), []
    oldest = ".".join(map(str, versions[0]))
    names = ", ".join(refused)
    advice = "upgrade it, then run journal install again"
    warning = f"{program} {oldest} knows no {names}: not recorded ({advice})"
    return [event for event in events if event not in refused], [warning]


def _packaged() -> Path:
    return Path(hooks.__file__).absolute().parent


def _programs() -> dict[str, bytes]:
    """Name and content of what lies in the home's `hooks/`; `run.py`, which needs them, is last."""
    sources = sorted(_packaged().glob("*.py"), key=lambda path: (path.name == "run.py", path.name))
    return {
        APPLICATION: os.fsencode(Path(sys.executable).absolute()) + b"\n",
        **{path.name: path.read_bytes() for path in sources},
    }


def _copy_programs(layout: Layout, names: tuple[str, ...], scripts: Mapping[str, bytes]) -> None:
    data = {**scripts, **_programs()}
    for name in names:
        write_whole(layout.hooks / name, data[name])


def _mark(path: Path, wanted: bool) -> None:
    """The file is there, or it is not: the hook of SessionStart reads no settings."""
    if wanted and not path.exists():
        write_whole(path, b"")
    if not wanted and path.exists():
        try:
            path.unlink()
        except OSError as error:
            hint = "check the owner and rights of the home"
            raise JournalError(f"cannot remove {path}: {error.strerror}", hint) from error


def _remove_programs(layout: Layout) -> None:
    """Remove what `install` and the interpreter wrote; a folder with more than that stays."""
    folder = layout.hooks
    if folder.is_symlink() or not folder.is_dir():
        return
    cache = folder / "__pycache__"
    try:
        marks = (folder / APPLICATION, layout.home / starting.MARKER)
        for path in (*folder.glob("*.py"), *folder.glob("*.sh"), *marks, *cache.glob("*.pyc")):
            path.unlink(missing_ok=True)
        lost.release(layout)
        for place in (cache, folder):
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()
    except OSError as error:
        hint = "the settings are done; remove the folder yourself"
        raise JournalError(f"cannot remove {folder}: {error.strerror}", hint) from error
