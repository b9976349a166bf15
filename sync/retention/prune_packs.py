"""Which packs may go: those in which every record is of a session that is gone.

Tombstones lie in packs as well, and outlive them: they go to a pack of their own, which stays. So
neither a rebuild nor a database from a backup ever brings a session back.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import apsw
import orjson

from journal.durable_files import sync_folder
from journal.layout import Layout
from journal.record import record
from journal.record.record import JOURNAL_AGENT, Record
from journal.times import DAY_US, to_us
from sync.retention.draft import Draft
from sync.retention.pack_file import (
    ENDING,
    DamagedPackError,
    pack_files,
    read_pack,
    tombstones_pack,
)
from sync.store import facts, own_fact_rows
from sync.store.facts import Fact
from sync.views import tombstones
from sync.views.tombstones import Grave


class Empty(NamedTuple):
    """A pack of which nothing is wanted any more but, perhaps, its tombstones."""

    path: Path
    has_tombstones: bool


@dataclass
class Packs:
    """The packs of one home. `graves`: what is about to be deleted, as if it were already."""

    db: apsw.Connection
    layout: Layout
    graves: Mapping[tuple[str, str], Grave]

    def __post_init__(self) -> None:
        self._known = tombstones.Graves(self.db)

    def empty(self, looked: dict[str, int], now_us: int) -> Iterator[Empty]:
        """The packs that may go, oldest first.

        `looked` says when a pack was read and had to stay, by its day, and is brought up to date:
        none is read twice a day. Nothing else is changed.
        """
        if not self.graves and not self._known:
            return
        doomed = orjson.dumps(self._keys()).decode()
        for path in pack_files(self.layout):
            day = path.name.removesuffix(ENDING)
            was_looked_at = 0 <= now_us - looked.get(day, -DAY_US) < DAY_US
            found = None
            if not was_looked_at and not self._lives_on(day, doomed):
                found = self._read(path)
                if found is None:
                    looked[day] = now_us
            if found is not None:
                looked.pop(day, None)
                yield found

    def _keys(self) -> list[int]:
        keys = (facts.known_key(self.db, *who) for who in self.graves)
        return [key for key in keys if key is not None]

    def _lives_on(self, day: str, doomed: str) -> bool:
        """Whether an event of that day stays: then its pack needs not be read."""
        query = """
            select exists (select 1 from session_states s
              where s.started_us < ?1 + ?2 and s.head_us >= ?1
              and s.session not in (select value from json_each(?3))
              and exists (select 1 from events e
                where e.session = s.session and e.at_us >= ?1 and e.at_us < ?1 + ?2))
        """
        return bool(self.db.execute(query, (to_us(day), DAY_US, doomed)).get)

    def _read(self, path: Path) -> Empty | None:
        """None: it holds something that stays, or cannot be read."""
        has_tombstones = False
        try:
            for made in map(record.parse, read_pack(path)):
                if is_tombstone(made):
                    has_tombstones = True
                elif not self._is_gone(made):
                    return None
        except (DamagedPackError, record.BadLineError):
            return None  # a rebuild says so
        return Empty(path, has_tombstones)

    def _is_gone(self, made: Record) -> bool:
        fact = Fact(made, facts.understand(made.agent, made.event, made.body, made.raw), None)
        if self._known.cover(fact):
            return True
        if made.agent == JOURNAL_AGENT:
            own = own_fact_rows.own_of(made)
            who = str(own.payload.get("agent")), own.session
            return who in self.graves and self.graves[who].covers_own(own)
        grave = self.graves.get(fact.session)
        return grave is not None and grave.covers(made.id, made.at_us, own_fact_rows.home_of(made))


def is_tombstone(made: Record) -> bool:
    """Whether it is a record that says of a session that nothing of it is kept."""
    return made.agent == JOURNAL_AGENT and made.event == tombstones.EVENT


def remove(layout: Layout, empty: Empty) -> None:
    """Remove such a pack. OSError, JournalError: the home cannot be written.

    Its tombstones are written down first, so it may be killed anywhere.
    """
    if empty.has_tombstones:
        _keep_tombstones(layout, empty.path)
    empty.path.unlink(missing_ok=True)
    sync_folder(empty.path.parent)


def _keep_tombstones(layout: Layout, path: Path) -> None:
    kept = tombstones_pack(layout)
    draft = Draft()
    try:
        for source in (kept, path):
            for made in map(record.parse, read_pack(source) if source.exists() else ()):
                if is_tombstone(made):
                    draft.add(made)
        draft.write(kept)
    finally:
        draft.close()
