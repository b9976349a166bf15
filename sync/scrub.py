"""Takes one session's lines out of the journal's files; nothing of any other is lost.

A day's file is replaced whole, while the old one is kept beside it under another name: a hook that
had it open may still write to it. What came there late is fetched when everything else is done. A
killed process leaves such files, and the next one fetches from them what nobody has taken in.
To be called under the lock, behind a pass that has taken in what there was.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import apsw

from journal import record
from journal.layout import Layout, append_line, sync_folder, write_whole
from sync import ingest
from sync.lines import START, Cursor, OpenFile, cursor_key
from sync.pack_file import DamagedPackError, Draft, drafts, pack_files, read_pack
from sync.traces import Traces

ASIDE = ".forgotten"  # behind a file's name: no part of the journal


@dataclass
class Scrub:
    """The work on one home's days and packs. OSError, JournalError: full disk, missing rights."""

    db: apsw.Connection
    layout: Layout
    traces: Traces
    lines: int = 0  # that were taken out
    problems: list[str] = field(default_factory=list)  # what could not be looked at
    _asides: list[tuple[Path, Path, int]] = field(default_factory=list)  # old, new, read up to

    def days(self) -> None:
        """Take the session out of all day files; `settle` has to follow."""
        self._recover()
        cursors = ingest.read_cursors(self.db)
        for path in self._day_files():
            try:
                if self._concerns(path):
                    self._replace(path, cursors)
            except FileNotFoundError:
                continue  # moved away since it was listed

    def _day_files(self) -> list[Path]:
        """Also those of a day that is put aside."""
        found = self.layout.days.glob("*/*.jsonl")
        return sorted(path for path in found if path.is_file() and not path.is_symlink())

    def _concerns(self, path: Path) -> bool:
        with path.open("rb") as file:
            return any(self._rest(path, line) != line for line in file)

    def _rest(self, path: Path, line: bytes) -> bytes:
        if not line.strip():
            return line
        own_file = self.traces.is_file_of(path.name)
        rest = self.traces.rest(line.rstrip(b"\n"), own_file=own_file)
        return rest + b"\n" if rest and line.endswith(b"\n") else rest

    def _replace(self, path: Path, cursors: dict[str, Cursor]) -> None:
        """The file without the session's lines, under its cursor; removed if nothing is left."""
        aside = path.with_name(path.name + ASIDE)
        os.link(path, aside)
        key = cursor_key(self.layout.days, path)
        fd, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with aside.open("rb") as old, os.fdopen(fd, "wb") as new:
                known = cursors.get(key, START)
                taken_in = known.offset if known.inode == os.fstat(old.fileno()).st_ino else 0
                self._copy(path, old, new, taken_in)
                new.flush()
                cursor = _cursor_of(Path(name)) if taken_in else START
                self._copy(path, old, new, None)
                size_read = old.tell()
                new.flush()
                os.fsync(new.fileno())
                is_empty = new.tell() == 0
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        self._asides.append((aside, path, size_read))
        sync_folder(path.parent)
        with self.db:
            self.db.execute("delete from cursors where path = ?", (key,))
            if cursor.offset and not is_empty:
                ingest.save_cursors(self.db, {key: cursor})

    def _copy(self, path: Path, old: BinaryIO, new: BinaryIO, until: int | None) -> None:
        """What stays of the lines up to a byte; None: of all that are left."""
        while (until is None or old.tell() < until) and (line := old.readline()):
            rest = self._rest(path, line)
            self.lines += rest != line
            new.write(rest)

    def settle(self) -> None:
        """Fetch what came late to the old files, and remove them; empty new ones, too."""
        for aside, path, size_read in self._asides:
            with aside.open("rb") as old:
                aside.unlink()
                old.seek(size_read)
                for line in old:
                    if (rest := self._rest(path, line)).strip():
                        append_line(path, rest.rstrip(b"\n") + b"\n")
            self._remove_if_empty(path)
        self._asides.clear()

    def _remove_if_empty(self, path: Path) -> None:
        """A hook may write to it at this moment: then it stays."""
        aside = path.with_name(path.name + ASIDE)
        if not path.exists() or path.stat().st_size:
            return
        path.rename(aside)
        with aside.open("rb") as old:
            aside.unlink()
            if late := old.read():
                append_line(path, late)

    def _recover(self) -> None:
        """What a killed process has left: its old files, and halves of new ones."""
        for half in self.layout.days.glob("*/.*.jsonl.*"):
            half.unlink()
        for aside in sorted(self.layout.days.glob(f"*/*{ASIDE}")):
            path = aside.with_name(aside.name.removesuffix(ASIDE))
            if not (path.exists() and path.samefile(aside)):
                for line in self._unknown(aside):
                    append_line(path, line)
            aside.unlink()

    def _unknown(self, aside: Path) -> Iterator[bytes]:
        """Its records that the database does not hold and that are not of the session."""
        with aside.open("rb") as file:
            for line in file:
                rest = self._rest(aside, line)
                made = record.read_line(rest.rstrip(b"\n")).record
                if made is not None and not self._is_stored(made):
                    yield rest.rstrip(b"\n") + b"\n"

    def _is_stored(self, made: record.Record) -> bool:
        table = "own_facts" if made.agent == record.JOURNAL_AGENT else "events"
        query = f"select 1 from {table} where id = ?"
        return self.db.execute(query, (made.id,)).fetchone() is not None

    def packs(self) -> None:
        """Take the session out of all packs; one that held nothing else is removed."""
        for path in drafts(self.layout):
            path.unlink()
        for path in pack_files(self.layout):
            try:
                if any(self._rest(path, line) != line for line in read_pack(path)):
                    self._repack(path)
            except (DamagedPackError, record.BadLineError) as error:
                self.problems.append(f"{path} is damaged and stays as it is: {error}")

    def _repack(self, path: Path) -> None:
        draft = Draft()
        try:
            for line in read_pack(path):
                if rest := self._rest(path, line):
                    draft.add(record.parse(rest))
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
    """Take lines out of a file that nobody writes at this moment; how many."""
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
