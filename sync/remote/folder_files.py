"""The files of a folder remote: how they are named, written and found.

    <folder>/agent-journal.json                                        the marker
    <folder>/<host>/<agent>.<session>.<number>.<32 hex>.jsonl          a piece

The hex digits are the beginning of the SHA-256 of the content. So one name means one content:
two pieces of any machines never meet under one name, a file that is there need not be written,
and one whose content is another is a damaged copy, which is replaced. Names are safe on every file
system: a-z, 0-9, dot, dash and underscore, shorter than 200 bytes, no name that Windows reserves.

Everything is written as a temporary file in the same folder, fsynced and renamed. Rights follow the
folder: its owner's alone, or its group's, too, if the group may read or write the folder itself.
"""

import errno
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import orjson

from journal.printable import one_line
from journal.times import DAY_US, to_text
from sync.remote.contract import Heading, Material, Piece, RemoteError, Then
from sync.remote.share import sync_folder

MARKER = "agent-journal.json"
_PREFIX, _SUFFIX = ".agent-journal-", ".part"
_PIECE = re.compile(r"([a-z0-9_-]+)\.([a-z0-9_-]+)\.([0-9]{6,18})\.([0-9a-f]{32})\.jsonl")
_PLAIN_HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]{0,61}[a-z0-9_])?")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
_NO_LINK = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL, errno.EMLINK, errno.EACCES)


def render(heading: Heading, material: Material) -> bytes:
    """The body of a piece: the records themselves, JSON Lines."""
    return b"".join(material.lines)


def piece_name(piece: Piece) -> str:
    """The file of a piece, below its host's directory."""
    agent, session = _safe(piece.agent, 40), _safe(piece.session, 64)
    if _RESERVED.fullmatch(agent):
        agent += "_"
    return f"{agent}.{session}.{piece.number:06d}.{piece.sha256[:32]}.jsonl"


def host_name(host: str) -> str:
    """The directory of a host: its name, with a hash of it where that had to be changed."""
    if _PLAIN_HOST.fullmatch(host) and not _RESERVED.fullmatch(host) and host != MARKER:
        return host
    digest = hashlib.sha256(host.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{_safe(host, 54)}-{digest}"


def _safe(text: str, chars: int) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower())[:chars].strip("-") or "x"


def put_all(wanted: Sequence[tuple[Path, bytes]]) -> None:
    """The files are there with this content, on the disk, when this returns. OSError."""
    groups = {folder: _prepared(folder) for folder in {path.parent for path, _ in wanted}}
    made: list[tuple[int, Path, Path]] = []
    try:
        for path, body in wanted:
            if not _holds(path, body):
                made.append((*_begun(path.parent, body, groups[path.parent]), path))
        for fd, _, _ in made:
            os.fsync(fd)
        for _, temporary, path in made:
            temporary.replace(path)
    finally:
        for fd, temporary, _ in made:
            os.close(fd)
            temporary.unlink(missing_ok=True)
    for folder in groups:
        sync_folder(folder)


def _prepared(folder: Path) -> int:
    """The directory of a host is there; what the group may do in it, see `_group_bits`."""
    group = _group_bits(folder.parent)
    if not folder.is_dir():
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)
    _open_to_group(folder, group)
    return group


def _group_bits(folder: Path) -> int:
    """What the group may do in a folder that it shares, as bits of a mode; 0: it may not write."""
    bits = folder.stat().st_mode & stat.S_IRWXG
    return bits if bits & stat.S_IWGRP else 0


def _open_to_group(path: Path, group: int) -> None:
    """The group may do with our directory what it may do with the folder."""
    status = path.stat()
    if group & ~status.st_mode and status.st_uid == os.getuid():
        with suppress(OSError):  # a file system without rights
            path.chmod(stat.S_IMODE(status.st_mode) | group)


def _holds(path: Path, body: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_size == len(body) and file.read() == body
    except FileNotFoundError:
        return False


def _written(folder: Path, body: bytes, group: int) -> Path:
    """A temporary file with this content, on the disk. `group`: of the folder's mode."""
    fd, made = _begun(folder, body, group)
    try:
        os.fsync(fd)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    return made


def _begun(folder: Path, body: bytes, group: int) -> tuple[int, Path]:
    """The same, open and not yet on the disk."""
    fd, name = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX, dir=folder)
    try:
        if group:
            with suppress(OSError):  # a file system without rights
                os.fchmod(fd, 0o600 | (group & 0o060))
        with os.fdopen(os.dup(fd), "wb") as file:
            file.write(body)
    except BaseException:
        os.close(fd)
        Path(name).unlink(missing_ok=True)
        raise
    return fd, Path(name)


def make_marker(folder: Path, unique: str, now_us: int) -> None:
    """The folder has a marker: this one, unless another machine was quicker. OSError."""
    fields = {"v": 1, "created_at": to_text(now_us), "id": unique}
    made = _written(folder, orjson.dumps(fields) + b"\n", _group_bits(folder))
    try:
        os.link(made, folder / MARKER)  # unlike a rename it never replaces another's
    except FileExistsError:
        pass
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        made.replace(folder / MARKER)
    finally:
        made.unlink(missing_ok=True)
    sync_folder(folder)


def marker_id(folder: Path) -> str | None:
    """The id in the marker, None without one. OSError; RemoteError: it is not valid."""
    try:
        with (folder / MARKER).open("rb") as file:
            data = file.read(4096)
    except FileNotFoundError:
        return None
    try:
        fields = orjson.loads(data)
    except orjson.JSONDecodeError:
        fields = None
    unique = fields.get("id") if isinstance(fields, dict) and fields.get("v") == 1 else None
    if not isinstance(unique, str) or not re.fullmatch(r"[0-9a-f]{32}", unique):
        message = one_line(f"{folder / MARKER} is damaged or not ours; move it away")
        raise RemoteError("marker", message, Then.PAUSE)
    return unique


def sweep(folder: Path, now_us: int) -> None:
    """Remove what killed writers have left in `folder` more than a day ago. OSError."""
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if entry.name.startswith(_PREFIX)]
    except FileNotFoundError:
        return
    for entry in found:
        if not entry.name.endswith(_SUFFIX):
            continue
        try:
            changed_us = entry.stat(follow_symlinks=False).st_mtime_ns // 1000
        except FileNotFoundError:
            continue  # renamed or removed by its writer
        if now_us - changed_us > DAY_US:
            Path(entry.path).unlink(missing_ok=True)


def piece_files(folder: Path) -> Iterator[Path]:
    """Every piece of every host: by host, session and number. OSError: it cannot be listed."""
    for host in sorted(_listed(folder, folders=True)):
        yield from pieces_of(folder / host)


def pieces_of(host_folder: Path) -> Iterator[Path]:
    """Every piece of one host; none without a directory. OSError: it cannot be listed."""
    if not host_folder.is_dir():
        return
    found = ((_PIECE.fullmatch(name), name) for name in _listed(host_folder, folders=False))
    keys = [(piece[1], piece[2], int(piece[3]), piece[4], name) for piece, name in found if piece]
    yield from (host_folder / key[-1] for key in sorted(keys))


def _listed(folder: Path, *, folders: bool) -> list[str]:
    with os.scandir(folder) as entries:
        return [
            entry.name
            for entry in entries
            if entry.name[0] != "."
            and (entry.is_dir if folders else entry.is_file)(follow_symlinks=False)
        ]
