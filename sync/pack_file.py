"""One pack: `packs/YYYY-MM-DD.jsonl.gz`, the redacted records of a closed day as lines.

Ordered by (`at`, `id`), each id once; equal records give equal bytes. A pack is replaced whole,
and only by one that has been read back from the disk.
"""

import gzip
import hashlib
import os
import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import apsw

from journal.errors import JournalError
from journal.layout import Layout, is_day, make_folder, sync_folder
from journal.record import Record, dump

ENDING = ".jsonl.gz"
LEVEL = 6
_DRAFT = re.compile(r"\.\d{4}-\d\d-\d\d\.jsonl\.gz\..")
_CACHE_KIB = 16_000  # of a draft, in memory; the rest of it lies in an unnamed temporary file


class DamagedPackError(JournalError):
    """A pack, or several, that cannot be read to the end; the message names each file."""


def pack_path(layout: Layout, day: str) -> Path:
    """Where the pack of a day lies."""
    return layout.packs / f"{day}{ENDING}"


def pack_files(layout: Layout) -> list[Path]:
    """Every pack of the home, oldest day first. JournalError: the directory cannot be read."""
    return [path for path in _files(layout) if _is_pack(path.name) and path.is_file()]


def drafts(layout: Layout) -> list[Path]:
    """Packs that were being written by a process that was killed."""
    return [path for path in _files(layout) if _DRAFT.match(path.name)]


def _is_pack(name: str) -> bool:
    return name.endswith(ENDING) and is_day(name.removesuffix(ENDING))


def _files(layout: Layout) -> list[Path]:
    try:
        return sorted(layout.packs.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        hint = "check the owner and rights of the home"
        raise JournalError(f"cannot read {layout.packs}: {error.strerror}", hint) from error


def read_pack(path: Path) -> Iterator[bytes]:
    """The lines of one pack without their newlines, one at a time, in the pack's order.

    DamagedPackError: cut off or changed; raised behind the last line before the damage.
    """
    try:
        with gzip.open(path) as file:
            for line in file:
                if not line.endswith(b"\n"):
                    raise EOFError("its last line is cut off")
                yield line[:-1]
    except (OSError, EOFError, zlib.error) as error:
        hint = "put a copy of it in its place, or move it away: what it held is then gone"
        reason = getattr(error, "strerror", None) or error
        raise DamagedPackError(f"cannot read {path}: {reason}", hint) from error


class Seal(NamedTuple):
    """What a pack holds, for comparing: the number of its lines and a hash over them."""

    lines: int
    digest: bytes


def seal(lines: Iterable[bytes]) -> Seal:
    """The seal of these lines, none with a newline."""
    count, digest = 0, hashlib.blake2b(digest_size=16)
    for line in lines:
        digest.update(line + b"\n")
        count += 1
    return Seal(count, digest.digest())


class Draft:
    """The records of a pack that is being put together; memory is bounded, whatever comes.

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

    def add(self, made: Record) -> bytes | None:
        """Add a record; if its id is there already nothing changes, and that line is returned."""
        query = "insert or ignore into lines values (?, ?, ?)"
        self._db.execute(query, (made.id, made.at_us, dump(made)[:-1]))
        if self._db.changes():
            self.count += 1
            return None
        return bytes(self._db.execute("select line from lines where id = ?", (made.id,)).get)

    def lines(self) -> Iterator[bytes]:
        """All lines without their newlines, by (`at`, `id`)."""
        for (line,) in self._db.execute("select line from lines order by at_us, id"):
            yield line

    def write(self, path: Path) -> int:
        """Put the pack at `path`, durably; its size in bytes.

        JournalError: it cannot be written or does not read back as it was; what stood there stands.
        """
        make_folder(path.parent)
        try:
            fd, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            try:
                with os.fdopen(fd, "wb") as file:
                    # Neither the time nor a name in the head: equal lines give equal bytes.
                    with gzip.GzipFile("", "wb", LEVEL, file, mtime=0) as packed:
                        written = seal(_written(packed, self.lines()))
                    file.flush()
                    os.fsync(fd)
                if seal(read_pack(Path(name))) != written:
                    raise JournalError(f"{path} did not read back as it was written", "try again")
                size = Path(name).stat().st_size
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            for folder in (path.parent, path.parent.parent):  # the first pack makes the folder, too
                sync_folder(folder)
        except OSError as error:
            hint = "check the rights and the free space"
            raise JournalError(f"cannot write {path}: {error.strerror}", hint) from error
        return size


def _written(file: gzip.GzipFile, lines: Iterable[bytes]) -> Iterator[bytes]:
    for line in lines:
        file.write(line + b"\n")
        yield line
