"""Reads what is new into the database: the journal's files, copied transcripts, unknown packs."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import apsw

from sync.conditions import Pass, never
from sync.ingest import journal_reader
from sync.ingest.writer import Writer
from sync.report import Report
from sync.retention import known_packs
from sync.retention.pack_file import DamagedPackError, read_pack
from sync.store.clock import Clock
from sync.store.file_cursors import START, Cursor, day_key, read_cursors
from sync.views.transcripts import Copied

COLLECTED_BATCHES = 32  # that are written between two looks for garbage


def ingest(
    db: apsw.Connection,
    conditions: Pass,
    time: Clock,
    reader: journal_reader.Reader,
    copied: Sequence[Copied] = (),
) -> Report:
    """Store what is new in journal files, and these copies of transcripts.

    `seen_bytes` of the report is None if the deadline came first.
    """
    report = Report()
    known = read_cursors(db)
    files = _changed_files(known, conditions, reader)
    total = sum(file.size for file in files)
    new = total - sum(file.offset for file in files)
    reader.expect(new)
    done = 0
    small = conditions.out_of_time is not never
    batches = reader.batches(known, [file.path for file in files], small, copied)
    with _no_collections(), _writer(db, reader, conditions, time) as writer:
        for number, batch in enumerate(batches, 1):
            if number % COLLECTED_BATCHES == 0:
                gc.collect(0)  # what a damaged record may leave behind
            written = writer.write(batch)
            report.touched |= written.sessions
            report.read += batch.lines
            report.stored += written.stored
            report.duplicate += written.duplicate
            report.rejected += written.rejected
            report.excluded += batch.excluded
            report.adopted += written.adopted
            report.resolved += written.resolved
            done += batch.bytes
            if conditions.progress:
                conditions.progress(done, total)
            if done < new and conditions.out_of_time():
                break
        else:
            report.seen_bytes = reader.seen_bytes
    report.unreadable = tuple(reader.unreadable)
    return report


@contextmanager
def _no_collections() -> Iterator[None]:
    """No garbage is collected meanwhile: a batch is many objects, and none of them in a cycle."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def read_unknown_packs(
    db: apsw.Connection,
    conditions: Pass,
    time: Clock,
    reader: journal_reader.Reader,
    report: Report,
) -> None:
    """Sync packs that this database does not hold: it was restored from a backup."""
    for path in known_packs.unknown(db, conditions.layout):
        try:
            with _writer(db, reader, conditions, time) as writer:
                for batch in reader.elsewhere((path, line) for line in read_pack(path)):
                    written = writer.write(batch)
                    report.touched |= written.sessions
                    report.stored += written.stored
                    if conditions.out_of_time():
                        report.seen_bytes = None
                        return
        except DamagedPackError as error:
            report.problems.append(error)
        known_packs.note(db, [path])


def _writer(
    db: apsw.Connection, reader: journal_reader.Reader, conditions: Pass, time: Clock
) -> Writer:
    adopt_on = tuple(conditions.settings.sessions.adopt_on)
    # A clock that went back must not make what arrives now look old.
    arrived_us = max(conditions.now_us, time.believed_us)
    return Writer(db, reader, adopt_on, conditions.now_us, arrived_us)


class _Changed(NamedTuple):
    """A file in which something may be new, and up to where it is known. Sizes are bytes."""

    path: Path
    size: int
    offset: int


def _changed_files(
    known: dict[str, Cursor], conditions: Pass, reader: journal_reader.Reader
) -> list[_Changed]:
    """The files in which something may be new; the cost of a pass is theirs.

    Under a deadline the newest come first, else a session's days in turn.
    """
    layout, found = conditions.layout, []
    for day in layout.day_names():
        for entry in layout.entries_of(day):
            try:
                status = entry.stat()
            except OSError:
                continue  # moved away since it was listed
            cursor = known.get(day_key(day, entry.name), START)
            if cursor.unchanged(status):
                reader.seen_bytes += status.st_size
            else:
                found.append((entry, day, status, cursor.offset))
    if conditions.out_of_time is not never:
        found.sort(key=lambda file: -file[2].st_mtime_ns)
    else:
        found.sort(key=lambda file: (file[0].name, file[1]))
    return [
        _Changed(Path(entry.path), status.st_size, offset) for entry, _, status, offset in found
    ]
