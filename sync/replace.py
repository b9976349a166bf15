"""The files of a database, when another one takes its place.

A WAL belongs to its database by its name alone, so one that is left beside another database would
be played into it: what it holds is in its own database first, then it goes, then the rename.
"""

import os
import shutil
from pathlib import Path

import apsw

from journal.layout import Layout, sync_folder
from journal.times import to_text
from sync.errors import StoreError

_BESIDE = ("-wal", "-shm", "-journal")


def draft(layout: Layout) -> Path:
    """Where a new database is made."""
    return layout.database.with_name(f"{layout.database.name}.rebuild")


def remove_leftovers(layout: Layout) -> None:
    """Remove what a killed rebuild has left; under the lock, where none can be running."""
    path = draft(layout)
    for found in (path, *_beside(path)):
        if found.exists():
            found.unlink()


def settle(old: apsw.Connection, layout: Layout) -> None:
    """All of the old WAL is in its database. StoreError: a reader of an older state is in the way.

    Readers of the newest state are not: they go on with the file that they have open.
    """
    try:
        old.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_FULL)
    except apsw.BusyError as error:
        problem = f"{layout.database} is being read by another program"
        raise StoreError(problem, "let it end and try again; nothing was changed") from error


def keep(layout: Layout, now_us: int) -> Path:
    """Give a damaged database a second name, under which it stays, with its WAL; that name."""
    stamp = to_text(now_us).translate(str.maketrans("", "", "-:"))
    path = layout.database.with_name(f"{layout.database.name}.damaged-{stamp}")
    while os.path.lexists(path):
        path = path.with_name(f"{path.name}.again")
    try:
        os.link(layout.database, path)
    except OSError:  # a file system without links
        shutil.copy2(layout.database, path)
    for ending in ("-wal", "-journal"):
        beside = Path(f"{layout.database}{ending}")
        if beside.exists():
            beside.rename(f"{path}{ending}")
    return path


def swap(layout: Layout) -> None:
    """Put the new database, which is closed, into its place: the one step that cannot be halved."""
    for path in _beside(layout.database):
        path.unlink(missing_ok=True)
    sync_folder(layout.home)  # before the rename, for power cuts
    draft(layout).replace(layout.database)
    sync_folder(layout.home)


def _beside(path: Path) -> list[Path]:
    return [Path(f"{path}{ending}") for ending in _BESIDE]
