"""When capture was off: what an agent's own transcript has of that time is not synced.

`off` and the markers in `off.d/` say since when it is, by the time of the file; `off.log`
when it was: one JSON object a line, with `folder` ("" is everywhere), `from` and `until`.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import orjson

from hooks import off
from hooks.project import folders
from journal.durable_files import append_line
from journal.layout import Layout
from journal.times import to_text, to_us

LOG = "off.log"


class Silence(NamedTuple):
    """A time in which nothing was recorded in a folder, or anywhere. `until_us` None: it lasts."""

    folder: str
    from_us: int
    until_us: int | None


@dataclass(slots=True)
class Silences:
    """All such times of a home."""

    found: list[Silence]
    _folders: dict[str, tuple[str, str]] = field(default_factory=dict)

    def cover(self, directory: str, at_us: int) -> bool:
        """Whether capture was off for this directory at that time."""
        return any(
            one.from_us <= at_us and (one.until_us is None or at_us < one.until_us)
            and (not one.folder or self._is_in(directory, one.folder))
            for one in self.found
        )  # fmt: skip

    def _is_in(self, directory: str, folder: str) -> bool:
        if directory not in self._folders:
            self._folders[directory] = folders(directory) if directory else ("", "")
        below = folder.rstrip("/") + "/"
        return any(f"{place}/".startswith(below) for place in self._folders[directory])


def read(layout: Layout) -> Silences:
    """The times of this home. What cannot be read of the log says nothing."""
    return Silences([*_past(layout.home / LOG), *_present(layout)])


def note_end(layout: Layout, marker: Path, folder: str, now_us: int) -> None:
    """A marker is about to go: remember for when it stood. JournalError: it cannot be written."""
    since_us = _since_us(marker)
    if since_us is not None:
        said = {"folder": folder, "from": to_text(since_us), "until": to_text(now_us)}
        append_line(layout.home / LOG, orjson.dumps(said) + b"\n")


def _past(path: Path) -> list[Silence]:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            said = orjson.loads(line)
            found.append(Silence(str(said["folder"]), to_us(said["from"]), to_us(said["until"])))
        except (ValueError, KeyError, TypeError):
            continue  # torn by a full disk: the other lines count
    return found


def _present(layout: Layout) -> list[Silence]:
    found = [(layout.home / "off", "")]
    markers = layout.home / "off.d"
    for path in markers.iterdir() if markers.is_dir() else ():
        folder = os.fsdecode(path.read_bytes()).removesuffix("\n")
        if path == Path(off.marker(str(layout.home), folder)):
            found.append((path, folder))
    times = ((folder, _since_us(path)) for path, folder in found)
    return [Silence(folder, since, None) for folder, since in times if since is not None]


def _since_us(marker: Path) -> int | None:
    try:
        return marker.stat().st_mtime_ns // 1000
    except FileNotFoundError:
        return None
