"""The agent's settings at all levels: what they forbid, and how long transcripts are kept.

Claude Code merges the hooks of all levels. Levels and keys: its settings reference ("Settings
files", "Hook configuration", `cleanupPeriodDays`).
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from journal.doctor import Finding, Voice
from journal.errors import JournalError
from journal.setup import settings_file
from journal.setup.hook_command import SILENCE
from journal.setup.settings_file import Values

MANAGED = Path(
    "/Library/Application Support/ClaudeCode" if sys.platform == "darwin" else "/etc/claude-code"
)
KEPT_DAYS = 30  # where the settings do not say
LEAST_DAYS = 7  # what was not recorded is in transcripts alone, until they are imported


@dataclass(frozen=True, slots=True)
class Level:
    """One settings file. `problem`: it cannot be read, and `values` is empty."""

    name: str  # user, project, local or managed
    path: Path
    values: Values
    problem: JournalError | None = None


def read_levels(settings: Path, project: Path, managed: Path = MANAGED) -> list[Level]:
    """The levels whose files are there, the user's (`settings`) first even if it is not."""
    folder = project / ".claude"
    places = [("project", folder / "settings.json"), ("local", folder / "settings.local.json")]
    places += [("managed", path) for path in _managed(managed)]
    levels = [_read("user", settings)]
    for name, path in places:
        if path.exists() and not (settings.exists() and path.samefile(settings)):
            levels.append(_read(name, path))
    return levels


def _managed(folder: Path) -> Iterator[Path]:
    yield folder / "managed-settings.json"
    yield from sorted((folder / "managed-settings.d").glob("*.json"))


def _read(name: str, path: Path) -> Level:
    try:
        return Level(name, path, settings_file.load(path).values)
    except JournalError as error:
        return Level(name, path, {}, error)


def look_at_agent(levels: list[Level], environ: Mapping[str, str]) -> list[Finding]:
    """Nothing in the agent's settings or in the environment keeps hooks from running."""
    say = Voice("agent")
    found = []
    for level in levels:
        if level.problem is not None:
            hint = level.problem.hint or "correct the file; until then the agent ignores all of it"
            found.append(say.error(str(level.problem), hint))
        if level.values.get("disableAllHooks") is True:
            hint = "remove it; until then no hook runs"
            found.append(say.error(f"disableAllHooks is set in {level.path}", hint))
        if level.name == "managed":
            found += _forbidden(level)
        if _variables(level).get(SILENCE) == "1":
            hint = "remove it; until then every hook returns at once"
            found.append(say.error(f"{SILENCE}=1 is set in {level.path}", hint))
    for name, effect in (
        (SILENCE, "every hook returns at once"),
        ("CLAUDE_CODE_SIMPLE", "the agent runs no hooks"),
    ):
        if environ.get(name) == "1":
            hint = f"unset it; in programs started from here {effect}"
            found.append(say.warning(f"{name}=1 is in this environment", hint))
    return found or [say.ok("its settings let hooks run")]


def _forbidden(level: Level) -> Iterator[Finding]:
    """What an administrator may set: hooks that are not managed do not run."""
    say, hint = Voice("agent"), "ask who manages this machine to allow the journal's hooks"
    if level.values.get("allowManagedHooksOnly") is True:
        yield say.error(f"{level.path} allows only managed hooks", hint)
    only = level.values.get("strictPluginOnlyCustomization")
    if only is True or (isinstance(only, list) and "hooks" in only):
        yield say.error(f"{level.path} allows only hooks of plugins", hint)


def _variables(level: Level) -> dict[str, str]:
    found = level.values.get("env")
    pairs = found.items() if isinstance(found, dict) else ()
    return {name: value for name, value in pairs if isinstance(value, str)}


def variables(levels: list[Level]) -> dict[str, str]:
    """What the settings put into the environment of the agent, and so of its hooks."""
    merged: dict[str, str] = {}
    for level in levels:
        merged |= _variables(level)
    return merged


def look_at_retention(levels: list[Level]) -> list[Finding]:
    """The agent keeps its transcripts long enough to import what hooks did not record."""
    say = Voice("transcripts")
    days: object = KEPT_DAYS
    path = levels[0].path
    for level in levels:  # the later ones win
        if "cleanupPeriodDays" in level.values:
            days, path = level.values["cleanupPeriodDays"], level.path
    if isinstance(days, bool) or not isinstance(days, int | float):
        return [say.warning(f"cleanupPeriodDays in {path} is not a number", "make it a number")]
    if days < LEAST_DAYS:
        message = f"the agent deletes its transcripts after {days:g} days (cleanupPeriodDays)"
        hint = f"set it to {KEPT_DAYS} in {path}: what hooks missed is in transcripts alone, until"
        return [say.warning(message, hint + " they are imported (journal import)")]
    return [say.ok(f"the agent keeps its transcripts {days:g} days")]
