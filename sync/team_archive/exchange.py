"""What a pass does with the team archive behind its deliveries: obey deletions, and pull.

A server that did not answer the deliveries is not asked again in the same pass.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import SystemRandom
from typing import Any

from journal.errors import BusyError, JournalError
from sync.conditions import Conditions
from sync.delivery import circuit_breaker
from sync.delivery.circuit_breaker import Remotes
from sync.remote.contract import RemoteError
from sync.remote.naming import name_of
from sync.remote.postgres.tombstone import Tombstone
from sync.store.locks import locked

_TOMBSTONES = "tombstones"  # in the memory of the remote, see sync/remote/postgres/remote.py


@dataclass(slots=True)
class Exchanged:
    """What came of it."""

    records: int = 0
    sessions: int = 0
    deleted: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def brought(self) -> bool:
        """Whether anything changed here."""
        return bool(self.records or self.deleted)

    @property
    def did_something(self) -> bool:
        """Whether there is anything to log."""
        return self.brought or bool(self.problems)


def run(conditions: Conditions, *, is_reachable: bool) -> Exchanged:
    """One run. Each failure is reported, and the next pass tries again."""
    done = Exchanged()
    if conditions.settings.remote.kind != "postgres":
        return done
    try:
        if is_reachable:  # what is to be deleted is kept until it is
            done.deleted += _obey(conditions)
        if is_reachable and conditions.settings.remote.pull != "none":
            _pull(conditions, done)
    except BusyError:
        return done  # another process is at it; the next pass goes on
    except JournalError as error:
        hint = f" ({error.hint})" if error.hint else ""
        done.problems.append(f"{error}{hint}")
    return done


def _obey(conditions: Conditions) -> int:
    """What deliveries learned of deletions."""
    remotes = circuit_breaker.load(conditions.layout.remotes)
    memory = remotes.memory(name_of(conditions.settings.remote, conditions.layout))
    found = list(_tombstones(memory.get(_TOMBSTONES)))
    if not found:
        return 0
    from sync.team_archive import deletion
    from sync.team_archive.archive import Archive

    layout, settings = conditions.layout, conditions.settings
    with Archive(layout, settings.remote, conditions.environ) as archive:
        named = deletion.named(archive, found)
    done = deletion.obey(layout, settings, named, conditions.clock_ns(), lambda: False)
    conditions.run_pass()
    with _remembered(conditions) as (remotes, name):
        memory = remotes.memory(name)
        left = [one for one in memory.get(_TOMBSTONES, []) if tuple(one) not in found]
        memory[_TOMBSTONES] = left
    return done


@contextmanager
def _remembered(conditions: Conditions) -> Iterator[tuple[Remotes, str]]:
    """What is remembered of remotes, to be changed and saved; and the archive's name.

    BusyError: a delivery is running, which writes there.
    """
    layout = conditions.layout
    with locked(layout.deliver_lock, lambda: False):
        remotes = circuit_breaker.load(layout.remotes)
        yield remotes, name_of(conditions.settings.remote, layout)
        circuit_breaker.save(layout.remotes, remotes)


def _tombstones(said: Any) -> list[Tombstone]:
    listed = said if isinstance(said, list) else []
    return [Tombstone(*one) for one in listed if isinstance(one, list) and len(one) == 3]


def _pull(conditions: Conditions, done: Exchanged) -> None:
    from sync.team_archive import pulling

    remote, layout = conditions.settings.remote, conditions.layout
    key = circuit_breaker.settings_key(remote, has_token=True)
    circuit = circuit_breaker.load(layout.remotes).circuit(name_of(remote, layout), key)
    if not circuit_breaker.allows(circuit, conditions.now_us):
        return
    order = pulling.Order(
        conditions.layout,
        conditions.settings,
        conditions.environ,
        conditions.clock_ns,
        conditions.run_pass,
        lambda: False,
        shared=remote.pull == "shared",
        seconds=remote.pass_seconds,
    )
    try:
        pulled = pulling.run(order)
    except JournalError as error:
        if isinstance(error.__cause__, RemoteError):
            _note_failure(conditions, key, error.__cause__)
        raise
    if circuit.state != "closed":
        with _remembered(conditions) as (remotes, name):
            closed = circuit_breaker.succeeded(circuit, conditions.now_us)
            last_us = circuit.last_success_us  # of a delivery
            remotes.circuits[name] = replace(closed, last_success_us=last_us)
    done.records, done.sessions = pulled.records, pulled.sessions
    done.deleted += pulled.deleted


def _note_failure(conditions: Conditions, key: str, error: RemoteError) -> None:
    """A dead server is asked less and less often, by pulls as by deliveries."""
    with _remembered(conditions) as (remotes, name):
        remotes.circuits[name] = circuit_breaker.failed(
            remotes.circuit(name, key), error, conditions.now_us,
            conditions.settings.retry, SystemRandom(),
        )  # fmt: skip
