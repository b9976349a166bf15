"""Forgetting: one session is taken out of every place in the home, and what remotes hold is said.

Its tombstone is written first, so a kill at any moment leaves a home in which the session is on its
way out: the same call again does the rest. Last the database is rewritten and its WAL emptied,
for SQLite leaves what it deletes where it lay.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from hooks import emit
from journal.errors import BusyError, JournalError
from journal.layout import Layout, is_within
from journal.record import own_facts, record
from journal.settings.sources import Settings
from sync.conditions import Reading
from sync.delivery import dead_pieces, retry_queue
from sync.forgetting.scrub import Scrub, rewrite_lines
from sync.forgetting.traces import Traces
from sync.ingest import backlog, refused_binds
from sync.retention import known_packs
from sync.store import backups, clock, connection, own_fact_rows, vacuum
from sync.store.locks import locked
from sync.views import contexts, delivered_pieces, session_deletion, tombstones
from sync.views.tombstones import Grave


@dataclass(frozen=True, slots=True)
class Order:
    """What forgetting works with; `keep_trying` is asked while another process holds a lock."""

    layout: Layout
    settings: Settings
    now_ns: int
    keep_trying: Callable[[], bool]
    reading: Reading | None = None  # of both clocks; None: they are asked
    until_us: int | None = None  # of a tombstone from elsewhere; None: up to now
    ids: frozenset[bytes] = frozenset()  # the ends of the ids of records that it names
    keeps_tombstone: bool = True  # False: what is removed may come again

    @property
    def now_us(self) -> int:
        """Microseconds since 1970."""
        return self.now_ns // 1000


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What went. `delivered`: pieces that remotes still hold, by the remotes' names."""

    events: int
    lines: int  # of day files and packs
    pieces: int  # that waited, or were given up
    copies: tuple[str, ...]  # of the database, by their file names: removed whole
    delivered: dict[str, int]
    problems: tuple[str, ...]


def forget(order: Order, agent: str, session: str) -> Forgotten:
    """Take a session out of the home; to be called behind a pass, and to be followed by one.

    BusyError: another process holds a lock; nothing was changed. JournalError: full disk, missing
    rights, a database in use: what is left goes when it is called again.
    """
    layout = order.layout
    with _alone(order), closing(connection.open_store(layout)) as db:
        try:
            return _Forgetting(order, db, _grave(order, db, agent, session)).run()
        except apsw.BusyError as error:
            problem = f"{layout.database} is being read by another program and may still contain it"
            raise BusyError(problem, "close it, and forget the session again") from error
        except apsw.Error as error:
            raise connection.explain(error, layout.database) from error
        except OSError as error:
            problem = f"cannot change {error.filename or layout.home}: {error.strerror}"
            hint = "check the rights and the free space, and forget the session again"
            raise JournalError(problem, hint) from error


@contextmanager
def _alone(order: Order) -> Iterator[None]:
    """No pass, no delivery and no model's call runs: each could write of the session."""
    layout = order.layout
    with ExitStack() as stack:
        for lock in (layout.model_lock, layout.deliver_lock, layout.sync_lock):
            stack.enter_context(locked(lock, order.keep_trying))
        yield


def _grave(order: Order, db: apsw.Connection, agent: str, session: str) -> Grave:
    """Up to now, and the records that are known, whatever their dates are.

    What the session does later must not be covered. So a clock that seems to be wrong is not
    believed, and neither is what an earlier tombstone says of the future.
    """
    until_us = tombstones.until_us(db, agent, session)
    if order.until_us is not None:
        until_us = max(order.until_us, until_us)
    else:
        time, _ = clock.look(order.layout, order.reading or clock.read(order.now_us))
        believed_us = time.believed_us - max(0, time.drift_us)
        until_us = max(believed_us, until_us if until_us <= believed_us else 0)
    name = emit.file_name(agent, session).partition(".")[2]
    unread = {part.session for part in backlog.backlog(db, order.layout).unsynced}
    all_read = name not in unread and not order.layout.closed_folders()
    home = order.layout.id if all_read else ""
    is_obeyed = order.until_us is not None
    grave = Grave(agent, session, until_us, order.ids)
    return tombstones.named(db, grave, home, is_obeyed=is_obeyed)


