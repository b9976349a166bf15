"""The records of sessions in the archive, and a session put together again from them.

What a home derives from records, it derives here from the same ones by the same code, in a database
of its own that lasts as long as the question; so `show` and pages are those of the home.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import apsw

from journal.errors import JournalError
from journal.record import record
from journal.record.record import JOURNAL_AGENT
from journal.session.event import Event
from journal.times import EARLIEST_US
from sync.query import detail
from sync.query.filters import Wanted
from sync.query.session_detail import Detail
from sync.store import bodies, connection, facts, own_fact_rows
from sync.store.facts import Fact
from sync.team_archive import conditions
from sync.team_archive.archive import Archive
from sync.team_archive.listing import Listed
from sync.views import derive, full_text

PAGE_RECORDS = 500
_ZERO = "00000000-0000-0000-0000-000000000000"
_OF_SESSION = """
select r.at_us, r.id, r.line from {schema}.records r
join {schema}.sessions s on s.number = r.session
where s.owner = %s and s.key = %s and r.at_us >= %s and (r.at_us, r.id) > (%s, %s::uuid)
order by r.at_us, r.id limit %s
"""
_ALL = """
select r.at_us, r.id, r.line from {{schema}}.records r
join {{schema}}.sessions s on s.number = r.session
where r.at_us >= %s and (r.at_us, r.id) >= (%s, %s::uuid) and not (r.at_us = %s and r.id = %s::uuid)
  and {}
order by r.at_us, r.id limit %s
"""


def lines_of(archive: Archive, session: Listed, since_us: int = EARLIEST_US) -> Iterator[bytes]:
    """The line of every record of one session, by (`at`, `id`), with its newline. JournalError."""
    at_us, unique = EARLIEST_US, _ZERO
    while True:
        values = [session.owner, session.key, since_us, at_us, unique, PAGE_RECORDS]
        rows = archive.rows(_OF_SESSION, values)
        yield from (bytes(line) + b"\n" for _, _, line in rows)
        if len(rows) < PAGE_RECORDS:
            return
        at_us, unique, _ = rows[-1]


def lines(archive: Archive, wanted: Wanted, owner: str, since_us: int) -> Iterator[bytes]:
    """The same of every session that I may read and that is wanted, in the order of time."""
    condition, given = conditions.sql(wanted, owner)
    at_us, unique = EARLIEST_US, _ZERO
    while True:
        values = [since_us, at_us, unique, at_us, unique, *given, PAGE_RECORDS]
        rows = archive.rows(_ALL.format(condition), values)
        yield from (bytes(line) + b"\n" for _, _, line in rows)
        if len(rows) < PAGE_RECORDS:
            return
        at_us, unique, _ = rows[-1]


def read(archive: Archive, session: Listed, with_values: bool = True) -> Detail:
    """One session in full, as `sync.query.detail` reads it from a home. JournalError."""
    with replica(lines_of(archive, session)) as db:
        found = detail.read(db, key_of(db, session), (), with_values=with_values)
    memory_id = session.shown["memory_id"]  # given by the home, and no part of a record
    calls = [replace(call, memory_id=memory_id) for call in found.observations]
    return replace(
        found, session=session.session(), summary=session.summary, observations=calls, archive=None
    )


@contextmanager
def replica(found: Iterable[bytes]) -> Iterator[apsw.Connection]:
    """A temporary database that holds these records and all that follows from them."""
    with (
        TemporaryDirectory(prefix="agent-journal-") as folder,
        closing(connection.open_file(Path(folder) / "journal.db")) as db,
    ):
        part: list[bytes] = []
        for line in found:
            part.append(line)
            if len(part) == PAGE_RECORDS:
                _take(db, part)
                part = []
        _take(db, part)
        yield db


def key_of(db: apsw.Connection, session: Listed) -> int:
    """The session (row) in such a database. JournalError: the archive holds none of its events."""
    query = "select session from session_states where agent = ? and id = ?"
    key = db.execute(query, (session.shown["agent"], session.shown["session"])).get
    if key is None:
        hint = "try again when its home has delivered it"
        raise JournalError("the team archive holds no event of this session", hint)
    return int(key)


def _take(db: apsw.Connection, part: list[bytes]) -> None:
    events, own = [], []
    for line in part:
        made = record.parse(line.rstrip(b"\n"))
        if made.agent == JOURNAL_AGENT:
            own.append(Fact(made, facts.understand("", "", b"null", False), None))
            continue
        meaning = facts.understand_record(made)
        packed = None if made.body == b"null" else bodies.Packed(made.body)
        events.append(Fact(made, meaning, packed))
    with db:
        new: dict[int, list[Event]] = facts.insert(db, events).events
        texts = derive.advance(db, new, own_fact_rows.insert_own(db, own), 0)
        full_text.insert(db, texts)


def json_of(session: Listed, found: Detail) -> dict[str, Any]:
    """The object of `journal show --json`, with its owner."""
    return {**found.json(), "session": session.json()}
