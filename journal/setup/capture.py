"""Whether capture is on: files in the home that the hooks look for, and nothing else.

`off` stops it everywhere; each file in `off.d/` stops it for one folder, with everything below it
and the linked worktrees of a repository there. See `hooks.emit.is_off`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hooks import off
from hooks.project import folders
from journal.context import capture_gaps
from journal.durable_files import write_whole
from journal.errors import JournalError
from journal.layout import Layout

_HINT = "check the owner and rights of the home"


@dataclass(frozen=True, slots=True)
class Capture:
    """What is off. `here`: the folder because of which it is off here, or "".

    `folders`: all that are off. `obeyed`: the installed hooks know of it, or none are installed.
    """

    off: bool
    here: str
    folders: tuple[str, ...]
    obeyed: bool


def look(layout: Layout, directory: str) -> Capture:
    """How it is at this moment. JournalError: the home cannot be read."""
    programs = layout.hooks
    home = str(layout.home)
    with _explained(layout.home / "off.d"):
        return Capture(
            off=_everywhere(layout).exists(),
            here=off.covering(home, directory),
            folders=_folders(layout),
            # A folder that cannot be read has none of them: `status` names it.
            obeyed=os.access(programs / "off.py", os.F_OK)
            or not os.access(programs / "run.py", os.F_OK),
        )


def stop(layout: Layout) -> None:
    """From now on the hooks of this home record nothing. JournalError: the home is not writable."""
    if not _everywhere(layout).exists():  # its time says since when
        write_whole(_everywhere(layout), b"")


def resume(layout: Layout, now_us: int) -> None:
    """Undo `stop`; folders that are off stay so. JournalError: the home is not writable."""
    capture_gaps.note_end(layout, _everywhere(layout), "", now_us)
    _remove(_everywhere(layout))


def stop_here(layout: Layout, directory: str) -> str:
    """Stop capture for the project of the directory; its folder. Errors as for `stop`."""
    _, folder = folders(directory)
    write_whole(_marker(layout, folder), os.fsencode(folder) + b"\n")
    return folder


def resume_here(layout: Layout, directory: str, now_us: int) -> None:
    """Undo `stop_here` for this directory and for its project's folder. Errors as for `stop`.

    What is off because of a folder further up stays off.
    """
    for place in dict.fromkeys(folders(directory)):
        capture_gaps.note_end(layout, _marker(layout, place), place, now_us)
        _remove(_marker(layout, place))
    with suppress(OSError):  # other folders are off
        (layout.home / "off.d").rmdir()  # the hooks look at directories only if it is there


def _everywhere(layout: Layout) -> Path:
    return layout.home / "off"


def _marker(layout: Layout, folder: str) -> Path:
    return Path(off.marker(str(layout.home), folder))


def _folders(layout: Layout) -> tuple[str, ...]:
    """What the markers say, for people; a file that is not a marker says nothing."""
    try:
        paths = list((layout.home / "off.d").iterdir())
    except FileNotFoundError:
        return ()
    named = {path: os.fsdecode(path.read_bytes()).removesuffix("\n") for path in paths}
    return tuple(sorted(name for path, name in named.items() if _marker(layout, name) == path))


def _remove(path: Path) -> None:
    with _explained(path):
        path.unlink(missing_ok=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise JournalError(f"cannot change or read {path}: {error.strerror}", _HINT) from error
