"""Import: records of other machines become ordinary records of this journal.

Invariant: a record is appended to the day it belongs to only if the database does not hold its id
and this run has not appended it; whatever a killed run had appended is taken in by the pass that
the next one begins with. So importing again, or after a kill, changes nothing that is there.

That a remote folder has what its pieces hold is noted before it is appended: no pass in between
may find the records without the receipt, and send them back to where they came from.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import orjson

from hooks import emit
from journal import record
from journal.errors import BusyError
from journal.layout import Layout, append_line
from journal.settings import Settings
from journal.times import to_datetime
from sync import facts, received, store
from sync.cycle import make_redactor
from sync.dead import Dead
from sync.facts import Fact
from sync.foreign_lines import Held, Line, Refused, UnreadableError, held, lines
from sync.lock import locked
from sync.sources import Source
from sync.views import tombstones

LOCK = "import.lock"  # in the home; held by the one process that imports
# What another journal says of sessions; the rest is about its own deliveries, calls and deletions.
TAKEN = frozenset(("MemoryId", "Summary", "Pin", "Unpin"))
MOST_REFUSALS = 5
_BATCH_RECORDS = 2_000
_BATCH_BYTES = 8 << 20
_MOST_CHARS = 64  # of an agent in a file's name, which may have 255 with the session's
_CACHE_KIB = 16_000  # of the ids of this run, in memory; the rest lies in an unnamed temporary file


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line, or a part of one, that is no record."""

    path: Path
    line: int  # from 1
    reason: str


@dataclass(slots=True)
class Imported:
    """What one run did, or would do. `records` = `imported` + `known` + `left_out`."""

    files: int = 0
    records: int = 0
    imported: int = 0  # appended to the journal
    known: int = 0
    left_out: int = 0  # of what another journal says of itself
    rejected: int = 0  # lines and parts of lines; kept in dead/
    sessions: int = 0  # that got something new
    refusals: list[Refusal] = field(default_factory=list)  # the first of them
    problems: list[str] = field(default_factory=list)  # files that cannot be read to their end


@dataclass(frozen=True, slots=True)
class Order:
    """What a run works with. Clocks and terminals belong to the caller."""

    layout: Layout
    settings: Settings
    sources: Sequence[Source]
    clock_ns: Callable[[], int]
    take_in: Callable[[], object]  # a local pass
    dry_run: bool = False  # write nothing
    progress: Callable[[int, int], None] = lambda done, total: None  # bytes


def run(order: Order) -> Imported:
    """Bring what these files hold into the journal and its database; memory is bounded.

    BusyError: another import or another pass is running. JournalError: the home cannot be written,
    the database not be used; what was brought in stays, and the next run brings the rest.
    """
    with _alone(order):
        if not order.dry_run:
            order.take_in()
        try:
            with closing(_known(order)) as db, closing(_Run(order, db)) as work:
                done = work.run()
        except apsw.Error as error:
            raise store.explain(error, order.layout.database) from error
        if not order.dry_run:
            order.take_in()
    return done


@contextmanager
def _alone(order: Order) -> Iterator[None]:
    with ExitStack() as stack:
        if not order.dry_run:
            try:
                stack.enter_context(locked(order.layout.home / LOCK, lambda: False))
            except BusyError as error:
                raise BusyError("another import is running", "try again") from error
        yield


def _known(order: Order) -> apsw.Connection:
    """The home's database; for a dry run one that holds nothing, if there is none."""
    if not order.dry_run:
        return store.open_store(order.layout)
    if order.layout.database.exists():
        return store.connect(order.layout.database)
    db = apsw.Connection(":memory:")
    db.execute("create table events (id blob); create table own_facts (id blob)")
    return db


