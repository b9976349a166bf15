"""One pass: collect, ingest, derive, prepare the contexts. Safe to kill and to repeat anywhere."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import apsw
import zstandard

from journal import home_id
from journal.durable_files import write_whole
from journal.errors import JournalError
from journal.layout import Layout, is_within
from sync import notify
from sync.conditions import Pass
from sync.errors import StoreError
from sync.forgetting import excluded_lines
from sync.ingest import journal_reader, refused_binds
from sync.ingest.dead_letters import Dead
from sync.ingest.screening import make_screen
from sync.ingest.spool import collect
from sync.ingesting import ingest, read_unknown_packs
from sync.rebuild import rebuild
from sync.remote.naming import name_of
from sync.report import Report
from sync.retention import known_packs, packing, prune
from sync.store import arrivals, backups, clock, connection, vacuum
from sync.store.clock import Clock
from sync.store.locks import locked
from sync.store.temporary_files import remove_temporary
from sync.transcripts import copying
from sync.views import contexts, delivered_pieces, derive, inferred_ends, projects, tombstones
from sync.views.transcripts import Copied


def run(conditions: Pass) -> Report:
    """Sync what is new, under the lock.

    BusyError: another process held the lock. JournalError: the home or the database cannot be
    written; what was committed stays, the next pass syncs the rest.
    """
    layout = conditions.layout
    home_id.ensure(layout)
    with locked(layout.sync_lock, conditions.keep_trying):
        remove_temporary(layout, conditions.now_us)
        if rebuild.is_without_packs(layout):
            conditions = replace(conditions, packs=False)
            rebuilt = None
        else:
            rebuilt = _rebuilt(conditions)
        db = connection.open_store(layout)
        try:
            report = _Work(db, conditions).done()
            report.rebuilt = rebuilt
            return report
        except apsw.Error as error:
            raise connection.explain(error, layout.database) from error
        except zstandard.ZstdError as error:
            raise connection.damaged(error, layout.database) from error
        finally:
            db.close()


def _rebuilt(conditions: Pass) -> rebuild.Rebuilt | None:
    """Rebuild the database if that is asked for, or if it is gone and packs are not."""
    layout = conditions.layout
    backups.remove_leftovers(layout)
    if not conditions.rebuild:
        if not rebuild.is_due(layout):
            return None
        if not conditions.packs:
            if not connection.is_empty(layout):
                return None  # it lacks the packs: a pass that may take longer reads them
            problem = f"{layout.database} is missing, and earlier days are packed"
            raise StoreError(problem, "run: journal sync --rebuild")
    return rebuild.rebuild(conditions)


class _Work:
    """The stages of one pass over an open database; `report` and `failed` say what they did.

    What cannot be done is added to `failed`, and the other stages go on.
    """

    def __init__(self, db: apsw.Connection, conditions: Pass) -> None:
        self.db, self.conditions = db, conditions
        self.layout, self.now_us = conditions.layout, conditions.now_us
        self.screen = make_screen(self.layout, conditions.settings, conditions.screened)
        self.dead = Dead(self.layout, self.screen, self.now_us)
        self.report = Report()
        self.failed: list[JournalError] = []

    def done(self) -> Report:
        """Run all stages. JournalError: the first that failed; all the rest is done."""
        self.time = self._clock()
        self._read()
        if self._is_whole and self.conditions.packs:
            with _leaving(self.failed):
                self._copy_transcripts()
        if self._is_whole:
            self._infer_ends()
            environ = self.conditions.environ
            notify.tell(self.db, self.conditions.settings.notify.command, environ, self.now_us)
        self._write_views()
        if self._is_whole and self.conditions.packs and self.time.is_trusted:
            self._pack_and_prune()
        if self.conditions.pack_at_once:
            vacuum.tidy(self.db, self.report.stored)
        elif self.report.stored or self.report.packed.days:
            vacuum.tend(self.db)
        failed = [error for error in self.failed if not _is_due_to(error, self.closed)]
        if failed:  # a folder whose rights forbid it is among those that were not read
            raise failed[0]
        return self.report

    @property
    def _is_whole(self) -> bool:
        """Whether everything new was read before the deadline."""
        return self.report.seen_bytes is not None

    def _clock(self) -> Clock:
        """Judge the clock, and correct what was noted by one that was wrong."""
        conditions = self.conditions
        if conditions.reading is None:
            return Clock(self.now_us)
        accept = conditions.accept_clock
        time, state = clock.look(self.layout, conditions.reading, accept=accept)
        clock.keep(self.layout, state)
        if time.shift is not None:
            arrivals.shift(self.db, *time.shift, self.now_us)
        if time.is_trusted:
            for session in arrivals.bring_back(self.db, self.now_us):
                contexts.mark(self.db, session)
        return time

    def _read(self) -> None:
        """Sync the spool, the journal's files and packs that the database does not have."""
        problems: list[JournalError] = []
        with _leaving(problems):
            goes = partial(tombstones.Graves(self.db).is_late, now_us=self.now_us)
            collect(self.layout, self.dead, self.now_us, problems, goes)
        projects.set_home(self.db, self.layout.id)
        settings = self.conditions.settings
        derive.refresh(self.db, settings.memory.agent, self.now_us)
        delivered_pieces.follow(self.db, name_of(settings.remote, self.layout), self.now_us)
        with _leaving(self.failed):
            self.report = self._ingest()
        self.report.clock_problem, self.report.problems = self.time.problem, problems
        self.closed = self.layout.closed_folders()
        forbidden = (f"{folder}: its rights forbid it" for folder in self.closed)
        self.report.unreadable += tuple(forbidden)
        with _leaving(self.failed):
            read_unknown_packs(self.db, self.conditions, self.time, self._reader(), self.report)

    def _reader(self) -> journal_reader.Reader:
        return journal_reader.Reader(self.layout, self.screen, self.dead)

    def _ingest(self, copied: Sequence[Copied] = ()) -> Report:
        return ingest(self.db, self.conditions, self.time, self._reader(), copied)

    def _copy_transcripts(self) -> None:
        """Sync what the agents' own files say beyond the hooks: after them, so that both are known.

        Before ends are inferred: a session without one is copied a last time.
        """
        conditions = self.conditions
        copies = copying.copy(
            self.db, self.layout, conditions.settings, self.screen, self.dead, conditions.environ,
            self.now_us, follow=conditions.follow,
        )  # fmt: skip
        self.report.copied = copies.records
        self.report.rejected += copies.rejected
        if not copies.records:
            copying.settle(self.db, copies)
        else:
            self.report.add(self._ingest(copies.reached))

    def _infer_ends(self) -> None:
        """Infer the ends that no agent reported; not by a clock that cannot be trusted."""
        if not self.time.is_trusted:
            return
        host, settings = os.uname().nodename, self.conditions.settings
        ended = inferred_ends.due(self.db, settings, host, self.now_us, silence=True)
        derive.infer_ends(self.db, ended, self.now_us)
        self.report.ended = len(ended)

    def _write_views(self) -> None:
        """Write what is derived from new records, refused binds and contexts last."""
        layout, report = self.layout, self.report
        projects.settle(self.db, report.touched)
        with _leaving(self.failed):
            report.rejected += refused_binds.write(self.db, layout)
        with _leaving(self.failed):
            contexts.write_stale(self.db, layout, self.conditions.settings, self.now_us)
        if report.seen_bytes is not None and self.conditions.packs:
            with _leaving(self.failed):
                removed = excluded_lines.remove(self.db, layout, self.screen, self.now_us)
                report.seen_bytes -= removed
        if report.seen_bytes is not None:
            _stamp(layout, report.seen_bytes)  # last: a session that starts now reads the contexts

    def _pack_and_prune(self) -> None:
        conditions = self.conditions
        with _leaving(self.failed):
            self.report.packed = packing.pack_closed_days(
                self.db, self.layout, conditions.settings, self.screen, self.dead, self.now_us,
                conditions.out_of_time, at_once=conditions.pack_at_once,
            )  # fmt: skip
        with _leaving(self.failed):
            self._prune()
            known_packs.note_all(self.db, self.layout)

    def _prune(self) -> None:
        """Remove what is older than its limit; sync the records of that, and show it."""
        settings, report = self.conditions.settings, self.report
        now = self.conditions.prune
        report.pruned = prune.hourly(self.db, self.layout, settings, self.now_us, now=now)
        if report.pruned.sessions:
            report.seen_bytes = self._ingest().seen_bytes
            refused_binds.write(self.db, self.layout)
            contexts.write_stale(self.db, self.layout, settings, self.now_us)
            if report.seen_bytes is not None:
                _stamp(self.layout, report.seen_bytes)


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


def _is_due_to(error: JournalError, closed: Sequence[Path]) -> bool:
    """Whether it could not be done because of the rights of one of these folders."""
    cause = error.__cause__
    if not isinstance(cause, PermissionError) or cause.filename is None:
        return False
    return is_within(Path(os.fsdecode(cause.filename)), closed)


def _stamp(layout: Layout, seen_bytes: int) -> None:
    """Note for the hook of SessionStart how much of the journal is synced (see hooks/start.py)."""
    text = f"{seen_bytes}\n".encode()
    if not layout.synced.exists() or layout.synced.read_bytes() != text:
        write_whole(layout.synced, text)
