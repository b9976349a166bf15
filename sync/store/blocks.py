"""Payloads that are compressed together: those of one session that arrive in one batch.

Lines of one transcript name the same session, folder and message again and again, so a block takes
half of what its payloads take one by one. It belongs to events with consecutive rows; `events.body`
of each holds the byte 0x03 and, as digits, its share of the bytes. A block lies in parts of which
six fill a page of the database: they have the rows of its first events as their keys.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import apsw
import orjson

from sync.store.compression import pack, unpack

BLOCK_BYTES = 32_000  # of payloads: one is read with all of them
_PART_BYTES = 660
_LEAST_EVENTS = 4
_MARK = b"\x03"
# The bytes that the payload of `events e` takes.
STORED_BYTES = """
iif(substr(e.body, 1, 1) = x'03', cast(cast(substr(e.body, 2) as text) as integer), length(e.body))
"""
_FIND = "select key, events from blocks where key <= {} and events > 0 order by key desc limit 1"
# The rows of events whose block is gone.
WITHOUT_BLOCK = f"""
select seq from events e where substr(body, 1, 1) = x'03'
and not exists (select 1 from ({_FIND.format("e.seq")}) where e.seq < key + events)
"""


def store(db: apsw.Connection, seq: int, texts: Sequence[bytes]) -> list[bytes | None]:
    """Store the payloads of events with consecutive rows; `events.body` of each.

    None: it is not in a block, because there are too few of them or it is large.
    """
    bodies: list[bytes | None] = []
    block: list[bytes] = []
    size = 0
    for text in texts:
        if block and size + len(text) > BLOCK_BYTES:
            bodies += _store(db, seq + len(bodies), block)
            block, size = [], 0
        block.append(text)
        size += len(text)
    return bodies + _store(db, seq + len(bodies), block)


def _store(db: apsw.Connection, key: int, texts: list[bytes]) -> list[bytes | None]:
    if len(texts) < _LEAST_EVENTS:
        return [None] * len(texts)
    size, whole = _put(db, key, texts), sum(map(len, texts)) or 1
    return [_MARK + b"%d" % (size * len(text) // whole) if text else None for text in texts]


def _put(db: apsw.Connection, key: int, texts: Sequence[bytes]) -> int:
    """Write the parts of a block; its bytes."""
    data = pack(orjson.dumps(list(map(len, texts))) + b"".join(texts))
    size = max(_PART_BYTES, -(-len(data) // len(texts)))
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    rows = [(key + n, 0 if n else len(texts), part) for n, part in enumerate(parts)]
    db.executemany("insert into blocks values (?, ?, ?)", rows)
    return len(data)


def is_in_block(blob: bytes) -> bool:
    """Whether `events.body` says that the payload is in a block."""
    return blob[:1] == _MARK


class Reader:
    """Reads payloads, and keeps the last block: events that are read in turn lie in one."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._key = 0
        self._texts: tuple[bytes, ...] = ()

    def read(self, seq: int) -> bytes:
        """The payload of an event that is in a block; an empty string if it is there no longer."""
        if not self._key <= seq < self._key + len(self._texts):
            found = _find(self._db, seq)
            if found is None:
                return b'""'
            self._key, self._texts = found
        return self._texts[seq - self._key] or b'""'


def remove(db: apsw.Connection, seqs: Iterable[int]) -> None:
    """Take the payloads of these events out of their blocks."""
    gone: dict[int, list[bytes]] = {}
    for seq in sorted(seqs):
        last = next(reversed(gone), None)
        if last is None or seq - last >= len(gone[last]):
            if (found := _find(db, seq)) is None:
                continue
            last, texts = found
            gone[last] = list(texts)
        gone[last][seq - last] = b""
    for key, left in gone.items():
        db.execute("delete from blocks where key >= ? and key < ?", (key, key + len(left)))
        while left and not left[-1]:
            left.pop()  # the rows of the last events may be given out again
        if left:
            _put(db, key, left)


def _find(db: apsw.Connection, seq: int) -> tuple[int, tuple[bytes, ...]] | None:
    """The key of the block with the payload of this event, and all payloads in it."""
    rows: list[Any] = db.execute(_FIND.format("?"), (seq,)).fetchall()
    for key, events in rows:
        if seq < key + events:
            query = "select data from blocks where key >= ? and key < ?"
            parts: list[Any] = db.execute(query, (key, key + events)).fetchall()
            return key, _texts(b"".join([part for (part,) in parts]))
    return None


@lru_cache(maxsize=64)
def _texts(data: bytes) -> tuple[bytes, ...]:
    """All payloads of a block."""
    text = unpack(data)
    end = text.index(b"]") + 1
    sizes: Any = orjson.loads(text[:end])
    found = []
    for size in sizes:
        found.append(text[end : end + size])
        end += size
    return tuple(found)
