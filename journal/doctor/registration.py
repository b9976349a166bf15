"""Whether each agent will run the hooks, at the cost of reading its settings files.

What `journal install` registered is noted in the home, so that hooks which were removed by others,
or switched off, are seen by every command that looks, and not by `doctor` alone.
"""

import os
from pathlib import Path

from journal.agents import AGENTS
from journal.agents.contract import Agent
from journal.doctor import Status, count, some
from journal.doctor.hooks import into
from journal.doctor.settings_levels import Level, look_at_agent, read_levels
from journal.errors import JournalError
from journal.layout import Layout
from journal.setup import hooks_file, registered, settings_file
from journal.setup.hook_command import is_ours
from journal.setup.hooks_file import HooksFile
from journal.setup.registered import Registered

AGENT = "claude-code"


def problems(layout: Layout) -> list[JournalError]:
    """Why sessions are not recorded although hooks were installed; empty: nothing is wrong."""
    found = _of_claude_code(layout)
    for agent in AGENTS.values():
        known = registered.read(layout, agent.name) if agent.name != AGENT else None
        if known is not None:
            found += _of_other(layout, agent, known)
    return found


def _of_claude_code(layout: Layout) -> list[JournalError]:
    """Its settings have several levels, and each can switch the hooks off."""
    known = registered.read(layout, AGENT)
    if known is None:
        return []
    path = Path(known.settings)
    levels = read_levels(path, _folder())
    found = [*_missing(layout, known, levels)]
    for one in look_at_agent(levels, {}):
        if one.status is Status.ERROR:
            found.append(JournalError(one.message, one.hint))
    return found


def _folder() -> Path:
    """The current directory, or `/` if it has been removed."""
    try:
        return Path.cwd()
    except OSError:
        return Path(os.sep)


def _missing(layout: Layout, known: Registered, levels: list[Level]) -> list[JournalError]:
    if any(level.problem for level in levels):
        return []  # `look_at_agent` names the file
    usual = settings_file.default_path()
    if Path(known.settings) != usual:
        levels = [*levels, *read_levels(usual, _folder())]
    present = {
        event for level in levels for event, _ in settings_file.commands(level.values, layout.home)
    }
    return _gone(known, present, into(Path(known.settings), usual))


def _of_other(layout: Layout, agent: Agent, known: Registered) -> list[JournalError]:
    path = Path(known.settings)
    hint = f"run: journal install {agent.name}"
    try:
        file = hooks_file.look(agent, path)
        found = _gone(known, {event for event, _ in file.commands(layout.home)}, hint)
        found += _untrusted(layout, agent, file) if not found else []
        obstacles = agent.setup.obstacles(path.parent, file.values)
    except JournalError as error:
        return [JournalError(f"{agent.label}: {error}", error.hint)]
    off = "remove it; until then nothing is recorded"
    return [*found, *(JournalError(f"{agent.label}: {one} ({path})", off) for one in obstacles)]


def _untrusted(layout: Layout, agent: Agent, file: HooksFile) -> list[JournalError]:
    """Hooks that the agent skips until the person trusts them, as far as its settings say."""
    trust = agent.setup.trust
    if trust is None:
        return []
    hooks = trust.noted(os.environ, file.path, file.values)
    waiting = [hook for hook in hooks if is_ours(hook.command, layout.home) and not hook.is_trusted]
    if not waiting:
        return []
    message = f"{agent.label} does not trust {count(len(waiting), 'hook')}: it does not run them"
    return [JournalError(message, f"run: journal install {agent.name} --trust")]


def _gone(known: Registered, present: set[str], hint: str) -> list[JournalError]:
    gone = [event for event in known.events if event not in present]
    if not gone:
        return []
    if not present:
        return [JournalError(f"the hooks are not in {known.settings} any more", hint)]
    return [JournalError(f"hooks are missing in {known.settings}: {some(gone)}", hint)]
