"""What is kept of a transcript, as records of the journal: one for each thing that a line says.

The id of a record follows from its session and from what names the line there, so every reader of
the same transcript, in parts as it grows or whole as history, makes records with the same ids.
"""

import hashlib
import os
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from journal.agents import TRANSCRIPT
from journal.agents.claude_code import transcript_torn_lines
from journal.agents.claude_code.transcript_lines import Entry, dump, entries, subagent_type
from journal.context import capture_gaps
from journal.context.capture_gaps import Silences
from journal.layout import Layout
from journal.record import record
from journal.times import to_us
from sync.ingest.line_reader import OpenFile

if TYPE_CHECKING:
    from journal.settings.sources import Settings

AGENT = "claude-code"
_MOST_CALLS = 500  # that are open at once
_MOST_NAME_CHARS = 256
BEGINNING_BYTES = 1 << 20  # in which `beginning` looks
RECALLED_BYTES = 4 << 20  # before an offset: calls that began there may end behind it
_TIME = re.compile(rb'"timestamp":"([0-9TZ:.+-]{19,35})"')
_SESSION = re.compile(rb'"sessionId":"([^"\\]{1,256})"')


class TornLineError(record.BadLineError):
    """What of a line is not a record."""

    def __init__(self, torn: bytes, reason: str) -> None:
        super().__init__(reason)
        self.torn = torn


def too_long(head: bytes, size: int) -> TornLineError:
    """Of a line that is not read into memory, its beginning."""
    return TornLineError(head, f"a line of {size} bytes; this is its beginning")


@dataclass(slots=True)
class Reading:
    """One transcript, read from some line on to its end."""

    path: Path
    session: str  # of lines that name none
    last_us: int  # the time of lines that have none
    keeping: "Keeping"
    git: Callable[[str, str], dict[str, str] | None]  # of a directory and a branch
    host: str = field(default_factory=lambda: os.uname().nodename)
    _cwd: str = ""
    _subagent: str = ""
    _type: str = ""
    _calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    _turn: str = ""
    _after: str = ""  # the last line that names itself
    _unnamed: dict[bytes, int] = field(default_factory=dict)  # lines since, by their digest

    def __post_init__(self) -> None:
        if self.path.name.startswith("agent-"):
            self._subagent = self.path.stem.removeprefix("agent-")
            self._type = subagent_type(self.path)

    def records(self, offset: int, line: bytes) -> Iterator[record.Record]:
        """What one line says. TornLineError, after the last record: not all of it could be read."""
        if not line.strip():
            return
        for entry in self._entries(line):
            self.last_us = moment_us(entry.at) or self.last_us
            session = entry.session if len(entry.session) <= _MOST_NAME_CHARS else ""
            self.session = session or self.session
            self._cwd = entry.cwd or self._cwd
            if self.keeping.wants(self._cwd, self.last_us):
                yield self._record(entry, offset, line)
            else:
                self._name(entry, line)

    def _entries(self, line: bytes) -> Iterator[Entry]:
        try:
            yield from entries(line, self.keeping.thinking)
        except record.BadLineError as error:
            whole, torn = transcript_torn_lines.parts(line)
            for part in whole:
                yield from entries(part, self.keeping.thinking)
            if torn:
                raise TornLineError(torn, "no whole record: cut off or damaged") from error

    def recall(self, line: bytes) -> None:
        """Note what a line before the ones that are read says of these: calls, turn, place."""
        for entry in self._entries(line):
            self._note_call(entry)
            self._name(entry, line)

    def _note_call(self, entry: Entry) -> None:
        if entry.call is not None:
            self._calls[entry.call[0]] = entry.call[1]
            if len(self._calls) > _MOST_CALLS:
                del self._calls[next(iter(self._calls))]

    def _name(self, entry: Entry, line: bytes) -> str:
        """What names a line, however much of the file is read, and under any path.

        Its own id; else its digest, the last line with an id before it, and which of the equal
        lines since then it is.
        """
        self._turn = entry.turn or self._turn
        if entry.uuid:
            if entry.uuid != self._after:
                self._after = entry.uuid
                self._unnamed.clear()
            return entry.uuid
        digest = hashlib.blake2b(line.strip(), digest_size=12).digest()
        number = self._unnamed.get(digest, 0) + (not entry.part)
        self._unnamed[digest] = number
        return f"{self._after}\0{digest.hex()}\0{number}"

    def _record(self, entry: Entry, offset: int, line: bytes) -> record.Record:
        self._note_call(entry)
        named = self._name(entry, line)
        subagent = entry.subagent or self._subagent
        said: dict[str, Any] = {"session_id": self.session}
        if subagent:
            said |= {"agent_id": subagent, "agent_type": self._type}
        said |= {"file": str(self.path), "offset": offset}
        if entry.part is not None:
            said["part"] = entry.part
        if self._turn and not entry.turn:
            said["turn"] = self._turn
        if (call := self._calls.pop(entry.result, None)) is not None:
            said["call"] = call
        origin: dict[str, Any] = {
            "host": self.host, "pid": None, "entrypoint": entry.entrypoint or None
        }  # fmt: skip
        if git := self.git(entry.cwd, entry.branch):
            origin["git"] = git
        at_us = moment_us(entry.at)
        return record.Record(
            record_id(at_us, f"{self.session}\0{subagent}\0{named}\0{entry.part}"),
            self.last_us,
            AGENT,
            TRANSCRIPT,
            self.session,
            origin,
            b"".join((dump(said)[:-1], b',"line":', harmless(entry.line), b"}")),
            False,
        )


