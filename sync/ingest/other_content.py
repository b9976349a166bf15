"""Records whose ids are stored already, with other content: two records have one id."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import apsw

from journal.record import record
from sync.ingest.screening import Screen
from sync.store import bodies, deletion, redactions
from sync.store.facts import Fact

REASON = "its id belongs to another record"
Place = tuple[Path, int, bytes]  # file, offset, line; b"" if it is made of the record again


def of_events(
    db: apsw.Connection, screen: Screen, known: list[Fact], read: Iterable[tuple[Fact, Place]]
) -> Iterator[Place]:
    """Where those of the known facts stand that say something else than what is stored."""
    places = {id(fact): place for fact, place in read}
    reader = bodies.Reader(db)
    for fact in known:
        query = "select seq, body, name, raw from events where id = ?"
        rows: list[Any] = db.execute(query, (fact.record.id,)).fetchall()
        ((seq, blob, name, raw),) = rows
        if raw == deletion.REMOVED:
            continue  # it cannot be known any more
        stored = reader.unpack(seq, blob)
        if not _is_same(fact.record, stored, raw == 1):  # other rules may have redacted it
            stored = screen.body(fact.record._replace(body=stored))
        if name == fact.record.event and _is_same(fact.record, stored, raw == 1):
            continue
        other_rules = redactions.of_event(db, seq) != screen.redactor.rules
        if name == fact.record.event and other_rules:
            continue  # what other rules have left cannot be compared
        yield _with_line(places[id(fact)], fact)


def of_own(
    db: apsw.Connection, screen: Screen, read: Iterable[tuple[Fact, Place]]
) -> Iterator[Place]:
    """The same of the journal's own facts."""
    for fact, place in read:
        query = "select line from own_facts where id = ?"
        line_stored = db.execute(query, (fact.record.id,)).get
        if line_stored is None:
            continue  # a tombstone covers it
        stored, made = record.parse(bytes(line_stored).rstrip()), fact.record
        if stored.body != made.body:  # other rules may have redacted it
            stored = stored._replace(body=screen.body(stored))
        if (stored.event, stored.body) != (made.event, made.body):
            yield _with_line(place, fact)


def _with_line(place: Place, fact: Fact) -> Place:
    path, offset, line = place
    return path, offset, line or record.dump(fact.record).rstrip()


def _is_same(made: record.Record, stored: bytes, raw: bool) -> bool:
    """Whether a record's body is the stored one; an export may hold its text (`strict_line`)."""
    if made.raw and not raw:
        return record.raw_text(made.body).encode("utf-8", "surrogateescape") == stored
    return made.body == stored
