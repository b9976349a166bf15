"""The stage in which a model is asked about sessions, one after the other.

Whatever comes of it is appended to the journal like any record, and taken in by the next pass: the
call before it is made, so that a killed one counts; then its failure, or the summary and the id.
"""

import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import apsw

from journal.errors import BusyError
from journal.record import own_facts
from journal.times import to_text
from sync.conditions import Conditions
from sync.memory import work
from sync.memory.agents import MemoryAgent, agent_of
from sync.memory.answer import Answer
from sync.memory.digest import digest
from sync.memory.errors import ModelError, StoppedError
from sync.memory.work import Due
from sync.store import connection
from sync.store.locks import locked
from sync.views import models


@dataclass(slots=True)
class Asked:
    """What became of it. `waiting`: sessions that a model is still to be asked about."""

    asked: int = 0
    answered: int = 0
    waiting: int = 0
    error: ModelError | None = None  # of the last call, or why none was made


def ask(conditions: Conditions) -> Asked:
    """Ask about what is due, for not much longer than one call may take.

    Nothing is asked while another process asks, or before a failure's wait is over. JournalError:
    the database or the journal cannot be used.
    """
    memory = conditions.settings.memory
    agent = agent_of(memory, conditions.layout.home, conditions.environ)
    if not agent.is_asked or not _due(conditions):
        return Asked()
    try:
        with locked(conditions.layout.model_lock, lambda: False):
            conditions.take_in()  # what another process has just asked counts
            return _ask(conditions, agent)
    except BusyError:
        return Asked(waiting=len(_due(conditions)))


def _ask(conditions: Conditions, agent: MemoryAgent) -> Asked:
    done = Asked()
    until = time.monotonic() + conditions.settings.memory.timeout_seconds
    try:
        with closing(connection.open_store(conditions.layout)) as db:
            if (
                conditions.now_us
                < work.failures(db, conditions.settings, conditions.now_us).again_us
            ):
                return Asked(waiting=len(_due(conditions)))
            agent.check()
            for one in work.due(db, conditions.settings, conditions.now_us):
                if conditions.stopping() or time.monotonic() > until:
                    break
                done.asked += 1
                _call(conditions, agent, db, one)
                done.answered += 1
    except ModelError as error:
        done.error = error
    except apsw.Error as error:
        raise connection.explain(error, conditions.layout.database) from error
    done.waiting = len(_due(conditions)) - done.answered
    return done


def _call(conditions: Conditions, agent: MemoryAgent, db: apsw.Connection, one: Due) -> None:
    """One call with its records. ModelError: it failed, which is recorded."""
    conditions.tell(f"asking the memory agent about {one.session}")
    _record(conditions, one, "ModelCall", {"attempt": one.calls + 1})
    try:
        answer = agent.ask(digest(db, one.key), conditions.stopping)
    except StoppedError:
        raise  # it is we who gave up
    except ModelError as error:
        _record(conditions, one, "ModelFailure", {"class": error.kind, "message": str(error)})
        raise
    _keep(conditions, db, one, answer)


def _keep(conditions: Conditions, db: apsw.Connection, one: Due, answer: Answer) -> None:
    if answer.memory_id is not None and work.bound_id(db, one) is None:
        _record(conditions, one, "MemoryId", {"memory_id": answer.memory_id})
    covers = to_text(one.covers_us)
    replaced = own_facts.replaces(models.summary_record(db, one.agent, one.session))
    said = {"memory_id": answer.memory_id, "covers": covers, "summary": answer.fields, **replaced}
    _record(conditions, one, "Summary", said)


def _record(conditions: Conditions, one: Due, event: str, payload: dict[str, Any]) -> None:
    who = one.agent, one.session
    own_facts.append(conditions.layout, event, who, payload, conditions.clock_ns())


def _due(conditions: Conditions) -> list[Due]:
    with closing(connection.open_store(conditions.layout)) as db:
        return work.due(db, conditions.settings, conditions.now_us)
