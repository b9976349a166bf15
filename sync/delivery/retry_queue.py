"""`retry/`: the pieces that no remote has acknowledged yet, one file each.

The invariant: a piece's file is on the disk, whole and fsynced, before its first send, and goes
only after its receipt is in the journal. So if a process is killed at any instruction, each piece
has been delivered or its file is here; and sending, retrying and replaying are one thing.

A file `<created, 17 digits of microseconds>-<16 hex>.json` holds all that a replay needs, as one
JSON object: its first line is everything but the body, its second the body, so that a head is read
without the megabytes behind it. Names sort by age. The modification time of a file is its next
attempt, as in the queues of Postfix, see retry_schedule.py.

    {"v":1,"created_at","attempts","next_at","last_error":{"class","message"}|null,"session",
     "piece":{"agent","host","number","title","bytes"},"sha256","target":{"remote"},
     "progress":{…},"events":[ids that the piece covers],
     "body":"…"}

A body that is not UTF-8 is stored as `body_base64`. A sender raises and saves `attempts` first: a
piece with 0 has never left this machine, and only such ones may be merged. One process at a time
writes here (`deliver.lock`); anybody may read.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from journal.durable_files import sync_folder, write_all, write_whole
from journal.errors import JournalError
from sync.delivery import retry_format
from sync.delivery.retry_format import BadPieceError, Head, Waiting

_NAME = re.compile(r"[0-9]{17}-[0-9a-f]{16}\.json")
_HEAD_BYTES = 1 << 16


class ForeignRetryError(JournalError):
    """A file that cannot be replayed: torn, of another version, unreadable, or not ours."""


class GoneError(JournalError):
    """The file is not there any more: delivered, given up or forgotten meanwhile."""


def list_names(folder: Path) -> list[str]:
    """The names of all retry files, oldest piece first; other things are passed over.

    JournalError: the folder cannot be read. A missing one is empty.
    """
    return sorted(entry.name for entry in entries(folder))


def is_empty(folder: Path) -> bool:
    """Whether no retry file is there; looks no further than at the first."""
    return next(iter(entries(folder)), None) is None


def read(path: Path) -> Waiting:
    """A whole retry file, its body checked. ForeignRetryError, GoneError."""
    try:
        found = retry_format.load(content(path, retry_format.MAX_BYTES))
    except BadPieceError as error:
        raise foreign(path, str(error)) from error
    _check_name(path, found.head)
    return found


def read_for(path: Path, target: str) -> Waiting | None:
    """The same of a piece for this remote; None: it is for another one."""
    data = content(path, retry_format.MAX_BYTES)
    first, _, rest = data.partition(b"\n")
    try:
        head = retry_format.load_head(first[:-1] + b"}")
    except BadPieceError:
        found = read(path)  # laid out in another way, or worth its reason
        return found if found.head.target == target else None
    if head.target != target:
        return None
    try:
        found = retry_format.with_body(head, b"{" + rest)
    except BadPieceError as error:
        raise foreign(path, str(error)) from error
    _check_name(path, head)
    return found


def read_head(path: Path) -> Head:
    """All of it but the body, which is not looked at. ForeignRetryError, GoneError."""
    size = _HEAD_BYTES
    while b"\n" not in (data := content(path, size, cut=True)) and len(data) == size:
        size *= 8
        if size > retry_format.MAX_BYTES:
            return read(path).head
    try:
        head = retry_format.load_head(data.partition(b"\n")[0][:-1] + b"}")
    except BadPieceError:
        return read(path).head  # laid out in another way, or worth its reason
    _check_name(path, head)
    return head


def write_new(folder: Path, piece: Waiting) -> Path:
    """Put a piece that is to be delivered on the disk; its path. JournalError: it cannot be.

    The very same piece is not written over: its file knows more.
    """
    path = folder / piece.head.name
    try:
        read(path)
    except (GoneError, ForeignRetryError):  # not there, or a damaged copy of it
        _write(path, piece)
    return path


def update(path: Path, piece: Waiting) -> None:
    """Replace a retry file by what is known now. GoneError; JournalError: it cannot be written."""
    if not path.exists():
        raise GoneError(f"{path.name} was removed meanwhile")
    _write(path, piece)


def update_all(pieces: Sequence[tuple[Path, Waiting]]) -> None:
    """The same of many files that are there, with one wait for the disk. JournalError."""
    write_all([(path, retry_format.dump(piece)) for path, piece in pieces])
    for path, piece in pieces:
        _date(path, piece)


def remove_all(paths: Sequence[Path], dead: Path) -> None:
    """As `remove`, of many files, with one wait for the disk. JournalError."""
    given_up = set(os.listdir(dead)) if dead.is_dir() else ()  # noqa: PTH208 - names alone
    for path in paths:
        if (copy := dead_path(dead, path)).name in given_up:
            unlink(copy)
        unlink(path, durable=False)
    for folder in {path.parent for path in paths}:
        sync_folder(folder)


def remove(path: Path, dead: Path) -> None:
    """The piece has been delivered, and its receipt is in the journal.

    `dead` is the folder where it may still lie, if putting it back was killed half-way.
    """
    unlink(dead_path(dead, path))
    unlink(path)


def dead_path(dead: Path, path: Path) -> Path:
    """Where the piece of a retry file is kept once it has been given up."""
    return dead / f"piece-{path.stem}.jsonl"


def _write(path: Path, piece: Waiting) -> None:
    write_whole(path, retry_format.dump(piece))
    _date(path, piece)


def _date(path: Path, piece: Waiting) -> None:
    next_ns = piece.head.next_us * 1000
    try:
        os.utime(path, ns=(next_ns, next_ns))  # killed before it: due now, and the head says when
    except OSError as error:
        hint = "check the owner and rights of the home"
        raise JournalError(f"cannot write {path}: {error.strerror}", hint) from error


def unlink(path: Path, *, durable: bool = True) -> None:
    """Remove a file for good, if it is there. JournalError: it cannot be."""
    try:
        path.unlink()
        if durable:
            sync_folder(path.parent)
    except FileNotFoundError:
        return
    except OSError as error:
        hint = "check the owner and rights of the home"
        raise JournalError(f"cannot remove {path}: {error.strerror}", hint) from error


def entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """The retry files in no order. JournalError: the folder cannot be read."""
    found = (entry for entry in _scan(folder) if _NAME.fullmatch(entry.name))
    return (entry for entry in found if entry.is_file(follow_symlinks=False))


def _scan(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:
        return
    except OSError as error:
        hint = "check the owner and rights of the home"
        raise JournalError(f"cannot read {folder}: {error.strerror}", hint) from error


def content(path: Path, limit: int, *, cut: bool = False) -> bytes:
    """The first `limit` bytes of a file; a longer one is refused unless it may be `cut`.

    ForeignRetryError, GoneError.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(os.open(path, flags), "rb") as file:  # noqa: PTH123 - of a descriptor
            data = file.read(limit if cut else limit + 1)
    except FileNotFoundError as error:
        raise GoneError(f"{path.name} was removed meanwhile") from error
    except OSError as error:
        raise foreign(path, f"unreadable: {error.strerror}") from error
    if len(data) > limit:
        raise foreign(path, f"longer than {limit} bytes")
    return data


def _check_name(path: Path, head: Head) -> None:
    """A copy under another name would be sent a second time."""
    if path.name != head.name:
        raise foreign(path, f"its name should be {head.name}")


def foreign(path: Path, reason: str) -> ForeignRetryError:
    """The error that says so of a file."""
    hint = "it was not changed; another version may be able to read it"
    return ForeignRetryError(f"{path} cannot be replayed: {reason}", hint)
