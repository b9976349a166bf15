"""Pull: sessions of my other homes, and those shared with me, become records of this journal.

The cursor is a transaction number (see pull_state): only what lies below every transaction that is
still open is read, so nothing that commits late is lost. A record is appended once, by its id; that
the archive has it is noted first, so that nothing that was pulled is delivered again. A kill
anywhere costs reading again.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import apsw

from journal.errors import BusyError
from journal.layout import Layout
from journal.record import own_facts
from journal.redaction.exclusions import Exclusions
from journal.settings.sources import Settings
from journal.times import to_text
from sync.delivery import received
from sync.ingest.appending import Appender
from sync.ingest.foreign_lines import Accepted, accepted
from sync.remote.naming import archive_name
from sync.remote.postgres.tombstone import Tombstone
from sync.store import connection, facts, own_fact_rows
from sync.store.locks import locked
from sync.team_archive import copies, deletion, pull_state
from sync.team_archive.archive import Archive
from sync.team_archive.pulled_lines import as_line, batches, is_of, missing
from sync.transfer.importing import LOCK

HOST = "team archive"  # of the receipts of what was pulled: no host has a blank in its name
_SESSIONS_AT_ONCE = 50
_OWN = "own"
_SERVER = """
select session_user::text, pg_snapshot_xmin(pg_current_snapshot())::text,
  pg_snapshot_xmax(pg_current_snapshot())::text,
  (select system_identifier from pg_control_system()) || '-' ||
  (select timeline_id from pg_control_checkpoint())
"""
_PAIRS = """
select distinct owner, project from {schema}.sessions where owner <> session_user::text
order by 1, 2
"""
_SESSIONS = """
select s.owner, s.key, s.agent, s.id, s.changed::text from {schema}.sessions s
where s.owner = %(owner)s and (%(project)s::text is null or s.project = %(project)s)
  and s.changed >= %(cursor)s::xid8
  and (s.changed < %(xmin)s::xid8 or s.changed >= %(xmax)s::xid8)
order by s.changed limit %(limit)s offset %(offset)s
"""
_TOMBSTONES = """
select agent, id, until_us from {schema}.tombstones where owner = session_user::text
  and changed >= %(cursor)s::xid8 and (changed < %(xmin)s::xid8 or changed >= %(xmax)s::xid8)
