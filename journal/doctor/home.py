"""The home itself: that it is there, ours, private, writable, and has room."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from journal.doctor import Finding, Voice, count, some
from journal.errors import JournalError
from journal.layout import Layout, is_read_only
from journal.redaction.key import load_key

LITTLE_BYTES = 500 << 20
NONE_BYTES = 50 << 20


@dataclass(slots=True)
class _Things:
    """What a walk through the home found, as paths below it."""

    open: list[tuple[Path, int]] = field(default_factory=list)  # and the mode that they should have
    foreign: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)


def look_at_home(layout: Layout) -> list[Finding]:
    """The home is a folder of this user that can be written."""
    say, home = Voice("home"), layout.home
    if not home.exists():
        hint = "run: journal install"
        return [say.error(f"{home} does not exist", hint)]
    if not home.is_dir():
        return [say.error(f"{home} is not a folder", "move it away, or choose another --home")]
    owner = home.stat().st_uid
    if owner != os.getuid():
        hint = "run as its owner, or choose another --home"
        return [say.error(f"{home} belongs to another user ({owner})", hint)]
    read_only = is_read_only(home)
    if read_only or not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        reason = "its file system is read-only" if read_only else "its rights forbid it"
        hint = "until then records wait in the spool"
        repair = None if read_only else partial(_set_modes, [(home, 0o700)])
        return [say.error(f"{home} cannot be written: {reason}", hint, repair)]
    return [say.ok(str(home)), *_key(layout)]


def _key(layout: Layout) -> list[Finding]:
    if layout.redaction_key.exists():
        try:
            load_key(layout.redaction_key)
        except JournalError as error:
            return [Voice("home").error(str(error), error.hint)]
    return []


def look_at_rights(layout: Layout) -> list[Finding]:
    """Directories are 0700 and files 0600, all of them ours; nothing leads out of the home."""
    say, things = Voice("rights"), _Things()
    if not layout.home.is_dir():
        return [say.ok("nothing to check yet")]
    for path in _walk(layout.home):
        _judge(layout, path, things)
    found = []
    if things.foreign:
        hint = "make them yours with chown; the journal cannot keep them private"
        found.append(say.error(f"not owned by you: {some(things.foreign)}", hint))
    if things.open:
        names = [_name(layout, path) for path, _ in things.open]
        repair = partial(_set_modes, things.open)
        text = f"rights are wrong: {some(names)}"
        hint = "run: journal doctor --fix (folders 0700, files 0600)"
        is_home = things.open[0][0] == layout.home  # it keeps others from all the rest
        found.append((say.error if is_home else say.warning)(text, hint, repair))
    if things.links:
        hint = "hooks do not follow symbolic links; replace each link with its file"
        found.append(say.warning(f"symbolic links: {some(things.links)}", hint))
    if things.odd:
        found.append(say.warning(f"not regular files: {some(things.odd)}", "move them away"))
    return found or [say.ok("private: folders 0700, files 0600")]


def _judge(layout: Layout, path: Path, things: _Things) -> None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return  # a temporary file, or one that was packed
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        if path != layout.config:  # people keep it with their other settings
            things.links.append(_name(layout, path))
        return
    if status.st_uid != os.getuid():
        things.foreign.append(_name(layout, path))
        return
    wanted = 0o700 if stat.S_ISDIR(status.st_mode) else 0o600
    if not stat.S_ISDIR(status.st_mode) and not stat.S_ISREG(status.st_mode):
        things.odd.append(_name(layout, path))
    elif mode & 0o022 or mode & wanted != wanted or (mode & 0o077 and path != layout.config):
        things.open.append((path, wanted))


def _walk(folder: Path) -> Iterator[Path]:
    """Everything in a folder that can be listed, itself first; links are not followed."""
    yield folder
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, PermissionError):
        return  # gone meanwhile, or one that `_judge` finds
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        else:
            yield Path(entry.path)


def _name(layout: Layout, path: Path) -> str:
    return "the home itself" if path == layout.home else str(path.relative_to(layout.home))


def _set_modes(paths: list[tuple[Path, int]]) -> str:
    """The repair: these modes are set. What lies in a folder that was closed is found after it."""
    done = 0
    for path, mode in paths:
        try:
            path.chmod(mode)
            done += 1
        except FileNotFoundError:
            continue  # gone meanwhile
        except OSError as error:
            problem = f"cannot change the rights of {path}: {error.strerror}"
            raise JournalError(problem, "check its owner") from error
    return f"set the rights of {count(done, 'path')}" if done else ""


def look_at_disk(layout: Layout) -> list[Finding]:
    """The file system of the home has room for more."""
    say, folder = Voice("disk"), layout.home
    while not folder.exists():
        folder = folder.parent
    space = os.statvfs(folder)
    free = space.f_bavail * space.f_frsize
    hint = "free some space; meanwhile hooks keep records in the spool"
    if space.f_files and not space.f_favail:
        return [say.error(f"the disk of {folder} has no room for more files", hint)]
    text = f"{free / 1e9:,.1f} GB" if free >= 1e9 else f"{free / 1e6:,.0f} MB"
    if free < NONE_BYTES:
        return [say.error(f"the disk of {folder} is nearly full: {text} free", hint)]
    if free < LITTLE_BYTES:
        return [say.warning(f"the disk of {folder} has little room: {text} free", hint)]
    return [say.ok(f"{text} free")]
