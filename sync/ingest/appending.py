"""Appends records that come from elsewhere to the journal, each once.

A record whose id the database holds is left out, and so is one that was appended in this run, one
that a tombstone covers, and one that is not to be captured. Memory holds one batch, and the ids of
this run up to a bound; the rest of them lies in an unnamed temporary file.
"""

from pathlib import Path
from typing import Any

import apsw
import orjson

from hooks import emit
from journal.durable_files import append_line
from journal.layout import Layout
from journal.record import record
from journal.redaction.exclusions import Exclusions
from journal.times import DAY_US, day_of
from sync.ingest.screening import Trail
from sync.store import facts
from sync.store.facts import Fact
from sync.views import tombstones

_BATCH_RECORDS = 2_000
_BATCH_BYTES = 8 << 20
_MOST_CHARS = 64  # of an agent in a file's name, which may have 255 with the session's
_CACHE_KIB = 16_000
_MOST_PLACES = 4096  # that are remembered


class Appender:
    """Takes records and appends those that are new; a context, which gives its file back.

    `appended`, `known`, `excluded` and `sessions` count what a dry run would append, too.
    """

    def __init__(
        self,
        db: apsw.Connection,
        layout: Layout,
        dry_run: bool = False,
        exclusions: Exclusions | None = None,
    ) -> None:
        self._db = db
        self._layout = layout
        self._dry_run = dry_run
        self._batch: list[tuple[record.Record, bytes, tuple[str, str]]] = []
        self._batch_bytes = 0
        self._places: dict[tuple[str, str, int], Path] = {}
        self.appended = 0
        self.known = 0
        self.excluded = 0
        self._trail = Trail(exclusions) if exclusions else None
        self._seen = apsw.Connection("")
        self._seen.pragma("journal_mode", "off")
        self._seen.pragma("cache_size", -_CACHE_KIB)
        self._seen.execute("create table records (id blob primary key) strict, without rowid")
        self._seen.execute("create table sessions (agent, id, primary key (agent, id))")
        self._seen.execute("begin")

    def __enter__(self) -> "Appender":
        return self

    def __exit__(self, *_: object) -> None:
        self._seen.close()

    @property
    def sessions(self) -> int:
        """Of how many sessions something new was appended."""
        return int(self._seen.execute("select count(*) from sessions").get)

    def add(self, made: record.Record, line: bytes, session: tuple[str, str]) -> None:
        """Take a record: its line without the newline, and the session that it is of."""
        if self._trail is not None and self._trail.excludes(made):
            self.excluded += 1
            return
        self._batch.append((made, line, session))
        self._batch_bytes += len(line)
        if len(self._batch) >= _BATCH_RECORDS or self._batch_bytes >= _BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Append what is new of the batch. JournalError: it cannot be written."""
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        records = [made for made, _, _ in batch]
        stored = self._stored(records) | self._forgotten(records)
        parts: dict[Path, list[bytes]] = {}
        for made, line, session in batch:
            if _key(made) in stored or not self._note(made, session):
                self.known += 1
                continue
            self.appended += 1
            parts.setdefault(self._place(made), []).append(line)
        if not self._dry_run:
            for path, some in parts.items():
                append_line(path, b"\n".join(some), b"\n")

    def _forgotten(self, records: list[record.Record]) -> set[bytes]:
        """Those of which this home keeps nothing any more."""
        if not self._db.table_exists("main", "tombstones"):
            return set()  # a dry run, before the home's database is led up to this version
        if not tombstones.Graves(self._db):
            return set()
        found = [Fact(one, facts.understand_record(one), None) for one in records]
        left = {id(fact) for fact in tombstones.uncovered(self._db, found)}
        return {_key(fact.record) for fact in found if id(fact) not in left}

    def _stored(self, records: list[record.Record]) -> set[bytes]:
        """Those that the database holds."""
        found: set[bytes] = set()
        for own, table in ((False, "events"), (True, "own_facts")):
            ids = [made.id.hex() for made in records if (made.agent == record.JOURNAL_AGENT) is own]
            query = f"select id from {table} where id in (select unhex(value) from json_each(?))"
            rows: list[Any] = self._db.execute(query, (orjson.dumps(ids).decode(),)).fetchall()
            found |= {bytes([own]) + unique for (unique,) in rows}
        return found

    def _note(self, made: record.Record, session: tuple[str, str]) -> bool:
        """Whether this record is met for the first time in this run."""
        insert = "insert or ignore into records values (?)"
        self._seen.execute(insert, (_key(made),))
        if not self._seen.changes():
            return False
        self._seen.execute("insert or ignore into sessions values (?, ?)", session)
        return True

    def _place(self, made: record.Record) -> Path:
        """The file that its emitter would have written it to."""
        what = made.agent, made.session, made.at_us // DAY_US
        if (known := self._places.get(what)) is not None:
            return known
        if len(self._places) >= _MOST_PLACES:
            self._places.clear()
        return self._places.setdefault(what, _place(self._layout, made))


def _key(made: record.Record) -> bytes:
    """Events and the journal's own facts may share an id, and do not mix."""
    return bytes([made.agent == record.JOURNAL_AGENT]) + made.id


def _place(layout: Layout, made: record.Record) -> Path:
    """No name from elsewhere leads out of the day's folder."""
    agent = emit.file_name("", made.agent)[1:][:_MOST_CHARS]
    return layout.days / day_of(made.at_us) / f"{emit.file_name(agent, made.session)}.jsonl"
