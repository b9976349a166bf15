"""Whole lines of a growing file after an offset. Memory is bounded by the longest line."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sync.store.file_cursors import TAIL_BYTES, Cursor, file_mark

CHUNK_BYTES = 1 << 20
LAST_BYTES = 1 << 16  # of a last line, what a cursor remembers a hash of
# Of a longer line only the beginning is kept: memory is bounded.
MAX_LINE_BYTES = 256 << 20
HEAD_BYTES = 1 << 16
LONG_BYTES = 1 << 20  # of a longer line no copy is kept: few of them fill the memory


class TooLong(NamedTuple):
    """A line that is not read into memory."""

    offset: int
    size: int
    head: bytes


class Chunk(NamedTuple):
    """Consecutive whole lines, each with its offset, and the cursor behind them."""

    lines: list[tuple[int, bytes]]
    size: int  # of the lines with their ends
    cursor: Cursor
    too_long: TooLong | None = None


class OpenFile:
    """A regular file opened for reading; never a FIFO or a device that would make us wait."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        status = os.fstat(self.fd)
        self.inode, self.size = status.st_ino, status.st_size
        self.modified_ns = status.st_mtime_ns
        self._mark = file_mark(status)

    def __enter__(self) -> "OpenFile":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def resume(self, cursor: Cursor) -> int:
        """Where to read on: the cursor's offset, or 0 if this is not what it was made of.

        A truncated, replaced or rewritten file is read again; known ids are not stored twice.
        """
        if cursor.inode != self.inode or cursor.offset > self.size:
            return 0
        size = int.from_bytes(cursor.tail[:8], "big")
        start = cursor.offset - size
        same = start >= 0 and _tail(os.pread(self.fd, size, start)) == cursor.tail[:TAIL_BYTES]
        return cursor.offset if same else 0

    def chunks(self, offset: int) -> Iterator[Chunk]:
        """The whole lines from `offset` on; a last line without its newline waits."""
        begin, held = offset, b""
        while offset < self.size:  # what is appended meanwhile is for the next pass
            wanted = min(max(CHUNK_BYTES, len(held)), self.size - offset)
            data = os.pread(self.fd, wanted, offset)
            if not data:
                return  # truncated meanwhile
            offset += len(data)
            end = data.rfind(b"\n")
            if end < 0:
                held += data
                if len(held) > MAX_LINE_BYTES:
                    end = self._line_end(offset)
                    if end < 0:
                        return  # it waits for its end, like any other
                    cursor = self._cursor(end, b"\n")
                    yield Chunk([], 0, cursor, TooLong(begin, end - begin, held[:HEAD_BYTES]))
                    begin, offset, held = end, end, b""
                continue
            whole = held + data[: end + 1]
            held = data[end + 1 :]
            lines, begin, size = list(_split(whole, begin)), begin + len(whole), len(whole)
            cursor = self._cursor(begin, whole)
            del whole, data  # one line may be all that fits into the memory
            yield Chunk(lines, size, cursor)

    def _line_end(self, offset: int) -> int:
        """The offset behind the next newline from `offset` on; -1 if there is none yet."""
        while data := os.pread(self.fd, CHUNK_BYTES, offset):
            found = data.find(b"\n")
            if found >= 0:
                return offset + found + 1
            offset += len(data)
        return -1

    def _cursor(self, offset: int, whole: bytes) -> Cursor:
        last = whole.rfind(b"\n", 0, -1) + 1
        return Cursor(self.inode, self.modified_ns, offset, _tail(whole[last:]) + self._mark)


def _tail(line: bytes) -> bytes:
    """Its end alone does not distinguish lines: those of one event often end alike."""
    end = line[-LAST_BYTES:]
    return len(end).to_bytes(8, "big") + hashlib.blake2b(end, digest_size=16).digest()


def _split(whole: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    """Only b"\\n" ends a line: payloads hold raw U+2028 and U+0085."""
    for line in whole.split(b"\n")[:-1]:
        yield offset, line
        offset += len(line) + 1


def head_of_long(line: bytes, body: bytes) -> bytes:
    """What is before the body of a long line that ends with it and a brace; b"" of all others."""
    is_known = len(line) > LONG_BYTES and line.endswith(body, 0, -1) and line.endswith(b"}")
    return line[: -len(body) - 1] if is_known else b""
