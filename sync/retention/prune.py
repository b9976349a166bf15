"""Retention: what is older than its limit goes; a plan first (see prune_plan), then the deed.

Invariant: each step is whole in itself, and the next plan begins with what is left; so it may be
killed anywhere, and doing it twice is doing it once. What is gone stays gone, for a tombstone goes
to the journal before the rows do.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import apsw
import orjson

from journal.durable_files import write_whole
from journal.errors import JournalError
from journal.layout import Layout
from journal.record import own_facts
from journal.settings.sources import Settings
from journal.times import DAY_US, SECOND_US
from sync.retention import prune_packs
from sync.retention.prune_plan import Plan, plan
from sync.store import own_fact_rows, vacuum
from sync.views import contexts, session_deletion, tombstones
from sync.views.tombstones import Grave

Item = TypeVar("Item")

HOUR_US = 3_600 * SECOND_US
_SESSIONS_AT_ONCE = 200  # deleted in one transaction
_FILE = "retention"  # what the file of tombstones is called, in place of a session


@dataclass(slots=True)
class Memory:
    """What `<home>/pruned` remembers; a damaged one is as good as none."""

    at_us: int = -DAY_US
    looked: dict[str, int] = field(default_factory=dict)  # packs that had to stay, by day

    def is_due(self, now_us: int) -> bool:
        """An hour has gone by, or the clock was set back."""
        return not 0 <= now_us - self.at_us < HOUR_US


def hourly(
    db: apsw.Connection, layout: Layout, settings: Settings, now_us: int, *, now: bool = False
) -> Plan:
    """Do what is due, at most once an hour, or `now`; what was done.

    To be called under the lock, outside a transaction, after ingest. JournalError: full disk,
    missing rights.
    """
    memory = load(layout)
    if not now and not memory.is_due(now_us):
        return Plan()
    made = plan(db, layout, settings, now_us, memory.looked)
    carry_out(db, layout, made, now_us)
    data = orjson.dumps({"at": now_us, "looked": memory.looked})
    write_whole(layout.pruned, data + b"\n")
    return made


def load(layout: Layout) -> Memory:
    """When it was done last, and what was seen then."""
    try:
        found = orjson.loads(layout.pruned.read_bytes())
        looked = {str(day): int(at_us) for day, at_us in found["looked"].items()}
        return Memory(int(found["at"]), looked)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return Memory()


def carry_out(db: apsw.Connection, layout: Layout, made: Plan, now_us: int) -> None:
    """Do what was planned under the same lock. JournalError: full disk, missing rights."""
    try:
        for graves in _batches(made.sessions):
            own = _bury(db, layout, graves, now_us)
            with db:
                session_deletion.bury(db, own, now_us)
        for keys in _batches(made.silenced):
            with db:
                session_deletion.remove_bodies(db, keys, made.before_us)
        for pack in made.packs:  # the oldest first, see prune_packs
            prune_packs.remove(layout, pack)
        for path in (*made.copies, *contexts.unused(db, layout)):
            path.unlink(missing_ok=True)
    except OSError as error:
        problem = f"cannot prune {error.filename or layout.home}: {error.strerror}"
        raise JournalError(problem, "check the owner and rights of the home") from error
    if made.sessions or made.silenced:
        vacuum.shrink(db)


def _bury(
    db: apsw.Connection, layout: Layout, graves: tuple[Grave, ...], now_us: int
) -> list[own_fact_rows.OwnFact]:
    """The tombstones, in one file of the journal."""
    home = "" if layout.closed_folders() else layout.id
    named = [tombstones.named(db, grave, home) for grave in graves]
    said = [((one.agent, one.session), tombstones.payload(one)) for one in named]
    made = own_facts.append_all(layout, tombstones.EVENT, said, now_us * 1000, _FILE)
    return [own_fact_rows.own_of(one) for one in made]


def _batches(items: tuple[Item, ...]) -> Iterator[tuple[Item, ...]]:
    starts = range(0, len(items), _SESSIONS_AT_ONCE)
    return (items[at : at + _SESSIONS_AT_ONCE] for at in starts)
