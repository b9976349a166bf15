"""Writing an agent's settings file: whole, with its mode, after a backup next to it."""

import json
import os
import stat
from pathlib import Path

from journal.durable_files import write_whole
from journal.errors import JournalError
from journal.setup.settings_file import Document, Values, load, read
from journal.times import to_datetime


class ChangedError(JournalError):
    """Another program changed the file between our look and our write; nothing was written."""


def write(document: Document, values: Values, now_us: int) -> Path | None:
    """Replace the file by `values`, whole, with its mode; returns the backup, None without a file.

    A symlink stays and its target is replaced. JournalError: it cannot be written, or another
    program changed it since it was read.
    """
    return replace(document, document.render(values), now_us)


def write_original(document: Document, values: Values, now_us: int) -> Path | None:
    """The same, but byte for byte as one of our backups, if that has the same content as `values`.

    A file that is now empty and has no such backup was made by us: it is removed.
    """
    wanted = _plain(values)
    for backup in sorted(document.path.parent.glob(_backup_name(document.path, "*")), reverse=True):
        try:
            original = load(backup)
        except JournalError:  # not one that we made
            continue
        if original.data is not None and _plain(original.values) == wanted:
            return replace(document, original.data, now_us)
    return write(document, values, now_us) if values else remove(document, now_us)


def remove(document: Document, now_us: int) -> Path | None:
    """Remove a file that has only our values; the target of a symlink is emptied. As `write`."""
    path = document.path
    if path.is_symlink():
        return write(document, {}, now_us)
    _check_unchanged(document)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        hint = "check the owner and rights of its folder"
        raise JournalError(f"cannot remove {path}: {error.strerror}", hint) from error
    return None


def _check_unchanged(document: Document) -> None:
    if read(document.path) != document.data:
        message = f"{document.path} was changed by another program in the meantime"
        raise ChangedError(message, "run it again")


def replace(document: Document, data: bytes, now_us: int) -> Path | None:
    """Replace the file by these bytes; else as `write`."""
    path = document.path
    _check_unchanged(document)
    if document.data is None:
        write_whole(Path(os.path.realpath(path)), data)
        return None
    mode = stat.S_IMODE(path.stat().st_mode)
    backup = path
    while os.path.lexists(backup):
        stamp = to_datetime(now_us).strftime("%Y%m%dT%H%M%S.%fZ")
        backup = path.with_name(_backup_name(path, stamp))
        now_us += 1
    write_whole(backup, document.data, mode)
    write_whole(Path(os.path.realpath(path)), data, mode)
    return backup


def _backup_name(path: Path, stamp: str) -> str:
    return f"{path.name}.agent-journal-backup-{stamp}"


def _plain(values: Values) -> str:
    """Text that is equal for equal settings, whether or not empty lists and objects are left."""
    hooks = {event: groups for event, groups in values.get("hooks", {}).items() if groups}
    rest = {key: value for key, value in values.items() if key != "hooks" and value != {}}
    return json.dumps([hooks, rest])