"""
_IDS = """
select s.key, r.id, octet_length(r.line) from {schema}.records r
join {schema}.sessions s on s.number = r.session
where s.owner = %s and s.key = any (%s) order by s.key, r.at_us, r.id
"""
_LINES = "select line from {schema}.records where owner = %s and id = any (%s) order by at_us, id"


@dataclass(frozen=True, slots=True)
class Order:
    """What a pull works with. Clocks and terminals belong to the caller."""

    layout: Layout
    settings: Settings
    environ: Mapping[str, str]
    clock_ns: Callable[[], int]
    run_pass: Callable[[], object]  # a local pass
    keep_trying: Callable[[], bool]  # while another process holds a lock
    shared: bool = False  # what is shared with me, too
    seconds: float | None = None  # None: until all is there
    progress: Callable[[int, int], None] = lambda done, total: None  # sessions


@dataclass(slots=True)
class Pulled:
    """What one run did. `complete`: nothing of before is left in the archive."""

    records: int = 0
    sessions: int = 0
    deleted: int = 0  # sessions that their owner has deleted, or shares no longer
    left_out: int = 0  # lines that are not of their session, or that no journal takes
    complete: bool = True
    problems: list[str] = field(default_factory=list)


class _Session(NamedTuple):
    owner: str
    key: Any
    agent: str
    id: str
    changed: int


def run(order: Order) -> Pulled:
    """Bring what is new into the journal and its database.

    BusyError: another import is running. JournalError: the archive does not answer, or the home
    cannot be written; what was brought in stays.
    """
    try:
        with locked(order.layout.home / LOCK, order.keep_trying):
            order.run_pass()
            remote = order.settings.remote
            with Archive(order.layout, remote, order.environ) as archive:
                done = _Run(order, archive).run()
            order.run_pass()
    except BusyError as error:
        raise BusyError("another import is running", "try again") from error
    return done


class _Run:
    """One pull: tombstones first, then what is mine, then what is shared."""

    def __init__(self, order: Order, archive: Archive) -> None:
        self._order = order
        self._archive = archive
        seconds = order.seconds
        self._until = None if seconds is None else time.monotonic() + seconds
        self._done = Pulled()
        self._me, xmin, xmax, self._server = archive.rows(_SERVER)[0]
        self._window = {"xmin": xmin, "xmax": xmax}
        self._next = int(xmin)
        self._state = pull_state.load(order.layout, archive.id)
        if self._state.server != self._server:
            self._state.server, self._state.cursors = self._server, {}

    def run(self) -> Pulled:
        order = self._order
        self._obey_tombstones()
        with closing(connection.open_store(order.layout)) as db:
            self._pull(db, _OWN, self._me, None)
            if order.shared:
                self._pull_shared(db)
        if order.shared and self._done.complete:
            self._remove_what_is_hidden()
        if self._done.complete:
            self._state.last_pull = to_text(order.clock_ns() // 1000)
        pull_state.save(order.layout, self._state)
        return self._done

    def _obey_tombstones(self) -> None:
        cursor = str(self._state.cursors.get(_OWN, 0))
        rows = self._archive.rows(_TOMBSTONES, {"cursor": cursor, **self._window})
        found = deletion.named(self._archive, [Tombstone(*row) for row in rows])
        order = self._order
        self._done.deleted += deletion.obey(
            order.layout, order.settings, found, order.clock_ns(), order.keep_trying
        )

    def _pull_shared(self, db: apsw.Connection) -> None:
        pairs = {f"{owner}\0{project}": (owner, project) for owner, project in
                 self._archive.rows(_PAIRS)}  # fmt: skip
        for name in self._state.cursors.keys() - pairs.keys() - {_OWN}:
            del self._state.cursors[name]  # a share that comes again begins again
        for name, (owner, project) in pairs.items():
            self._pull(db, name, owner, project)

    def _pull(self, db: apsw.Connection, name: str, owner: str, project: str | None) -> None:
        """All that has come since the cursor of this name; it moves behind what was received."""
        start, offset = self._state.cursors.get(name, 0), 0
        while not self._is_late():
            asked = {
                "owner": owner, "project": project, "cursor": str(start), **self._window,
                "limit": _SESSIONS_AT_ONCE, "offset": offset,
            }  # fmt: skip
            rows = self._archive.rows(_SESSIONS, asked)
            found = [_Session._make((*row[:4], int(row[4]))) for row in rows]
            self._take(db, [one for one in found if self._may_take(db, one)])
            offset += len(rows)
            if len(rows) < _SESSIONS_AT_ONCE:
                self._state.cursors[name] = self._next
                return
            self._state.cursors[name] = min(found[-1].changed, self._next)
        self._done.complete = False

    def _is_late(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until

    def _may_take(self, db: apsw.Connection, one: _Session) -> bool:
        """A session of this name that is another person's here stays theirs."""
        holder = copies.owner_of(db, one.agent, one.id)
        if one.owner == self._me:
            return holder is None
        known = facts.known_key(db, one.agent, one.id) is not None
        return holder == one.owner or (holder is None and not known)

    def _take(self, db: apsw.Connection, sessions: list[_Session]) -> None:
        """Append what the home does not hold of these sessions, which are of one owner."""
        if not sessions:
            return
        owner, named = sessions[0].owner, {one.key: one for one in sessions}
        rows = self._archive.rows(_IDS, [owner, list(named)])
        lacking = missing(db, rows)
        exclusions = Exclusions(self._order.settings.capture)
        with Appender(db, self._order.layout, exclusions=exclusions) as appender:
            for key, ids in batches(lacking):
                self._append(db, appender, named[key], ids)
                self._order.progress(self._done.sessions, 0)
            appender.flush()
            self._done.records += appender.appended
            self._done.sessions += appender.sessions

    def _append(
        self, db: apsw.Connection, appender: Appender, session: _Session, ids: list[Any]
    ) -> None:
        lines = self._archive.rows(_LINES, [session.owner, ids])
        found = [one for (line,) in lines for one in accepted(as_line(bytes(line)))]
        who = session.agent, session.id
        good = [one for one in found if isinstance(one, Accepted) and is_of(one, who)]
        self._done.left_out += len(found) - len(good)
        self._note(db, session, [one.record.id.hex() for one in good])
        for one in good:
            appender.add(*one)

    def _note(self, db: apsw.Connection, session: _Session, ids: list[str]) -> None:
        """The archive has these records; and another person's session is said to be one."""
        order, who = self._order, (session.agent, session.id)
        if session.owner != self._me and copies.owner_of(db, *who) is None:
            said = {"owner": session.owner, "archive": self._archive.id}
            own_facts.append(order.layout, own_fact_rows.PULLED, who, said, order.clock_ns())
        remote = archive_name(self._archive.id)
        if ids and not received.has(db, remote, ids):
            digest = hashlib.sha256("".join(ids).encode()).hexdigest()
            payload = {
                "remote": remote, "host": HOST, "number": 1, "part": digest[:32],
                "sha256": digest, "events": ids,
            }  # fmt: skip
            own_facts.append(order.layout, "Receipt", who, payload, order.clock_ns())

    def _remove_what_is_hidden(self) -> None:
        """Copies of what is shared with me no longer, or was deleted by its owner, go."""
        query = "select owner, agent, id from {schema}.sessions where owner <> session_user::text"
        visible = {tuple(row) for row in self._archive.rows(query)}
        order = self._order
        order.run_pass()
        gone = copies.hidden(order.layout, visible)
        self._done.deleted += deletion.remove_copies(
            order.layout, order.settings, gone, order.clock_ns(), order.keep_trying
        )
