"""Stores pieces in the archive: as many as there are in one transaction, each record exactly once.

In one transaction: the records are copied into a temporary table; what a tombstone covers is left
out; a record that is there already stays; sessions, tokens and receipts follow. A session's lock
keeps a deletion at the same moment from being undone. A kill anywhere leaves all of it or nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson
import psycopg
from psycopg.types.json import Jsonb

from journal.printable import spelled_out
from journal.times import to_us
from sync.remote.contract import Piece
from sync.remote.postgres.connection import in_schema
from sync.remote.postgres.piece import Parsed
from sync.remote.postgres.tombstone import Tombstone

_STAGED = """
create temporary table if not exists agent_journal_staged (
  id uuid, session uuid, at_us bigint, kinds smallint, line bytea, words text, home text
) on commit delete rows
"""
_COPY = "copy pg_temp.agent_journal_staged from stdin (format binary)"
_TYPES = ("uuid", "uuid", "int8", "int2", "bytea", "text", "text")
_LOCK = """
select pg_advisory_xact_lock(hashtextextended(session_user || ' ' || key::text, 0))
from unnest(%s::uuid[]) key order by key
"""
_TOMBSTONES = """
select session, agent, id, until_us from {schema}.tombstones
where owner = session_user and session = any (%s)
"""
_COVERED = """
delete from pg_temp.agent_journal_staged s using {schema}.tombstones t
where t.owner = session_user and t.session = s.session and (
  s.at_us <= case when t.home <> '' and s.home = t.home then t.home_until_us else t.until_us end
  or exists (select from {schema}.deleted d where d.owner = session_user
    and d.session = s.session and d.ending = substr(uuid_send(s.id), 11)))
"""
_OTHER_BYTES = """
select s.id from pg_temp.agent_journal_staged s join {schema}.records r
on r.owner = session_user and r.id = s.id where r.line <> s.line limit 1
"""
_REPLACED = """
delete from {schema}.records r using pg_temp.agent_journal_staged s
where r.owner = session_user and r.id = s.id and r.line <> s.line and s.id = any (%s)
"""
_SESSIONS = """
insert into {schema}.sessions as known (key, agent, id, home, host, project, project_name, cwd,
  branch, state, triggers, title, started_us, last_us, ended_us, events, prompts, shown, summary,
  words)
select key, agent, id, home, host, project, project_name, cwd, branch, state, triggers, title,
  started_us, last_us, ended_us, events, prompts, shown, summary,
  array_to_tsvector(array_remove(string_to_array(words, ' '), ''))
from jsonb_to_recordset(%s) as row (key uuid, agent text, id text, home text, host text,
  project text, project_name text, cwd text, branch text, state text, triggers text, title text,
  started_us bigint, last_us bigint, ended_us bigint, events integer, prompts integer, shown text,
  summary text, words text)
where exists (select from pg_temp.agent_journal_staged s where s.session = row.key)
  or exists (select from {schema}.sessions k where k.owner = session_user and k.key = row.key)
on conflict (owner, key) do update set
  home = excluded.home, host = excluded.host, project = excluded.project,
  project_name = excluded.project_name, cwd = excluded.cwd, branch = excluded.branch,
  state = excluded.state, triggers = excluded.triggers, title = excluded.title,
  started_us = excluded.started_us, last_us = excluded.last_us, ended_us = excluded.ended_us,
  events = excluded.events, prompts = excluded.prompts, shown = excluded.shown,
  summary = excluded.summary, words = excluded.words, changed = pg_current_xact_id()
where excluded.events > known.events
  or (excluded.events = known.events and excluded.home = known.home)
"""
_RECORDS = """
with stored as (
  insert into {schema}.records (id, session, at_us, kinds, line, words)
  select distinct on (s.id) s.id, k.number, s.at_us, s.kinds, s.line, s.words
  from pg_temp.agent_journal_staged s
  join {schema}.sessions k on k.owner = session_user and k.key = s.session
  on conflict (owner, id) do nothing
  returning session, octet_length(line) as bytes
), counted as (
  select session, count(*) as records, sum(bytes) as bytes from stored group by session
), noted as (
  update {schema}.sessions s set records = s.records + c.records, bytes = s.bytes + c.bytes,
    changed = pg_current_xact_id()
  from counted c where s.number = c.session and s.owner = session_user
)
select coalesce(sum(records), 0)::bigint from counted
"""
_USAGE = """
insert into {schema}.usage as known (session, message, model, at_us, input, output, cache_read,
  cache_write)
select u.* from unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[],
  %s::bigint[], %s::bigint[])
  as u (session, message, model, at_us, input, output, cache_read, cache_write)
where exists (select from {schema}.sessions k where k.owner = session_user and k.key = u.session)
on conflict (owner, session, message) do update set model = excluded.model,
  at_us = least(known.at_us, excluded.at_us), input = excluded.input, output = excluded.output,
  cache_read = excluded.cache_read, cache_write = excluded.cache_write
where (excluded.output, excluded.input, excluded.cache_read, excluded.cache_write)
  > (known.output, known.input, known.cache_read, known.cache_write)
