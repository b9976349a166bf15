"""Long strings of JSON in pieces, redacted one by one: what a string takes in memory is bounded.

A piece ends with a line, else behind a space, and before a private key rather than in one. So what
is divided are secrets over several lines at most, once in a megabyte.
"""

from collections.abc import Iterator

from journal.record.json_strings import WHOLE

LONG_BYTES = 1 << 20


def pieces(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the pieces of the string between these places begin and end; one if it is not long."""
    while end - start > LONG_BYTES:
        cut = _cut(data, start, start + LONG_BYTES)
        yield start, cut
        start = cut
    yield start, end


def _cut(data: bytes, start: int, most: int) -> int:
    """A place before `most` that divides no escape and no character."""
    whole = WHOLE.match(data, start, most)
    cut = whole.end() if whole and whole.end() > start else most
    half = start + LONG_BYTES // 2
    for ending in (b"\\n", b" "):
        if (at := data.rfind(ending, half, cut)) >= 0:
            cut = at + len(ending)
            break
    else:
        while cut > half and data[cut] & 0xC0 == 0x80:  # inside a character of UTF-8
            cut -= 1
    begin = data.rfind(b"-----BEGIN ", half, cut)
    return begin if begin > half and data.find(b"-----END ", begin, cut) < 0 else cut
