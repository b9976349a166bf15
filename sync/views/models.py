"""The view of a model's work: calls that were made, how they ended, which sessions it is for.

A call is in the journal before it is made, so that a killed one counts. A summary is given with the
time up to which it knows its session.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import apsw
import orjson

from journal.record.own_facts import Link, after_of, in_force
from journal.session.event import Event
from journal.session.meaning import Kind
from journal.session.summary import Summary, from_fields
from journal.times import to_us
from sync.store.own_fact_rows import OwnFact
from sync.views.memory_ids import agent_kind

# What there is to summarise: a start, an end or a notice adds nothing.
_TELLING = frozenset((Kind.PROMPT, Kind.TOOL_AFTER, Kind.TOOL_FAILED, Kind.TURN_END))
KINDS = {"ModelCall": "call", "ModelFailure": "failure", "Summary": "summary"}


class ModelSummary(NamedTuple):
    """The summary that a model gave of a session, and up to when it knows it."""

    covers_us: int
    summary: Summary


def add_facts(db: apsw.Connection, own: Iterable[OwnFact]) -> None:
    """Take new records of a model's calls in."""
    rows = [_row(fact) for fact in own if fact.name in KINDS]
    insert = "insert or replace into model_records values (?, ?, ?, ?, ?, ?, ?, ?)"
    db.executemany(insert, [row for row in rows if row])
    session = "select key from sessions where agent = ? and id = ?"
    done = f"delete from model_work where session = ({session})"
    db.executemany(done, [(row[2], row[3]) for row in rows if row and row[4] == "summary"])


def _row(fact: OwnFact) -> tuple[Any, ...] | None:
    agent = fact.payload.get("agent")
    if not isinstance(agent, str):
        return None  # of no session: it stays a fact, and nothing follows from it
    kind, covers_us, said = KINDS[fact.name], fact.at_us, ""
    if kind == "summary":
        made = from_fields(fact.payload.get("summary", fact.payload), fact.at_us)
        if made is None:
            return None
        covers_us = _covers_us(fact)
        said = orjson.dumps({**made.model_dump(), "memory_id": _memory_id(fact)}).decode()
    elif kind == "failure":
        said = orjson.dumps(
            {k: str(fact.payload.get(k, "")) for k in ("class", "message")}
        ).decode()
    after = after_of(fact.payload)
    return fact.id, fact.at_us, agent, fact.session, kind, covers_us, said, after


def _memory_id(fact: OwnFact) -> str | None:
    said = fact.payload.get("memory_id")
    return said if isinstance(said, str) else None


def _covers_us(fact: OwnFact) -> int:
    try:
        return to_us(str(fact.payload["covers"]))
    except (KeyError, ValueError):
        return fact.at_us


def latest(db: apsw.Connection, agent: str, session: str) -> ModelSummary | None:
    """The summary that a model gave of a session and that no other has replaced."""
    found = summary_record(db, agent, session)
    if found is None:
        return None
    query = "select covers_us, said from model_records where record = ?"
    rows: list[Any] = db.execute(query, (found,)).fetchall()
    ((covers_us, said),) = rows
    return ModelSummary(covers_us, Summary.model_validate_json(said))


def summary_record(db: apsw.Connection, agent: str, session: str) -> bytes | None:
    """Its record: the next one replaces it."""
    query = """
        select at_us, record, after from model_records
        where agent = ? and session = ? and kind = 'summary'
    """
    found = in_force(Link(*row) for row in db.execute(query, (agent, session)))
    return None if found is None else found.id


def note_work(db: apsw.Connection, new: Mapping[int, list[Event]]) -> None:
    """These sessions went on: if a model summarises, there may be something for it to do.

    Only for what hooks reported: an import of ten thousand sessions asks no model.
    """
    if agent_kind(db) == "command":
        reported = ((key, event) for key, events in new.items() for event in events)
        rows = {
            (key,)
            for key, event in reported
            if event.meaning.kind in _TELLING and not event.meaning.reported
        }
        db.executemany("insert or ignore into model_work values (?)", rows)


def keep_work_since(db: apsw.Connection, since_us: int) -> None:
    """Forget what is to be done for sessions that were silent all the time since."""
    old = "select session from session_states where last_us < ?"
    db.execute(f"delete from model_work where session in ({old})", (since_us,))


def drop_all(db: apsw.Connection) -> None:
    """Remove what was stored, before all of it is stored again; what is to be done stays."""
    db.execute("delete from model_records")


def drop_session(db: apsw.Connection, agent: str, session: str) -> None:
    """Remove what was stored of one session."""
    db.execute("delete from model_records where agent = ? and session = ?", (agent, session))


def drop_work(db: apsw.Connection, session: int) -> None:
    """There is nothing more to be done for a session: it goes."""
    db.execute("delete from model_work where session = ?", (session,))
