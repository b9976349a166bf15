"""Where everything is in a home, and how its files are written.

Directories are 0700 and files 0600 under any umask; a file that is replaced is replaced whole
(temporary file, fsync, rename, fsync of the directory).
"""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hooks import emit
from journal import spools
from journal.errors import JournalError
from journal.folders import entries

DEFAULT_HOME = "~/.agent-journal"


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one home; `home` is absolute with its symlinks resolved."""

    home: Path

    @classmethod
    def at(cls, home: str | os.PathLike[str] | None = None) -> "Layout":
        """`home`, else `$JOURNAL_HOME`, else `~/.agent-journal`."""
        chosen = home or os.environ.get("JOURNAL_HOME") or DEFAULT_HOME
        return cls(Path(os.path.realpath(Path(chosen).expanduser())))

    @classmethod
    def default(cls) -> "Layout":
        """The home if none is named."""
        return cls.at(DEFAULT_HOME)

    @property
    def config(self) -> Path:
        return self.home / "config.toml"

    @property
    def days(self) -> Path:
        return self.home / "days"

    @property
    def packs(self) -> Path:
        """Closed days, redacted and compressed, one file a day."""
        return self.home / "packs"

    @property
    def without_packs(self) -> Path:
        """Is there while the database was made without the packs: they could not be read."""
        return self.home / "without_packs"

    @property
    def dead(self) -> Path:
        return self.home / "dead"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def hooks(self) -> Path:
        """The copies of the hook programs that the agent's settings point to."""
        return self.home / "hooks"

    @property
    def contexts(self) -> Path:
        """What the next session of each project is told, one file a project."""
        return self.home / "contexts"

    def context_file(self, project: str) -> Path:
        """The prepared context of the project with this key; hooks/start.py reads it."""
        return self.contexts / f"{emit.fingerprint(project)}.tsv"

    @property
    def database(self) -> Path:
        return self.home / "journal.db"

    @property
    def sync_lock(self) -> Path:
        return self.home / "sync.lock"

    @property
    def retry(self) -> Path:
        """Pieces of sessions that no remote has acknowledged yet, one file each."""
        return self.home / "retry"

    @property
    def remotes(self) -> Path:
        """What is remembered of each remote: its circuit, notebooks, the marker of a folder."""
        return self.home / "remotes.json"

    @property
    def archives(self) -> Path:
        """The ids of team archives, by address."""
        return self.home / "archives.json"

    @property
    def pulled(self) -> Path:
        """How far the team archive was pulled."""
        return self.home / "pulled.json"

    @property
    def deliver_lock(self) -> Path:
        """The lock of the one process that sends to a remote."""
        return self.home / "deliver.lock"

    @property
    def model_lock(self) -> Path:
        """The lock of the one process that asks a model."""
        return self.home / "model.lock"

    @property
    def synced(self) -> Path:
        """How many bytes of day files have been synced: one number, for SessionStart's hook."""
        return self.home / "synced"

    @property
    def up_to_date(self) -> Path:
        """The settings with which a command found everything synced: sync/ingest/up_to_date.py."""
        return self.home / "settled"

    @property
    def clock(self) -> Path:
        """What the clocks of this machine said when they were trusted, see sync/store/clock.py."""
        return self.home / "clock"

    @property
    def pruned(self) -> Path:
        """When retention was last looked after, and which packs were looked at."""
        return self.home / "pruned"

    @property
    def redaction_key(self) -> Path:
        return self.home / "redaction.key"

    @property
    def id_file(self) -> Path:
        """The id of the home, then the paths by which it was ever reached, a line each."""
        return self.home / "id"

    @property
    def id(self) -> str:
        """What names the home, under any path; "" before it was given one (see home_id.py)."""
        return emit.home_id(str(self.home))

    @property
    def spool(self) -> Path:
        """Where hooks of this environment keep records while the home cannot be written."""
        return spools.folder(self.home, self.id)

    def spools(self) -> list[Path]:
        """Every folder in which hooks may have kept records of this home, under all its names."""
        return spools.folders(self.home, self.id, self.names())

    def id_in_spool(self) -> str:
        """The id by which hooks know the home at this path, if they keep records elsewhere."""
        return spools.noted_id(self.home)

    def names(self) -> list[str]:
        """The paths by which the home is or was known."""
        try:
            lines = self.id_file.read_text("utf-8", "surrogateescape").split("\n")[1:]
        except OSError:
            lines = []
        return [str(self.home), *(line for line in lines if line.startswith("/"))]

    def day_files(self) -> Iterator[Path]:
        """The journal's files, `days/YYYY-MM-DD/*.jsonl`, by name; foreign things are passed over.

        What is not a regular file (a FIFO, a directory, a dangling link) is not the journal's.
        """
        return (Path(entry.path) for day in self.day_names() for entry in self.entries_of(day))

    def day_names(self) -> list[str]:
        """The days that have a directory, oldest first."""
        days = (entry for entry in entries(self.days) if is_day(entry.name))
        return sorted(entry.name for entry in days if _is_folder(entry))

    def entries_of(self, day: str) -> list[os.DirEntry[str]]:
        """The journal's files of one day, by name; for those who look at thousands of them.

        None of a day whose folder cannot be read, see `shut_folders`.
        """
        try:
            all_of_it = entries(self.days / day)
        except JournalError:
            return []
        found = (entry for entry in all_of_it if entry.name.endswith(".jsonl"))
        return sorted(filter(_is_file, found), key=lambda entry: entry.name)

    def shut_folders(self) -> list[Path]:
        """The folders of the home that cannot be used because of their rights."""
        places = [self.days, self.packs, self.contexts, self.retry, self.dead, self.logs]
        with suppress(JournalError):
            places += [self.days / name for name in self.day_names()]
        there = [path for path in places if path.is_dir()]
        return [path for path in there if is_closed(path) or _is_locked(path)]


def is_closed(folder: Path) -> bool:
    """Whether the rights of a folder forbid to look into it."""
    try:
        with os.scandir(folder):
            os.stat(f"{folder}/.")  # noqa: PTH116 - a folder without x can be listed
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _is_locked(folder: Path) -> bool:
    return not os.access(folder, os.W_OK) and not is_read_only(folder)


def is_read_only(folder: Path) -> bool:
    """Whether a folder lies on a file system that is mounted read-only."""
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def is_day(name: str) -> bool:
    """Whether a directory's name is a UTC day as the emitter writes it."""
    parts = name.split("-")
    return [len(part) for part in parts] == [4, 2, 2] and "".join(parts).isdecimal()


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False  # a loop of symbolic links


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


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


def append_line(path: Path, line: bytes) -> None:
    """Append one line, newline included, with a single write; a torn tail is closed first.

    JournalError: the file cannot be written whole.
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
            if size and os.pread(fd, 1, size - 1) != b"\n":
                line = b"\n" + line
            written = os.write(fd, line)
        finally:
            os.close(fd)
    except OSError as error:
        hint = "check the rights and the free space"
        raise JournalError(f"cannot write {path}: {error.strerror}", hint) from error
    if written != len(line):
        raise JournalError(f"cannot write {path}: the disk is full", "free some space")


def sync_folder(path: Path) -> None:
    """fsync a directory, so that a rename in it survives a power cut."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
