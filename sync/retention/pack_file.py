"""One pack: `packs/YYYY-MM-DD.jsonl.gz`, the redacted records of a closed day as lines.

Ordered by (`at`, `id`), each id once; equal records give equal bytes. The comment in its gzip head
names the rules by which its records were redacted. A pack is replaced whole, and only by one that
has been read back from the disk.
"""

import gzip
import hashlib
import os
import re
import shutil
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from journal.durable_files import make_folder, sync_folder
from journal.errors import JournalError
from journal.layout import Layout, is_day

ENDING = ".jsonl.gz"
LEVEL = 6
UNKNOWN = ""  # the rules of a pack that does not name them
# RFC 1952, 2.3: deflate, with a comment, without a time or a name, of no particular system.
_HEAD = b"\x1f\x8b\x08\x10\0\0\0\0\0\xff"
_COMMENT = b"redaction rules "
_COMMENT_BYTES = 256
_DRAFT = re.compile(r"\.(\d{4}-\d\d-\d\d|tombstones)\.jsonl\.gz\..")
_CHUNK_BYTES = 1 << 17


class DamagedPackError(JournalError):
    """A pack, or several, that cannot be read to the end; the message names each file."""


def pack_path(layout: Layout, day: str) -> Path:
    """Where the pack of a day lies."""
    return layout.packs / f"{day}{ENDING}"


def pack_files(layout: Layout) -> list[Path]:
    """Every pack of the home, oldest day first. JournalError: the directory cannot be read."""
    return [path for path in _files(layout) if _is_pack(path.name) and path.is_file()]


def tombstones_pack(layout: Layout) -> Path:
    """Where the tombstones of packs that are gone lie: they outlive them."""
    return layout.packs / f"tombstones{ENDING}"


def every_pack(layout: Layout) -> list[Path]:
    """The same, behind the pack of the tombstones, if there is one."""
    packs = pack_files(layout)  # first: it says what is wrong with the folder
    tombstones = tombstones_pack(layout)
    return [tombstones, *packs] if tombstones.is_file() else packs


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
    with _opened(path) as file:
        for line in file:
            if not line.endswith(b"\n"):
                raise EOFError("its last line is cut off")
            yield line[:-1]


@contextmanager
def _opened(path: Path) -> Iterator[gzip.GzipFile]:
    try:
        with gzip.open(path) as file:
            yield file
    except (OSError, EOFError, zlib.error) as error:
        hint = "put a copy of it in its place, or move it away: what was in it is then lost"
        reason = getattr(error, "strerror", None) or error
        raise DamagedPackError(f"cannot read {path}: {reason}", hint) from error


def _read_chunks(path: Path) -> Iterator[bytes]:
    """The same lines in larger parts, with their newlines."""
    with _opened(path) as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _chunks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines in larger parts, with newlines: each part is compressed and hashed at once."""
    some: list[bytes] = []
    size = 0
    for line in lines:
        some.append(line)
        size += len(line)
        if size >= _CHUNK_BYTES:
            yield b"\n".join((*some, b""))
            some, size = [], 0
    if some:
        yield b"\n".join((*some, b""))


def rules_of(path: Path) -> str:
    """The rules by which a pack's records were redacted, as `Redactor.rules` names them.

    UNKNOWN: the pack is gone, unreadable, or of a version that did not name them.
    """
    try:
        with path.open("rb") as file:
            comment = _comment(file)
    except OSError:
        return UNKNOWN
    return comment.removeprefix(_COMMENT).decode("latin-1") if comment else UNKNOWN


def _comment(file: BinaryIO) -> bytes:
    """The comment of a pack; moves the file behind it. Without one the file's position stays."""
    start = file.read(len(_HEAD) + _COMMENT_BYTES)
    comment, end, _ = start[len(_HEAD) :].partition(b"\0")
    if not start.startswith(_HEAD) or not end or not comment.startswith(_COMMENT):
        file.seek(0)
        return b""
    file.seek(len(_HEAD) + len(comment) + 1)
    return comment


def name_rules(path: Path, rules: str) -> None:
    """From now on the pack names these rules: its records are as they leave them.

    JournalError: it cannot be written; the old file stays. DamagedPackError: it is not a pack.
    """
    lines = _seal(_read_chunks(path))

    def copy(file: BinaryIO) -> Seal:
        with path.open("rb") as old:
            if _comment(old):
                file.write(_head(rules))
                shutil.copyfileobj(old, file)
            else:
                with _Gzip(file, rules) as packed:
                    _seal(_written(packed, _chunks(read_pack(path))))
        return lines

    _put(path, copy)


def _head(rules: str) -> bytes:
    return _HEAD + _COMMENT + rules.encode("latin-1", "replace")[: _COMMENT_BYTES // 2] + b"\0"


class _Gzip:
    """A gzip file with a comment, which the standard library does not write; a context."""

    def __init__(self, file: BinaryIO, rules: str) -> None:
        self._file = file
        self._deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._checksum = self._size = 0
        file.write(_head(rules))

    def __enter__(self) -> "_Gzip":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._file.write(self._deflate.flush())
            self._file.write(struct.pack("<II", self._checksum, self._size & 0xFFFFFFFF))

    def write(self, data: bytes) -> None:
        self._checksum = zlib.crc32(data, self._checksum)
        self._size += len(data)
        self._file.write(self._deflate.compress(data))


class Seal(NamedTuple):
    """What a pack holds, for comparing: the number of its lines and a hash over them."""

    lines: int
    digest: bytes


def _seal(chunks: Iterable[bytes]) -> Seal:
    """The seal of lines, in any parts."""
    count, digest = 0, hashlib.blake2b(digest_size=16)
    for chunk in chunks:
        digest.update(chunk)
        count += chunk.count(b"\n")
    return Seal(count, digest.digest())


def write(path: Path, lines: Iterable[bytes], rules: str) -> int:
    """Put a pack with these lines at `path`, durably; its size in bytes.

    `rules`: by which they were redacted. JournalError: it cannot be written or does not read back
    as it was; the old file stays.
    """

    def fill(file: BinaryIO) -> Seal:
        with _Gzip(file, rules) as packed:
            return _seal(_written(packed, _chunks(lines)))

    return _put(path, fill)


def _put(path: Path, fill: Callable[[BinaryIO], Seal]) -> int:
    """A pack at `path` with what `fill` writes, which must read back as it says; its bytes."""
    make_folder(path.parent)
    try:
        fd, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(fd, "wb") as file:
                written = fill(file)
                file.flush()
                os.fsync(fd)
            if _seal(_read_chunks(Path(name))) != written:
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


def _written(file: _Gzip, chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        file.write(chunk)
        yield chunk
