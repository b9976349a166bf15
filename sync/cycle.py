"""One pass: collect, ingest, derive, prepare the contexts. Safe to kill and to repeat anywhere."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import zstandard

from journal import home_id
from journal.errors import JournalError
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
from sync.retention import held_packs, packing, prune
from sync.retention.pack_file import DamagedPackError, read_pack
from sync.retention.prune_plan import Plan
from sync.store import arrivals, backups, clock, connection, vacuum
from sync.store.clock import Clock
from sync.store.file_cursors import START, Cursor, cursor_key, day_key
from sync.store.locks import locked
from sync.store.temporary_files import remove_litter
from sync.transcripts import copying
from sync.views import contexts, delivered_pieces, derive, inferred_ends, projects
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
    clock_problem: str = ""  # why nothing was deleted, packed or ended by its age
    problems: list[JournalError] = field(default_factory=list)  # what was left as it is, and why

    @property
    def counts(self) -> dict[str, int]:
        """What became of the records, for the log and the public interface."""
        return {
            "read": self.read,
            "stored": self.stored,
            "duplicate": self.duplicate,
            "rejected": self.rejected,
            "excluded": self.excluded,
            "copied": self.copied,
        }

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
    packs: bool = True  # pack closed days; not while somebody waits
    pack_at_once: bool = False  # what an import has just written, too
    follow: bool = True  # look for transcripts that no hook named
    prune: bool = False  # look after retention now, not only once an hour
    rebuild: bool = False  # make the database anew before anything else
    accept_loss: bool = False  # of what only a damaged database held
    accept_clock: bool = False  # a person says that the clock is right
    reading: clock.Reading | None = None  # of both clocks; None: `now_us` is not compared
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)


def run(conditions: Pass) -> Report:
    """Take in what is new, under the lock.

    BusyError: another process held the lock. JournalError: the home or the database cannot be
    written; what was committed stays, the rest is taken in by the next pass.
    """
    layout = conditions.layout
    home_id.ensure(layout)
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
    time = _clock(db, conditions)
    problems: list[JournalError] = []
    with _leaving(problems):
        collect(layout, dead, now_us, problems)
    projects.set_home(db, layout.id)
    derive.refresh(db, conditions.settings.memory.agent, now_us)
    delivered_pieces.follow(db, name_of(conditions.settings.remote, layout), now_us)
    report = _ingest(db, conditions, time, journal_reader.Reader(layout, screen, dead))
    report.clock_problem, report.problems = time.problem, problems
    shut = layout.shut_folders()
    report.unreadable += tuple(f"{folder}: its rights forbid it" for folder in shut)
    failed: list[JournalError] = []
    with _leaving(failed):
        reader = journal_reader.Reader(layout, screen, dead)
        _read_unknown_packs(db, conditions, time, reader, report)
    if report.seen_bytes is not None and conditions.packs:
        with _leaving(failed):
            _copy_transcripts(db, conditions, time, screen, dead, report)
    if report.seen_bytes is not None:
        _reap(db, conditions, time, report)
        notify.tell(db, conditions.settings.notify.command, conditions.environ, now_us)
    projects.settle(db, report.touched)
    with _leaving(failed):
        report.rejected += refused_binds.write(db, layout)
    with _leaving(failed):
        contexts.write_stale(db, layout, conditions.settings, now_us)
    if report.seen_bytes is not None and conditions.packs:
        with _leaving(failed):
            report.seen_bytes -= excluded_lines.remove(db, layout, screen, now_us)
    if report.seen_bytes is not None:
        _stamp(layout, report.seen_bytes)  # last: a session that starts now reads the contexts
        if conditions.packs and time.is_trusted:
            settings, stop = conditions.settings, conditions.out_of_time
            with _leaving(failed):
                report.packed = packing.pack_closed_days(
                    db,
                    layout,
                    settings,
                    screen,
                    dead,
                    now_us,
                    stop,
                    at_once=conditions.pack_at_once,
                )
            with _leaving(failed):
                _prune(db, conditions, time, report)
                held_packs.note_all(db, layout)
    if report.stored or report.packed.days:
        vacuum.tend(db)
    failed = [error for error in failed if not _lies_in(error, shut)]  # these are named
    if failed:
        raise failed[0]  # all the rest is done
    return report


@contextmanager
def _leaving(problems: list[JournalError]) -> Iterator[None]:
    """What cannot be done here is added to the problems, and the pass goes on with the rest."""
    try:
        yield
    except JournalError as error:
        problems.append(error)
    except OSError as error:
        hint = "check its owner and rights, and the free space"
        problem = JournalError(
            f"cannot use {error.filename or 'a file of the home'}: {error.strerror}", hint
        )
        problem.__cause__ = error
        problems.append(problem)


def _lies_in(error: JournalError, folders: Sequence[Path]) -> bool:
    """Whether it could not be done because of the rights of one of these folders."""
    cause = error.__cause__
    if not isinstance(cause, PermissionError) or cause.filename is None:
        return False
    path = Path(os.fsdecode(cause.filename))
    return any(folder == path or folder in path.parents for folder in folders)


def _clock(db: apsw.Connection, conditions: Pass) -> Clock:
    """Judge the clock, and put right what was noted by one that was wrong."""
    if conditions.reading is None:
        return Clock(conditions.now_us)
    accept = conditions.accept_clock
    time, state = clock.look(conditions.layout, conditions.reading, accept=accept)
    clock.keep(conditions.layout, state)
    if time.shift is not None:
        arrivals.shift(db, *time.shift, conditions.now_us)
    if time.is_trusted:
        for session in arrivals.bring_back(db, conditions.now_us):
            contexts.mark(db, session)
    return time


def _copy_transcripts(
    db: apsw.Connection,
    conditions: Pass,
    time: Clock,
    screen: Screen,
    dead: Dead,
    report: Report,
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
        report.add(_ingest(db, conditions, time, reader, copies.reached))


def _reap(db: apsw.Connection, conditions: Pass, time: Clock, report: Report) -> None:
    """Infer the ends that no agent reported; not by a clock that cannot be trusted."""
    if not time.is_trusted:
        return
    host, now_us = os.uname().nodename, conditions.now_us
    ended = inferred_ends.due(db, conditions.settings, host, now_us, silence=True)
    derive.infer_ends(db, ended, now_us)
    report.reaped = len(ended)


def _prune(db: apsw.Connection, conditions: Pass, time: Clock, report: Report) -> None:
    """Remove what is older than its limit; take in what was noted of that, and show it."""
    now_us = conditions.now_us
    settings, layout = conditions.settings, conditions.layout
    report.pruned = prune.hourly(db, layout, settings, now_us, now=conditions.prune)
    if report.pruned.sessions:
        _ingest_own(db, conditions, time, report)
        refused_binds.write(db, layout)
        contexts.write_stale(db, layout, settings, now_us)
        if report.seen_bytes is not None:
            _stamp(layout, report.seen_bytes)


def _ingest_own(db: apsw.Connection, conditions: Pass, time: Clock, report: Report) -> None:
    """Take in what this pass itself has appended to the journal."""
    screen = make_screen(conditions.layout, conditions.settings)
    dead = Dead(conditions.layout, screen, conditions.now_us)
    again = _ingest(db, conditions, time, journal_reader.Reader(conditions.layout, screen, dead))
    report.seen_bytes = again.seen_bytes


def _ingest(
    db: apsw.Connection,
    conditions: Pass,
    time: Clock,
    reader: journal_reader.Reader,
    copied: Sequence[Copied] = (),
) -> Report:
    report = Report()
    known = journal_reader.read_cursors(db)
    files = _changed_files(known, conditions, reader)
    total = sum(size for _, size in files)
    new = total - sum(_offset(known, conditions.layout, path) for path, _ in files)
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
            if done < new and conditions.out_of_time():
                break
        else:
            report.seen_bytes = reader.seen_bytes
    report.unreadable = tuple(reader.unreadable)
    return report


def _read_unknown_packs(
    db: apsw.Connection,
    conditions: Pass,
    time: Clock,
    reader: journal_reader.Reader,
    report: Report,
) -> None:
    """Take in packs that this database does not hold: it was put back from a backup."""
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


def _offset(known: dict[str, Cursor], layout: Layout, path: Path) -> int:
    return known.get(cursor_key(layout.days, path), START).offset


def _stamp(layout: Layout, seen_bytes: int) -> None:
    """Tell the hook of SessionStart how much of the journal is taken in (see hooks/start.py)."""
    text = f"{seen_bytes}\n".encode()
    if not layout.synced.exists() or layout.synced.read_bytes() != text:
        write_whole(layout.synced, text)
