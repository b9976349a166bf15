"""Ingest: from the journal's files to facts.

Invariant: a record's row and the cursor behind its line are written in one transaction, and a row
is inserted only if its id is new. So at every instant each whole line before the cursor is either
stored exactly once or accounted for in `dead/`, and reading any file again changes nothing.
Ingest inserts facts and nothing else; what they mean is for the views.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import apsw

from journal.errors import JournalError
from journal.layout import Layout
from journal.record import record
from journal.session.meaning import OTHER
from sync.ingest import other_content
from sync.ingest.batch import Batch, Line
from sync.ingest.dead_letters import Dead
from sync.ingest.line_reader import Chunk, OpenFile, head_of_long
from sync.ingest.screening import Screen, Trail
from sync.store import bodies, facts
from sync.store.facts import Fact
from sync.store.file_cursors import START, Cursor, cursor_key
from sync.views.transcripts import Copied

BATCH_RECORDS = 8_000
BATCH_BYTES = 4 << 20  # larger ones are not quicker, and take more memory and a larger WAL
SMALL_BATCH_BYTES = 1 << 19  # under a deadline: a tenth of a second's work or less
FILTER_LINES = 16  # are looked at together: the filter for secrets is quicker on more bytes


class Reader:
    """Turns the new lines of journal files into batches of facts; writes `dead/` and no row."""

    def __init__(self, layout: Layout, screen: Screen, dead: Dead) -> None:
        self._layout = layout
        self._screen = screen
        self._dead = dead
        self._clean = False  # whether the lines at hand certainly hold no secret
        self._trail: Trail | None = None  # of the file at hand, if anything can be excluded
        self.seen_bytes = 0  # of all files, what has been looked at
        self.unreadable: list[str] = []
        self._waiting: set[Path] = set()  # files with lines that cannot be kept in `dead/` now
        self._understands = True

    @property
    def rules(self) -> str:
        """Those that bodies are redacted by, see `Redactor.rules`."""
        return self._screen.redactor.rules

    def expect(self, size: int) -> None:
        """So many bytes of new lines are about to be read."""
        self._screen.redactor.expect(size)

    def batches(
        self,
        known: dict[str, Cursor],
        files: Iterable[Path],
        small: bool,
        copied: Sequence[Copied] = (),
    ) -> Iterator[Batch]:
        """Batches that cover all whole lines behind the cursors, each to be written at once.

        `copied`: how far transcripts were read whose records these files end with.
        """
        limit_bytes = SMALL_BATCH_BYTES if small else BATCH_BYTES
        yield from self._batches(known, files, limit_bytes, copied)

    def whole(self, files: Iterable[Path], understands: bool = True) -> Iterator[Batch]:
        """The same from the beginning of each file, independent of its cursor.

        `understands`: False makes facts without meaning and body, of which the records count.
        """
        self._understands = understands
        yield from self._batches({}, files, BATCH_BYTES, ())

    def elsewhere(self, found: Iterable[tuple[Path, bytes | record.Record]]) -> Iterator[Batch]:
        """Batches of lines and records that lie in another place than `days/`; no cursors."""
        batch, place, offset = Batch(), None, 0
        self._clean = False
        for path, line in found:
            if path != place:
                place, offset, self._trail = path, 0, self._screen.trail()
            batch.lines += 1
            if isinstance(line, bytes):
                self._read(batch, path, self._parsed(offset, line))
                size = len(line) + 1
            else:
                self._keep(batch, path, Line(offset, b"", line, is_new=True), line)
                size = len(line.body)
            batch.bytes += size
            offset += size
            if batch.bytes >= BATCH_BYTES or len(batch.facts) >= BATCH_RECORDS:
                yield batch
                batch = Batch()
        if batch.lines:
            yield batch

    def _batches(
        self,
        known: dict[str, Cursor],
        files: Iterable[Path],
        limit_bytes: int,
        copied: Sequence[Copied],
    ) -> Iterator[Batch]:
        batch = Batch()
        for path in files:
            name = cursor_key(self._layout.days, path)
            for chunk in self._chunks(path, known.get(name, START)):
                self._add(batch, path, name, chunk)
                if batch.bytes >= limit_bytes or len(batch.facts) >= BATCH_RECORDS:
                    yield batch
                    batch = Batch()
        batch.copied = copied  # last: all that it covers is stored by then
        if batch.cursors or copied:
            yield batch

    def _chunks(self, path: Path, cursor: Cursor) -> Iterator[Chunk]:
        try:
            with OpenFile(path) as file:
                offset = file.resume(cursor)
                self._trail = self._screen.trail(cursor, offset)
                if offset < file.size:
                    yield from file.chunks(offset)
                self.seen_bytes += file.size
        except FileNotFoundError:
            return  # moved away since it was listed: nothing of it is ours to read any more
        except OSError as error:
            self.unreadable.append(f"{path}: {error.strerror}")

    def _add(self, batch: Batch, path: Path, name: str, chunk: Chunk) -> None:
        lines = deque(chunk.lines)
        chunk.lines.clear()  # a long line is not kept beside its record
        while lines:
            some = (self._parsed(*lines.popleft()) for _ in range(min(FILTER_LINES, len(lines))))
            group = deque(one for one in some if one.made or one.line.strip())
            batch.lines += len(group)
            self._clean = not self._may_hold_secret(group)
            while group:
                self._read(batch, path, group.popleft())
        if chunk.too_long is not None:
            offset, size, head = chunk.too_long
            batch.lines += 1
            reason = f"a line of {size} bytes; this is its beginning"
            self._refuse(batch, path, offset, head, reason)
        batch.bytes += chunk.size
        if path not in self._waiting:
            batch.cursors[name] = self._trail.mark(chunk.cursor) if self._trail else chunk.cursor

    def _parsed(self, offset: int, line: bytes) -> Line:
        is_new = not self._screen.has_seen(line)
        try:
            made = record.parse(line)
        except record.BadLineError:
            return Line(offset, line, None, is_new)
        head = head_of_long(line, made.body)
        return Line(offset, b"" if head else line, made, is_new, head)

    def _may_hold_secret(self, lines: Iterable[Line]) -> bool:
        """Whether one of these lines may hold a secret."""
        new = [one.content for one in lines if one.is_new]
        return bool(new) and self._screen.redactor.may_hold_secret(b"\n".join(new))

    def _read(self, batch: Batch, path: Path, one: Line) -> None:
        try:
            if one.made is not None:
                self._keep(batch, path, one, one.made)
                return
        except record.BadLineError:
            pass
        self._read_bad(batch, path, one.offset, one.whole)

    def _read_bad(self, batch: Batch, path: Path, offset: int, line: bytes) -> None:
        reading = record.read_line(line)
        reason = reading.reason
        if reading.record is not None:
            try:
                is_new = not self._screen.has_seen(line)
                self._keep(batch, path, Line(offset, line, None, is_new), reading.record)
            except record.BadLineError as error:
                inner = record.glued(line)
                if inner is None or inner.record is None:
                    self._refuse(batch, path, offset, line, str(error))
                    return
                self._refuse(batch, path, offset, inner.torn, inner.reason)
                size = len(inner.torn)
                self._read(batch, path, self._parsed(offset + size, line[size:]))
                return
        if reading.torn:
            self._refuse(batch, path, offset, reading.torn, reason)

    def _keep(self, batch: Batch, path: Path, one: Line, made: record.Record) -> None:
        """Add the record of a line to the batch."""
        meaning = None
        if self._trail is not None:
            meaning = facts.understand_record(made)
            if self._trail.excludes(made, meaning):
                batch.excluded += 1
                return
        if one.is_new:
            screened = self._screen.record(made, self._clean)
            if screened is not made:
                made, meaning = screened, None
        if not self._understands:
            meaning = OTHER
        elif meaning is None:
            meaning = facts.understand(made.agent, made.event, made.body, made.raw)
        if made.agent == record.JOURNAL_AGENT:
            batch.own.append(Fact(made, meaning, None))
            batch.own_places.append((path, one.offset, one.line))
            return
        empty = (made.body == b"null" and not made.raw) or not self._understands
        packed = None if empty else bodies.Packed(made.body)
        batch.facts.append(Fact(made, meaning, packed))
        batch.places.append((path, one.offset, one.line))

    def _refuse(self, batch: Batch, path: Path, offset: int, data: bytes, reason: str) -> None:
        if not data.strip():
            return
        if self._trail is not None and self._trail.excludes_torn(data):
            batch.excluded += 1
        else:
            batch.rejected += self._bury(batch, path, offset, data, reason)

    def _bury(self, batch: Batch, path: Path, offset: int, data: bytes, reason: str) -> bool:
        """Keep in `dead/` what is not a record; if that is closed, its file is read again.

        JournalError: it cannot be written for another reason.
        """
        try:
            return self._dead.put(path, offset, data, reason)
        except (PermissionError, JournalError) as error:
            if not isinstance(error.__cause__ or error, PermissionError):
                raise
        self._waiting.add(path)
        for name in [name for name in batch.cursors if self._layout.days / name == path]:
            del batch.cursors[name]
        return False

    def differing(self, db: apsw.Connection, batch: Batch, known: list[Fact]) -> int:
        """Of facts whose ids were stored already, keep those with other content in `dead/`."""
        events = zip(batch.facts, batch.places, strict=True) if known else ()
        places = [
            *other_content.of_events(db, self._screen, known, events),
            *other_content.of_own(db, self._screen, zip(batch.own, batch.own_places, strict=True)),
        ]
        return sum(self._bury(batch, *place, other_content.REASON) for place in places)
