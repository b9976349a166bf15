"""Rescanning: the current rules are applied to everything stored, in every place of a home.

Invariant: a session's events and all that is derived from them change in one transaction, and each
file is replaced whole. What was redacted stays as it is, so a rescan that was killed is finished by
the next one; until then the database says that it is unfinished. Last it is rewritten and its
WAL emptied, for SQLite leaves what it replaces where it lay. Day files stay raw.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import apsw
import orjson
import zstandard

from journal.errors import BusyError, JournalError
from journal.layout import Layout
from journal.redaction.redactor import Redactor
from journal.settings.sources import Settings
from sync.delivery import begun
from sync.ingest import refused_binds
from sync.rescan import frozen_views, rewriting
from sync.rescan.counts import Delivered, Rescanned
from sync.rescan.files import Files
from sync.retention import known_packs
from sync.store import backups, connection, own_fact_rows, redactions, vacuum
from sync.store.locks import locked
from sync.views import contexts, derive, full_text

_AT_ONCE = 50  # bodies may have megabytes
_SHARES = 100  # of the work on the database, in which its progress is reported


def _silent(done_bytes: int, total_bytes: int) -> None:
    """No progress is shown."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a rescan works with; `keep_trying` is asked while another process holds a lock."""

    layout: Layout
    settings: Settings
    redactor: Redactor
    now_ns: int
    keep_trying: Callable[[], bool]
    progress: Callable[[int, int], None] = _silent  # bytes of the home done, and in all

    @property
    def now_us(self) -> int:
        """Microseconds since 1970."""
        return self.now_ns // 1000


def look(order: Order) -> Rescanned:
    """What a rescan would do. Writes nothing and never waits; StoreError, JournalError."""
    with _explained(order.layout), closing(connection.open_to_look(order.layout)) as db:
        return _Rescan(order, db, Rescanned(dry_run=True)).look()


def run(order: Order) -> Rescanned:
    """Rescan; to be called after a pass, which has synced everything.

    BusyError: another process holds a lock, and nothing was changed, or is reading the database,
    and the next rescan goes on. JournalError: full disk, missing rights; the next one goes on.
    """
    layout = order.layout
    with ExitStack() as stack:
        for lock in (layout.deliver_lock, layout.sync_lock):
            stack.enter_context(locked(lock, order.keep_trying))
        stack.enter_context(_explained(layout))
        begun.count(layout.retry)
        db = stack.enter_context(closing(connection.open_store(layout)))
        return _Rescan(order, db, Rescanned(dry_run=False)).run()


@contextmanager
def _explained(layout: Layout) -> Iterator[None]:
    try:
        yield
    except apsw.BusyError as error:
        problem = f"{layout.database} is being read by another program and may contain secrets"
        raise BusyError(problem, "close it, and rescan again") from error
    except apsw.Error as error:
        raise connection.explain(error, layout.database) from error
    except zstandard.ZstdError as error:
        raise connection.damaged(error, layout.database) from error
    except OSError as error:
        problem = f"cannot change {error.filename or layout.home}: {error.strerror}"
        hint = "check the rights and the free space, and rescan again"
        raise JournalError(problem, hint) from error


@dataclass
class _Touched:
    """What of the database is to be changed."""

    events: dict[int, list[int]] = field(default_factory=dict)  # rows by session
    frozen: set[int] = field(default_factory=set)  # sessions whose bodies are gone, in part
    own: list[bytes] = field(default_factory=list)  # ids
    origins: list[int] = field(default_factory=list)  # headers that events share

    def __bool__(self) -> bool:
        return bool(self.events or self.frozen or self.own or self.origins)


