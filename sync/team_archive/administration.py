"""Makes and upgrades the archive, reports its state, shares and unshares projects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from journal.errors import JournalError, UsageError
from journal.layout import Layout
from journal.printable import one_line
from journal.settings import sections
from journal.times import to_text
from sync.delivery import circuit_breaker
from sync.remote import archive_ids, naming
from sync.remote.contract import RemoteError
from sync.remote.postgres import migrations
from sync.remote.postgres.remote import connection
from sync.team_archive import pull_state
from sync.team_archive.archive import Archive, apart

INIT_SECONDS = 600.0  # an upgrade may build an index over everything
_OWN = """
select coalesce(sum(1) filter (where owner = session_user::text), 0)::bigint,
  coalesce(sum(bytes) filter (where owner = session_user::text), 0)::bigint,
  coalesce(sum(1) filter (where owner <> session_user::text), 0)::bigint,
  coalesce(sum(bytes) filter (where owner <> session_user::text), 0)::bigint,
  session_user::text
from {schema}.sessions
"""
_ROLE = "select exists (select from pg_catalog.pg_roles where rolname = %s)"
_PROJECTS = """
select distinct s.project from {schema}.sessions s where s.owner = session_user::text
  and (s.project in (%(name)s, 'git:' || %(name)s) or lower(s.project_name) = lower(%(name)s))
"""
_SHARED = """
select distinct project from {schema}.shares where owner = session_user::text and (
  project in (%(name)s, 'git:' || %(name)s) or project in (
    select s.project from {schema}.sessions s where s.owner = session_user::text
    and lower(s.project_name) = lower(%(name)s)))
"""
_SHARE = """
insert into {schema}.shares (project, role) select unnest(%s::text[]), %s
on conflict (owner, project, role) do nothing returning project
"""
_UNSHARE = """
delete from {schema}.shares where owner = session_user::text and project = any (%s) and role = %s
returning project
"""


@dataclass(frozen=True, slots=True)
class Made:
    """What `init` did. `steps`: of the schema; 0 if it was up to date."""

    archive: str
    schema: str
    version: int
    steps: int


def init(layout: Layout, settings: sections.Remote, environ: Mapping[str, str]) -> Made:
    """Make or upgrade the schema. JournalError: it cannot be; nothing is changed then."""

    def work(open_: "psycopg.Connection[Any]") -> Made:
        found, steps = migrations.upgrade(open_, settings.db_schema)
        return Made(found.id, settings.db_schema, found.version, steps)

    made: Made = _as_administrator(settings, environ, work)
    archive_ids.note(layout, settings, made.archive)
    return made


def script(settings: sections.Remote, environ: Mapping[str, str]) -> str:
    """The SQL that `init` would run, for psql. JournalError: the server does not answer."""
    found = _as_administrator(
        settings, environ, lambda open_: migrations.script(open_, settings.db_schema)
    )
    return str(found)


def _as_administrator(settings: sections.Remote, environ: Mapping[str, str], work: Any) -> Any:
    if settings.kind != "postgres":
        hint = 'set [remote] kind = "postgres" and url in config.toml; see docs/archive.md'
        raise UsageError("no team archive is configured", hint)
    try:
        asked = connection(settings, environ, lambda _: None)
        try:
            return asked.run(work, INIT_SECONDS)
        finally:
            asked.close()
    except RemoteError as error:
        line, hint = apart(f"the team archive: {error}")
        if error.kind == "forbidden":
            hint = "init is for a role that may create roles and owns the database"
        raise JournalError(line, hint) from error


def status(archive: Archive, layout: Layout, settings: sections.Remote) -> dict[str, Any]:
    """The object of `journal archive status --json`. JournalError."""
    sessions, size, shared, shared_size, role = archive.rows(_OWN)[0]
    circuits = circuit_breaker.load(layout.remotes).circuits
    circuit = circuits.get(naming.name_of(settings, layout))
    last_us = circuit.last_success_us if circuit else None
    return {
        "archive": archive.id,
        "schema": archive.schema,
        "role": role,
        "own": {"sessions": sessions, "bytes": size},
        "shared": {"sessions": shared, "bytes": shared_size},
        "last_delivery": None if last_us is None else to_text(last_us),
        "last_pull": pull_state.load(layout, archive.id).last_pull,
    }


def share(archive: Archive, project: str, role: str) -> list[str]:
    """Let members of a role read my sessions of a project; the projects that are shared now.

    JournalError: the role or the project is unknown.
    """
    _check_role(archive, role)
    found = [name for (name,) in archive.rows(_PROJECTS, {"name": project})]
    if not found:
        hint = "journal sessions --archive --all lists your projects"
        text = f"no session of yours in the team archive is of the project {one_line(project)}"
        raise JournalError(text, hint)
    archive.rows(_SHARE, [found, role])
    return found


def unshare(archive: Archive, project: str, role: str) -> list[str]:
    """Take that back. JournalError: it was not shared with this role."""
    known = [name for (name,) in archive.rows(_SHARED, {"name": project})]
    gone = [name for (name,) in archive.rows(_UNSHARE, [known, role])]
    if not gone:
        _check_role(archive, role)
        text = f"the project {one_line(project)} is not shared with {one_line(role)}"
        raise JournalError(text, "journal archive status says what you share")
    return gone


def shares(archive: Archive) -> list[tuple[str, str]]:
    """What I share, and with which roles. JournalError."""
    query = (
        "select project, role from {schema}.shares where owner = session_user::text order by 1, 2"
    )
    return [(project, role) for project, role in archive.rows(query)]


def _check_role(archive: Archive, role: str) -> None:
    if not archive.rows(_ROLE, [role])[0][0]:
        raise JournalError(f"no role {one_line(role)}", "ask your administrator for its name")
