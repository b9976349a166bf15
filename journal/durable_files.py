"""Files that a crash or a power cut leaves complete: replaced by a rename, or appended to.

Directories have mode 0700 and files 0600 under any umask. A file is replaced as a whole: temporary
file, fsync, rename, fsync of the directory.
"""

import os
import re
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from journal.errors import JournalError

_TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}")  # as `mkstemp` names them below
_ABANDONED_SECONDS = 3600  # no write takes so long


def make_folder(path: Path) -> None:
    """The directory exists with mode 0700; missing parents are made the same way."""
    if path.is_dir():
        return
    make_folder(path.parent)
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
    except OSError as error:
        hint = "check the rights and the free space, or choose another --home"
        raise JournalError(f"cannot make {path}: {error.strerror}", hint) from error


def write_whole(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace the file at `path` by `data`, making its directory; errors as for `write_parts`."""
    make_folder(path.parent)
    write_parts(path, (data,), mode)


def write_parts(path: Path, parts: Iterable[bytes], mode: int = 0o600) -> None:
    """Replace the file at `path` by these bytes: after a crash it is the old one or the new one.

    JournalError: the directory cannot be written or the disk is full; the old file stays.
    """
    import tempfile  # slow to load, and not needed to read

    try:
        fd, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(fd, "wb") as file:
                os.fchmod(fd, mode)
                file.writelines(parts)
                file.flush()
                os.fsync(fd)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        hint = "check the directory, its rights and the free space"
        raise JournalError(f"cannot write {path}: {error.strerror}", hint) from error


def write_all(files: Sequence[tuple[Path, bytes]], mode: int = 0o600) -> None:
    """Replace many files, waiting for the disk once: after a crash each is the old or the new one.

    JournalError: as for `write_parts`; some files may be new ones then.
    """
    import tempfile

    made: list[tuple[int, Path]] = []
    try:
        try:
            for path, data in files:
                fd, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
                made.append((fd, Path(name)))
                os.fchmod(fd, mode)
                with os.fdopen(os.dup(fd), "wb") as file:
                    file.write(data)
            for fd, _ in made:
                os.fsync(fd)
            for (_, temporary), (path, _) in zip(made, files, strict=True):
                temporary.replace(path)
        finally:
            for fd, temporary in made:
                os.close(fd)
                temporary.unlink(missing_ok=True)
        for folder in {path.parent for path, _ in files}:
            sync_folder(folder)
    except OSError as error:
        hint = "check the directory, its rights and the free space"
        raise JournalError(
            f"cannot write in {files[0][0].parent}: {error.strerror}", hint
        ) from error


def remove_abandoned(folder: Path, now_us: int) -> None:
    """Remove the temporary files that killed writers have left in a folder an hour ago or longer.

    JournalError: the folder cannot be read or written.
    """
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if _TEMPORARY.fullmatch(entry.name)]
        for entry in found:
            try:
                changed = entry.stat(follow_symlinks=False).st_mtime
            except FileNotFoundError:
                continue  # renamed by its writer
            if now_us / 1e6 - changed > _ABANDONED_SECONDS:
                Path(entry.path).unlink(missing_ok=True)
    except FileNotFoundError:
        return
    except OSError as error:
        hint = "check the owner and rights of the home"
        raise JournalError(f"cannot tidy {folder}: {error.strerror}", hint) from error


def append_line(path: Path, line: bytes, end: bytes = b"") -> None:
    """Append one line, newline included, with a single write; a torn tail is closed first.

    `end`: what follows the line, if the line is too long to be copied for it. JournalError: the
    file cannot be written whole.
    """
    make_folder(path.parent)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        fd = os.open(path, flags, 0o600)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):  # a pipe would take the line, and lose it
                raise JournalError(f"cannot write {path}: not a regular file", "move it away")
            os.fchmod(fd, 0o600)
            size = status.st_size
            is_torn = size and os.pread(fd, 1, size - 1) != b"\n"
            parts = (b"\n", line, end) if is_torn else (line, end)
            written = os.writev(fd, parts)
        finally:
            os.close(fd)
    except OSError as error:
        hint = "check the rights and the free space"
        raise JournalError(f"cannot write {path}: {error.strerror}", hint) from error
    if written != sum(map(len, parts)):
        raise JournalError(f"cannot write {path}: the disk is full", "free some space")


def sync_folder(path: Path) -> None:
    """fsync a directory, so that a rename in it survives a power cut."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
