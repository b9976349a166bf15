"""Pieces that were given up: `dead/piece-<name of the retry file>.jsonl`, one line each.

The line is the retry file's object with `reason` and `given_up_at`. A file for each piece, so that
giving one up, putting it back and forgetting it are renames and removals, and none is there twice.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from journal.durable_files import write_whole
from journal.errors import JournalError
from journal.printable import spelled_out
from journal.times import to_text
from sync.delivery import retry_format, retry_queue
from sync.delivery.retry_format import BadPieceError, Waiting
from sync.ingest import dead_letters


@dataclass(frozen=True, slots=True)
class DeadPiece:
    """A piece that no remote shall be sent again unless a person asks for it."""

    piece: Waiting
    reason: str


def bury(path: Path, dead: Path, piece: Waiting, reason: str, now_us: int) -> Path:
    """Give up the piece of the retry file at `path`; the new path. JournalError: it stays there.

    The bytes of `piece` may be others than those of the file.
    """
    target = retry_queue.dead_path(dead, path.with_name(piece.head.name))
    more = {"reason": spelled_out(reason), "given_up_at": to_text(now_us)}
    write_whole(target, retry_format.dump_line(piece, more))
    retry_queue.unlink(path)
    return target


def list_paths(dead: Path) -> list[Path]:
    """Where the pieces that were given up lie, the oldest piece first; none is opened."""
    try:
        found = [path for path in dead.iterdir() if dead_letters.is_dead_name(path.name)]
    except FileNotFoundError:
        return []
    except OSError as error:
        hint = "check the owner and rights of the home"
        raise JournalError(f"cannot read {dead}: {error.strerror}", hint) from error
    return sorted(found)


def read(path: Path) -> DeadPiece:
    """One of them. ForeignRetryError: it is not a piece of this version, and stays as it is."""
    fields = _fields(path)
    try:
        return DeadPiece(retry_format.from_fields(fields), str(fields.get("reason", "")))
    except BadPieceError as error:
        raise retry_queue.foreign(path, str(error)) from error


def _fields(path: Path) -> dict[str, Any]:
    try:
        return retry_format.fields_of(retry_queue.content(path, retry_format.MAX_BYTES))
    except BadPieceError as error:
        raise retry_queue.foreign(path, str(error)) from error


def rewrite(path: Path, piece: Waiting, reason: str) -> Path:
    """Put this piece in the place of the one that lies there, which is the same with other bytes.

    Its new path. ForeignRetryError, GoneError; JournalError: it cannot be written.
    """
    target = retry_queue.dead_path(path.parent, Path(piece.head.name))
    more = {
        "reason": spelled_out(reason),
        "given_up_at": _fields(path).get("given_up_at"),
    }
    write_whole(target, retry_format.dump_line(piece, more))
    if target != path:
        retry_queue.unlink(path)
    return target


def put_back(path: Path, folder: Path, now_us: int) -> Path:
    """Make a retry file of a piece that was given up, due at once; its path.

    What the remote has noted of it stays: it may have been stored after all. Killed half-way, the
    piece lies in both places, and `retry.remove` clears both. ForeignRetryError, GoneError.
    """
    piece = read(path).piece
    head = replace(piece.head, attempts=0, next_us=now_us, last_error=None)
    made = retry_queue.write_new(folder, replace(piece, head=head))
    retry_queue.unlink(path)
    return made
