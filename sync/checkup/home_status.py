"""The condition of a home: what is stored, what is not yet, what is wrong. Looks and never writes.

Works without a database and without a home; what cannot be read is a problem that is named.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import apsw

from journal.doctor import registration
from journal.errors import JournalError
from journal.layout import Layout, is_read_only
from journal.settings.sources import Settings
from journal.setup import lost_records, programs
from journal.setup.lost_records import Lost
from journal.times import DAY_US, to_text, to_us
from sync.checkup import watcher
from sync.checkup.watcher import Watching
from sync.delivery import circuit_breaker, dead_pieces, retry_schedule
from sync.delivery.circuit_breaker import Circuit
from sync.errors import StoreError
from sync.ingest import dead_letters, refused_binds
from sync.ingest.backlog import Unsynced, backlog
from sync.memory import work
from sync.memory.work import Failures
from sync.remote.naming import name_of
from sync.store import clock, connection, redactions
from sync.store.connection import empty_database, open_to_look

PENDING_US = 10 * DAY_US  # a memory id that is missing for longer is said
_HEAD_BYTES = 1024
_AT = re.compile(rb'"at":"([^"]{1,40})"')
_STATES = ("working", "awaiting", "idle", "finished")
_LATEST_EVENTS = 1000  # among so many of the last stored ones is the youngest, but for imports


class MemoryIds(NamedTuple):
    """Of the sessions that are shown; `refused` counts binds."""

    resolved: int
    pending: int
    oldest_pending_us: int | None  # the start of the session that waits longest
    refused: int


@dataclass(frozen=True, slots=True)
class Archive:
    """The state of delivery: what waits in `retry/`, and what is remembered of the remote."""

    waiting: int = 0
    due: int = 0
    oldest_us: int | None = None  # when the piece was made that waits longest
    dead: int = 0  # pieces that were given up
    circuit: Circuit = field(default_factory=Circuit)


@dataclass(slots=True)
class Condition:
    """The numbers of one home. Times are microseconds since 1970; None means there is none."""

    journal_files: int = 0
    journal_bytes: int = 0
    unsynced_bytes: int = 0
    oldest_unsynced_us: int | None = None
    spooled: int = 0  # records that wait outside the home because it could not be written
    events: int = 0
    sessions: int = 0
    store_bytes: int = 0
    schema: int = 0  # 0: no database
    last_us: int | None = None  # of the newest record stored
    states: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_STATES, 0))  # adopted
    not_adopted: int = 0
    memory_ids: MemoryIds = field(default_factory=lambda: MemoryIds(0, 0, None, 0))
    model_failures: Failures = field(default_factory=lambda: Failures(0))
    model_calls: int = 0  # within 24 hours
    rejected: int = 0
    rules: str = ""  # of redaction as it is now, see sync/redactions.py
    older_events: int = 0  # that other rules have redacted
    archive: Archive = field(default_factory=Archive)
    watcher: Watching | None = None  # the one that runs
    hooks: str = "missing"  # or "outdated", or "installed"
    problems: list[JournalError] = field(default_factory=list)
    lost: Lost = field(default_factory=lambda: Lost(0, 0))
    warn_calls: int = 0  # setting memory.warn_calls_per_day

    def warnings(self, now_us: int) -> list[str]:
        """What a person should know although everything works, in few words each."""
        said = []
        if self.model_failures.number:
            said.append(f"memory program failed: {self.model_failures.message}")
        if self.watcher and self.watcher.trouble:
            said.append(f"the watcher is {self.watcher.trouble} ({self.watcher.hint})")
        if self.warn_calls and self.model_calls >= self.warn_calls:
            said.append(f"{self.model_calls:,} model calls in 24 hours")
        oldest_us = self.memory_ids.oldest_pending_us
        if oldest_us is not None and now_us - oldest_us > PENDING_US:
            days = (now_us - oldest_us) // DAY_US
            said.append(f"{self.memory_ids.pending:,} without a memory id, for {days} days")
        return said


def look(layout: Layout, settings: Settings, now_us: int) -> Condition:
    """The condition of a home at this moment: what cannot be read is named, the rest is there."""
    watching = watcher.look(layout, settings.watch.scan_seconds, now_us)
    found = Condition(spooled=_spooled(layout), watcher=watching)
    found.warn_calls = settings.memory.warn_calls_per_day
    hint = "run: journal doctor --fix"
    if is_read_only(layout.home):
        said = f"{layout.home} cannot be written: its file system is read-only"
        found.problems.append(JournalError(said, "until then records wait in the spool"))
    closed = layout.closed_folders()
    found.problems += [JournalError(f"{_CLOSED}{path}", hint) for path in closed]
    with _named(layout, found):
        found.rejected = sum(1 for _ in dead_letters.entries(layout))
    with _named(layout, found):
        found.rules = redactions.present(layout, settings)
    with _named(layout, found):
        _look_at_hooks(layout, found)
    with _named(layout, found):
        found.archive = _archive(layout, settings, now_us)
    with _named(layout, found):
        _look_into(layout, settings, now_us, found)
    with _named(layout, found):
        _look_at_lost(layout, found)
    with _named(layout, found):
        _look_at_clock(layout, now_us, found)
    return found


@contextmanager
def _named(layout: Layout, found: Condition) -> Iterator[None]:
    """What goes wrong inside is a problem, once for each text."""
    try:
        yield
    except apsw.Error as error:
        _add(found, connection.explain(error, layout.database))
    except JournalError as error:
        _add(found, error)
    except OSError as error:
        hint = "check the owner and rights of the home"
        _add(found, JournalError(f"cannot read {error.filename}: {error.strerror}", hint))


def _add(found: Condition, problem: JournalError) -> None:
    """Not what follows from a folder that is closed, and is named already."""
    closed = (str(one).removeprefix(_CLOSED) for one in found.problems if _CLOSED in str(one))
    if not any(place in str(problem) for place in closed):
        found.problems.append(problem)


_CLOSED = "no access to "


def _look_at_hooks(layout: Layout, found: Condition) -> None:
    found.hooks = hooks(layout)
    if found.hooks != "installed":
        said = {"missing": "hooks not installed"}.get(found.hooks, "hooks of another version")
        found.problems.append(JournalError(said, "run: journal install"))
    if found.hooks != "missing":
        found.problems += registration.problems(layout)


def _look_at_lost(layout: Layout, found: Condition) -> None:
    found.lost = lost_records.read(layout)
    if found.lost.number:
        at = to_text(found.lost.last_us)[:19]
        said = f"{found.lost.number:,} records could not be written and are lost, the last at {at}Z"
        hint = "free space on the disk of the home; journal doctor --fix sets the count to 0"
        found.problems.append(JournalError(said, hint))


def _look_at_clock(layout: Layout, now_us: int, found: Condition) -> None:
    if problem := clock.problem(layout, now_us):
        found.problems.append(JournalError(problem, clock.HINT))


def _archive(layout: Layout, settings: Settings, now_us: int) -> Archive:
    """Lists, and opens no piece."""
    listed = retry_schedule.schedule(layout.retry)
    circuits = circuit_breaker.load(layout.remotes).circuits
    return Archive(
        waiting=len(listed),
        due=len(retry_schedule.due(layout.retry, listed, now_us, settings.retry)),
        oldest_us=retry_schedule.created_us(listed[0].name) if listed else None,
        dead=len(dead_pieces.list_paths(layout.dead)),
        circuit=circuits.get(name_of(settings.remote, layout), Circuit()),
    )


def hooks(layout: Layout) -> str:
    """`missing`, `outdated` (not the programs that this version would install) or `installed`."""
    if not (layout.hooks / "run.py").exists():
        return "missing"
    return "outdated" if programs.stale(layout) else "installed"


def _look_into(layout: Layout, settings: Settings, now_us: int, found: Condition) -> None:
    adopt_on = tuple(settings.sessions.adopt_on)
    found.store_bytes = _bytes(layout)
    try:
        db = open_to_look(layout)
    except (StoreError, apsw.Error):
        _compare(empty_database(), layout, found)
        raise
    try:
        found.schema = int(db.pragma("user_version")) if layout.database.exists() else 0
        found.events = int(db.execute("select count(*) from events").get)
        found.sessions = int(db.execute("select count(*) from sessions").get)
        latest = f"select at_us from events order by seq desc limit {_LATEST_EVENTS}"
        found.last_us = db.execute(f"select max(at_us) from ({latest})").get
        found.states = states(db, adopt_on)
        known = int(db.execute("select count(*) from session_states").get)
        found.not_adopted = known - sum(found.states.values())
        found.memory_ids = memory_ids(db, adopt_on)
        if settings.memory.agent == "command":
            found.model_failures = work.failures(db, settings, now_us)
        found.model_calls = work.calls_of_a_day(db, now_us)
        found.older_events = redactions.older_events(db, found.rules)
        with _named(layout, found):
            _compare(db, layout, found)
    except apsw.Error:
        with _named(layout, found):
            _compare(empty_database(), layout, found)
        raise
    finally:
        db.close()


def _bytes(layout: Layout) -> int:
    wal = layout.database.with_name(layout.database.name + "-wal")
    return sum(path.stat().st_size for path in (layout.database, wal) if path.exists())


def _compare(db: apsw.Connection, layout: Layout, found: Condition) -> None:
    behind = backlog(db, layout)
    found.journal_files = behind.files
    found.journal_bytes = behind.bytes
    found.unsynced_bytes = sum(part.bytes for part in behind.unsynced)
    found.oldest_unsynced_us = min(map(_first_us, behind.unsynced), default=None)


def _first_us(part: Unsynced) -> int:
    """When the first record of it was made, else when its file was written last."""
    try:
        with part.path.open("rb") as file:
            file.seek(part.offset)
            said = _AT.search(file.read(_HEAD_BYTES))
        return to_us(said[1].decode()) if said else part.modified_us
    except (OSError, ValueError):
        return part.modified_us  # moved away meanwhile, or torn


def _spooled(layout: Layout) -> int:
    return sum(map(_records_in, layout.spools()))


def _records_in(spool: Path) -> int:
    try:
        return sum(path.suffix in (".jsonl", ".raw") for path in spool.iterdir())
    except OSError:
        return 0  # none, or another user's


def states(db: apsw.Connection, adopt_on: tuple[str, ...]) -> dict[str, int]:
    """How many of the sessions that are shown are in each state."""
    counts = dict.fromkeys(_STATES, 0)
    wanted = set(adopt_on)
    query = """
        select status, triggers, count(*) from session_states where triggers <> '' group by 1, 2
    """
    for status, triggers, number in db.execute(query):
        if wanted & set(triggers.split()):
            counts[status] += number
    return counts


def memory_ids(db: apsw.Connection, adopt_on: tuple[str, ...]) -> MemoryIds:
    """How many sessions have a memory id, how many wait for one, and since when."""
    query = """
        select triggers, count(m.memory_id), count(*) - count(m.memory_id),
          min(iif(m.memory_id is null, s.started_us, null))
        from session_states s left join memory_ids m on m.agent = s.agent and m.session = s.id
        where triggers <> '' group by triggers
    """
    wanted = set(adopt_on)
    resolved, pending, oldest = 0, 0, []
    for triggers, with_id, without, since_us in db.execute(query):
        if wanted & set(triggers.split()):
            resolved += with_id
            pending += without
            oldest += [since_us] if since_us is not None else []
    return MemoryIds(resolved, pending, min(oldest, default=None), refused_binds.count(db))
