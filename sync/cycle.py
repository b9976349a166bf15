"""One pass: collect, ingest, derive, prepare the contexts. Safe to kill and to repeat anywhere."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import zstandard

from journal.layout import Layout, write_whole
from journal.settings.sources import Settings
from sync import notify
from sync.errors import StoreError
from sync.forgetting import excluded_lines
from sync.ingest import journal_reader, refused_binds
from sync.ingest.dead_letters import Dead
from sync.ingest.screening import Screen, make_screen
from sync.ingest.spool import collect
from sync.ingest.writer import Writer
from sync.rebuild import rebuild
from sync.remote.naming import name_of
from sync.retention import packing, prune
from sync.retention.prune_plan import Plan
from sync.store import backups, connection, vacuum
from sync.store.file_cursors import START, Cursor, day_key
from sync.store.locks import locked
from sync.store.temporary_files import remove_litter
from sync.transcripts import copying
from sync.views import contexts, delivered_pieces, derive, inferred_ends
from sync.views.transcripts import Copied


@dataclass(slots=True)
class Report:
    """What one pass did. `read` counts lines, `duplicate` those whose records were known."""

    read: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    excluded: int = 0  # because of capture.exclude_projects and exclude_tools
    adopted: int = 0
    reaped: int = 0  # sessions that count as ended from now on
    resolved: int = 0  # sessions that were given a memory id
    touched: set[int] = field(default_factory=set)  # sessions that got something new
    unreadable: tuple[str, ...] = ()
    seen_bytes: int | None = None  # of all journal files; None: the deadline came first
    packed: packing.Packed = field(default_factory=packing.Packed)
    copied: int = 0  # records of transcripts
    rebuilt: rebuild.Rebuilt | None = None
    pruned: Plan = field(default_factory=Plan)  # what retention has removed

    @property
    def summaries(self) -> int:
        """How many summaries were made anew."""
        return len(self.touched)

    def add(self, more: "Report") -> None:
        """Count in what the same pass took in later."""
        self.read += more.read
        self.stored += more.stored
        self.duplicate += more.duplicate
        self.rejected += more.rejected
        self.excluded += more.excluded
        self.touched |= more.touched
        self.adopted += more.adopted
        self.resolved += more.resolved
        self.unreadable += more.unreadable
        self.seen_bytes = more.seen_bytes


def never() -> bool:
    """No deadline."""
    return False


@dataclass(frozen=True, slots=True)
class Pass:
    """The conditions of one pass. Clocks and terminals belong to the caller."""

    layout: Layout
    settings: Settings
    now_us: int
    keep_trying: Callable[[], bool] = never  # while another process holds the lock
    out_of_time: Callable[[], bool] = never  # asked between batches; newest files come first
    progress: Callable[[int, int], None] | None = None  # bytes done, bytes in all
    packs: bool = True  # pack closed days, end silent sessions; not while somebody waits
    pack_at_once: bool = False  # what an import has just written, too
    follow: bool = True  # look for transcripts that no hook named
    prune: bool = False  # look after retention now, not only once an hour
    rebuild: bool = False  # make the database anew before anything else
    accept_loss: bool = False  # of what only a damaged database held
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)


def run(conditions: Pass) -> Report:
    """Take in what is new, under the lock.

    BusyError: another process held the lock. JournalError: the home or the database cannot be
    written; what was committed stays, the rest is taken in by the next pass.
    """
    layout = conditions.layout
    with locked(layout.sync_lock, conditions.keep_trying):
        remove_litter(layout)
        rebuilt = _rebuilt(conditions)
        db = connection.open_store(layout)
        try:
            report = _run(db, conditions)
            report.rebuilt = rebuilt
            return report
        except apsw.Error as error:
            raise connection.explain(error, layout.database) from error
        except zstandard.ZstdError as error:
            raise connection.damaged(error, layout.database) from error
        finally:
            db.close()


def _rebuilt(conditions: Pass) -> rebuild.Rebuilt | None:
    """Make the database anew if that is asked for, or if it is gone and packs are not."""
    layout = conditions.layout
    backups.remove_leftovers(layout)
    if not conditions.rebuild:
        if not rebuild.is_due(layout):
            return None
        if not conditions.packs:
            problem = f"{layout.database} is gone, and days before are packed"
            raise StoreError(problem, "run: journal sync --rebuild")
    screen = make_screen(layout, conditions.settings)
    dead = Dead(layout, screen, conditions.now_us)
    order = rebuild.Order(
        layout,
        conditions.settings,
        screen,
        dead,
        conditions.now_us,
        conditions.accept_loss,
        conditions.progress,
    )
    return rebuild.rebuild(order)


def _run(db: apsw.Connection, conditions: Pass) -> Report:
    layout, now_us = conditions.layout, conditions.now_us
    screen = make_screen(layout, conditions.settings)
    dead = Dead(layout, screen, now_us)
    collect(layout, dead, now_us)
    derive.refresh(db, conditions.settings.memory.agent, now_us)
    delivered_pieces.follow(db, name_of(conditions.settings.remote, layout), now_us)
    report = _ingest(db, conditions, journal_reader.Reader(layout, screen, dead))
    if report.seen_bytes is not None and conditions.packs:
        _copy_transcripts(db, conditions, screen, dead, report)
    if report.seen_bytes is not None:
        _reap(db, conditions, report)
        notify.tell(db, conditions.settings.notify.command, conditions.environ, now_us)
    report.rejected += refused_binds.write(db, layout)
    contexts.write_stale(db, layout, conditions.settings, now_us)
    if report.seen_bytes is not None and conditions.packs:
        report.seen_bytes -= excluded_lines.remove(db, layout, screen, now_us)
    if report.seen_bytes is not None:
        _stamp(layout, report.seen_bytes)  # last: a session that starts now reads the contexts
        if conditions.packs:
            settings, stop = conditions.settings, conditions.out_of_time
            report.packed = packing.pack_closed_days(
                db, layout, settings, screen, dead, now_us, stop, at_once=conditions.pack_at_once
            )
            _prune(db, conditions, report)
    if report.stored or report.packed.days:
        vacuum.tend(db)
    return report


def _copy_transcripts(
    db: apsw.Connection, conditions: Pass, screen: Screen, dead: Dead, report: Report
) -> None:
    """Take in what the agents' own files say beyond the hooks: after them, so that both are known.

    Before ends are inferred: a session without one is copied a last time.
    """
    layout, settings = conditions.layout, conditions.settings
    environ, now_us = conditions.environ, conditions.now_us
    copies = copying.copy(
        db, layout, settings, screen, dead, environ, now_us, follow=conditions.follow
    )
    report.copied = copies.records
    report.rejected += copies.rejected
    if not copies.records:
        copying.settle(db, copies)
    else:
        reader = journal_reader.Reader(layout, screen, dead)
        report.add(_ingest(db, conditions, reader, copies.reached))


def _reap(db: apsw.Connection, conditions: Pass, report: Report) -> None:
    """Infer the ends that nobody reported."""
    host, now_us = os.uname().nodename, conditions.now_us
    ended = inferred_ends.due(db, conditions.settings, host, now_us, silence=True)
    derive.infer_ends(db, ended, now_us)
    report.reaped = len(ended)


def _prune(db: apsw.Connection, conditions: Pass, report: Report) -> None:
    """Remove what is older than its limit; take in what was noted of that, and show it."""
    now_us = conditions.now_us
    settings, layout = conditions.settings, conditions.layout
    report.pruned = prune.hourly(db, layout, settings, now_us, now=conditions.prune)
    if report.pruned.sessions:
        _ingest_own(db, conditions, report)
        refused_binds.write(db, layout)
        contexts.write_stale(db, layout, settings, now_us)
        if report.seen_bytes is not None:
            _stamp(layout, report.seen_bytes)


def _ingest_own(db: apsw.Connection, conditions: Pass, report: Report) -> None:
    """Take in what this pass itself has appended to the journal."""
    screen = make_screen(conditions.layout, conditions.settings)
    dead = Dead(conditions.layout, screen, conditions.now_us)
    again = _ingest(db, conditions, journal_reader.Reader(conditions.layout, screen, dead))
    report.seen_bytes = again.seen_bytes


def _ingest(
    db: apsw.Connection,
    conditions: Pass,
    reader: journal_reader.Reader,
    copied: Sequence[Copied] = (),
) -> Report:
    report = Report()
    known = journal_reader.read_cursors(db)
    files = _changed_files(known, conditions, reader)
    total = sum(size for _, size in files)
    done = 0
    adopt_on = tuple(conditions.settings.sessions.adopt_on)
    small = conditions.out_of_time is not never
    with Writer(db, reader, adopt_on, conditions.now_us) as writer:
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


def _stamp(layout: Layout, seen_bytes: int) -> None:
    """Tell the hook of SessionStart how much of the journal is taken in (see hooks/start.py)."""
    text = f"{seen_bytes}\n".encode()
    if not layout.synced.exists() or layout.synced.read_bytes() != text:
        write_whole(layout.synced, text)