"""
_PIECES = """
insert into {schema}.pieces (sha256, session, home, records)
select p.* from unnest(%s::bytea[], %s::uuid[], %s::text[], %s::integer[])
  as p (sha256, session, home, records)
where exists (select from {schema}.sessions k where k.owner = session_user and k.key = p.session)
on conflict (owner, sha256) do nothing
"""


_NOT_SHOWN = ("triggers", "short_id")  # ids are short among those of one home


class Delivery(NamedTuple):
    """A piece and what it holds. `replaces`: earlier attempts may have left it with other bytes."""

    piece: Piece
    parsed: Parsed
    replaces: bool


class ConflictError(ValueError):
    """A record whose id the archive holds with other bytes."""


def store(
    connection: "psycopg.Connection[Any]", schema: str, home: str, pieces: Sequence[Delivery]
) -> list[Tombstone]:
    """Store these pieces, in the caller's transaction; the tombstones of their sessions.

    ConflictError: nothing must be committed. psycopg.Error.
    """
    connection.execute(_STAGED)
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(_TYPES)
        for one in pieces:
            key = _uuid(one.parsed.key)
            for row in one.parsed.records:
                home_of = _text(row.home)
                copy.write_row(
                    (_uuid(row.id), key, row.at_us, row.kinds, row.line, row.words, home_of)
                )
    keys = sorted({_uuid(one.parsed.key) for one in pieces})
    connection.execute(_LOCK, (keys,))
    found = connection.execute(in_schema(_TOMBSTONES, schema), (keys,)).fetchall()
    if found:
        connection.execute(in_schema(_COVERED, schema))
    _replace(connection, schema, pieces)
    rows = list({one.parsed.key: _session(one.parsed, home) for one in pieces}.values())
    connection.execute(in_schema(_SESSIONS, schema), (Jsonb(rows, dumps=orjson.dumps),))
    connection.execute(in_schema(_RECORDS, schema))
    _usage(connection, schema, pieces)
    receipts = [
        (bytes.fromhex(one.piece.sha256), _uuid(one.parsed.key), home, len(one.parsed.records))
        for one in pieces
    ]
    columns = [list(column) for column in zip(*receipts, strict=True)]
    connection.execute(in_schema(_PIECES, schema), columns)
    return [Tombstone(agent, name, until_us) for _, agent, name, until_us in found]


def _replace(
    connection: "psycopg.Connection[Any]", schema: str, pieces: Iterable[Delivery]
) -> None:
    """Records that an earlier attempt left with other bytes go; else a difference is an error."""
    ids = [_uuid(row.id) for one in pieces if one.replaces for row in one.parsed.records]
    if ids:
        connection.execute(in_schema(_REPLACED, schema), (ids,))
    different = connection.execute(in_schema(_OTHER_BYTES, schema)).fetchone()
    if different is not None:
        raise ConflictError(f"the archive holds record {different[0].hex} with other content")


def _session(parsed: Parsed, home: str) -> dict[str, Any]:
    row, summary = parsed.row, parsed.summary
    shown = {key: value for key, value in row.items() if key not in _NOT_SHOWN}
    return {
        "key": str(_uuid(parsed.key)),
        "agent": parsed.agent,
        "id": _text(parsed.session),
        "home": home,
        "host": _text(row["host"]),
        "project": _text(row["project_key"]),
        "project_name": _text(row["project"]),
        "cwd": _text(row["cwd"]),
        "branch": _text(row["branch"]),
        "state": row["state"],
        "triggers": row["triggers"],
        "title": _text(row["title"]),
        "started_us": to_us(row["started_at"]),
        "last_us": to_us(row["last_active_at"]),
        "ended_us": to_us(row["ended_at"]) if row["ended_at"] else None,
        "events": row["events"],
        "prompts": row["prompts"],
        "shown": orjson.dumps(shown).decode(),
        "summary": orjson.dumps(summary).decode() if summary else None,
        "words": parsed.summary_words,
    }


def _usage(connection: "psycopg.Connection[Any]", schema: str, pieces: Iterable[Delivery]) -> None:
    best: dict[tuple[Any, str], tuple[Any, ...]] = {}
    for one in pieces:
        key = _uuid(one.parsed.key)
        for record in one.parsed.records:
            if record.usage is None:
                continue
            message, model, *tokens = record.usage
            at_us, before = record.at_us, best.get((key, _text(message)))
            row = (key, _text(message), _text(model), at_us, *tokens)
            if before is None:
                best[row[:2]] = row
            elif _tokens(row) >= _tokens(before):  # as sync.views.usage
                best[row[:2]] = (*row[:3], min(at_us, before[3]), *tokens)
    if best:
        columns = [list(column) for column in zip(*best.values(), strict=True)]
        connection.execute(in_schema(_USAGE, schema), columns)


def _tokens(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Output, input, cache read and written: more of it was written later."""
    return (row[5], row[4], *row[6:])


def _text(text: str) -> str:
    """Text that PostgreSQL takes: it refuses NUL characters and halves of surrogate pairs."""
    return spelled_out(text.replace("\0", ""))


def _uuid(data: bytes) -> Any:
    from uuid import UUID

    return UUID(bytes=data)
