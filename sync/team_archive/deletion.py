"""Deletion that reaches every copy: in the archive, and here when another home has deleted.

In the archive the tombstone and the deletion are one transaction, under the lock of the session
that deliveries take too; so nothing that was under way brings it back.
"""

from collections.abc import Callable, Iterable
from contextlib import closing

import psycopg

from journal.layout import Layout
from journal.record import own_facts
from journal.settings.sources import Settings
from sync.forgetting import forget
from sync.remote.postgres.connection import in_schema
from sync.remote.postgres.piece import session_key
from sync.remote.postgres.tombstone import Tombstone
from sync.store import connection, facts
from sync.team_archive.archive import Archive
from sync.views import tombstones
from sync.views.tombstones import NEVER_US, Grave

LATEST_US = 253_402_300_799_999_999  # the end of the year 9999
_LOCK = "select pg_advisory_xact_lock(hashtextextended(session_user || ' ' || %s::uuid::text, 0))"
_TOMBSTONE = """
insert into {schema}.tombstones as known (session, agent, id, until_us) values (%s, %s, %s, %s)
on conflict (owner, session) do update set
  until_us = greatest(known.until_us, excluded.until_us), changed = pg_current_xact_id()
"""
_DELETES = (
    "delete from {schema}.records where owner = session_user::text and session in (select number"
    " from {schema}.sessions where owner = session_user::text and key = %s)",
    "delete from {schema}.usage where owner = session_user::text and session = %s",
    "delete from {schema}.pieces where owner = session_user::text and session = %s",
    "delete from {schema}.sessions where owner = session_user::text and key = %s",
)


def delete(archive: Archive, layout: Layout, agent: str, session: str, now_us: int) -> int:
    """Delete my session in the archive, for every home of mine; how many records that were.

    It was forgotten here before: this home need not obey, and what the session does now stays.

    The tombstone covers it up to now, or to its last record. Doing it again does what is left.
    JournalError: the archive does not answer.
    """
    from uuid import UUID

    key = UUID(bytes=session_key(agent, session))
    schema = archive.schema

    def work(open_: "psycopg.Connection[object]") -> tuple[int, int]:
        open_.execute(_LOCK, (str(key),))
        last = open_.execute(
            in_schema(
                "select max(r.at_us) from {schema}.records r join {schema}.sessions s"
                " on s.number = r.session where s.owner = session_user::text and s.key = %s",
                schema,
            ),
            (key,),
        ).fetchone()
        until_us = max(now_us, last[0] or 0) if last else now_us  # type: ignore[index]
        open_.execute(in_schema(_TOMBSTONE, schema), (key, agent, session, until_us))
        counts = [open_.execute(in_schema(one, schema), (key,)).rowcount for one in _DELETES]
        return counts[0], until_us

    records, until_us = archive.run(work)
    _note(layout, agent, session, until_us, now_us * 1000)
    return records


def _note(layout: Layout, agent: str, session: str, until_us: int, now_ns: int) -> None:
    """A tombstone of a session of which this home holds nothing from before."""
    homes = {layout.id: NEVER_US} if layout.id else {}
    grave = Grave(agent, session, min(until_us, LATEST_US), homes=homes)
    own_facts.append(layout, tombstones.EVENT, (agent, session), tombstones.payload(grave), now_ns)


def obey(
    layout: Layout, settings: Settings, found: Iterable[Tombstone], now_ns: int,
    keep_trying: Callable[[], bool],
) -> int:  # fmt: skip
    """Forget here what my role has deleted in the archive, pinned or not; how many sessions.

    To be called behind a pass. BusyError: another process holds a lock. JournalError.
    """
    done = 0
    for agent, session, said_us in found:
        until_us = min(said_us, LATEST_US)
        with closing(connection.open_store(layout)) as db:
            if tombstones.until_us(db, agent, session) >= until_us:
                continue
            is_known = facts.known_key(db, agent, session) is not None
        if is_known:
            order = forget.Order(layout, settings, now_ns, keep_trying, until_us=until_us)
            forget.forget(order, agent, session)
            done += 1
        else:
            _note(layout, agent, session, until_us, now_ns)
    return done


def remove_copies(
    layout: Layout, settings: Settings, gone: Iterable[tuple[str, str]], now_ns: int,
    keep_trying: Callable[[], bool],
) -> int:  # fmt: skip
    """Remove pulled sessions of others without a tombstone: they may be shared again.

    To be called behind a pass. BusyError: another process holds a lock. JournalError.
    """
    done = 0
    for agent, session in gone:
        order = forget.Order(layout, settings, now_ns, keep_trying, keeps_tombstone=False)
        forget.forget(order, agent, session)
        done += 1
    return done
