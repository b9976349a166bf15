"""Installing the hooks: their programs into the home, their commands into the agent's settings.

The programs come first, so that the settings never point to nothing; they go last, for the same
reason. Nothing is written before everything that can be refused has been looked at.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import hooks
from hooks import autostart as starting
from journal.errors import JournalError, UsageError
from journal.layout import Layout, make_folder, write_whole
from journal.setup import lost, registered, settings_file
from journal.setup.hook_command import SILENCE, base_interpreter, home_of, hook_command
from journal.setup.settings_file import EVENTS, Document, Values, Version

APPLICATION = "application"  # beside the programs: one line, the application's own interpreter
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_VERSION_SECONDS = 10.0
# Where `uvx`, `uv run --with` and `pipx run` keep environments that they delete at will.
_UV = re.compile(r"/(archive|builds|environments)-v\d+/|/\.cache/uv/|/Caches/uv/|/uv/cache/")
_PIPX = re.compile(r"/pipx/\.cache/|/\.cache/pipx/|/Caches/pipx/")

Outcome = Literal["created", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class Installation:
    """What `install` did, or would do. `events`: those whose hook is new or another one now."""

    home: Path
    settings: Path
    outcome: Outcome
    events: tuple[str, ...]
    programs: tuple[str, ...]  # files that were copied into the home
    interpreter: Path
    backup: Path | None
    warnings: tuple[str, ...]
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Removal:
    """What `uninstall` did, or would do. `events`: those that had a hook of ours."""

    home: Path
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
    """Register the hooks of `layout`'s home in the settings (default: this user's); idempotent.

    UsageError: no such agent, a throw-away environment, no POSIX shell, or settings that cannot
    be kept; nothing was written. JournalError: something cannot be written.
    """
    _check(agent)
    _check_environment(sys.prefix)
    python = base_interpreter()
    document = settings_file.load(settings or settings_file.default_path())
    accepted, warnings = _accepted_events(agent)
    packaged = _packaged()
    wanted = {
        event: settings_file.handler(
            event, hook_command(layout, agent, event, python, packaged, durable)
        )
        for event in accepted
    }
    values = settings_file.merged(document.values, wanted, None)  # of any home: one records
    events = _differing(document.values, values)
    programs = stale_programs(layout)
    backup = None
    if not dry_run:
        make_folder(layout.home)
        _copy_programs(layout, programs)
        _mark(layout.home / starting.MARKER, autostart)
        backup = settings_file.write(document, values, now_us) if events else None
        lost.reserve(layout)
        registered.note(layout, agent, document.path, tuple(wanted))
    changed: Outcome = "created" if document.data is None else "changed"
    return Installation(
        home=layout.home,
        settings=document.path,
        outcome=changed if events else "unchanged",
        events=events,
        programs=programs,
        interpreter=python,
        backup=backup,
        warnings=(*warnings, *_settings_warnings(document, layout)),
        dry_run=dry_run,
    )


def uninstall(
    layout: Layout, agent: str, settings: Path | None, *, now_us: int, dry_run: bool = False
) -> Removal:
    """Take the hooks of `layout`'s home out of the settings, then their programs out of the home.

    The journal stays. Settings that nobody else has changed since are restored byte for byte.
    Errors as for `install`.
    """
    _check(agent)
    document = settings_file.load(settings or settings_file.default_path())
    values = settings_file.without(document.values, layout.home)
    events = _differing(document.values, values)
    backup = None
    if not dry_run:
        if events:
            backup = settings_file.write_original(document, values, now_us)
        # Another settings file may still point to the programs: of the person's own we can tell.
        if settings is None or (events and not _is_named_by_default(layout)):
            registered.remove(layout, agent)
            _remove_programs(layout)
    return Removal(layout.home, document.path, events, backup, dry_run)


def _is_named_by_default(layout: Layout) -> bool:
    """Whether the person's own settings run this home's programs, as far as they can be read."""
    try:
        values = settings_file.load(settings_file.default_path()).values
    except JournalError:
        return True
    return bool(_differing(values, settings_file.without(values, layout.home)))


def stale_programs(layout: Layout) -> tuple[str, ...]:
    """Names of the hook programs in the home that are missing or not as this application's."""
    stale = []
    for name, data in _programs().items():
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


def agent_versions() -> tuple[Version, ...]:
    """The versions of Claude Code that a shell of this user may start, as they say themselves."""
    folders = [folder for folder in os.environ.get("PATH", "").split(":") if folder[:1] == "/"]
    home = Path.home()
    folders += [str(home / ".local" / "bin"), str(home / ".claude" / "local")]
    found = {os.path.realpath(f"{folder}/claude") for folder in folders}
    versions = {_version(path) for path in found if os.access(path, os.X_OK)}
    return tuple(sorted(version for version in versions if version is not None))


def _check(agent: str) -> None:
    if os.name != "posix":
        raise UsageError("the hooks need a POSIX shell", "install it in WSL, Linux or macOS")
    if agent not in EVENTS:
        raise UsageError(f"unknown agent: {agent}", f"known: {', '.join(EVENTS)}")


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


def _accepted_events(agent: str) -> tuple[list[str], list[str]]:
    """The events that every installed version accepts, and what to say about the others."""
    known = EVENTS[agent]
    newest = max(known.values())
    versions = agent_versions()
    if not versions:
        least = ".".join(map(str, newest))
        return list(known), [f"claude was not found; the hooks need version {least} or newer"]
    refused = [event for event, since in known.items() if versions[0] < since]
    if not refused:
        return list(known), []
    oldest = ".".join(map(str, versions[0]))
    names = ", ".join(refused)
    advice = "upgrade it, then run journal install again"
    warning = f"claude {oldest} knows no {names}: not recorded ({advice})"
    return [event for event in known if event not in refused], [warning]


def _settings_warnings(document: Document, layout: Layout) -> list[str]:
    warnings = []
    if document.values.get("disableAllHooks") is True:
        warnings.append(f"disableAllHooks is set in {document.path}: no hook runs")
    every = settings_file.commands(document.values)
    ours = settings_file.commands(document.values, layout.home)
    for home in sorted(
        {home_of(command) for event, command in every if (event, command) not in ours}
    ):
        warnings.append(f"the hooks of another home are replaced: {home or 'unknown'}")
    return warnings


def _differing(old: Values, new: Values) -> tuple[str, ...]:
    before: Mapping[str, object] = old.get("hooks", {})
    after: Mapping[str, object] = new.get("hooks", {})
    return tuple(event for event in {**after, **before} if before.get(event) != after.get(event))


def _packaged() -> Path:
    return Path(hooks.__file__).absolute().parent


def _programs() -> dict[str, bytes]:
    """Name and content of what lies in the home's `hooks/`; `run.py`, which needs them, is last."""
    sources = sorted(_packaged().glob("*.py"), key=lambda path: (path.name == "run.py", path.name))
    return {
        APPLICATION: os.fsencode(Path(sys.executable).absolute()) + b"\n",
        **{path.name: path.read_bytes() for path in sources},
    }


def _copy_programs(layout: Layout, names: tuple[str, ...]) -> None:
    data = _programs()
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
        for path in (*folder.glob("*.py"), *marks, *cache.glob("*.pyc")):
            path.unlink(missing_ok=True)
        for place in (cache, folder):
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()
    except OSError as error:
        hint = "the settings are done; remove the folder yourself"
        raise JournalError(f"cannot remove {folder}: {error.strerror}", hint) from error
