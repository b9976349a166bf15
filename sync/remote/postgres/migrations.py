"""The schema of the team archive: an administrator makes and upgrades it, everybody checks it.

Each step is a file of SQL in `migrations/`, `0001.sql` first. All that are missing run in one
transaction, under a lock, so that two administrators do not meet.
"""

from collections.abc import Iterator
from importlib import resources
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from sync.remote.contract import RemoteError, Then
from sync.remote.postgres import errors

VERSION = 2
GROUP = "agent_journal_user"
_LOCK = 0x414A4E4C  # any number that no other program takes: "AJNL"
_UP_TO_DATE = "-- The schema is up to date: there is nothing to do.\n"
# After a restore into another cluster, rows carry transaction numbers that are still to come.
_RESTORED = """
update {{schema}}.{table} set {column} = pg_current_xact_id()
where {column} >= pg_snapshot_xmax(pg_current_snapshot()) and {column} <> pg_current_xact_id()
"""
_ARRIVALS = (("sessions", "changed"), ("tombstones", "changed"))


class Archive(NamedTuple):
    """What an archive says of itself."""

    id: str
    version: int
    fits: bool = True  # False: its tables are those of a development version


def found(connection: "psycopg.Connection[Any]", schema: str) -> Archive | None:
    """The archive in this schema; None: there is none. RemoteError `forbidden`: not for this role.

    Asked in a way that fails no transaction.
    """
    exists = """
        select exists (select from pg_catalog.pg_tables
            where schemaname = %(schema)s and tablename = 'archive'),
          exists (select from pg_catalog.pg_proc p
            join pg_catalog.pg_namespace n on n.oid = p.pronamespace
            where n.nspname = %(schema)s and p.proname = 'indexed')
    """
    looked = connection.execute(exists, {"schema": schema}).fetchone()
    if looked is None or not looked[0]:
        return None
    try:
        query = _named("select id, version from {schema}.archive", schema)
        row = connection.execute(query).fetchone()
    except psycopg.errors.InsufficientPrivilege as error:
        text = f"the role {connection.info.user} may not use the team archive"
        raise errors.made("forbidden", text, Then.PAUSE) from error
    return None if row is None else Archive(row[0].hex, int(row[1]), bool(looked[1]))


def check(connection: "psycopg.Connection[Any]", schema: str) -> Archive:
    """The archive, if it has this program's schema. RemoteError `schema`: it has not."""
    archive = found(connection, schema)
    if archive is None:
        raise errors.made("schema", f"no team archive in schema {schema}", Then.PAUSE)
    if archive.version < VERSION:
        text = f"the team archive has schema {archive.version}, older than this program's {VERSION}"
        raise errors.made("schema", text, Then.PAUSE)
    if archive.version == VERSION and not archive.fits:
        text = f"the team archive in schema {schema} was made by a development version"
        hint = f"drop schema {schema} cascade, then journal archive init; homes deliver again"
        raise RemoteError("schema", f"{text} ({hint})", Then.PAUSE)
    if archive.version > VERSION:
        text = f"the team archive has schema {archive.version}, newer than this program's {VERSION}"
        hint = "upgrade agent-journal; journal archive init can do nothing here"
        raise RemoteError("schema", f"{text} ({hint})", Then.PAUSE)
    return archive


def script(connection: "psycopg.Connection[Any]", schema: str) -> str:
    """What `upgrade` would run, as psql takes it."""
    version = _version(connection, schema)
    if version == VERSION:
        return _UP_TO_DATE
    steps = "\n".join(_steps(connection, schema, version))
    return f"begin;\nselect pg_advisory_xact_lock({_LOCK});\n{steps}\ncommit;\n"


def upgrade(connection: "psycopg.Connection[Any]", schema: str) -> tuple[Archive, int]:
    """Make or upgrade the schema, in the caller's transaction; the archive, and the steps it took.

    RemoteError `schema`: it is a newer one. psycopg.Error: the rights do not suffice.
    """
    connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
    version = _version(connection, schema)
    for step in _steps(connection, schema, version):
        connection.execute(step)
    if version == VERSION:
        _mend_arrivals(connection, schema)
    return check(connection, schema), VERSION - version


def _version(connection: "psycopg.Connection[Any]", schema: str) -> int:
    archive = found(connection, schema)
    if archive is not None and archive.version >= VERSION:
        check(connection, schema)
    return 0 if archive is None else archive.version


def _steps(connection: "psycopg.Connection[Any]", schema: str, version: int) -> Iterator[str]:
    quoted = sql.Identifier(schema).as_string(connection)
    for number in range(version + 1, VERSION + 1):
        file = resources.files("sync.remote.postgres") / "migrations" / f"{number:04}.sql"
        yield file.read_text("utf-8").replace("{schema}", quoted)


def _mend_arrivals(connection: "psycopg.Connection[Any]", schema: str) -> None:
    """Only the administrator's own rights: row-level security is lifted for this transaction."""
    for table, column in _ARRIVALS:
        statement = _RESTORED.format(table=table, column=column)
        for change in ("no force", "force"):
            if change == "force":
                connection.execute(_named(statement, schema))
            alter = f"alter table {{schema}}.{table} {change} row level security"
            connection.execute(_named(alter, schema))


def _named(text: str, schema: str) -> sql.Composed:
    return sql.SQL(text).format(schema=sql.Identifier(schema))
