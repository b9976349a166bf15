"""Where everything is in a home. `durable_files` writes there."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hooks import emit
from journal import spools
from journal.errors import JournalError
from journal.folders import entries

DEFAULT_HOME = "~/.agent-journal"


class Layout(NamedTuple):
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
        """The context of each project's next session, one file per project."""
        return self.home / "contexts"

    def context_file(self, project: str) -> Path:
        """The prepared context of the project with this key; hooks/start.py reads it."""
        same = os.fsdecode(project.encode("utf-8", "surrogateescape"))  # in each locale
        return self.contexts / f"{emit.fingerprint(same)}.tsv"

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

        None of a day whose folder cannot be read, see `closed_folders`.
        """
        try:
            all_of_it = entries(self.days / day)
        except JournalError:
            return []
        found = (entry for entry in all_of_it if entry.name.endswith(".jsonl"))
        return sorted(filter(_is_file, found), key=lambda entry: entry.name)

    def closed_folders(self) -> list[Path]:
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


def is_within(path: Path, folders: Iterable[Path]) -> bool:
    """Whether a path is one of these folders, or lies in one."""
    return any(folder == path or folder in path.parents for folder in folders)


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
