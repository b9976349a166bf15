"""Whether the agent will run the hooks, at the cost of reading its settings files.

What `journal install` registered is noted in the home, so that hooks which were removed by others,
or switched off, are seen by every command that looks, and not by `doctor` alone.
"""

import os
from pathlib import Path

from journal.doctor import Status, some
from journal.doctor.settings_levels import Level, look_at_agent, read_levels
from journal.errors import JournalError
from journal.layout import Layout
from journal.setup import registered, settings_file
from journal.setup.registered import Registered

AGENT = "claude-code"


def problems(layout: Layout) -> list[JournalError]:
    """Why sessions are not recorded although hooks were installed; empty: nothing is wrong."""
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
    gone = [event for event in known.events if event not in present]
    if not gone:
        return []
    hint = "run: journal install"
    if not present:
        return [JournalError(f"the hooks are not in {known.settings} any more", hint)]
    return [JournalError(f"hooks are missing in {known.settings}: {some(gone)}", hint)]
