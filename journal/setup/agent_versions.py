"""Which versions of an agent are installed, and which events of hooks all of them accept."""

import os
import re
import subprocess
from pathlib import Path

from journal.agents.contract import Agent, Version
from journal.setup.hook_command import SILENCE

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_VERSION_SECONDS = 10.0


def agent_versions(program: str = "claude") -> tuple[Version, ...]:
    """The versions of an agent that a shell of this user may start, as they say themselves."""
    folders = [folder for folder in os.environ.get("PATH", "").split(":") if folder[:1] == "/"]
    home = Path.home()
    folders += [str(home / ".local" / "bin"), str(home / f".{program}" / "local")]
    found = {os.path.realpath(f"{folder}/{program}") for folder in folders}
    versions = {_version(path) for path in found if os.access(path, os.X_OK)}
    return tuple(sorted(version for version in versions if version is not None))


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


def accepted_events(agent: Agent) -> tuple[list[str], list[str]]:
    """The events that every installed version accepts, and what to say about the others.

    Of recent events nothing is said: where they are not accepted, little is missing.
    """
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
        recent = agent.setup.recent.items()
        return [*events, *(event for event, since in recent if versions[0] >= since)], []
    oldest = ".".join(map(str, versions[0]))
    names = ", ".join(refused)
    advice = "upgrade it, then run journal install again"
    warning = f"{program} {oldest} knows no {names}: not recorded ({advice})"
    return [event for event in events if event not in refused], [warning]
