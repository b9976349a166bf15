"""Reads what is new into the database: the journal's files, copied transcripts, unknown packs."""

from collections.abc import Sequence
from pathlib import Path

import apsw

from sync.conditions import Pass, never
from sync.ingest import journal_reader
from sync.ingest.writer import Writer
from sync.report import Report
from sync.retention import held_packs
from sync.retention.pack_file import DamagedPackError, read_pack
from sync.store.clock import Clock
from sync.store.file_cursors import START, Cursor, day_key
from sync.views.transcripts import Copied


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
    known = journal_reader.read_cursors(db)
    files = _changed_files(known, conditions, reader)
    total = sum(size for _, size in files)
    done = 0
    adopt_on = tuple(conditions.settings.sessions.adopt_on)
    small = conditions.out_of_time is not never
    # A clock that went back must not make what arrives now look old.
    arrived_us = max(conditions.now_us, time.believed_us)
    with Writer(db, reader, adopt_on, conditions.now_us, arrived_us) as writer:
        for batch in reader.batches(known, [path for path, _ in files], small, copied):
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
            if conditions.out_of_time():
                break
        else:
            report.seen_bytes = reader.seen_bytes
    report.unreadable = tuple(reader.unreadable)
    return report


def read_unknown_packs(
    db: apsw.Connection,
    conditions: Pass,
    time: Clock,
    reader: journal_reader.Reader,
    report: Report,
) -> None:
    """Sync packs that this database does not hold: it was restored from a backup."""
    adopt_on = tuple(conditions.settings.sessions.adopt_on)
    arrived_us = max(conditions.now_us, time.believed_us)
    for path in held_packs.unknown(db, conditions.layout):
        try:
            with Writer(db, reader, adopt_on, conditions.now_us, arrived_us) as writer:
                for batch in reader.elsewhere((path, line) for line in read_pack(path)):
                    written = writer.write(batch)
                    report.touched |= written.sessions
                    report.stored += written.stored
                    if conditions.out_of_time():
                        report.seen_bytes = None
                        return
        except DamagedPackError as error:
            report.unreadable += (str(error),)
        held_packs.note(db, [path])


def _changed_files(
    known: dict[str, Cursor], conditions: Pass, reader: journal_reader.Reader
) -> list[tuple[Path, int]]:
    """The files in which something may be new, with their sizes; the cost of a pass is theirs.

    Under a deadline the newest come first, else a session's days in turn.
    """
    layout, found = conditions.layout, []
    for day in layout.day_names():
        for entry in layout.entries_of(day):
            try:
                status = entry.stat()
            except OSError:
                continue  # moved away since it was listed
            if known.get(day_key(day, entry.name), START).unchanged(status):
                reader.seen_bytes += status.st_size
            else:
                found.append((entry, day, status))
    if conditions.out_of_time is not never:
        found.sort(key=lambda file: -file[2].st_mtime_ns)
    else:
        found.sort(key=lambda file: (file[0].name, file[1]))
    return [(Path(entry.path), status.st_size) for entry, _, status in found]
