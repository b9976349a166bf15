"""A folder as the remote: a NAS, a synced folder, a mounted bucket. No server, several machines.

Each machine writes immutable files below a directory of its own, so two never meet; `journal
import FOLDER` on another one imports all of them. What a piece is named by is its content (see
folder_files), so delivering twice is delivering once, and an ambiguous end needs no looking up.

The folder must be there: one that is missing may be a share that is not mounted, and is never
made. At first use it gets a marker file, or the one that another machine has made is adopted. Later
a missing or another marker means that something else lies at this path, and nothing is written.

`memory` of a remote: `marker` (the id in the marker), `swept_us` (when leftovers were last looked
for). `progress` of a piece: `file`, its path in the folder.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from journal.errors import JournalError
from journal.printable import one_line
from journal.settings import sections
from journal.times import DAY_US
from sync.remote import folder_files as files
from sync.remote.contract import (
    Heading,
    Material,
    Outcome,
    Piece,
    Progress,
    RemoteError,
    Save,
    Then,
    hashes_before,
)
from sync.remote.naming import max_bytes, name_of
from sync.remote.share import paused, within

Found = TypeVar("Found")


class Folder:
    """One folder. See contract.Remote. Nothing is touched before `deliver`.

    `memory` (JSON, kept by the caller) is changed in place; `remember` has it on the disk when it
    returns.
    """

    def __init__(
        self, settings: sections.Remote, memory: dict[str, Any],
        remember: Callable[[], None], now_us: Callable[[], int],
    ) -> None:  # fmt: skip
        self._path = Path(settings.path).expanduser()
        self._name = name_of(settings)
        self._max_bytes = max_bytes(settings)
        self._timeout_seconds = settings.timeout_seconds
        self._memory = memory
        self._remember = remember
        self._now_us = now_us

    def __repr__(self) -> str:
        return f"Folder({str(self._path)!r})"

    @property
    def name(self) -> str:
        """The path."""
        return self._name

    @property
    def max_bytes(self) -> int:
        """`max_source_bytes`, and never more than 64 MiB."""
        return self._max_bytes

    def render(self, heading: Heading, material: Material) -> bytes:
        """What `journal import` reads; see `folder_files.render`."""
        return files.render(heading, material)

    def split(self, piece: Piece) -> list[bytes]:
        """None: a folder takes a piece of any length."""
        return []

    def close(self) -> None:
        """It has no connection."""

    def deliver(self, piece: Piece, progress: Progress, save: Save, seconds: float) -> Outcome:
        """Write the piece's file unless it is there; on the disk when this returns.

        If an earlier attempt has left it with other bytes, that file goes.

        RemoteError: `missing`, `unmounted`, `marker`, `denied`, `read_only`, `in_the_way` pause;
        `full`, `io`, `timeout`, `out_of_time` are tried again; `too_large` asks for smaller pieces.
        """
        until = time.monotonic() + seconds
        self._check_marker(until)
        now_us = self._now_us()
        sweeps = not 0 <= now_us - self._memory.get("swept_us", -DAY_US) < DAY_US
        place = Path(files.host_name(piece.host)) / files.piece_name(piece)
        before = [files.piece_name(replace(piece, sha256=one)) for one in hashes_before(progress)]

        def write() -> None:
            files.put(self._path / place, piece.body)
            for name in before:
                (self._path / place).with_name(name).unlink(missing_ok=True)
            if sweeps:
                files.sweep(self._path, now_us)
                files.sweep((self._path / place).parent, now_us)

        self._within(until, write)
        try:
            self._check_marker(until)
        except RemoteError as error:
            error.ambiguous = True  # unmounted meanwhile, it may lie below the mount
            raise
        if sweeps:
            self._memory["swept_us"] = now_us
            self._remember()
        progress["file"] = place.as_posix()
        return Outcome.STORED

    def _check_marker(self, until: float) -> None:
        """The folder is the one of its first use, or this is its first use."""
        known, now_us = self._memory.get("marker"), self._now_us()

        def look() -> str | None:
            self._path.stat()
            found = files.marker_id(self._path)
            if found is None and known is None:
                files.make_marker(self._path, uuid.uuid4().hex, now_us)
                found = files.marker_id(self._path)
            return found

        try:
            found = self._within(until, look)
        except RemoteError as error:
            error.ambiguous = False
            raise
        if found is None or (known is not None and found != known):
            what = "holds no" if found is None else "holds the"
            whose = "" if found is None else " of another folder"
            message = one_line(f"{self._path} {what} {files.MARKER}{whose}; is it mounted?")
            raise paused("unmounted", message)
        if known is None:
            self._memory["marker"] = found
            self._remember()

    def _within(self, until: float, work: Callable[[], Found]) -> Found:
        """See share.within. Time that is too short for an attempt is not the folder's fault."""
        left = until - time.monotonic()
        if left < min(1.0, self._timeout_seconds / 2):
            message = "no time is left for the folder in this pass"
            raise RemoteError("out_of_time", message, Then.RETRY, counts=False)
        try:
            return within(self._path, min(left, self._timeout_seconds), work)
        except RemoteError as error:
            if error.kind == "timeout" and left < 0.9 * self._timeout_seconds:
                error.counts = False
            raise


def is_remote_folder(path: Path) -> bool:
    """Whether this is the folder of such a remote: it has the marker. JournalError: unreadable."""
    try:
        return files.marker_id(path) is not None
    except (RemoteError, NotADirectoryError):
        return False
    except OSError as error:
        raise JournalError(f"cannot read {path}: {error.strerror}", "check its rights") from error


def pieces(path: Path) -> Iterator[Path]:
    """The piece files of all hosts, in a stable order; foreign things are passed over.

    JournalError: the folder is missing or cannot be read.
    """
    try:
        yield from files.piece_files(path)
    except OSError as error:
        hint = "is it mounted, and may you read it?"
        raise JournalError(f"cannot read {path}: {error.strerror}", hint) from error