@dataclass
class _Rescan:
    order: Order
    db: apsw.Connection
    found: Rescanned
    done_bytes: int = 0

    def __post_init__(self) -> None:
        layout = self.order.layout
        self.redact = self.order.redactor.json
        self.database_bytes = _size(layout.database)
        places = (layout.packs, layout.retry, layout.dead, layout.logs)
        files = (path for place in places if place.is_dir() for path in place.iterdir())
        self.total_bytes = 2 * self.database_bytes + sum(map(_size, files))  # read, then changed

    def look(self) -> Rescanned:
        self._survey()
        self._files().run()
        self.found.copies = tuple(path.name for path in backups.copies(self.order.layout))
        return self.found

    def run(self) -> Rescanned:
        order, db = self.order, self.db
        touched = self._survey()
        unfinished = redactions.is_unfinished(db)
        if touched:
            redactions.begin(db)
            self._change(touched)
        self._files().run()
        self.found.copies = backups.remove(order.layout)
        known_packs.note_all(db, order.layout)
        refused_binds.write(db, order.layout)
        contexts.write_stale(db, order.layout, order.settings, order.now_us)
        for path in contexts.unused(db, order.layout):
            path.unlink(missing_ok=True)
        if touched or unfinished:
            vacuum.rewrite(db)
        redactions.settle(db, order.redactor.rules)
        return self.found

    def _files(self) -> Files:
        order = self.order
        return Files(
            order.layout,
            order.redactor,
            order.now_ns,
            self.found,
            lambda made: rewriting.is_stored(self.db, made),
            self._passed,
        )

    def _passed(self, size_bytes: int) -> None:
        self.done_bytes += size_bytes
        self.order.progress(self.done_bytes, self.total_bytes)

    def _survey(self) -> _Touched:
        """Look at everything in the database and count; nothing is written."""
        touched, gaps = _Touched(), set()
        step = 1 + int(self.db.execute("select max(seq) from events").get or 0) // _SHARES
        for number, held in enumerate(rewriting.all_events(self.db), 1):
            if number % step == 0:
                self._passed(self.database_bytes // _SHARES)
            if held.removed:
                gaps.add(held.session)
            if held.blob is not None and self._is_hit(rewriting.body(self.db, held)):
                touched.events.setdefault(held.session, []).append(held.seq)
        self._survey_headers(touched)
        for made in rewriting.own_records(self.db):
            if self._is_hit(made.body):
                touched.own.append(made.id)
        for session in sorted(gaps):
            if frozen_views.look(self.db, session, self.order.redactor, self.found):
                touched.frozen.add(session)
        touched.frozen |= gaps & touched.events.keys()
        self.found.delivered = self._delivered(touched)
        return touched

    def _delivered(self, touched: _Touched) -> list[Delivered]:
        """What remotes have been sent of it; a rescan does not reach that."""
        seqs = [seq for rows in touched.events.values() for seq in rows]
        query = """
            select p.remote, p.agent, p.session, count(distinct p.key) from archived a
            join pieces p on p.key = a.piece
            where p.state = 'delivered' and (
              a.event in (select id from events where seq in (select value from json_each(?1)))
              or a.event in (select unhex(value) from json_each(?2)))
            group by p.remote, p.agent, p.session order by p.remote, p.agent, p.session
        """
        own = [unique.hex() for unique in touched.own]
        rows = self.db.execute(query, (orjson.dumps(seqs).decode(), orjson.dumps(own).decode()))
        return [Delivered(*row) for row in rows]

    def _survey_headers(self, touched: _Touched) -> None:
        for key, header in rewriting.origins(self.db):
            if self._is_hit(header):
                touched.origins.append(key)
                for session in rewriting.sessions_of(self.db, key):
                    touched.events.setdefault(session, [])

    def _is_hit(self, body: bytes) -> bool:
        return self.found.count(body, self.redact(body))

    def _change(self, touched: _Touched) -> None:
        ids = iter(touched.own)
        while part := list(islice(ids, _AT_ONCE)):
            with self.db:
                self._change_own(part)
        with self.db:
            of_key = dict(rewriting.origins(self.db)) if touched.origins else {}
            for key in touched.origins:
                rewriting.put_origin(self.db, key, self.redact(of_key[key]))
        sessions = touched.events.keys() | touched.frozen
        for session in sorted(sessions):
            with self.db:
                self._change_session(touched, session)
            self._passed(self.database_bytes // len(sessions))

    def _change_own(self, ids: list[bytes]) -> None:
        """The journal's own records, and what is derived from them."""
        reported = []
        for unique in ids:
            made = rewriting.own_record(self.db, unique)
            made = made._replace(body=self.redact(made.body))
            rewriting.put_own(self.db, made)
            reported.append(own_fact_rows.own_of(made))
        full_text.insert(self.db, derive.advance(self.db, {}, reported, self.order.now_us))

    def _change_session(self, touched: _Touched, session: int) -> None:
        """Its events, then its views: from its events, unless retention has frozen them."""
        seqs = touched.events.get(session, [])
        rows = iter(seqs)
        while part := list(islice(rows, _AT_ONCE)):
            held = rewriting.events_at(self.db, part)
            changed = [(one, self.redact(rewriting.body(self.db, one))) for one in held]
            rewriting.put_bodies(self.db, changed)
        if session in touched.frozen:
            frozen_views.redact(self.db, session, seqs, self.order.redactor)
        else:
            derive.fold_again(self.db, session, self.order.now_us)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
