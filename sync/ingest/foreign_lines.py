"""The lines of files that others wrote, plain or compressed, and what each of them holds.

Memory is bounded by the longest line. What is a record here is one for ingest, too: its header is
whole, and its body is JSON.
"""

import gzip
import io
import os
import stat
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import zstandard

from journal.errors import JournalError
from journal.printable import one_line
from journal.record import record
from journal.times import to_datetime
from sync.ingest.line_reader import CHUNK_BYTES, HEAD_BYTES, MAX_LINE_BYTES
from sync.ingest.zstd_file import MAGIC, ZstdFile
from sync.store import facts

_GZIP = b"\x1f\x8b"  # RFC 1952, 2.3.1
_BEGINNING_LINES = 20


class UnreadableError(JournalError):
    """A file that cannot be read, or not to its end."""


class Line(NamedTuple):
    """One line without its newline; `size` is greater than its length if it is only a beginning."""

    number: int  # in its file, from 1
    offset: int  # in its file, unpacked
    data: bytes
    size: int
    read: int  # how many bytes of the file, as it lies on the disk, had to be read for it


class Accepted(NamedTuple):
    """A record that a line holds, and the bytes that are it."""

    record: record.Record
    line: bytes
    session: tuple[str, str]  # agent and session id that it is of, or speaks of


class Refused(NamedTuple):
    """A part of a line that is not a record."""

    offset: int  # in the line
    data: bytes
    reason: str


def lines(path: Path) -> Iterator[Line]:
    """Every line of a file, the last one even without its newline.

    UnreadableError: missing, no regular file, without rights, or damaged; raised behind the last
    line before the damage.
    """
    try:
        with _opened(path) as below, _unpacked(below) as file:
            yield from _split(file, below)
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        reason = getattr(error, "strerror", None) or error
        message = one_line(f"cannot read {path} to its end: {reason}")
        raise UnreadableError(message, "check its rights, or take another copy of it") from error


def _opened(path: Path) -> io.BufferedReader:
    """Never a FIFO or a device that would make us wait. OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError("not a regular file")
    return os.fdopen(fd, "rb")


def _unpacked(below: io.BufferedReader) -> io.BufferedReader | gzip.GzipFile:
    """The file, or what is compressed in it: what it begins with decides, not its name."""
    start = below.peek(len(MAGIC))
    if start.startswith(_GZIP):
        return gzip.GzipFile(fileobj=below)
    return io.BufferedReader(ZstdFile(below)) if start.startswith(MAGIC) else below


def _split(file: io.BufferedReader | gzip.GzipFile, below: io.BufferedReader) -> Iterator[Line]:
    number = offset = 0
    while data := file.readline(MAX_LINE_BYTES + 1):
        number, size = number + 1, len(data)
        if size > MAX_LINE_BYTES and data[-1:] != b"\n":
            data = data[:HEAD_BYTES]
            size += _skip_line(file)
        else:
            data = data.removesuffix(b"\n")
        if not offset and data.startswith(BOM_UTF8):
            data, offset, size = data[len(BOM_UTF8) :], len(BOM_UTF8), size - len(BOM_UTF8)
        yield Line(number, offset, data, size, below.tell())
        offset += size


def _skip_line(file: io.BufferedReader | gzip.GzipFile) -> int:
    """Pass over the rest of a line; its size."""
    size = 0
    while more := file.readline(CHUNK_BYTES):
        size += len(more)
        if more[-1:] == b"\n":
            break
    return size


def accepted(line: Line) -> Iterator[Accepted | Refused]:
    """What a line holds: a record, or a torn part, or a torn part with a record glued to it."""
    if line.size > len(line.data) + 1:
        yield Refused(0, line.data, f"a line of {line.size} bytes; this is its beginning")
        return
    data, start = line.data, 0
    while data.strip():  # in the steps of ingest, so that both say the same of a line
        reading = record.read_line(data)
        torn, reason, rest = reading.torn, reading.reason, b""
        if reading.record is not None:
            try:
                yield _accepted(reading.record, data[len(torn) :])
            except record.BadLineError as error:
                inner = record.glued(data)
                torn, reason = (inner.torn, inner.reason) if inner else (data, str(error))
                rest = data[len(torn) :]
        if torn.strip():
            yield Refused(start, torn, reason)
        start, data = start + len(torn), rest


def _accepted(made: record.Record, line: bytes) -> Accepted:
    """BadLineError: its body is not JSON, or its time in no calendar."""
    try:
        to_datetime(made.at_us)
    except OverflowError as error:
        raise record.BadLineError("header: at: outside the years 1 to 9999") from error
    if made.agent != record.JOURNAL_AGENT:
        meaning = facts.understand_record(made)
        return Accepted(made, line, (made.agent, meaning.session or made.session))
    said = record.load_body(made.body)
    agent = said.get("agent") if isinstance(said, dict) else None
    return Accepted(made, line, (agent if isinstance(agent, str) else "", made.session))


def is_journal(path: Path) -> bool:
    """Whether a file begins as records do, or is empty. UnreadableError."""
    beginning = list(_beginning(path))
    return not beginning or any(
        line.data.startswith(b'{"v":') or any(isinstance(one, Accepted) for one in accepted(line))
        for line in beginning
    )


def is_transcript(path: Path) -> bool:
    """Whether a file begins as a transcript of Claude Code does. UnreadableError."""
    return any(_is_of_transcript(line.data) for line in _beginning(path))


def first_object(path: Path) -> dict[str, Any] | None:
    """The JSON object with which a file begins; None if it does not. UnreadableError."""
    for line in _beginning(path):
        try:
            fields = orjson.loads(line.data)
        except orjson.JSONDecodeError:
            return None
        return fields if isinstance(fields, dict) else None
    return None


def _beginning(path: Path) -> Iterator[Line]:
    for line in lines(path):
        if line.number > _BEGINNING_LINES:
            return
        if line.data.strip():
            yield line


def _is_of_transcript(data: bytes) -> bool:
    try:
        fields = orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    is_entry = isinstance(fields, dict) and "v" not in fields and "type" in fields
    if is_entry and "session_id" in fields and "sessionId" not in fields:
        return False  # the saved output of `claude --output-format stream-json`
    return is_entry and ("sessionId" in fields or "uuid" in fields or "leafUuid" in fields)
