"""Removes the directory of a packed day: it is renamed, checked once more, and removed.

Under the name `YYYY-MM-DD.packed` it is not part of the journal and no hook finds it. A hook
may still have a file of it open: what came behind the cursor goes back to the journal. A renamed
directory that a killed pass has left is removed by the next one in the same way.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from journal.durable_files import append_line, make_folder, sync_folder, write_whole
from journal.layout import Layout, is_day
from sync.ingest.line_reader import OpenFile
from sync.retention.pack_file import pack_path
from sync.store.file_cursors import START, Cursor, cursor_key

ENDING = ".packed"


def read_to(cursors: Mapping[str, Cursor], key: str, status: os.stat_result) -> int:
    """Up to which byte this very file has been synced."""
    cursor = cursors.get(key, START)
    return cursor.offset if cursor.inode == status.st_ino else 0


class PackedDays:
    """The renamed directories of one home; to be used under the lock.

    `cursors` say up to where the packs hold each file. OSError, JournalError: full disk, missing
    rights; the next pass removes what is left.
    """

    def __init__(self, layout: Layout, cursors: Mapping[str, Cursor]) -> None:
        self._layout = layout
        self._cursors = cursors

    def days(self) -> list[str]:
        """The days that are renamed already: packing was killed after the pack was written."""
        try:
            names = [path.name for path in self._layout.days.iterdir() if path.is_dir()]
        except FileNotFoundError:
            return []
        days = (name.removesuffix(ENDING) for name in names if name.endswith(ENDING))
        return sorted(filter(is_day, days))

    def rename(self, day: str, size: int) -> None:
        """Take a day, whose files have `size` bytes, out of the folder in which hooks look."""
        self._lower_stamp(size)  # first: too low costs a needless look, too high hides records
        (self._layout.days / day).rename(self._folder(day))
        sync_folder(self._layout.days)

    def remove(self, day: str) -> None:
        """Remove it, its pack being there; what the pack does not hold goes back to `days/`.

        Those are files that have grown since they were packed, and things that are not ours.
        """
        is_packed = pack_path(self._layout, day).exists()
        for path in sorted(self._folder(day).iterdir()):
            ours = is_packed and path.name.endswith(".jsonl") and path.is_file()
            if not ours or not self._unlink(path, day):
                self._put_back(path, day)
        self._folder(day).rmdir()
        sync_folder(self._layout.days)

    def _folder(self, day: str) -> Path:
        return self._layout.days / f"{day}{ENDING}"

    def _lower_stamp(self, size: int) -> None:
        """The sizes of all day files are about to sum up to so much less (see hooks/start.py)."""
        try:
            seen = int(self._layout.synced.read_bytes())
        except (FileNotFoundError, ValueError):
            return  # it says nothing, so it hides nothing
        write_whole(self._layout.synced, f"{max(seen - size, 0)}\n".encode())

    def _unlink(self, path: Path, day: str) -> bool:
        """Remove a file unless it has grown; a hook may write to it at this very moment."""
        home = self._layout.days / day / path.name
        with OpenFile(path) as file:
            key = cursor_key(self._layout.days, home)
            offset = read_to(self._cursors, key, os.fstat(file.fd))
            if file.size > offset:
                return False
            path.unlink()
            late = os.pread(file.fd, os.fstat(file.fd).st_size - offset, offset)
        if late:
            append_line(home, late)
        return True

    def _put_back(self, path: Path, day: str) -> None:
        folder = self._layout.days / day
        make_folder(folder)
        target, number = folder / path.name, 0
        while os.path.lexists(target):
            number += 1
            target = folder / f"{path.stem}.{number}{path.suffix}"
        path.rename(target)  # the same file under its cursor: only what came late is read
        sync_folder(folder)