@dataclass(frozen=True, slots=True)
class Keeping:
    """What a home keeps of transcripts."""

    silences: Silences  # times in which capture was off
    home: str  # without links
    thinking: bool  # whether what the agent thought is kept, too

    def wants(self, directory: str, at_us: int) -> bool:
        """Whether anything that happened there and then is kept.

        In the home itself only models work that were asked to summarise: memory would find itself.
        """
        return directory != self.home and not self.silences.cover(directory, at_us)


def keeping(layout: Layout, settings: "Settings") -> Keeping:
    """By the settings of a home. JournalError: it cannot be read."""
    home = os.path.realpath(layout.home)
    return Keeping(capture_gaps.read(layout), home, settings.capture.thinking)


def beginning(data: bytes, modified_ns: int) -> tuple[int, str]:
    """The first time that the beginning of a file says, else that of the file; its first session.

    Microseconds since 1970; "" if no line names a session.
    """
    time, session = _TIME.search(data), _SESSION.search(data)
    return (
        (moment_us(time[1].decode()) if time else 0) or modified_ns // 1000,
        session[1].decode("utf-8", "replace") if session else "",
    )


def moment_us(text: str) -> int:
    """A transcript's time in microseconds since 1970; 0 if it is none."""
    try:
        return max(0, to_us(text))
    except (ValueError, OverflowError):
        return 0


def record_id(at_us: int, named: str) -> bytes:
    """A UUID (RFC 9562, version 8): the time in front, as in version 7, then a hash."""
    digest = bytearray(hashlib.blake2b(named.encode("utf-8", "replace"), digest_size=10).digest())
    digest[0] = 0x80 | (digest[0] & 0x0F)
    digest[2] = 0x80 | (digest[2] & 0x3F)
    return (min(at_us // 1000, 2**48 - 1)).to_bytes(6, "big") + bytes(digest)


def harmless(line: bytes) -> bytes:
    """A line in which nothing looks like the beginning of a record, as the emitter does it.

    Without the byte order mark with which a file may begin.
    """
    return line.strip().removeprefix(BOM_UTF8).replace(b'{"v":', b'{ "v":')


def lines_before(file: OpenFile, offset: int) -> Iterator[bytes]:
    """Lines before an offset that may say something of the ones behind it."""
    start = max(0, offset - RECALLED_BYTES)
    if start:  # the first line may say whose file it is
        yield os.pread(file.fd, BEGINNING_BYTES, 0).partition(b"\n")[0]
    lines = os.pread(file.fd, offset - start, start).split(b"\n")
    yield from lines[1 if start else 0 :]
