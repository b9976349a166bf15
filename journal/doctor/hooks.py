"""The hooks in the agent's settings: all of them, of this version, once, and able to run."""

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hooks import autostart as starting
from journal.doctor import Finding, Repair, Voice, count, some
from journal.doctor.settings_levels import Level
from journal.errors import UsageError
from journal.layout import Layout
from journal.setup import install, settings_file
from journal.setup.install import Installation

AGENT = "claude-code"
INSTALL = "run: journal install"
# In the command of a hook: `set -- PYTHON -I -S -c …`, in an older one `PYTHON -I -S "$r" …`;
# PYTHON is quoted for the shell.
_INTERPRETER = re.compile(r"""(?:&&|set --) ((?:'[^']*'|"[^"]*"|[^\s;'"])+) -I -S (?:-c|"\$r") """)


@dataclass(frozen=True, slots=True)
class Wish:
    """How the hooks should be installed. `is_certain`: the settings say so, and could be read."""

    layout: Layout
    settings: Path  # of the user
    durable: bool
    autostart: bool
    now_us: int
    is_certain: bool = True

    def install(self, path: Path, *, dry_run: bool) -> Installation:
        """Errors as for journal.install."""
        return install.install(
            self.layout,
            AGENT,
            path,
            durable=self.durable,
            now_us=self.now_us,
            autostart=self.autostart,
            dry_run=dry_run,
        )


def settings_of(wish: Wish, levels: list[Level]) -> Path | None:
    """The file in which the hooks of the home are; the user's before others. None: in no file."""
    found = (level.path for level in levels if _ours(level, wish))
    return next(found, None)


def commands_of(wish: Wish, levels: list[Level]) -> dict[str, str]:
    """The command of the home's hook for each event that has one."""
    found: dict[str, str] = {}
    for level in levels:
        found = {**dict(_ours(level, wish)), **found}
    return found


def look_at_hooks(wish: Wish, levels: list[Level]) -> list[Finding]:
    """Every event has one hook of this home, as this version would install it."""
    say, path = Voice("hooks"), settings_of(wish, levels)
    if path is None:
        hint = f"{INSTALL}; if it was into another file, name it: --settings FILE"
        return [say.error(f"no hook of this home is in {wish.settings}", hint), *_others(levels)]
    if not wish.is_certain:
        message = "not compared with what this version would install"
        return [say.warning(message, "make the settings readable first")]
    try:
        report = wish.install(path, dry_run=True)
    except UsageError as error:
        return [say.error(str(error), error.hint)]
    repair = _reinstall(wish, path)
    found = [*_wrong(wish, levels, report, path, repair)]
    found += [
        say.warning(warning, "harmless if the agent is not on the PATH of this shell")
        for warning in report.warnings
        if warning.startswith("claude ")
    ]
    found += [*_twice(wish, levels, path, repair), *_others(levels, wish)]
    events = count(len(commands_of(wish, levels)), "hook")
    return found or [say.ok(f"{events} in {path}, of this version")]


def into(path: Path, usual: Path) -> str:
    """The advice to install, into the file where the hooks are: in a second one they run twice."""
    return INSTALL if path == usual else f"{INSTALL} {AGENT} --settings {shlex.quote(str(path))}"


def _wrong(
    wish: Wish, levels: list[Level], report: Installation, path: Path, repair: Repair
) -> list[Finding]:
    say, commands, hint = Voice("hooks"), commands_of(wish, levels), into(path, wish.settings)
    missing = [event for event in report.events if event not in commands]
    twice = {event for level in levels for event in _repeated(level, wish)}
    changed = [event for event in report.events if event in commands and event not in twice]
    gone = sorted({python for python in map(_interpreter, commands.values()) if _is_gone(python)})
    found = []
    if report.programs:
        message = f"hook programs of another version: {some(list(report.programs))}"
        found.append(say.error(message, hint, repair))
    if gone:
        message = f"the interpreter that runs the hooks does not exist: {some(gone)}"
        found.append(say.error(message, hint, repair))
    if missing:
        found.append(say.error(f"events without a hook: {some(missing)}", hint, repair))
    if changed and not gone:
        message = f"not as this version installs them: {some(changed)}"
        found.append(say.error(message, hint, repair))
    marker = (wish.layout.home / starting.MARKER).exists()
    if marker != wish.autostart:
        states = ("is not", "is") if wish.autostart else ("is", "is not")
        message = f"a watcher {states[0]} started with a session; capture.autostart says it "
        found.append(say.warning(f"{message}{states[1]}", hint, repair))
    return found


def _twice(wish: Wish, levels: list[Level], path: Path, repair: Repair) -> Iterator[Finding]:
    """Hooks of this home that the agent runs twice."""
    say = Voice("hooks")
    for level in levels:
        events = [event for event, _ in _ours(level, wish)]
        if level.path != path and events:
            file = shlex.quote(str(level.path))
            hint = f"run: journal uninstall --settings {file}, then: journal install"
            message = f"this home's hooks are also in {level.path}: events are recorded twice"
            yield say.warning(message, hint)
        elif twice := _repeated(level, wish):
            message = f"hooked more than once in {level.path}: {some(twice)}"
            yield say.warning(message, into(level.path, wish.settings), repair)


def _repeated(level: Level, wish: Wish) -> list[str]:
    """The events that have more than one hook of this home at one level."""
    events = [event for event, _ in _ours(level, wish)]
    return sorted({event for event in events if events.count(event) > 1})


def _others(levels: list[Level], wish: Wish | None = None) -> Iterator[Finding]:
    """Hooks of other homes, which record the same sessions."""
    for level in levels:
        every = settings_file.commands(level.values)
        ours = _ours(level, wish) if wish else []
        if len(every) > len(ours):
            message = f"hooks of another home are in {level.path}"
            hint = "if that is not wanted: journal --home ITS-HOME uninstall"
            yield Voice("hooks").warning(message, hint)


def _reinstall(wish: Wish, path: Path) -> Repair:
    done: list[Installation] = []

    def repair() -> str:
        if done:
            return ""  # one install repairs all that is wrong
        done.append(wish.install(path, dry_run=False))
        parts = [count(len(done[0].events), "hook")] if done[0].events else []
        parts += [count(len(done[0].programs), "program")] if done[0].programs else []
        return f"installed again: {' and '.join(parts) or 'the start of a watcher'}"

    return repair


def _ours(level: Level, wish: Wish) -> list[tuple[str, str]]:
    return settings_file.commands(level.values, wish.layout.home)


def _interpreter(command: str) -> str:
    """The interpreter of a hook's command; "" if the command has another form."""
    found = _INTERPRETER.search(command)
    return shlex.split(found[1])[0] if found else ""


def _is_gone(python: str) -> bool:
    return python != "" and not os.access(python, os.X_OK)
