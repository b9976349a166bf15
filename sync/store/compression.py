"""How texts are stored: zstd (RFC 8878) with dictionaries of typical ones, as most are short.

The dictionaries are part of the database's format. The first is typical payloads of hooks, the
second is these and lines of transcripts, the third is states of sessions. One byte in front of a
frame names a later dictionary than the first; a frame itself begins with 0x28.
"""

import threading
from functools import cache
from pathlib import Path

import zstandard

LEVEL = 1
_FILES = {1: (1,), 2: (1, 2), 3: (3,)}
_STEP_BYTES = 1 << 20
_PAYLOAD, _STATE = b"\x02", b"\x04"
_NUMBERS = {_PAYLOAD: 2, _STATE: 3}


def pack(text: bytes) -> bytes:
    """A payload, a part of one, or many of them."""
    return _PAYLOAD + _compressor(2).compress(text)


class Compressed(bytearray):
    """What `pack` would make of a text, in a form that is not copied."""


def pack_long(text: memoryview) -> Compressed:
    """The same as `pack`, with no copy of the text or of what becomes of it."""
    packed = Compressed(_PAYLOAD)
    stream = _compressor(2).compressobj(size=len(text))
    for start in range(0, len(text), _STEP_BYTES):
        packed += stream.compress(text[start : start + _STEP_BYTES])
    packed += stream.flush()
    return packed


def pack_state(text: bytes) -> bytes:
    """The state of a session, as JSON."""
    return _STATE + _compressor(3).compress(text)


def unpack(blob: bytes) -> bytes:
    """What was packed. zstandard.ZstdError: it is damaged."""
    if blob[:1] == b"{":  # a state of a version that stored them as they are
        return blob
    number = _NUMBERS.get(blob[:1])
    if number is None:
        return _decompressor(1).decompress(blob)
    return _decompressor(number).decompress(blob[1:])


class _Contexts(threading.local):
    """Those of one thread: no two may use one at a time."""

    def __init__(self) -> None:
        self.compressors: dict[int, zstandard.ZstdCompressor] = {}
        self.decompressors: dict[int, zstandard.ZstdDecompressor] = {}


_contexts = _Contexts()


def _compressor(number: int) -> zstandard.ZstdCompressor:
    found = _contexts.compressors.get(number)
    if found is None:
        dictionary = _dictionary(number)
        found = zstandard.ZstdCompressor(level=LEVEL, dict_data=dictionary, write_dict_id=False)
        _contexts.compressors[number] = found
    return found


def _decompressor(number: int) -> zstandard.ZstdDecompressor:
    found = _contexts.decompressors.get(number)
    if found is None:
        found = zstandard.ZstdDecompressor(dict_data=_dictionary(number))
        _contexts.decompressors[number] = found
    return found


@cache
def _dictionary(number: int) -> zstandard.ZstdCompressionDict:
    folder = Path(__file__).parent
    data = b"".join((folder / f"dictionary-{n}.txt").read_bytes() for n in _FILES[number])
    dictionary = zstandard.ZstdCompressionDict(data, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    dictionary.precompute_compress(level=LEVEL)  # else it is digested again for each text
    return dictionary
