"""Sessions of the team archive, as lists show them: the row that a home sent, and its owner."""

from dataclasses import dataclass
from typing import Any

import orjson

from journal.errors import JournalError
from journal.printable import one_line
from journal.times import to_us
from sync.query.filters import Wanted
from sync.query.listing import Session
from sync.team_archive import conditions
from sync.team_archive.archive import Archive
from sync.views import usage

MAX_CANDIDATES = 8
SHORT_CHARS = 8  # of an id, where it is shown short
_RANK = "case s.state when 'awaiting' then 0 when 'working' then 1 when 'idle' then 2 else 3 end"
_LIST = f"""
select s.owner, s.key, s.shown, s.triggers, s.summary from {{schema}}.sessions s where {{}}
order by {_RANK}, s.last_us desc, s.owner, s.key limit %s
"""
_FIND = """
select s.owner, s.key, s.shown, s.triggers, s.summary from {schema}.sessions s
where (s.id = %(name)s or (not %(whole)s and starts_with(s.id, %(name)s)))
  and %(agent)s in ('', s.agent) and %(owner)s in ('', s.owner)
order by s.owner = session_user::text desc, s.last_us desc limit %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """One session of one person. `shown` is the JSON object of the public interface."""

    owner: str
    key: Any  # a UUID
    shown: dict[str, Any]
    summary: dict[str, Any] | None

    def json(self) -> dict[str, Any]:
        """The same object, and whose it is."""
        return {**self.shown, "owner": self.owner}

    def session(self) -> Session:
        """As tables show it."""
        said = self.shown
        return Session(
            key=0,
            agent=said["agent"],
            id=said["session"],
            short_id=said["short_id"],
            memory_id=said["memory_id"],
            project=f"{self.owner}: {said['project']}",
            project_key=said["project_key"],
            cwd=said["cwd"],
            status=said["state"],
            adopted=said["adopted"],
            pinned=said["pinned"],
            title=said["title"],
            started_us=to_us(said["started_at"]),
            last_us=to_us(said["last_active_at"]),
            ended_us=to_us(said["ended_at"]) if said["ended_at"] else None,
            end_reason=said["end_reason"],
            ending=said.get("ending") or "",
            events=said["events"],
            prompts=said["prompts"],
            branch=said["branch"],
            head=said["head"],
            host=said["host"],
            question=said["question"] or "",
            waiting_us=to_us(said["waiting_since"]) if said["waiting_since"] else None,
            subagents=said["subagents"],
            tool=said["tool"] or "",
            target=said["target"] or "",
        )


def page(
    archive: Archive, wanted: Wanted, owner: str, adopt_on: tuple[str, ...], limit: int = 0
) -> list[Listed]:
    """The first sessions in the order of `journal sessions`; `limit` 0 means all. JournalError."""
    condition, values = conditions.sql(wanted, owner)
    text = _LIST.replace("{}", condition)
    rows = archive.rows(text, [*values, limit or None])
    return [_listed(row, adopt_on) for row in rows]


def count(archive: Archive, wanted: Wanted, owner: str) -> int:
    """How many sessions there are in all. JournalError."""
    condition, values = conditions.sql(wanted, owner)
    return int(
        archive.rows(f"select count(*) from {{schema}}.sessions s where {condition}", values)[0][0]
    )


def find(archive: Archive, name: str, owner: str, adopt_on: tuple[str, ...]) -> Listed:
    """The session that people call `name`: its id, a unique beginning of it, or AGENT/ID.

    JournalError: there is none that I may read, or there are several.
    """
    agent, slash, rest = name.partition("/")
    for session, of in ((name, ""), (rest, agent)) if slash else ((name, ""),):
        for whole in (True, False):
            asked = {"name": session, "agent": of, "owner": owner, "whole": whole}
            rows = archive.rows(_FIND, {**asked, "limit": MAX_CANDIDATES + 1}) if session else []
            if len(rows) == 1:
                return _listed(rows[0], adopt_on)
            if rows:
                found = [_listed(row, adopt_on) for row in rows]
                names = ", ".join(f"{one.owner}'s {one.shown['session']}" for one in found)
                hint = "type more of the id, or name its --owner"
                raise JournalError(one_line(f"'{name}' matches several sessions: {names}"), hint)
    hint = "journal sessions --archive --all lists them"
    raise JournalError(f"no session {one_line(name)[:60]} in the team archive", hint)


def _listed(row: tuple[Any, ...], adopt_on: tuple[str, ...]) -> Listed:
    owner, key, text, triggers, summary = row
    shown = orjson.loads(text)
    for name in (usage.REST, usage.INHERITS):
        shown.pop(name, None)
    shown["adopted"] = not set(adopt_on).isdisjoint(triggers.split())
    shown["short_id"] = shown["session"][:SHORT_CHARS]
    return Listed(owner, key, shown, orjson.loads(summary) if summary else None)
