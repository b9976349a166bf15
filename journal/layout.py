"""Where everything lies in a home, and the ways in which its files come to be.

Directories are 0700 and files 0600 whatever the umask; a file that is replaced is replaced whole
(temporary file, fsync, rename, fsync of the directory).
"""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hooks import emit
from journal.errors import JournalError

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
        """The home of somebody who names none."""
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
        """Held by the one process that sends to a remote."""
        return self.home / "deliver.lock"

    @property
    def model_lock(self) -> Path:
        """Held by the one process that asks a model."""
        return self.home / "model.lock"

    @property
    def synced(self) -> Path:
        """How many bytes of day files have been taken in: one number, for SessionStart's hook."""
        return self.home / "synced"

    @property
    def settled(self) -> Path:
        """Under which settings a command that read found everything taken in, see sync/settled."""
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
        """What names the home, whatever its path; "" before it was given one (see home_id.py)."""
        return emit.home_id(str(self.home))

    @property
    def spool(self) -> Path:
        """Where hooks of this environment keep records while the home cannot be written."""
        named = Path(emit.spool_folder(str(self.home), self.id or self.id_in_spool()))
        by_path = Path(emit.spool_folder(str(self.home)))  # of hooks that do not know the id
        return by_path if by_path.is_dir() and not named.is_dir() else named

    def spools(self) -> list[Path]:
        """Every folder in which hooks may have kept records of this home, under all its names.

        Hooks may run with another `$TMPDIR`; they leave a note of what they used in /tmp.
        """
        names = {self.id, *map(emit.fingerprint, self.names())} - {""}
        found = [self.spool]
        for entry in self._spool_entries():
            name, _, ending = entry.name.partition(".")
            if ending == "home" and self._is_spool_of(Path(entry.path)):
                names.add(name)
        for entry in self._spool_entries():
            name, _, ending = entry.name.partition(".")
            if name in names and not ending:
                found.append(Path(entry.path))
            elif name in names and ending.startswith("at-"):
                found.append(Path(_noted(Path(entry.path))))
        return list(dict.fromkeys(found))

    def id_in_spool(self) -> str:
        """The id by which hooks know the home at this path, if they keep records elsewhere."""
        for entry in self._spool_entries():
            name, _, ending = entry.name.partition(".")
            if ending == "home" and len(name) == 32 and self._is_spool_of(Path(entry.path)):
                return name
        return ""

    def _spool_entries(self) -> list[os.DirEntry[str]]:
        """What lies where spools of this user are looked for."""
        roots = dict.fromkeys((emit.spool_root(), emit.spool_root(emit.TEMPORARY)))
        private = filter(_is_private, map(Path, roots))
        return [entry for root in private for entry in _entries(root)]

    def names(self) -> list[str]:
        """The paths by which the home is or was known."""
        try:
            lines = self.id_file.read_text("utf-8", "surrogateescape").split("\n")[1:]
        except OSError:
            lines = []
        return [str(self.home), *(line for line in lines if line.startswith("/"))]

    def _is_spool_of(self, note: Path) -> bool:
        """Whether a hook has noted of a spool that it is of the home at this path."""
        path = _noted(note)
        return path.startswith("/") and os.path.realpath(path) == str(self.home)

    def day_files(self) -> Iterator[Path]:
        """The journal's files, `days/YYYY-MM-DD/*.jsonl`, by name; foreign things are passed over.

        What is not a regular file (a FIFO, a directory, a dangling link) is not the journal's.
        """
        return (Path(entry.path) for day in self.day_names() for entry in self.entries_of(day))

    def day_names(self) -> list[str]:
        """The days that have a directory, oldest first."""
        days = (entry for entry in _entries(self.days) if is_day(entry.name))
        return sorted(entry.name for entry in days if _is_folder(entry))

    def entries_of(self, day: str) -> list[os.DirEntry[str]]:
        """The journal's files of one day, by name; for those who look at thousands of them.

        None of a day whose folder cannot be read, see `shut_days`.
        """
        try:
            entries = _entries(self.days / day)
        except JournalError:
            return []
        found = (entry for entry in entries if entry.name.endswith(".jsonl"))
        return sorted(filter(_is_file, found), key=lambda entry: entry.name)

    def shut_days(self) -> list[Path]:
        """The folders of days that cannot be read."""
        days = (self.days / name for name in self.day_names())
        return [day for day in days if not os.access(day, os.R_OK | os.X_OK)]


def _is_private(folder: Path) -> bool:
    """Whether it is a folder of ours, no link, that nobody else can look into."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return status.st_mode & 0o170077 == 0o040000 and status.st_uid == os.getuid()


def _noted(path: Path) -> str:
    """The path that a small file of ours holds; "" if it is none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as file:
            return os.fsdecode(file.read(4096))
    except OSError:
        return ""


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


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        hint = "check the owner and rights of the home"
        raise JournalError(f"cannot read {folder}: {error.strerror}", hint) from error


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

    JournalError: the directory cannot be written or the disk is full; the old file stands.
    """
    import tempfile  # slow to load: whoever only reads needs none

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
