"""The last step of a rebuild: the new database in the place of the old one, all of it or nothing.

It is one transaction of SQLite's, written over the old content. A rename would leave those who have
the old file open with the WAL of the new one, since a WAL belongs to its database by name alone.
Only a file that cannot be opened as a database is replaced by a rename.
"""

import shutil
from contextlib import closing
from pathlib import Path

import apsw

from journal.durable_files import sync_folder
from journal.layout import Layout
from journal.times import to_text
from sync.store import backups, connection, vacuum
from sync.store.backups import companions


def keep(layout: Layout, now_us: int) -> Path:
    """Copy a damaged database and its WAL; the copy's path. No code here may have it open.

    (To close a file that is open as a database elsewhere in a process takes its locks away.)
    """
    stamp = to_text(now_us).translate(str.maketrans("", "", "-:"))
    path = layout.database.with_name(f"{layout.database.name}.damaged-{stamp}")
    for ending in ("", "-wal", "-journal"):
        source = Path(f"{layout.database}{ending}")
        if source.exists():
            shutil.copy2(source, f"{path}{ending}")
    return path


def put(layout: Layout, new: apsw.Connection) -> bool:
    """Put the content of `new` into the home's database, made if it is missing, and commit it.

    Readers go on with what they see. False: what lies there cannot be written as a database.
    """
    layout.database.touch(mode=0o600)
    try:
        with closing(connection.connect(layout.database)) as target:
            target.pragma("journal_mode", "wal")
            with target.backup("main", new, "main") as backup:
                backup.step()
            vacuum.empty_wal(target)
    except (apsw.CorruptError, apsw.NotADBError):
        return False
    return True


def swap(layout: Layout) -> None:
    """Put the new database, which is closed, into the place of a file that is not a database."""
    for path in companions(layout.database):
        path.unlink(missing_ok=True)
    sync_folder(layout.home)  # before the rename, for power cuts
    backups.draft(layout).replace(layout.database)
    sync_folder(layout.home)
