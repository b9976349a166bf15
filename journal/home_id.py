"""The id of a home: made once, and the same however the home is reached, moved or copied.

Records carry it, the spool is named by it, and the installed hooks know it. So a home that is not
mounted is distinguished from an empty folder in its place.
"""

import os
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from hooks import emit
from journal.durable_files import append_line, make_folder, sync_folder
from journal.errors import JournalError
from journal.layout import Layout

_CONTENT = ("journal.db", "days", "packs", "config.toml", "hooks")  # of a home that is in use


def ensure(layout: Layout, *, again: bool = False) -> str:
    """The id of the home, given to it if it has none.

    JournalError: hooks keep records in the spool because their home is not there, and what lies at
    its path is an empty folder; with `again` that becomes the home. Or the file cannot be written,
    or holds something else.
    """
    found = layout.id
    if found:
        _note_path(layout)
        return found
    known, home = layout.id_in_spool(), layout.home
    is_mount_point = home.is_dir() and not any((home / name).exists() for name in _CONTENT)
    if known and not again and (is_mount_point or not home.parent.is_dir()) and _waits(layout):
        problem = f"{layout.home} is not mounted, or was removed; its records wait in the spool"
        hint = "mount it; if it is gone for good, begin a new one: journal install"
        raise JournalError(problem, hint)
    return _make(layout, known or uuid4().hex)


def _make(layout: Layout, unique: str) -> str:
    """Give the home this id, unless another process has given it one meanwhile."""
    make_folder(layout.home)
    draft = layout.home / f".id.{uuid4().hex}"
    try:
        draft.write_bytes(f"{unique}\n{layout.home}\n".encode("utf-8", "surrogateescape"))
        draft.chmod(0o600)
        if layout.id_file.is_file() and not layout.id_file.stat().st_size:
            draft.replace(layout.id_file)  # a hook was killed while it wrote it
        else:
            # It has an id by now; then a pass may have removed the draft as what a killed one left.
            with suppress(FileExistsError, FileNotFoundError):
                os.link(draft, layout.id_file)
        sync_folder(layout.home)
    except OSError as error:
        hint = "check the owner and rights of the home, and the free space"
        raise JournalError(f"cannot write {layout.id_file}: {error.strerror}", hint) from error
    finally:
        draft.unlink(missing_ok=True)
    if not layout.id:
        problem = f"{layout.id_file} does not contain a home id"
        raise JournalError(problem, "remove it; a new one is made")
    return layout.id


def _note_path(layout: Layout) -> None:
    """The home may be moved: then what was named by its path is found."""
    home = str(layout.home)
    if "\n" not in home and home not in layout.names()[1:]:
        append_line(layout.id_file, f"{home}\n".encode("utf-8", "surrogateescape"))


def _waits(layout: Layout) -> bool:
    """Whether hooks keep records for the home."""
    return any(map(_has_records, layout.spools()))


def _has_records(folder: Path) -> bool:
    try:
        return any(path.suffix in (".jsonl", ".raw") for path in folder.iterdir())
    except OSError:
        return False


def own(layout: Layout) -> bytes:
    """The part of a record's header that names the home."""
    unique = emit.home_id(str(layout.home))
    return b',"home":"%s"' % unique.encode() if unique else b""
