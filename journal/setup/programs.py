"""The hook programs in the home: copied from this application, compared with it, removed."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import hooks
from hooks import autostart
from journal.durable_files import write_whole
from journal.errors import JournalError
from journal.layout import Layout
from journal.setup import lost_records

APPLICATION = "application"  # next to the programs: one line, the application's own interpreter


def stale(layout: Layout, scripts: Mapping[str, bytes] | None = None) -> tuple[str, ...]:
    """Names of the hook programs in the home that are missing or not as this application's."""
    found = []
    for name, data in {**(scripts or {}), **contents()}.items():
        try:
            if (layout.hooks / name).read_bytes() != data:
                found.append(name)
        except OSError:
            found.append(name)  # writing it will say what is wrong
    return tuple(found)


def packaged() -> Path:
    """The folder with the hook programs of this application."""
    return Path(hooks.__file__).absolute().parent


def contents() -> dict[str, bytes]:
    """Name and content of each file in the home's `hooks/`; `run.py`, which needs them, is last."""
    sources = sorted(packaged().glob("*.py"), key=lambda path: (path.name == "run.py", path.name))
    return {
        APPLICATION: os.fsencode(Path(sys.executable).absolute()) + b"\n",
        **{path.name: path.read_bytes() for path in sources},
    }


def copy(layout: Layout, names: tuple[str, ...], scripts: Mapping[str, bytes]) -> None:
    """Copy these programs and scripts into the home. JournalError: it cannot be written."""
    data = {**scripts, **contents()}
    for name in names:
        write_whole(layout.hooks / name, data[name])


def mark_autostart(layout: Layout, *, wanted: bool) -> None:
    """Make or remove the file that says so: the hook of SessionStart reads no settings."""
    path = layout.home / autostart.MARKER
    if wanted and not path.exists():
        write_whole(path, b"")
    if not wanted and path.exists():
        try:
            path.unlink()
        except OSError as error:
            hint = "check the owner and rights of the home"
            raise JournalError(f"cannot remove {path}: {error.strerror}", hint) from error


def remove(layout: Layout) -> None:
    """Remove what `install` and the interpreter wrote; a folder with more than that stays."""
    folder = layout.hooks
    if folder.is_symlink() or not folder.is_dir():
        return
    cache = folder / "__pycache__"
    try:
        marks = (folder / APPLICATION, layout.home / autostart.MARKER)
        for path in (*folder.glob("*.py"), *folder.glob("*.sh"), *marks, *cache.glob("*.pyc")):
            path.unlink(missing_ok=True)
        lost_records.release(layout)
        for place in (cache, folder):
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()
    except OSError as error:
        hint = "the settings are done; remove the folder yourself"
        raise JournalError(f"cannot remove {folder}: {error.strerror}", hint) from error
