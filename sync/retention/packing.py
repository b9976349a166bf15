"""Packing: closed days become packs, and the journal stays what a database is rebuilt from.

Invariant: a day's file is removed only when each of its records is in the database, durably, and
in the day's pack, which has been read back, or accounted for in `dead/`. Steps of one day, and a
pass may be killed between any two of them: the pack is written whole; the directory is renamed, so
that no hook writes there any more; what came late goes back to the journal; the rest is removed.
A day that gets records again is packed again, into the same pack.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import apsw

from journal.durable_files import append_line
from journal.errors import JournalError
from journal.layout import Layout
from journal.record import record
from journal.record.record import Record
from journal.settings.sources import Settings
from journal.times import DAY_US, SECOND_US, day_of, to_us
from sync.ingest import journal_reader
from sync.ingest.dead_letters import Dead
from sync.ingest.screening import Screen
from sync.retention.draft import Draft
from sync.retention.pack_file import (
    DamagedPackError,
    drafts,
    every_pack,
    pack_path,
    read_pack,
)
from sync.retention.packed_days import PackedDays, read_to
from sync.store import facts
from sync.store.facts import Fact
from sync.store.file_cursors import START, Cursor, cursor_key, drop_cursors, read_cursors
from sync.views import tombstones

QUIET_US = 3_600 * SECOND_US  # a file that was written since is not of a closed day
PASS_BYTES = 64 << 20  # of day files, some seconds of work; more of them wait for the next pass
Place = tuple[Path, int, bytes]


@dataclass(frozen=True, slots=True)
class Packed:
    """What one call packed. `bytes_before`: of the day files; `bytes_after`: of their packs."""

    days: tuple[str, ...] = ()
    bytes_before: int = 0
    bytes_after: int = 0
    kept: tuple[str, ...] = ()  # why a day that is due could not be packed, for people


def packed_records(layout: Layout) -> Iterator[tuple[Path, bytes]]:
    """Every line of every pack with the pack's path, without its newline, oldest day first.

    Of a damaged pack the lines before the damage are given, then the other packs;
    DamagedPackError, naming all that are damaged, comes behind the last line that can be read.
    """
    damaged: list[DamagedPackError] = []
    for path in every_pack(layout):
        try:
            for line in read_pack(path):
                yield path, line
        except DamagedPackError as error:
            damaged.append(error)
    if damaged:
        raise DamagedPackError("; ".join(map(str, damaged)), damaged[0].hint)


def is_past(day: str, limit_days: int, now_us: int) -> bool:
    """Whether a UTC day ended more than `limit_days` ago; never if that is 0 or it is not a day."""
    try:
        ended_us = to_us(day) + DAY_US
    except ValueError:
        return False
    return limit_days > 0 and now_us - ended_us > limit_days * DAY_US


def pack_closed_days(
    db: apsw.Connection,
    layout: Layout,
    settings: Settings,
    screen: Screen,
    dead: Dead,
    now_us: int,
    stop: Callable[[], bool] = lambda: False,
    *,
    at_once: bool = False,
) -> Packed:
    """Pack the days that ended more than `retention.journal_days` ago and are fully synced.

    To be called under the lock, outside a transaction, after ingest; `stop` is asked between days.
    `at_once`: all of them, also those that an import has just written.
    JournalError: full disk, missing rights; the day stays as it is, and no half-made pack is left.
    """
    packing = _Packing(db, layout, settings, screen, dead, now_us, at_once)
    try:
        return packing.run(stop)
    except OSError as error:
        hint = "check the owner and rights of the home, and the free space"
        problem = f"cannot pack {error.filename or layout.days}: {error.strerror}"
        raise JournalError(problem, hint) from error


@dataclass
class _Packing:
    db: apsw.Connection
    layout: Layout
    settings: Settings
    screen: Screen
    dead: Dead
    now_us: int
    at_once: bool = False
    kept: list[str] = field(default_factory=list)

    @cached_property
    def cursors(self) -> dict[str, Cursor]:
        """No other process moves them while we have the lock."""
        return read_cursors(self.db)

    def run(self, stop: Callable[[], bool]) -> Packed:
        for path in drafts(self.layout):
            path.unlink()
        packed = PackedDays(self.layout, self.cursors)
        for day in packed.days():
            packed.remove(day)
        done, before, after = [], 0, 0
        for day, files in self._closed():
            if stop() or (before >= PASS_BYTES and not self.at_once):
                break
            sizes = self._stored_sizes(files)
            if sizes and self._pack(day, sizes) and self._durable():
                packed.rename(day, sum(sizes.values()))
                packed.remove(day)
                with self.db:  # a later file of the same name may have the number of this one
                    drop_cursors(self.db, day)
                done.append(day)
                before += sum(sizes.values())
                after += pack_path(self.layout, day).stat().st_size
        self._drop_cursors()
        return Packed(tuple(done), before, after, tuple(self.kept))

    def _closed(self) -> list[tuple[str, list[Path]]]:
        limit_days = self.settings.retention.journal_days
        days = [
            day
            for day in self.layout.day_names()
            if is_past(day, limit_days, self.now_us)
            and not (self.layout.days / day).is_symlink()  # the user's own arrangement
        ]
        listed = [(day, [Path(e.path) for e in self.layout.entries_of(day)]) for day in days]
        return [(day, files) for day, files in listed if files]

    def _stored_sizes(self, files: list[Path]) -> dict[Path, int]:
        """The sizes of a day's files if all is read and no process writes them, else none.

        A torn last line is ended here: the next pass reads it and keeps it, as a record or as dead.
        """
        statuses = {path: path.stat() for path in files}
        newest_us = max(status.st_mtime_ns for status in statuses.values()) // 1000
        if self.now_us - newest_us < QUIET_US and not self.at_once:
            return {}
        behind = [
            path
            for path, status in statuses.items()
            if read_to(self.cursors, cursor_key(self.layout.days, path), status) < status.st_size
        ]
        for path in behind:
            if os.access(path, os.R_OK | os.W_OK) and not path.is_symlink():
                append_line(path, b"")
        return {} if behind else {path: status.st_size for path, status in statuses.items()}

    def _pack(self, day: str, sizes: dict[Path, int]) -> bool:
        """The day's pack holds all of these files, together with what was in it before."""
        path = pack_path(self.layout, day)
        draft = Draft()
        try:
            exists = path.exists()
            for line in read_pack(path) if exists else ():
                made = record.parse(line)  # redacted by the rules of its time
                draft.add(self.screen.record(made))
            known = draft.count
            complete = self._gather(day, sizes, draft)
            if complete and (draft.count > known or not exists):
                draft.write(path, self.screen.redactor.rules)
        except (DamagedPackError, record.BadLineError) as error:
            self.kept.append(f"{day} is not packed: {path} is damaged: {error}")
            return False
        except (apsw.FullError, apsw.IOError) as error:
            hint = "free some space where temporary files lie"
            raise JournalError(f"cannot pack {day}: {error}", hint) from error
        finally:
            draft.close()
        return complete

    def _gather(self, day: str, sizes: dict[Path, int], draft: Draft) -> bool:
        """Read the day's files into the draft, as ingest does; False: not everything is stored."""
        reader = journal_reader.Reader(self.layout, self.screen, self.dead)
        read: dict[str, Cursor] = {}
        for batch in reader.whole(sizes, understands=False):
            read |= batch.cursors
            found = [*batch.facts, *batch.own]
            records = [fact.record for fact in found]
            covered = self._covered(found)
            places = (*batch.places, *batch.own_places)
            for made, place in zip(records, places, strict=True):
                if self.dead.holds(*place) or made.id in covered:
                    continue
                if not self._is_stored(made):
                    hint = "run: journal sync --rebuild"
                    self.kept.append(f"{day} is not packed: the database misses a record ({hint})")
                    return False
                self._add(draft, made, place)
        return all(
            size == 0 or self._ends_alike(read, cursor_key(self.layout.days, path), size)
            for path, size in sizes.items()
        )

    def _covered(self, found: list[Fact]) -> set[bytes]:
        """The ids of those that a tombstone covers: they are not kept any more."""
        if not tombstones.Graves(self.db):
            return set()
        found = [fact._replace(meaning=facts.understand_record(fact.record)) for fact in found]
        kept = tombstones.uncovered(self.db, found)
        return {fact.record.id for fact in found} - {fact.record.id for fact in kept}

    def _ends_alike(self, read: dict[str, Cursor], key: str, size: int) -> bool:
        """Whether what was read now is what had been synced: the same file, to the same byte."""
        now, then = read.get(key, START), self.cursors.get(key, START)
        return (now.inode, now.offset) == (then.inode, then.offset) and now.offset == size

    def _is_stored(self, made: Record) -> bool:
        retention = self.settings.retention
        limits = [days for days in (retention.events_days, retention.sessions_days) if days]
        if limits and is_past(day_of(made.at_us), min(limits), self.now_us):
            return True  # or it was, until it was too old for the database
        table = "own_facts" if made.agent == record.JOURNAL_AGENT else "events"
        query = f"select 1 from {table} where id = ?"
        return self.db.execute(query, (made.id,)).fetchone() is not None

    def _add(self, draft: Draft, made: Record, place: Place) -> None:
        line = place[2] if self.screen.has_seen(place[2]) else None
        known = draft.add(made, line)
        if known is None:
            return
        first = record.parse(known)
        if (first.event, self.screen.body(first)) != (made.event, made.body):
            self.dead.put(*place, "its id belongs to another record")

    def _durable(self) -> bool:
        """The database keeps what is committed through a power cut; False: a reader is in the way.

        In WAL mode with synchronous=NORMAL only a checkpoint makes sure of that.
        """
        frames, done = self.db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        return frames == done

    def _drop_cursors(self) -> None:
        """Of days that are gone; also those that a killed pass has left."""
        days = {key.partition("/")[0] for key in self.cursors}
        gone = [day for day in days if not (self.layout.days / day).exists()]
        if gone:
            with self.db:
                for day in gone:
                    drop_cursors(self.db, day)
