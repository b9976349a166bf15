"""Removes lines from the journal's files; no other line is lost.

A day's file is replaced as a whole. The old file is kept under another name for a while: a hook
that had it open may still write to it. Such late lines are copied when everything else is done. A
killed process leaves old files behind, and the next one copies from them what is not synced yet. To
be called under the lock, after a pass that has synced everything.
"""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import apsw

from journal.durable_files import append_line, sync_folder, write_whole
from journal.layout import Layout
from journal.record import record
from sync.forgetting.open_files import wait_for_writers
from sync.ingest.line_reader import OpenFile
from sync.retention.draft import Draft
from sync.retention.pack_file import DamagedPackError, drafts, every_pack, read_pack
from sync.store.file_cursors import START, Cursor, cursor_key, read_cursors, save_cursors

OLD_SUFFIX = ".forgotten"  # behind the name of an old file: no part of the journal


class Rules(Protocol):
    """Which lines are removed and which stay."""

    def lines_of(self, name: str) -> Callable[[bytes], bytes]:
        """For a file of this name: what stays of each of its lines, asked in their order."""
        ...


class _Replaced(NamedTuple):
    """A file that has been replaced; `cursor` is the new one's, START if it has none."""

    old_path: Path
    path: Path
    size_read: int  # of the old one
    cursor: Cursor


