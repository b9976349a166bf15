"""Deletion that reaches every copy: in the archive, and here when another home has deleted.

In the archive the tombstone and the deletion are one transaction, under the lock of the session
that deliveries take too; so nothing that was under way brings it back.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from typing import Any

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
from sync.views.tombstones import NEVER_US, Grave, Graves

LATEST_US = 253_402_300_799_999_999  # the end of the year 9999
_LOCK = "select pg_advisory_xact_lock(hashtextextended(session_user || ' ' || %s::uuid::text, 0))"
_STANDING = """
select until_us, home, home_until_us, (extract(epoch from clock_timestamp()) * 1000000)::bigint
from (select) one left join {schema}.tombstones
on owner = session_user::text and session = %s
"""
_TOMBSTONE = """
insert into {schema}.tombstones (session, agent, id, until_us, home, home_until_us)
values (%s, %s, %s, %s, %s, %s)
on conflict (owner, session) do update set until_us = excluded.until_us, home = excluded.home,
  home_until_us = excluded.home_until_us, changed = pg_current_xact_id()
"""
_DELETED = """
insert into {schema}.deleted (session, ending)
select s.key, substr(uuid_send(r.id), 11) from {schema}.records r
join {schema}.sessions s on s.number = r.session
where s.owner = session_user::text and s.key = %(key)s
union select %(key)s, unnest(%(ids)s::bytea[])
on conflict do nothing
"""
_NAMED = """
select session, ending from {schema}.deleted where owner = session_user::text
and session = any (%s)
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

    The tombstone names all records that the archive or this home had, whatever their dates are.
    What else there is of it is judged by its date: up to now, by the earlier one of two clocks,
    this machine's and the server's. Doing it again does what is left. JournalError: the archive
    does not answer.
    """
    key = _key(agent, session)
    schema = archive.schema
    ids = _known_here(layout, agent, session)

    def work(open_: "psycopg.Connection[object]") -> tuple[int, int]:
        open_.execute(_LOCK, (str(key),))
        standing: Any = open_.execute(in_schema(_STANDING, schema), (key,)).fetchone()
        until_us, home_until_us = _moments(standing, layout.id, now_us)
        values = (key, agent, session, until_us, layout.id, home_until_us)
        open_.execute(in_schema(_TOMBSTONE, schema), values)
        open_.execute(in_schema(_DELETED, schema), {"key": key, "ids": list(ids)})
        counts = [open_.execute(in_schema(one, schema), (key,)).rowcount for one in _DELETES]
        return counts[0], until_us

    records, until_us = archive.run(work)
    _note(layout, Grave(agent, session, until_us, ids), now_us * 1000)
    return records


def _key(agent: str, session: str) -> Any:
    from uuid import UUID

    return UUID(bytes=session_key(agent, session))


def _moments(standing: tuple[Any, ...], home: str, now_us: int) -> tuple[int, int]:
    """Up to when records are judged by their dates: those of other homes, and of this one.

    An earlier tombstone counts up to now: its clock may have been ahead.
    """
    before_us, before_home, before_home_us, server_us = standing
    now_us = min(now_us, server_us)
    if before_us is None:
        return now_us, NEVER_US
    mine_us = before_home_us if home and before_home == home else before_us
    return max(now_us, min(before_us, server_us)), min(mine_us, server_us)


def _known_here(layout: Layout, agent: str, session: str) -> frozenset[bytes]:
    """The records that this home's tombstone names."""
    with closing(connection.open_store(layout)) as db:
        grave = Graves(db).of(agent, session)
    return grave.ids if grave else frozenset()


def _note(layout: Layout, grave: Grave, now_ns: int) -> None:
    """A tombstone of a session of which this home holds nothing from before."""
    homes = {layout.id: NEVER_US} if layout.id else {}
    grave = grave._replace(until_us=min(grave.until_us, LATEST_US), homes=homes)
    who = grave.agent, grave.session
    own_facts.append(layout, tombstones.EVENT, who, tombstones.payload(grave), now_ns)


def named(archive: Archive, found: Iterable[Tombstone]) -> dict[Tombstone, frozenset[bytes]]:
    """The records that these tombstones of the archive name. JournalError."""
    latest = sorted(found, key=lambda one: one.until_us)
    of_key = {_key(one.agent, one.session): one for one in latest}
    ids: dict[Tombstone, set[bytes]] = {one: set() for one in of_key.values()}
    for key, ending in archive.rows(_NAMED, [list(of_key)]):
        ids[of_key[key]].add(bytes(ending))
    return {one: frozenset(endings) for one, endings in ids.items()}


def obey(
    layout: Layout, settings: Settings, found: Mapping[Tombstone, frozenset[bytes]], now_ns: int,
    keep_trying: Callable[[], bool],
) -> int:  # fmt: skip
    """Forget here what my role has deleted in the archive, pinned or not; how many sessions.

    `found`: tombstones, and the records that each names. To be called behind a pass. BusyError:
    another process holds a lock. JournalError.
    """
    done = 0
    for (agent, session, said_us), ids in found.items():
        until_us = min(said_us, LATEST_US)
        with closing(connection.open_store(layout)) as db:
            grave = Graves(db).of(agent, session)
            if grave is not None and grave.until_us >= until_us and ids <= grave.ids:
                continue
            is_known = facts.known_key(db, agent, session) is not None
        if is_known:
            order = forget.Order(layout, settings, now_ns, keep_trying, until_us=until_us, ids=ids)
            forget.forget(order, agent, session)
            done += 1
        else:
            _note(layout, Grave(agent, session, until_us, ids), now_ns)
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
