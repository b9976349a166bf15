"""What an old database gives of the facts that the journal no longer holds, sound or damaged.

In a damaged one the rows are listed in several ways, by the table and by its indexes, each from
both ends up to the damage; then each row is read by its number. So one bad page costs the rows
that lie on it, and what is lost can be counted and dated.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import apsw
import zstandard

from journal.record import record
from journal.times import day_of
from sync.store import facts
from sync.store.blocks import WITHOUT_BLOCK

MAX_GUESS_CHARS = 4096  # of a session's id in a header; a payload may name a longer one
AT_ONCE = 50  # bodies may have megabytes
_TABLES = ("sessions", "origins", "events", "blocks", "bodies", "body_uses", "own_facts")
_WAYS = (
    "select seq, id from events indexed by sqlite_autoindex_events_1 order by id",
    "select seq, id from events not indexed order by seq",
    "select seq, null from events indexed by events_by_time order by session",
)
_OWN = "select id, line from own_facts order by id"
_CUT = f"""
select seq from body_uses where digest not in (select digest from bodies)
union {WITHOUT_BLOCK}
"""
_DAMAGE = (
    *(apsw.CorruptError, apsw.NotADBError, apsw.IOError, apsw.SQLError, apsw.InternalError),
    *(apsw.NoMemError, apsw.TooBigError),  # a length that cannot be true
)
_UNREADABLE = (*_DAMAGE, zstandard.ZstdError, ValueError, TypeError, MemoryError)


@dataclass(slots=True)
class Loss:
    """What was in a damaged database and cannot be read, as far as that is known."""

    sound: bool = True  # its facts are as they were written
    events: int = 0
    days: set[str] = field(default_factory=set)
    certain: bool = True  # all of it is counted here
    claimed_events: int | None = None  # what the database says that it holds; None: it does not say
    claimed_sessions: int | None = None

    def __bool__(self) -> bool:
        return bool(self.events) or not self.certain


class Salvage:
    """One look at an old database. `is_known(id, own)` says what the journal has given already.

    `own`: it is the id of one of the journal's own facts. Iterate `records` to its end; then
    `loss` is complete. apsw.BusyError: another process has locked the database.
    """

    def __init__(self, db: apsw.Connection, is_known: Callable[[bytes, bool], bool]) -> None:
        self.sound = all(_is_sound(db, table) for table in _TABLES)
        self.loss = Loss(self.sound)
        self._db = db
        self._is_known = is_known
        self._seen: set[int] = set()  # rows, in a damaged database
        self._missing: dict[int, bytes | None] = {}  # row and id of what only this database holds

    def records(self) -> Iterator[record.Record]:
        """Every fact that the journal does not hold and that can be read, each once."""
        self.loss.claimed_events = _count(self._db, "events")
        self.loss.claimed_sessions = _count(self._db, "sessions")
        yield from self._own_facts()
        self._find()
        cut = set() if self.sound else self._cut()
        rows = sorted(self._missing)
        for at in range(0, len(rows), AT_ONCE):
            for stored in self._read(rows[at : at + AT_ONCE]):
                e, listed = stored.event, self._missing[stored.event.seq]
                if listed != e.id and self._is_known(e.id, False):
                    continue
                made = _record(stored)
                if made is None or e.seq in cut or listed not in (None, e.id):
                    self._lose(listed)  # what is left of it is kept
                if made is not None:
                    yield made

    def _own_facts(self) -> Iterator[record.Record]:
        seen: set[bytes] = set()
        for order in ("", " desc"):
            try:
                for unique, line in self._db.execute(_OWN + order):
                    if unique not in seen and not self._is_known(unique, True):
                        seen.add(unique)
                        yield record.parse(line.rstrip(b"\n"))
            except _UNREADABLE:
                self._doubt()
                continue
            return

    def _find(self) -> None:
        """Fill `_missing`. Of a damaged database that is certain on which two ways agree."""
        ways = _WAYS[:1] if self.sound else _WAYS
        sums = [found for found in map(self._follow, ways) if found is not None]
        if len(sums) < min(2, len(ways)) or len(set(sums)) > 1:
            self._doubt()

    def _follow(self, way: str) -> tuple[int, int] | None:
        """Note all rows of one way; how many they are, and their sum. None: it is damaged."""
        number = total = 0
        try:
            for row, unique in self._db.execute(way):
                self._note(row, unique)
                number, total = number + 1, total + row
            return number, total
        except _UNREADABLE:
            pass
        with suppress(*_UNREADABLE):
            for row, unique in self._db.execute(way + " desc"):
                self._note(row, unique)
        return None

    def _note(self, row: int, unique: bytes | None) -> None:
        if not isinstance(row, int) or not isinstance(unique, bytes | None):
            raise ValueError("no row of ours")
        if not self.sound:
            if row in self._seen:
                return
            self._seen.add(row)
        if unique is None or not self._is_known(unique, False):
            self._missing[row] = unique

    def _cut(self) -> set[int]:
        """The rows of events of which a large value is gone."""
        try:
            return {row for (row,) in self._db.execute(_CUT)}
        except _UNREADABLE:
            return set()  # an event whose values cannot be read is not read at all

    def _read(self, rows: list[int]) -> Iterator[facts.Stored]:
        """These rows, as far as they can be read: in ever smaller groups."""
        try:
            found = facts.events_at(self._db, rows)
        except _UNREADABLE:
            if len(rows) == 1:
                self._lose(self._missing[rows[0]])
                return
            half = len(rows) // 2
            yield from self._read(rows[:half])
            yield from self._read(rows[half:])
            return
        for row in rows:
            if row in found:
                yield found[row]
            else:
                self._lose(self._missing[row])

    def _doubt(self) -> None:
        self.loss.certain = self.loss.sound = False

    def _lose(self, unique: bytes | None) -> None:
        self.loss.events += 1
        self.loss.sound = False
        if unique is not None:  # a UUIDv7 begins with its time in milliseconds (RFC 9562, 5.7)
            with suppress(OverflowError):  # behind the year 9999: it is not one of our ids
                self.loss.days.add(day_of(int.from_bytes(unique[:6]) * 1000))


def _record(stored: facts.Stored) -> record.Record | None:
    """The record that an event was made of; None if it cannot have been one."""
    e, origin = stored.event, dict(stored.event.origin)
    made = record.Record(
        e.id, e.at_us, e.agent, e.name, stored.session, origin, stored.body, stored.raw
    )
    try:
        short = made._replace(session=made.session[:MAX_GUESS_CHARS])
        return made if record.parse(record.dump(short)[:-1]) == short else None
    except (*_UNREADABLE, OverflowError, AttributeError):
        return None


def _is_sound(db: apsw.Connection, table: str) -> bool:
    try:
        return bool(db.execute(f"pragma quick_check({table})").get == "ok")
    except _DAMAGE:
        return False


def _count(db: apsw.Connection, table: str) -> int | None:
    try:
        return int(db.execute(f"select count(*) from {table}").get)
    except _DAMAGE:
        return None