@dataclass
class Scrub:
    """The work on one home's days and packs. OSError, JournalError: full disk, missing rights."""

    db: apsw.Connection
    layout: Layout
    rules: Rules
    lines: int = 0  # that were removed
    shrunk_bytes: int = 0  # by which days are smaller
    problems: list[str] = field(default_factory=list)  # what could not be looked at
    _replaced: list[_Replaced] = field(default_factory=list)

    def days(self, paths: Iterable[Path] | None = None) -> None:
        """Remove lines from these day files, or from all; call `finish` afterwards."""
        chosen = self._day_files() if paths is None else list(paths)
        folders = self.layout.days.glob("*") if paths is None else {p.parent for p in chosen}
        for folder in sorted(folders):
            self._recover(folder)
        cursors = read_cursors(self.db)
        for path in chosen:
            try:
                if self._concerns(path):
                    self._replace(path, cursors)
            except FileNotFoundError:
                continue  # moved away since it was listed

    def _day_files(self) -> list[Path]:
        """Also those of a day that is being packed."""
        found = self.layout.days.glob("*/*.jsonl")
        return sorted(path for path in found if path.is_file() and not path.is_symlink())

    def _concerns(self, path: Path) -> bool:
        rest = self._rest_of(path)
        with path.open("rb") as file:
            return any(rest(line) != line for line in file)

    def _rest_of(self, path: Path) -> Callable[[bytes], bytes]:
        """What stays of each line of a file, all with their newlines."""
        rest_of = self.rules.lines_of(path.name)

        def rest(line: bytes) -> bytes:
            if not line.strip():
                return line
            kept = rest_of(line.rstrip(b"\n"))
            return kept + b"\n" if kept and line.endswith(b"\n") else kept

        return rest

    def _replace(self, path: Path, cursors: dict[str, Cursor]) -> None:
        """Write the file without the whole lines that are removed; `finish` copies the rest."""
        old_path = path.with_name(path.name + OLD_SUFFIX)
        os.link(path, old_path)
        key = cursor_key(self.layout.days, path)
        rest = self._rest_of(path)
        fd, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with old_path.open("rb") as old, os.fdopen(fd, "wb") as new:
                known = cursors.get(key, START)
                synced = known.offset if known.inode == os.fstat(old.fileno()).st_ino else 0
                self._copy(rest, old, new, synced)
                new.flush()
                cursor = _cursor_of(Path(name)) if synced else START
                self._copy(rest, old, new, None)
                size_read = old.tell()
                new.flush()
                os.fsync(new.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        self._replaced.append(_Replaced(old_path, path, size_read, cursor))
        sync_folder(path.parent)

    def _copy(
        self, rest: Callable[[bytes], bytes], old: BinaryIO, new: BinaryIO, until: int | None
    ) -> None:
        """What stays of the lines up to a byte; None: of all whole lines that are left."""
        while (until is None or old.tell() < until) and (line := old.readline()):
            if until is None and not line.endswith(b"\n"):  # it is torn, or being written
                old.seek(-len(line), os.SEEK_CUR)
                return
            kept = rest(line)
            self.lines += kept != line
            self.shrunk_bytes += len(line) - len(kept)
            new.write(kept)

    def finish(self) -> None:
        """Copy what came late to the old files, and remove them; empty new ones, too.

        A replaced file has its old cursor until then: a killed process leaves it unchanged.
        """
        for one in self._replaced:
            with one.old_path.open("rb") as old:
                wait_for_writers(old)
                old.seek(one.size_read)
                rest = self._rest_of(one.path)
                for line in old:
                    if (kept := rest(line)).strip():
                        append_line(one.path, kept.rstrip(b"\n") + b"\n")
            one.old_path.unlink()
            self._remove_if_empty(one.path)
            key = cursor_key(self.layout.days, one.path)
            with self.db:
                self.db.execute("delete from cursors where path = ?", (key,))
                if one.cursor.offset and one.path.exists():
                    save_cursors(self.db, {key: one.cursor})
        self._replaced.clear()

    def _remove_if_empty(self, path: Path) -> None:
        """A hook may write to it at this moment: then it stays."""
        old_path = path.with_name(path.name + OLD_SUFFIX)
        if not path.exists() or path.stat().st_size:
            return
        path.rename(old_path)
        with old_path.open("rb") as old:
            wait_for_writers(old)
            old_path.unlink()
            if late := old.read():
                append_line(path, late)

    def _recover(self, folder: Path) -> None:
        """Finish what a killed process has left of a day: old files, and unfinished new ones."""
        for half in folder.glob(".*.jsonl.*"):
            half.unlink()
        for old_path in sorted(folder.glob(f"*{OLD_SUFFIX}")):
            path = old_path.with_name(old_path.name.removesuffix(OLD_SUFFIX))
            if not (path.exists() and path.samefile(old_path)):
                for line in self._unknown(old_path):
                    append_line(path, line)
            old_path.unlink()

    def _unknown(self, old_path: Path) -> Iterator[bytes]:
        """Its records that stay and that the database does not hold."""
        rest = self._rest_of(old_path)
        with old_path.open("rb") as file:
            wait_for_writers(file)
            for line in file:
                kept = rest(line).rstrip(b"\n")
                made = record.read_line(kept).record
                if made is not None and not self._is_stored(made):
                    yield kept + b"\n"

    def _is_stored(self, made: record.Record) -> bool:
        table = "own_facts" if made.agent == record.JOURNAL_AGENT else "events"
        query = f"select 1 from {table} where id = ?"
        return self.db.execute(query, (made.id,)).fetchone() is not None

    def packs(self) -> None:
        """Remove lines from all packs; a pack in which nothing is left is removed."""
        for path in drafts(self.layout):
            path.unlink()
        for path in every_pack(self.layout):
            try:
                rest = self._rest_of(path)
                if any(rest(line) != line for line in read_pack(path)):
                    self._repack(path)
            except (DamagedPackError, record.BadLineError) as error:
                self.problems.append(f"{path} is damaged and was not changed: {error}")

    def _repack(self, path: Path) -> None:
        draft = Draft()
        rest = self._rest_of(path)
        try:
            for line in read_pack(path):
                if kept := rest(line):
                    draft.add(record.parse(kept))
                else:
                    self.lines += 1
            if draft.count:
                draft.write(path)
            else:
                path.unlink()
                sync_folder(path.parent)
        finally:
            draft.close()


def rewrite_lines(path: Path, goes: Callable[[bytes], bool]) -> int:
    """Remove lines from a file that no process writes at this moment; how many."""
    lines = path.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not goes(line)]
    if not kept:
        path.unlink()
    elif len(kept) < len(lines):
        write_whole(path, b"".join(kept))
    return len(lines) - len(kept)


def _cursor_of(path: Path) -> Cursor:
    """The cursor behind all that a file holds."""
    cursor = START
    with OpenFile(path) as file:
        for chunk in file.chunks(0):
            cursor = chunk.cursor
    return cursor
