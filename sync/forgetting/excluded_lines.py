"""Excluded records leave the day files, once a pass has read them and kept nothing of them.

Which files hold some is remembered by marks on their cursors (sync/screening.py), written in the
transaction of the records around them. So what a pass that was killed, or had no time, has left
lying goes at the next one, and nothing is looked at where nothing was excluded.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import apsw

from journal.layout import Layout
from journal.times import SECOND_US
from sync.forgetting.scrub import Scrub
from sync.ingest.screening import MARKS, Screen, is_mixed
from sync.store.file_cursors import Cursor, day_key, marked_cursors

# A larger file that also holds other lines is not rewritten for each line while it grows.
GROWING_BYTES = 1 << 20
QUIET_US = 60 * SECOND_US


def remove(db: apsw.Connection, layout: Layout, screen: Screen, now_us: int) -> int:
    """Take what is excluded out of the marked day files; the bytes by which days have shrunk.

    Files that hold nothing else are removed. To be called under the lock, outside a transaction,
    behind a pass that has read all files. OSError, JournalError: full disk, missing rights.
    """
    marked = marked_cursors(db, MARKS)
    due = dict(_due(layout, marked, now_us))
    if not due:
        return 0
    layout.synced.unlink(missing_ok=True)  # too high a number would hide what is new
    scrub = Scrub(db, layout, screen)
    scrub.days(sorted(due.values(), key=lambda path: (path.name, path)))
    scrub.finish()
    # What is marked yet lost its lines to a pass that was killed, or is not excluded any more.
    query = "delete from cursors where path = ? and modified_ns between ? and ?"
    with db:
        db.executemany(query, [(key, *MARKS) for key in due])
    return scrub.shrunk_bytes


def _due(layout: Layout, marked: dict[str, Cursor], now_us: int) -> Iterator[tuple[str, Path]]:
    """The files to look at now, by the names of their cursors; also those that are gone."""
    days = {key.partition("/")[0] for key in marked}
    entries = [(day, entry.name) for day in days for entry in layout.entries_of(day)]
    names = {day_key(*entry): "/".join(entry) for entry in entries}  # those may not be UTF-8
    for key, cursor in marked.items():
        path = layout.days / names.get(key, key)
        if _is_due(path, is_mixed(cursor), now_us):
            yield key, path


def _is_due(path: Path, mixed: bool, now_us: int) -> bool:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return True  # a pass that had emptied it was killed
    if not stat.S_ISREG(status.st_mode) or not os.access(path, os.R_OK | os.W_OK):
        return False  # the user's own arrangement
    is_quiet = abs(now_us - status.st_mtime_ns // 1000) > QUIET_US
    return not mixed or is_quiet or status.st_size <= GROWING_BYTES
