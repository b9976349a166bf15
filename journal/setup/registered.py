"""What was registered with an agent: `registered.<agent>.json` in the home.

    {"settings":"/home/me/.claude/settings.json","events":["SessionStart",…]}

A home without it was installed by a version that did not write it.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import orjson

from journal.durable_files import write_whole
from journal.layout import Layout


class Registered(NamedTuple):
    """The settings file that has the hooks, and the events that have one."""

    settings: str
    events: tuple[str, ...]


def note(layout: Layout, agent: str, settings: Path, events: tuple[str, ...]) -> None:
    """These events have a hook in this file now. JournalError: the home cannot be written."""
    fields = {"settings": os.fsencode(settings).decode("utf-8", "replace"), "events": events}
    data = orjson.dumps(fields) + b"\n"
    path = _path(layout, agent)
    if not path.exists() or path.read_bytes() != data:
        write_whole(path, data)


def read(layout: Layout, agent: str) -> Registered | None:
    """What is noted; None: nothing is, or it cannot be read."""
    try:
        fields = orjson.loads(_path(layout, agent).read_bytes())
        return Registered(str(fields["settings"]), tuple(map(str, fields["events"])))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def remove(layout: Layout, agent: str, settings: Path) -> None:
    """The hooks are not in this file any more; a note of another file stays."""
    known = read(layout, agent)
    if known is None or Path(known.settings) == settings:
        with suppress(OSError):  # then `status` says that the hooks are gone, as they are
            _path(layout, agent).unlink(missing_ok=True)


def _path(layout: Layout, agent: str) -> Path:
    return layout.home / f"registered.{agent}.json"
