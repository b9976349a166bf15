"""The condition of a home: what is stored, what is not yet, what is wrong. Looks and never writes.

Works without a database and without a home; what cannot be read is a problem that is named.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import apsw

from hooks.autostart import watcher
from journal.errors import JournalError
from journal.layout import Layout
from journal.settings.sources import Settings
from journal.setup.install import stale_programs
from journal.times import to_us
from sync.delivery import circuit_breaker, dead_pieces, retry_queue
from sync.delivery.circuit_breaker import Circuit
from sync.errors import StoreError
from sync.ingest import dead_letters, refused_binds
from sync.ingest.backlog import Unsynced, backlog
from sync.memory import work
from sync.memory.work import Failures
from sync.remote.naming import name_of
from sync.store import connection, redactions
from sync.store.connection import empty_database, open_to_look

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
    """How the archive stands: what waits in `retry/`, and what is remembered of the remote."""

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
    rejected: int = 0
    rules: str = ""  # of redaction as it is now, see sync/redactions.py
    older_events: int = 0  # that other rules have redacted
    archive: Archive = field(default_factory=Archive)
    watcher: int | None = None  # the pid of the one that runs
    hooks: str = "missing"  # or "outdated", or "installed"
    problems: list[JournalError] = field(default_factory=list)


def look(layout: Layout, settings: Settings, now_us: int) -> Condition:
    """The condition of a home at this moment. JournalError: `days/` cannot be read."""
    found = Condition(
        spooled=_spooled(layout),
        rejected=sum(1 for _ in dead_letters.entries(layout)),
        rules=redactions.present(layout, settings),
        watcher=watcher(str(layout.home)) or None,
        hooks=hooks(layout),
        archive=_archive(layout, settings, now_us),
    )
    if found.hooks != "installed":
        said = {"missing": "hooks not installed"}.get(found.hooks, "hooks of another version")
        found.problems.append(JournalError(said, "run: journal install"))
    try:
        _look_into(layout, settings, found)
    except StoreError as error:
        found.problems.append(error)
        _compare(empty_database(), layout, found)
    except apsw.Error as error:
        found.problems.append(connection.explain(error, layout.database))
        _compare(empty_database(), layout, found)
    return found


def _archive(layout: Layout, settings: Settings, now_us: int) -> Archive:
    """Lists, and opens no piece."""
    listed = retry_queue.schedule(layout.retry)
    circuits = circuit_breaker.load(layout.remotes).circuits
    return Archive(
        waiting=len(listed),
        due=sum(retry_queue.is_due(one.next_us, now_us) for one in listed),
        oldest_us=retry_queue.created_us(listed[0].name) if listed else None,
        dead=len(dead_pieces.list_paths(layout.dead)),
        circuit=circuits.get(name_of(settings.remote, layout), Circuit()),
    )


def hooks(layout: Layout) -> str:
    """`missing`, `outdated` (not the programs that this version would install) or `installed`."""
    if not (layout.hooks / "run.py").exists():
        return "missing"
    return "outdated" if stale_programs(layout) else "installed"


def _look_into(layout: Layout, settings: Settings, found: Condition) -> None:
    adopt_on = tuple(settings.sessions.adopt_on)
    found.store_bytes = _bytes(layout)
    db = open_to_look(layout)
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
        found.model_failures = work.failures(db, settings)
        found.older_events = redactions.older_events(db, found.rules)
        _compare(db, layout, found)
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
        return 0  # none, or somebody else's


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
