"""How payloads are stored: compressed, and large strings once for all payloads that hold them.

Payloads of one session that arrive together lie in one block, see blocks.py; each other payload in
its event's row. A JSON string of at least LARGE_BYTES, in a payload of several times that, is cut
out and stored by its content in `bodies`; in its place are a byte 0x01, which no valid JSON holds,
and the 16 bytes of its digest. An Edit's payload holds the whole file twice and a Write's response
repeats its input: each is stored once.
"""

import re
from collections.abc import Sequence
from typing import Any

import apsw
import orjson

from sync.store import blocks
from sync.store.compression import Compressed, pack, pack_long
from sync.store.compression import unpack as unpacked

LARGE_BYTES = 1024
LONG_BYTES = 1 << 20  # longer ones are compressed at once: memory holds no copy of them
_LEAST_BYTES = 4 * LARGE_BYTES  # of a payload: smaller ones are not worth the look
_MARK = b"\x01"
# Possessive: else each escape costs a hundred bytes for a way back that is never gone.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_UNUSED = """
delete from bodies where digest = ?1 and not exists (select 1 from body_uses where digest = ?1)
"""
_CUT = re.compile(_MARK + rb"(.{16})", re.DOTALL)


class Packed:
    """A payload ready to be stored: what is left of its text, and the large values cut out."""

    __slots__ = ("large", "text")

    def __init__(self, payload: bytes) -> None:
        self.large: dict[bytes, bytes | Compressed] = {}
        self.text = self._cut(payload) if len(payload) >= _LEAST_BYTES else payload

    def _cut(self, payload: bytes) -> bytes:
        """What is left of a payload without its large values."""
        from hashlib import blake2b  # slow to load: who reads needs none

        parts: list[bytes] = []
        done = 0
        for found in _STRING.finditer(payload):
            start, end = found.span()
            if end - start < LARGE_BYTES:
                continue
            value = memoryview(payload)[start:end]
            digest = blake2b(value, digest_size=16).digest()
            if digest not in self.large:
                is_long = end - start > LONG_BYTES
                self.large[digest] = pack_long(value) if is_long else bytes(value)
            parts += (payload[done:start], _MARK + digest)
            done = end
        return b"".join((*parts, payload[done:])) if parts else payload


def store(db: apsw.Connection, seq: int, payloads: Sequence[Packed | None]) -> list[bytes | None]:
    """Store payloads of one session that arrive together; what `events.body` is to hold of each.

    `seq`: the row of the first event; those of the others follow. None: its payload is empty.
    """
    texts = [payload.text if payload is not None else b"" for payload in payloads]
    shares = blocks.store(db, seq, texts)
    if None in shares:
        shares = [
            share or (pack(text) if text else None)
            for text, share in zip(texts, shares, strict=True)
        ]
    for number, payload in enumerate(payloads, seq):
        if payload is not None and payload.large:
            _store_large(db, number, payload)
    return shares


def _store_large(db: apsw.Connection, seq: int, payload: Packed) -> None:
    """Store the large values of an event's payload, each content once."""
    for digest, value in payload.large.items():
        known = db.execute("select 1 from bodies where digest = ?", (digest,)).fetchone()
        if known is None:
            data = value if isinstance(value, Compressed) else pack(value)
            db.execute("insert into bodies values (?, ?)", (digest, data))
        db.execute("insert or ignore into body_uses values (?, ?)", (digest, seq))


def release(db: apsw.Connection, seqs: list[int]) -> None:
    """Remove what is stored outside the rows of these events, as far as no other event has it."""
    blocks.remove(db, seqs)
    rows: list[Any] = db.execute(
        "delete from body_uses where seq in (select value from json_each(?)) returning digest",
        (orjson.dumps(seqs).decode(),),
    ).fetchall()
    db.executemany(_UNUSED, set(rows))


def replace(db: apsw.Connection, changed: Sequence[tuple[int, bytes | None, bytes]]) -> None:
    """Give events other payloads: each its row, what `events.body` holds, and the new payload.

    A large value that only the old payload held is removed.
    """
    made = []
    reader = Reader(db)
    for seq, blob, payload in changed:
        new = Packed(payload)
        gone = set(_CUT.findall(reader.text(seq, blob))) - new.large.keys()
        _store_large(db, seq, new)
        for digest in gone:
            db.execute("delete from body_uses where digest = ? and seq = ?", (digest, seq))
            db.execute(_UNUSED, (digest,))
        made.append((pack(new.text), seq))
    blocks.remove(db, [seq for seq, _, _ in changed])
    db.executemany("update events set body = ? where seq = ?", made)


class Reader:
    """Reads the payloads of events."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._blocks = blocks.Reader(db)

    def unpack(self, seq: int, blob: bytes | None) -> bytes:
        """An event's payload, JSON text, byte for byte as it was packed; `null` for none."""
        text = self.text(seq, blob)
        return text if _MARK not in text else _CUT.sub(self._large, text)

    def text(self, seq: int, blob: bytes | None) -> bytes:
        """What is left of a payload where its large values are cut out."""
        if blob is None:
            return b"null"
        return self._blocks.read(seq) if blocks.is_in_block(blob) else unpacked(blob)

    def _large(self, found: re.Match[bytes]) -> bytes:
        query = "select data from bodies where digest = ?"
        row = self._db.execute(query, (found[1],)).fetchone()
        return unpacked(row[0]) if row else b'""'