class _Run:
    """One run: reads the files in turn, and appends what is new in batches."""

    def __init__(self, order: Order, db: apsw.Connection) -> None:
        self._order = order
        self._db = db
        self._done = Imported()
        self._batch: list[Held] = []
        self._batch_bytes = 0
        now_us = order.clock_ns() // 1000
        # A dry run makes no key in a home that has none, and keeps no dead letters.
        self._dead = None if order.dry_run else _dead(order, now_us)
        self._seen = apsw.Connection("")
        self._seen.pragma("journal_mode", "off")
        self._seen.pragma("cache_size", -_CACHE_KIB)
        self._seen.execute("create table records (id blob primary key) strict, without rowid")
        self._seen.execute("create table sessions (agent, id, primary key (agent, id))")
        self._seen.execute("begin")

    def close(self) -> None:
        """Give the temporary file back."""
        self._seen.close()

    def run(self) -> Imported:
        """All files."""
        total = sum(source.size for source in self._order.sources)
        before = 0
        for source in self._order.sources:
            self._done.files += 1
            try:
                if source.folder is not None:
                    self._receive(source, source.folder)
                for line in lines(source.path):
                    self._take(source.path, line)
                    if line.number % 500 == 0:
                        self._order.progress(before + line.read, total)
            except UnreadableError as error:
                self._done.problems.append(str(error))
            before += source.size
            self._order.progress(before, total)
        self._flush()
        self._done.sessions = int(self._seen.execute("select count(*) from sessions").get)
        return self._done

    def _take(self, path: Path, line: Line) -> None:
        for one in held(line):
            if isinstance(one, Refused):
                self._refuse(path, line, one)
                continue
            self._done.records += 1
            if one.record.agent == record.JOURNAL_AGENT and one.record.event not in TAKEN:
                self._done.left_out += 1
                continue
            self._batch.append(one)
            self._batch_bytes += len(one.line)
            if len(self._batch) >= _BATCH_RECORDS or self._batch_bytes >= _BATCH_BYTES:
                self._flush()

    def _refuse(self, path: Path, line: Line, refused: Refused) -> None:
        self._done.rejected += 1
        if len(self._done.refusals) < MOST_REFUSALS:
            self._done.refusals.append(Refusal(path, line.number, refused.reason))
        if self._dead is not None:
            self._dead.put(path, line.offset + refused.offset, refused.data, refused.reason)

    def _flush(self) -> None:
        """Append what is new of the batch. JournalError: it cannot be written."""
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        stored = self._stored(batch) | self._forgotten(batch)
        parts: dict[Path, list[bytes]] = {}
        for one in batch:
            if _key(one.record) in stored or not self._note(one):
                self._done.known += 1
                continue
            self._done.imported += 1
            parts.setdefault(_place(self._order.layout, one.record), []).append(one.line + b"\n")
        if not self._order.dry_run:
            for path, some in parts.items():
                append_line(path, b"".join(some))

    def _forgotten(self, batch: list[Held]) -> set[bytes]:
        """Those of the batch of which this home keeps nothing any more."""
        if not self._db.table_exists("main", "tombstones"):
            return set()  # a dry run, before the home's database is led up to this version
        made = (one.record for one in batch)
        found = [
            Fact(one, facts.understand(one.agent, one.event, one.body, one.raw), None)
            for one in made
        ]
        left = {id(fact) for fact in tombstones.uncovered(self._db, found)}
        return {_key(fact.record) for fact in found if id(fact) not in left}

    def _stored(self, batch: list[Held]) -> set[bytes]:
        """Those of the batch that the database holds."""
        found: set[bytes] = set()
        for own, table in ((False, "events"), (True, "own_facts")):
            ids = [
                one.record.id.hex()
                for one in batch
                if (one.record.agent == record.JOURNAL_AGENT) is own
            ]
            query = f"select id from {table} where id in (select unhex(value) from json_each(?))"
            rows: list[Any] = self._db.execute(query, (orjson.dumps(ids).decode(),)).fetchall()
            found |= {bytes([own]) + unique for (unique,) in rows}
        return found

    def _note(self, one: Held) -> bool:
        """Whether this record is met for the first time in this run."""
        insert = "insert or ignore into records values (?)"
        self._seen.execute(insert, (_key(one.record),))
        if not self._seen.changes():
            return False
        self._seen.execute("insert or ignore into sessions values (?, ?)", one.session)
        return True

    def _receive(self, source: Source, folder: Path) -> None:
        """The journal says that the folder has this piece; a damaged one is only read."""
        order, piece = self._order, received.read(source.path)
        if problem := received.fault(source.path, piece):
            self._done.problems.append(problem)
        elif not order.dry_run:
            remote, now_ns = received.remote_name(folder, order.settings), order.clock_ns()
            received.note(self._db, order.layout, remote, source.path, piece, now_ns)


def _dead(order: Order, now_us: int) -> Dead:
    return Dead(order.layout, make_redactor(order.layout, order.settings), now_us)


def _key(made: record.Record) -> bytes:
    """Events and the journal's own facts may share an id, and do not mix."""
    return bytes([made.agent == record.JOURNAL_AGENT]) + made.id


def _place(layout: Layout, made: record.Record) -> Path:
    """The file that its emitter would have written it to; no name from elsewhere leads out of it"""
    day = to_datetime(made.at_us).date().isoformat()
    agent = emit.file_name("", made.agent)[1:][:_MOST_CHARS]
    return layout.days / day / f"{emit.file_name(agent, made.session)}.jsonl"
