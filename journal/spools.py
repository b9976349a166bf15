"""The folders in which hooks keep records while the home cannot be written.

A spool's name is made from the home's id or, for hooks that do not know it, from its path. Hooks
may run with another `$TMPDIR`: they leave a note in /tmp of the folder that they used.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from hooks import emit
from journal.folders import entries

_NOTE_BYTES = 4096


def folder(home: Path, home_id: str) -> Path:
    """The spool of hooks that run in this environment."""
    named = Path(emit.spool_folder(str(home), home_id or noted_id(home)))
    by_path = Path(emit.spool_folder(str(home)))  # of hooks that do not know the id
    return by_path if by_path.is_dir() and not named.is_dir() else named


def folders(home: Path, home_id: str, paths: Iterable[str]) -> list[Path]:
    """Every spool that may hold records of the home, which is or was known by these paths."""
    names = {home_id, *map(emit.fingerprint, paths)} - {""}
    found = [folder(home, home_id)]
    there = _entries()
    for entry in there:
        name, _, ending = entry.name.partition(".")
        if ending == "home" and _is_of(home, Path(entry.path)):
            names.add(name)
    for entry in there:
        name, _, ending = entry.name.partition(".")
        if name in names and not ending:
            found.append(Path(entry.path))
        elif name in names and ending.startswith("at-"):
            found.append(Path(_noted(Path(entry.path))))
    return list(dict.fromkeys(found))


def noted_id(home: Path) -> str:
    """The id by which hooks know the home at this path, as they noted it; else ""."""
    for entry in _entries():
        name, _, ending = entry.name.partition(".")
        if ending == "home" and len(name) == 32 and _is_of(home, Path(entry.path)):
            return name
    return ""


def _entries() -> list[os.DirEntry[str]]:
    """The entries of the folders in which spools of this user may be."""
    roots = dict.fromkeys((emit.spool_root(), emit.spool_root(emit.TEMPORARY)))
    private = filter(_is_private, map(Path, roots))
    return [entry for root in private for entry in entries(root)]


def _is_of(home: Path, note: Path) -> bool:
    """Whether a hook has noted that a spool is of the home at this path."""
    path = _noted(note)
    return path.startswith("/") and os.path.realpath(path) == str(home)


def _is_private(path: Path) -> bool:
    """Whether it is a folder of this user, not a link, that no other user can read."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return status.st_mode & 0o170077 == 0o040000 and status.st_uid == os.getuid()


def _noted(path: Path) -> str:
    """The path in one of our small files; "" if it has none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as file:
            return os.fsdecode(file.read(_NOTE_BYTES))
    except OSError:
        return ""
