"""What lies in the journal and is not in the database yet."""

import os
from dataclasses import dataclass
from pathlib import Path

import apsw

from journal.layout import Layout
from sync.store.file_cursors import START, Cursor, day_key

COUNT_LIMIT_BYTES = 64 << 20  # of each file, when its records are counted


@dataclass(frozen=True, slots=True)
class Unsynced:
    """The end of one journal file that no pass has read."""

    path: Path
    session: str  # as the file's name has it
    offset: int
    bytes: int
    modified_us: int

    def records(self, limit_bytes: int) -> int:
        """How many whole lines it holds, looking at no more than `limit_bytes`."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            return file.read(min(self.bytes, limit_bytes)).count(b"\n")


@dataclass(frozen=True, slots=True)
class Backlog:
    """The journal's files at one moment."""

    files: int
    bytes: int
    unsynced: list[Unsynced]


def backlog(db: apsw.Connection, layout: Layout) -> Backlog:
    """Compare every journal file with its cursor; a file that vanishes meanwhile is passed over."""
    cursors = {path: Cursor(*rest) for path, *rest in db.execute("select * from cursors")}
    files = total = 0
    unsynced = []
    for day in layout.day_names():
        for entry in layout.entries_of(day):
            try:
                status = entry.stat()
            except FileNotFoundError:
                continue
            files += 1
            total += status.st_size
            cursor = cursors.get(day_key(day, entry.name), START)
            offset = cursor.offset if cursor.inode == status.st_ino else 0
            if offset > status.st_size:
                offset = 0
            if offset < status.st_size:
                unsynced.append(_unsynced(entry, status, offset))
    return Backlog(files, total, unsynced)


def _unsynced(entry: os.DirEntry[str], status: os.stat_result, offset: int) -> Unsynced:
    session = entry.name.removesuffix(".jsonl").partition(".")[2]
    left = status.st_size - offset
    return Unsynced(Path(entry.path), session, offset, left, status.st_mtime_ns // 1000)


def missing_records(db: apsw.Connection, layout: Layout) -> list[tuple[int, str]]:
    """How many records of which session are still not in the database."""
    counts: dict[str, int] = {}
    for part in backlog(db, layout).unsynced:
        counts[part.session] = counts.get(part.session, 0) + part.records(COUNT_LIMIT_BYTES)
    return [(records, session) for session, records in counts.items() if records]
