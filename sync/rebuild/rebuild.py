"""Rebuilds the database from packs, days and what only the old database has; then replaces it.

Invariant: one last transaction replaces the content. Before it the old database is unchanged, after
it the new one is complete. So a rebuild may be killed at any time, and run again. A process that
reads the old database meanwhile keeps its view of it.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from journal.durable_files import write_whole
from journal.layout import Layout, is_closed
from journal.times import DAY_US
from sync.conditions import Pass
from sync.errors import DamagedStoreError, LossError, StoreError
from sync.ingest import journal_reader
from sync.ingest.batch import Batch
from sync.ingest.dead_letters import Dead
from sync.ingest.screening import make_screen
from sync.ingest.writer import Writer
from sync.rebuild import swap
from sync.rebuild.salvage import Loss, Salvage
from sync.remote.naming import name_of
from sync.retention import known_packs
from sync.retention.pack_file import DamagedPackError, every_pack, pack_files
from sync.retention.packing import packed_records
from sync.store import arrivals, backups, connection, facts
from sync.views import delivered_pieces, derive, models, projects

RECENT_US = 7 * DAY_US


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did. `lost`: in words, what a damaged database gave no more; "" for nothing"""

    events: int  # in the new database
    taken_over: int  # records that were in the old database alone
    lost: str = ""
    kept: Path | None = None  # the old database, if it was damaged
    problems: tuple[str, ...] = ()  # what of the journal could not be read


def is_due(layout: Layout) -> bool:
    """Whether there are packs, which no other pass reads, and the database was made without them.

    That is one that is gone or empty, or that was made while the packs were closed.
    """
    if layout.without_packs.exists():
        return True
    if not os.path.lexists(layout.packs):
        return False  # the usual case, found without opening the database
    return connection.is_empty(layout) and bool(every_pack(layout))


def is_without_packs(layout: Layout) -> bool:
    """Whether the packs are closed, and the database is gone or was made without them.

    It can be made from the days then; but it does not know what was forgotten, sent or imported,
    so that nothing comes in from transcripts and nothing is sent until the packs can be read.
    """
    if not is_closed(layout.packs):
        return False
    if connection.is_empty(layout):
        write_whole(layout.without_packs, b"")
    return layout.without_packs.exists()


def rebuild(conditions: Pass) -> Rebuilt:
    """Rebuild the database; to be called under the lock.

    LossError: the old one is damaged and had records that are nowhere else; it goes on with
    `accept_loss`. StoreError: full disk, missing rights, a database that is in use, or not ours, or
    newer. JournalError: the journal cannot be read. After any of these the old one is unchanged.
    """
    layout = conditions.layout
    backups.remove_leftovers(layout)
    try:
        return _rebuild(conditions)
    except apsw.Error as error:
        raise connection.explain(error, layout.database) from error
    except OSError as error:
        problem = f"cannot replace {layout.database}: {error.strerror} ({error.filename})"
        raise StoreError(problem, "check the owner, the rights and the free space") from error
    finally:
        backups.remove_leftovers(layout)


def _rebuild(conditions: Pass) -> Rebuilt:
    layout = conditions.layout
    connection.check_place(layout)
    damage = _damage(layout)
    with closing(connection.open_file(backups.draft(layout))) as db:
        build = _Build(conditions, db)
        build.from_journal()
        loss = Loss(sound=False, certain=False) if damage else build.from_old()
        lost = _words(loss, damage, build) if loss else ""
        if lost and not conditions.accept_loss:
            raise LossError(lost, "to go on without it: journal sync --rebuild --yes")
        build.leave_old_work()
        projects.settle(db, facts.session_keys(db))
        known_packs.note_all(db, layout)
        build.verify()
        kept = None if loss.sound else swap.keep(layout, conditions.now_us)
        is_done = damage is None and swap.put(layout, db)
    if not is_done:
        swap.swap(layout)
    layout.without_packs.unlink(missing_ok=True)
    return Rebuilt(build.stored, build.taken_over, lost, kept, tuple(build.problems))


def _damage(layout: Layout) -> DamagedStoreError | None:
    """Why the old database cannot be opened; None: it can, or is not there.

    StoreError: it is not ours, a newer version's, or may not be read.
    """
    if layout.database.exists():
        try:
            connection.open_store(layout).close()
        except DamagedStoreError as error:
            return error
    return None


