"""A pack that is being put together: its records in order, each once."""

from collections.abc import Iterator
from pathlib import Path

import apsw

from journal.record.record import Record, dump
from sync.retention import pack_file

_CACHE_KIB = 16_000  # of a draft, in memory; the rest of it lies in an unnamed temporary file


class Draft:
    """The records of a pack that is being put together; memory is bounded for any input.

    They lie in a temporary database without a name, so a killed process leaves nothing of it.
    """

    def __init__(self) -> None:
        self.count = 0
        self._db = apsw.Connection("")
        self._db.pragma("journal_mode", "off")
        self._db.pragma("cache_size", -_CACHE_KIB)
        self._db.execute("create table lines (id blob unique, at_us integer, line blob) strict")
        self._db.execute("create index lines_by_time on lines (at_us, id)")
        self._db.execute("begin")

    def close(self) -> None:
        """Give the temporary file back."""
        self._db.close()

    def add(self, made: Record, line: bytes | None = None) -> bytes | None:
        """Add a record; if its id is there already nothing changes, and that line is returned.

        `line`: what `dump` makes of it, if that is at hand; without the newline.
        """
        query = "insert or ignore into lines values (?, ?, ?)"
        self._db.execute(query, (made.id, made.at_us, line or dump(made)[:-1]))
        if self._db.changes():
            self.count += 1
            return None
        return bytes(self._db.execute("select line from lines where id = ?", (made.id,)).get)

    def lines(self) -> Iterator[bytes]:
        """All lines without their newlines, by (`at`, `id`)."""
        for (line,) in self._db.execute("select line from lines order by at_us, id"):
            yield line

    def write(self, path: Path, rules: str | None = None) -> int:
        """Put the pack at `path`, durably; its size in bytes.

        `rules`: by which its records were redacted; None: by those that the pack there names.
        JournalError: it cannot be written or does not read back as it was; the old file stays.
        """
        named = pack_file.rules_of(path) if rules is None else rules
        return pack_file.write(path, self.lines(), named)
