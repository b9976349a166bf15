"""The stage in which a model is asked about sessions, one after the other.

What comes of it is appended to the journal like any record, and stored by the next pass: the
call before it is made, so that a killed one counts; then its failure, or the summary and the id.
"""

import sys
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import apsw

from journal.errors import BusyError
from journal.record import own_facts
from journal.times import to_text
from journal.verbose import step
from sync.conditions import Conditions
from sync.ingest.screening import make_redactor
from sync.memory import work
from sync.memory.agents import MemoryAgent, agent_of
from sync.memory.answer import Answer
from sync.memory.digest import digest
from sync.memory.errors import ModelError, StoppedError
from sync.memory.work import Due
from sync.store import connection
from sync.store.locks import locked
from sync.views import models

LARGE_BATCH = 10  # calls, before which an estimate is given
_SAMPLE = 20  # sessions that it is made from
_CHARS_PER_TOKEN = 4


@dataclass(slots=True)
class Asked:
    """What became of it. `waiting`: sessions that a model is still to be summarized."""

    asked: int = 0
    answered: int = 0
    waiting: int = 0
    over_budget: int = 0  # of them, those that the limit of calls a day leaves for later
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
            conditions.run_pass()  # what another process has just asked counts
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
            due = work.due(db, conditions.settings, conditions.now_us)
            left = _left(conditions, db)
            done.over_budget = max(0, len(due) - left)
            due = due[:left]
            if due:
                _check(conditions, agent, due[0])
            _say_estimate(conditions, db, due)
            for one in due:
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


def _left(conditions: Conditions, db: apsw.Connection) -> int:
    """How many calls the limit of a day allows."""
    most = conditions.settings.memory.max_calls_per_day
    if not most:
        return sys.maxsize
    return max(0, most - work.calls_of_a_day(db, conditions.now_us))


def _say_estimate(conditions: Conditions, db: apsw.Connection, due: list[Due]) -> None:
    """Before a large batch: how many calls, and roughly how much text."""
    if len(due) < LARGE_BATCH:
        return
    some = [len(digest(db, one.key)) for one in due[:_SAMPLE]]
    tokens = sum(some) * len(due) // len(some) // _CHARS_PER_TOKEN
    conditions.report(f"{len(due):,} sessions to summarize: about {tokens:,} input tokens")


def _check(conditions: Conditions, agent: MemoryAgent, one: Due) -> None:
    """ModelError: the program cannot be started. It counts as a failure, and as no call."""
    try:
        agent.check()
    except ModelError as error:
        raise _failed(conditions, one, error) from error


def _failed(conditions: Conditions, one: Due, error: ModelError) -> ModelError:
    """The error as it may be shown: what a program writes to stderr may hold a secret."""
    redactor = make_redactor(conditions.layout, conditions.settings)
    shown = ModelError(error.kind, redactor.text(str(error)))
    _record(conditions, one, "ModelFailure", {"class": shown.kind, "message": str(shown)})
    return shown


def _call(conditions: Conditions, agent: MemoryAgent, db: apsw.Connection, one: Due) -> None:
    """One call with its records. ModelError: it failed, which is recorded."""
    conditions.report(f"asking the memory agent about {one.session}")
    step(f"call {one.calls + 1} of the model program for session {one.session}")
    _record(conditions, one, "ModelCall", {"attempt": one.calls + 1})
    try:
        answer = agent.ask(digest(db, one.key), conditions.stopping)
    except StoppedError:
        raise  # it is we who gave up
    except ModelError as error:
        raise _failed(conditions, one, error) from error
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
