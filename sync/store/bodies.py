"""How payloads are stored: compressed, and large strings once for all payloads that hold them.

A JSON string of at least LARGE_BYTES, in a payload of several times that, is cut out and stored by
its content in `bodies`; in its place are a byte 0x01, which no valid JSON holds, and the 16 bytes
of its digest. An Edit's
payload holds the whole file twice and a Write's response repeats its input: each is stored once.
Compression is zstd with a dictionary of typical payloads, because most are around a kilobyte.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import orjson
import zstandard

if TYPE_CHECKING:
    from concurrent.futures import Future

LEVEL = 1
LARGE_BYTES = 1024
_LEAST_BYTES = 4 * LARGE_BYTES  # of a payload: smaller ones are not worth the look
_MARK = b"\x01"
# Possessive: else each escape costs a hundred bytes for a way back that is never gone.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_UNUSED = """
delete from bodies where digest = ?1 and not exists (select 1 from body_uses where digest = ?1)
"""
# Before frames that the second dictionary compressed; a frame begins with 0x28 (RFC 8878, 3.1.1).
_SECOND = b"\x02"
_CUT = re.compile(_MARK + rb"(.{16})", re.DOTALL)


@cache
def _compressor() -> zstandard.ZstdCompressor:
    return _new_compressor()


def _new_compressor() -> zstandard.ZstdCompressor:
    return zstandard.ZstdCompressor(level=LEVEL, dict_data=_dictionary(2), write_dict_id=False)


def _decompressed(blob: bytes) -> bytes:
    if blob[:1] == _SECOND:
        return _decompressor(2).decompress(blob[1:])
    return _decompressor(1).decompress(blob)


@cache
def _decompressor(number: int) -> zstandard.ZstdDecompressor:
    return zstandard.ZstdDecompressor(dict_data=_dictionary(number))


@cache
def _dictionary(number: int) -> zstandard.ZstdCompressionDict:
    # Part of the database's format. The first is typical payloads of hooks; the second is these and
    # lines of transcripts, which takes a quarter off such lines.
    folder = Path(__file__).parent
    data = b"".join((folder / f"dictionary-{n}.txt").read_bytes() for n in range(1, number + 1))
    dictionary = zstandard.ZstdCompressionDict(data, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    # Else it is digested again for each payload. Once: a second time frees what others work with.
    dictionary.precompute_compress(level=LEVEL)
    return dictionary


class Packed:
    """A payload ready to be stored: its own blob and the large values cut out of it."""

    __slots__ = ("blob", "large")

    def __init__(self, payload: bytes) -> None:
        self.large: dict[bytes, bytes] = {}
        if len(payload) >= _LEAST_BYTES:
            payload = _STRING.sub(self._cut, payload)
        self.blob = payload  # until it is compressed, see Packing

    def _cut(self, found: re.Match[bytes]) -> bytes:
        if found.end() - found.start() < LARGE_BYTES:
            return found[0]
        from hashlib import blake2b  # slow to load: who reads needs none

        digest = blake2b(found[0], digest_size=16).digest()
        self.large[digest] = found[0]
        return _MARK + digest


class Packing:
    """Compresses payloads in a thread, many in one call that needs no interpreter; a context."""

    def __init__(self) -> None:
        from concurrent.futures import ThreadPoolExecutor  # slow to load: who reads needs none

        self._beside = ThreadPoolExecutor(1)

    def __enter__(self) -> "Packing":
        return self

    def __exit__(self, *_: object) -> None:
        self._beside.shutdown()

    def begin(self, packed: list[Packed]) -> "Future[None]":
        """Compress these; they must not be read before the result is there."""
        return self._beside.submit(_compress, packed)


def _compress(packed: list[Packed]) -> None:
    if not packed:
        return
    compressor = _new_compressor()  # no two threads may use one at once
    frames = compressor.multi_compress_to_buffer([body.blob for body in packed])
    for number, body in enumerate(packed):
        body.blob = _SECOND + frames[number].tobytes()


def store_large(db: apsw.Connection, packed: Iterator[tuple[int, Packed]]) -> None:
    """Store the large values of events (seq, packed), each content once."""
    for seq, body in packed:
        for digest, value in body.large.items():
            known = db.execute("select 1 from bodies where digest = ?", (digest,)).fetchone()
            if known is None:
                data = _SECOND + _compressor().compress(value)
                db.execute("insert into bodies values (?, ?)", (digest, data))
            db.execute("insert or ignore into body_uses values (?, ?)", (digest, seq))


def release(db: apsw.Connection, seqs: list[int]) -> None:
    """Remove the large values of these events; a value without an event is deleted."""
    rows: list[Any] = db.execute(
        "delete from body_uses where seq in (select value from json_each(?)) returning digest",
        (orjson.dumps(seqs).decode(),),
    ).fetchall()
    db.executemany(_UNUSED, set(rows))


def replace(db: apsw.Connection, seq: int, old: bytes, new: Packed) -> None:
    """An event holds the large values of its new payload, no more those of the `old` blob."""
    gone = set(_CUT.findall(_decompressed(old))) - new.large.keys()
    store_large(db, iter([(seq, new)]))
    for digest in gone:
        db.execute("delete from body_uses where digest = ? and seq = ?", (digest, seq))
        db.execute(_UNUSED, (digest,))


def unpack(db: apsw.Connection, blob: bytes | None) -> bytes:
    """The payload's JSON text, byte for byte as it was packed; `null` for none."""
    if blob is None:
        return b"null"
    text = _decompressed(blob)
    if _MARK not in text:
        return text

    def whole(found: re.Match[bytes]) -> bytes:
        row = db.execute("select data from bodies where digest = ?", (found[1],)).fetchone()
        return _decompressed(row[0]) if row else b'""'

    return _CUT.sub(whole, text)
