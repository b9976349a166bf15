"""What was registered with an agent: `registered.<agent>.json` in the home.

    {"settings":"/home/me/.claude/settings.json","events":["SessionStart",…],"others":[]}

`others`: settings files that were given the hooks before, as that of another CLAUDE_CONFIG_DIR.
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
    """The settings file that has the hooks, the events that have one, and other such files."""

    settings: str
    events: tuple[str, ...]
    others: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """All settings files that have the hooks, the latest first."""
        return self.settings, *self.others


def note(layout: Layout, agent: str, settings: Path, events: tuple[str, ...]) -> None:
    """These events have a hook in this file now. JournalError: the home cannot be written."""
    name, known = _name(settings), read(layout, agent)
    others = [one for one in (known.files if known else ()) if one != name]
    _write(layout, agent, Registered(name, events, tuple(others)))


def _name(settings: Path) -> str:
    return os.fsencode(settings).decode("utf-8", "replace")


def _write(layout: Layout, agent: str, noted: Registered) -> None:
    fields = {name: value for name, value in noted._asdict().items() if value or name != "others"}
    data = orjson.dumps(fields) + b"\n"
    path = _path(layout, agent)
    if not path.exists() or path.read_bytes() != data:
        write_whole(path, data)


def read(layout: Layout, agent: str) -> Registered | None:
    """What is noted; None: nothing is, or it cannot be read."""
    try:
        fields = orjson.loads(_path(layout, agent).read_bytes())
        others = tuple(map(str, fields.get("others", ())))
        return Registered(str(fields["settings"]), tuple(map(str, fields["events"])), others)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def remove(layout: Layout, agent: str, settings: Path) -> None:
    """The hooks are not in this file any more; a note of another file stays."""
    known = read(layout, agent)
    left = [one for one in (known.files if known else ()) if one != _name(settings)]
    if known is not None and left:
        _write(layout, agent, Registered(left[0], known.events, tuple(left[1:])))
        return
    with suppress(OSError):  # then `status` says that the hooks are gone, as they are
        _path(layout, agent).unlink(missing_ok=True)


def _path(layout: Layout, agent: str) -> Path:
    return layout.home / f"registered.{agent}.json"