@dataclass
class _Forgetting:
    order: Order
    db: apsw.Connection
    grave: Grave
    closed: Sequence[Path] = ()  # folders whose rights forbid to change them
    problems: list[str] = field(default_factory=list)

    @property
    def layout(self) -> Layout:
        return self.order.layout

    def run(self) -> Forgotten:
        grave = self.grave
        delivered = delivered_pieces.delivered(self.db, grave.agent, grave.session)
        self._mark()
        traces = Traces(grave)
        scrub = Scrub(self.db, self.layout, traces)
        self.layout.synced.unlink(missing_ok=True)  # too high a number would hide what is new
        self.closed = self.layout.closed_folders()
        self.problems += [f"cannot change {folder}: its rights forbid it" for folder in self.closed]
        scrub.days()
        with self._naming():
            scrub.packs()
        pieces = sum(map(partial(self._pieces, traces), (self.layout.retry, self.layout.dead)))
        for folder in (self.layout.dead, self.layout.logs):
            with self._naming():
                self._letters(traces, folder)
        self._spool(traces)
        gone = backups.remove(self.layout)
        events = self._rows()
        scrub.finish()
        with self._naming():
            known_packs.note_all(self.db, self.layout)
        if not self.order.keeps_tombstone:
            self._lift()
        vacuum.rewrite(self.db)
        problems = (*self.problems, *scrub.problems)
        return Forgotten(events, scrub.lines, pieces, gone, delivered, problems)

    @contextmanager
    def _naming(self) -> Iterator[None]:
        """What rights forbid is named, and the rest is done."""
        try:
            yield
        except (OSError, JournalError) as error:
            cause = error.__cause__ or error
            if not isinstance(cause, PermissionError):
                raise
            path = Path(os.fsdecode(cause.filename or self.layout.home))
            if not is_within(path, self.closed):
                self.problems.append(f"cannot change {path}: {cause.strerror}")

    def _mark(self) -> None:
        who = self.grave.agent, self.grave.session
        replaced = own_facts.replaces(tombstones.record_of(self.db, *who))
        said = {**tombstones.payload(self.grave), **replaced}
        now_ns = self.order.now_ns
        own_facts.append(self.layout, tombstones.EVENT, who, said, now_ns, durable=True)

    def _lift(self) -> None:
        """Remove the tombstone again, last of all: until then a kill leaves work to be done."""
        who = self.grave.agent, self.grave.session

        def is_tombstone(line: bytes) -> bool:
            made = record.read_line(line.rstrip(b"\n")).record
            if made is None or made.agent != record.JOURNAL_AGENT:
                return False
            own = own_fact_rows.own_of(made)
            is_ours = (own.payload.get("agent"), own.session) == who
            return is_ours and own.name in (tombstones.EVENT, own_fact_rows.PULLED)

        name = f"{emit.file_name(record.JOURNAL_AGENT, self.grave.session)}.jsonl"
        for path in list(self.layout.day_files()):
            if path.name == name:
                rewrite_lines(path, is_tombstone)
        with self.db:
            query = "select id, line from own_facts where session = ?"
            rows: list[Any] = self.db.execute(query, (self.grave.session,)).fetchall()
            gone = [(unique,) for unique, line in rows if is_tombstone(line)]
            self.db.executemany("delete from own_facts where id = ?", gone)
            self.db.execute("delete from tombstones where agent = ? and session = ?", who)

    def _pieces(self, traces: Traces, folder: Path) -> int:
        """Its pieces, those that wait or those that were given up; and halves of such files."""
        gone = 0
        with self._naming():
            for path in _files(folder):
                if folder == self.layout.dead and not _is_piece(path):
                    continue
                if self._is_piece_of(path, traces):
                    retry_queue.unlink(path)
                    gone += path.name[0] != "."
        return gone

    def _is_piece_of(self, path: Path, traces: Traces) -> bool:
        dead = path.parent == self.layout.dead
        try:
            head = dead_pieces.read(path).piece.head if dead else retry_queue.read_head(path)
        except (retry_queue.ForeignRetryError, retry_queue.GoneError):
            return path.exists() and traces.named_in(path.read_bytes())
        return (head.agent, head.session) == (self.grave.agent, self.grave.session)

    def _letters(self, traces: Traces, folder: Path) -> None:
        """Dead letters of it, or the log's lines that name it."""
        for path in _files(folder):
            if folder == self.layout.logs:
                rewrite_lines(path, traces.named_in)
            elif path.suffix == ".jsonl" and not _is_piece(path):
                rewrite_lines(path, traces.in_dead_letter)

    def _spool(self, traces: Traces) -> None:
        """What a hook has begun to keep and never ended; the rest was collected by the pass."""
        for path in (path for folder in self.layout.spools() for path in _files(folder)):
            if traces.is_file_of(path.name):
                path.unlink(missing_ok=True)

    def _rows(self) -> int:
        """Its rows, and what is derived from them in other files."""
        db, now_us = self.db, self.order.now_us
        with db:
            db.execute("insert or replace into tombstones values (?, ?, ?)", self.grave[:3])
            events = session_deletion.up_to(db, [self.grave], now_us)
        with self._naming():
            refused_binds.write(db, self.layout)
        with self._naming():
            contexts.write_stale(db, self.layout, self.order.settings, now_us)
            for path in contexts.unused(db, self.layout):
                path.unlink(missing_ok=True)
        return events


def _is_piece(path: Path) -> bool:
    """A file of `dead/` that holds a piece, or a half of one."""
    return "piece-" in path.name[:7]


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    except FileNotFoundError:
        return []
