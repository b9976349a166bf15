"""What retention is to remove: a plan, which only reads.

Only what is over, not pinned and strictly older than its limit is in it, and nothing that lies
unread in the journal or that the remote which is set has not acknowledged.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import orjson

from hooks import emit
from journal.layout import Layout
from journal.settings.sources import Settings
from journal.times import DAY_US
from sync.ingest import backlog
from sync.retention.pack_file import ENDING
from sync.retention.prune_packs import Empty, Packs
from sync.store import deletion
from sync.views import delivered_pieces, tombstones
from sync.views.tombstones import Grave

COPY_DAYS = 30  # for which the copy of a database from before an upgrade is kept
_NOT_SYNCED = "not everything in the journal has been read"
_NOT_ACKNOWLEDGED = "the remote has not acknowledged everything"


@dataclass(frozen=True, slots=True)
class Plan:
    """What would go. `bytes`: of stored bodies, packs and copies."""

    sessions: tuple[Grave, ...] = ()
    silenced: tuple[int, ...] = ()  # sessions (rows) of which old events lose their bodies
    before_us: int = 0
    events: int = 0  # that lose their bodies
    packs: tuple[Empty, ...] = ()
    copies: tuple[Path, ...] = ()
    bytes: int = 0
    kept: tuple[str, ...] = ()  # what is due and stays, and why

    @property
    def days(self) -> tuple[str, ...]:
        """The days whose packs go."""
        return tuple(one.path.name.removesuffix(ENDING) for one in self.packs)

    def json(self, *, dry_run: bool) -> dict[str, Any]:
        """The object of the public interface, with a few keys more."""
        return {
            "dry_run": dry_run,
            "days": self.days,
            "events": self.events,
            "sessions": [grave.session for grave in self.sessions],
            "bytes": self.bytes,
            "copies": [path.name for path in self.copies],
            "kept": self.kept,
        }

    @property
    def counts(self) -> dict[str, int]:
        """How many of each."""
        return {
            "days": len(self.days),
            "events": self.events,
            "sessions": len(self.sessions),
        }

    def __bool__(self) -> bool:
        return bool(self.sessions or self.silenced or self.packs or self.copies)


def plan(
    db: apsw.Connection, layout: Layout, settings: Settings, now_us: int, looked: dict[str, int]
) -> Plan:
    """What is to go at this moment; see Packs.empty for `looked`."""
    look = _Look(db, layout, settings, now_us)
    sessions = look.sessions()
    before_us, silenced, events, body_bytes = look.bodies([grave for grave, _ in sessions])
    graves = {(grave.agent, grave.session): grave for grave, _ in sessions}
    packs = tuple(Packs(db, layout, graves).empty(looked, now_us))
    copies = _old_copies(layout, now_us)
    paths = [*(one.path for one in packs), *copies]
    return Plan(
        tuple(graves.values()),
        silenced,
        before_us,
        events,
        packs,
        copies,
        body_bytes + sum(size for _, size in sessions) + sum(p.stat().st_size for p in paths),
        look.words(),
    )


@dataclass
class _Look:
    """One look at the sessions."""

    db: apsw.Connection
    layout: Layout
    settings: Settings
    now_us: int
    kept: dict[str, set[int]] = field(default_factory=dict)  # sessions (rows), by the reason

    def sessions(self) -> list[tuple[Grave, int]]:
        """The sessions that are due, with the bytes of their events' bodies."""
        before_us = self._before_us(self.settings.retention.sessions_days)
        started_us = self._before_us(self.settings.sessions.started_only_days)
        query = """
            select s.session, s.agent, s.id, s.triggers, s.head_us from session_states s
            left join pins p on p.agent = s.agent and p.session = s.id
            left join arrivals a on a.agent = s.agent and a.session = s.id
            where s.status = 'finished' and coalesce(p.pinned, 0) = 0
            and ((s.last_us < ?1 and coalesce(a.at_us, s.last_us) < ?1)
              or (s.triggers = '' and s.last_us < ?2 and coalesce(a.at_us, s.last_us) < ?2))
            order by s.last_us
        """
        rows: list[Any] = self.db.execute(query, (before_us, started_us)).fetchall()
        unread = self._unread() if rows else set()
        due = []
        for key, agent, name, triggers, last_us in rows:
            if emit.file_name(agent, name).partition(".")[2] in unread:
                self._keep(key, _NOT_SYNCED)
            elif not self._is_acknowledged(key, agent, name, triggers):
                self._keep(key, _NOT_ACKNOWLEDGED)
            else:
                due.append((key, Grave(agent, name, last_us)))
        last_us_of = self._last_facts({grave.session for _, grave in due})
        return [(_later(grave, last_us_of), self._size(key)) for key, grave in due]

    def _before_us(self, days: int) -> int | None:
        """What is older is due; None: nothing ever is."""
        return self.now_us - days * DAY_US if days else None

    def _keep(self, key: int, why: str) -> None:
        self.kept.setdefault(why, set()).add(key)

    def words(self) -> tuple[str, ...]:
        """What is due and stays, and why."""
        return tuple(
            f"{len(keys):,} old {'session is' if len(keys) == 1 else 'sessions are'} kept: {why}"
            for why, keys in self.kept.items()
        )

    def _unread(self) -> set[str]:
        """The sessions, as files are named, of which something lies unread in the journal."""
        return {part.session for part in backlog.backlog(self.db, self.layout).unsynced}

    def _is_acknowledged(self, key: int, agent: str, name: str, triggers: str) -> bool:
        """Whether the remote that is set has all that it is to have."""
        standing = delivered_pieces.standing(self.db, key, agent, name)
        if standing is None or not set(self.settings.sessions.adopt_on) & set(triggers.split()):
            return True  # what is not shown is not archived
        return standing.is_whole and not standing.waiting and not standing.dead

    def _last_facts(self, sessions: Iterable[str]) -> dict[str, int]:
        """When the journal itself last said something of these sessions."""
        query = """
            select session, max(at_us) from own_facts
            where name <> ? and session in (select value from json_each(?)) group by session
        """
        wanted = orjson.dumps(list(sessions)).decode()
        rows: list[Any] = self.db.execute(query, (tombstones.EVENT, wanted)).fetchall()
        return dict(rows)

    def _size(self, key: int) -> int:
        return sum(size for _, size in deletion.with_bodies(self.db, key, 2**63 - 1))

    def bodies(self, doomed: list[Grave]) -> tuple[int, tuple[int, ...], int, int]:
        """Before which time which sessions lose the bodies of how many events, and the bytes."""
        days = self.settings.retention.events_days
        before_us = self.now_us - days * DAY_US
        if not days:
            return 0, (), 0, 0
        query = """
            select s.session, s.agent, s.id, s.triggers from session_states s
            left join pins p on p.agent = s.agent and p.session = s.id
            left join arrivals a on a.agent = s.agent and a.session = s.id
            where s.started_us < ?1 and coalesce(a.first_us, 0) < ?1
            and coalesce(p.pinned, 0) = 0 order by s.session
        """
        go = {(grave.agent, grave.session) for grave in doomed}
        silenced, events, size = [], 0, 0
        rows: list[Any] = self.db.execute(query, (before_us,)).fetchall()
        for key, agent, name, triggers in rows:
            if (agent, name) in go:
                continue
            found = deletion.with_bodies(self.db, key, before_us)
            if found and not self._is_acknowledged(key, agent, name, triggers):
                self._keep(key, _NOT_ACKNOWLEDGED)
            elif found:
                silenced.append(key)
                events += len(found)
                size += sum(one for _, one in found)
        return before_us, tuple(silenced), events, size


def _later(grave: Grave, last_us_of: dict[str, int]) -> Grave:
    """The tombstone covers all that is known of the session, and nothing that may still come."""
    return grave._replace(until_us=max(grave.until_us, last_us_of.get(grave.session, 0)))


def _old_copies(layout: Layout, now_us: int) -> tuple[Path, ...]:
    found = sorted(layout.home.glob(f"{layout.database.name}.backup-v*"))
    limit_us = now_us - COPY_DAYS * DAY_US
    return tuple(path for path in found if path.stat().st_mtime_ns // 1000 < limit_us)