@dataclass
class _Build:
    """One new database, from its first record to its verification."""

    conditions: Pass
    db: apsw.Connection
    stored: int = 0  # events
    from_old_events: int = 0
    taken_over: int = 0  # those and the journal's own facts
    problems: list[str] = field(default_factory=list)
    done_bytes: int = 0

    def __post_init__(self) -> None:
        conditions = self.conditions
        screen = make_screen(conditions.layout, conditions.settings)
        dead = Dead(conditions.layout, screen, conditions.now_us)
        self.reader = journal_reader.Reader(conditions.layout, screen, dead)
        projects.set_home(self.db, conditions.layout.id)
        # Of nothing: it notes the version of the views, and for which memory agent they are.
        derive.refresh(self.db, conditions.settings.memory.agent, conditions.now_us)
        remote = name_of(conditions.settings.remote, conditions.layout)
        delivered_pieces.follow(self.db, remote, conditions.now_us)

    def from_journal(self) -> None:
        """Every record of packs and days, the oldest first."""
        files = sorted(self.conditions.layout.day_files(), key=lambda path: (path.name, path))
        packs = [path.stat().st_size for path in every_pack(self.conditions.layout)]
        total = sum(packs) + sum(path.stat().st_size for path in files if path.exists())
        self._write(self.reader.elsewhere(self._packed()), 0)
        self.done_bytes = sum(packs)
        self._write(self.reader.whole(files), total)
        self.problems += [f"cannot read {problem}" for problem in self.reader.unreadable]

    def _packed(self) -> Iterator[tuple[Path, bytes]]:
        try:
            yield from packed_records(self.conditions.layout)
        except DamagedPackError as error:  # comes behind all that can be read
            self.problems.append(str(error))

    def from_old(self) -> Loss:
        """What the old database holds and the journal does not; what of it cannot be had."""
        layout = self.conditions.layout
        if not layout.database.exists():
            return Loss()
        events, own = self._count("events"), self._count("own_facts")
        with (
            closing(connection.open_store(layout)) as old,
            closing(connection.open_file(backups.draft(layout))) as known,
        ):
            salvage = Salvage(old, lambda unique, own: _holds(known, unique, own))
            place = layout.database
            self._write(self.reader.elsewhere((place, made) for made in salvage.records()), 0)
            arrivals.take_over(self.db, arrivals.all_rows(old))
        self.from_old_events = self._count("events") - events
        self.taken_over = self.from_old_events + self._count("own_facts") - own
        return salvage.loss

    def leave_old_work(self) -> None:
        """No model is asked about what was over long ago, only because the database is new."""
        models.keep_work_since(self.db, self.conditions.now_us - RECENT_US)

    def verify(self) -> None:
        """StoreError: the new database is not what was written to it."""
        problem = str(self.db.execute("pragma integrity_check").get)
        if problem == "ok" and self._count("events") != self.stored:
            problem = f"{self._count('events')} events instead of {self.stored}"
        if problem != "ok":
            hint = "check the disk; the old database was not changed"
            raise StoreError(f"the new database is not complete: {problem}", hint)

    def _write(self, batches: Iterator[Batch], total_bytes: int) -> None:
        conditions = self.conditions
        adopt_on = tuple(conditions.settings.sessions.adopt_on)
        with Writer(self.db, self.reader, adopt_on, conditions.now_us) as writer:
            for batch in batches:
                written = writer.write(batch)
                self.stored += written.stored - written.deleted
                self.done_bytes += batch.bytes
                if conditions.progress and total_bytes:
                    conditions.progress(self.done_bytes, total_bytes)

    def _count(self, table: str) -> int:
        return int(self.db.execute(f"select count(*) from {table}").get)


def _holds(db: apsw.Connection, unique: bytes, own: bool) -> bool:
    query = f"select 1 from {'own_facts' if own else 'events'} where id = ?"
    return db.execute(query, (unique,)).fetchone() is not None


def _words(loss: Loss, damage: DamagedStoreError | None, build: _Build) -> str:
    """What is lost and what is not, on one line."""
    layout = build.conditions.layout
    parts = [str(damage) if damage else f"{layout.database} is damaged"]
    if loss.claimed_events is not None and loss.claimed_sessions is not None:
        sessions = f"{loss.claimed_sessions:,} sessions"
        parts[0] += f"; it had {loss.claimed_events:,} events of {sessions}"
    if loss.events:
        when = f" from {_span(loss.days)}" if loss.days else ""
        least = "" if loss.certain else "at least "
        parts.append(f"{least}{loss.events:,} events{when} cannot be read and are lost")
    if not loss.certain:
        parts.append("other records that only it had are lost")
    if build.taken_over:
        parts.append(f"{build.taken_over:,} records are copied from it")
    held = build.stored - build.from_old_events
    packs = [path.name[:10] for path in pack_files(layout)]
    days = {*packs, *(path.parent.name for path in layout.day_files())}
    parts.append(f"the journal holds {held:,} events of {_span(days)}")
    return "; ".join([*parts, *build.problems])


def _span(days: Iterable[str]) -> str:
    """How many days, and between which."""
    found = sorted(days)
    if len(found) < 2:
        return found[0] if found else "no day"
    return f"{len(found):,} days between {found[0]} and {found[-1]}"
