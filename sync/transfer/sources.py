"""What `journal import` may be pointed at, and which files below it hold records.

a remote folder, a host's directory in it, a piece      its pieces (see remote/folder_files.py)
a journal's home, its `days/`, its `packs/`, a day      the files of its days, and its packs
a file, or a directory of files                         exported records, gzipped or not
a file, or a directory with files anywhere below it     transcripts of agents
"""

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

from journal.agents import AGENTS
from journal.agents.claude_code import transcript_lines
from journal.agents.contract import Transcripts
from journal.errors import JournalError, UsageError
from journal.layout import is_day
from journal.printable import one_line
from sync.ingest.foreign_lines import UnreadableError, first_object, is_journal, is_transcript
from sync.remote.folder import is_remote_folder, pieces
from sync.transcripts import discovery

_ENDINGS = (".jsonl", ".jsonl.gz")
CLAUDE_CODE = "claude-code"
_HINT = (
    "name a remote folder, another journal's home, transcripts, or a file that journal export wrote"
)


@dataclass(frozen=True, slots=True)
class Source:
    """One file to be read. There may be tens of thousands, of which most are not."""

    name: str  # its absolute path
    size: int  # bytes
    folder: Path | None = None  # the remote folder whose piece it is
    agent: str = ""  # of a transcript: whose it is
    status: os.stat_result | None = None  # of a transcript, as it was found

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self.name)


@dataclass(slots=True)
class Found:
    """What was found. `foreign`: other files, which hold no records, in words."""

    sources: list[Source] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


def find(paths: Iterable[Path], agents: Collection[str] = ()) -> Found:
    """The files below all of these paths, each once, in a stable order.

    `agents`: only their transcripts; none named: those of all.

    UsageError: a path is missing. JournalError: one cannot be read, or holds nothing of a journal.
    """
    sources: dict[str, Source] = {}
    foreign: list[str] = []
    for path in paths:
        found = _find(Path(os.path.abspath(path)))  # noqa: PTH100  links stay as people name them
        foreign += found.foreign
        for source in found.sources:
            if agents and source.agent not in agents:
                continue
            sources.setdefault(os.path.realpath(source.name), source)
    return Found(list(sources.values()), foreign)


def _find(path: Path) -> Found:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return _of_folder(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(one_line(f"{path} does not exist"), _HINT) from error
    except OSError as error:
        problem = one_line(f"cannot read {path}: {error.strerror}")
        raise JournalError(problem, "check its rights") from error
    if not stat.S_ISREG(mode):
        raise UsageError(one_line(f"{path} is neither a file nor a directory"), _HINT)
    found = Found(_pieces(path))
    return found if found.sources else _alone(path)


def _pieces(path: Path) -> list[Source]:
    """The pieces of the remote folder that this is, or is in; none if there is no folder."""
    for root in (path, *path.parents[:2]):
        if is_remote_folder(root):
            files = [file for file in pieces(root) if file == path or path in file.parents]
            return [one for file in files for one in _source(file, root)]
    return []


def _alone(path: Path) -> Found:
    """A file that a person names must hold records."""
    agent = agent_of(path)
    if agent or is_journal(path):
        return Found(list(_source(path, agent=agent)))
    raise JournalError(one_line(f"{path} contains no journal records"), _HINT)


def _of_folder(path: Path) -> Found:
    """OSError: a directory cannot be listed."""
    found = Found(_pieces(path))
    if found.sources or is_remote_folder(path):
        return found
    if path.name == "projects":
        return Found(transcripts(path))
    days = [path] if is_day(path.name) else [*_days(path / "days"), *_days(path)]
    for folder in (path / "packs", *days):
        found.sources += [one for file in _files(folder) for one in _source(file)]
    if path not in days:
        _look_at(_files(path), found)
    if not found.sources and not _is_journal_folder(path):
        if reported := transcripts(path):
            return Found(reported)
        raise JournalError(one_line(f"nothing in {path} belongs to a journal"), _HINT)
    return found


def _is_journal_folder(path: Path) -> bool:
    """Whether it is a place of records that holds none yet."""
    return is_day(path.name) or path.name in ("days", "packs") or (path / "days").is_dir()


def _days(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if is_day(path.name) and path.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _files(folder: Path) -> list[Path]:
    try:
        found = [path for path in folder.iterdir() if path.name.endswith(_ENDINGS)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(path for path in found if path.name[0] != "." and _is_file(path))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False  # a loop of symbolic links


def _look_at(files: list[Path], found: Found) -> None:
    """Of files that lie anywhere: those that begin as records do."""
    for file in files:
        try:
            if is_journal(file):
                found.sources += _source(file)
            else:
                found.foreign.append(one_line(f"{file} contains no journal records"))
        except UnreadableError:
            found.sources += _source(file)  # reading it will say why it cannot be read


def _source(file: Path, folder: Path | None = None, *, agent: str = "") -> Iterator[Source]:
    try:
        status = file.stat()
        yield Source(str(file), status.st_size, folder, agent, status if agent else None)
    except FileNotFoundError:
        return  # gone since it was listed


def history(environ: Mapping[str, str], agents: Iterable[str]) -> Found:
    """The transcripts that these agents keep of this person, each agent's in its own folders."""
    places = {agent: folders(agent, environ) for agent in agents}
    found = [
        Source(name, status.st_size, agent=agent, status=status)
        for agent, name, status in discovery.names(places)
    ]
    return Found(sorted(found, key=attrgetter("name")))


def folders(agent: str, environ: Mapping[str, str]) -> list[Path]:
    """Where an agent keeps transcripts, whether it is there or not."""
    files = AGENTS[agent].transcripts
    return transcript_lines.folders(environ) if files is None else files.folders(environ)


def transcripts(folder: Path, agent: str = "") -> list[Source]:
    """The transcripts anywhere below a folder, a session's own before those of its sub-agents.

    Of one agent, or of any.
    """
    found: list[Source] = []
    seen: set[tuple[int, int]] = set()
    for place, inner, names in os.walk(folder, followlinks=True):
        here = os.stat(place)  # noqa: PTH116 - walked by name
        if (here.st_dev, here.st_ino) in seen:
            inner.clear()  # through another link
            continue
        seen.add((here.st_dev, here.st_ino))
        inner.sort()
        for name in sorted(names):
            path = Path(place) / name
            if not _may_be_one(path, agent) or not _is_file(path):
                continue
            whose = _whose(path, agent)
            if whose and agent in ("", whose):
                found += _source(path, agent=whose)
    return sorted(found, key=attrgetter("name"))


def _may_be_one(path: Path, agent: str) -> bool:
    """By its name."""
    if path.name.endswith(_ENDINGS):
        return True
    known = [AGENTS[agent]] if agent else AGENTS.values()
    return any(one.transcripts.holds(path) for one in known if one.transcripts)


def _whose(path: Path, agent: str) -> str:
    try:
        return agent_of(path)
    except UnreadableError:  # reading it will say why it cannot be read
        return agent or CLAUDE_CODE


def agent_of(path: Path) -> str:
    """The agent whose transcript a file is, as its name and its beginning say; "" if of none.

    UnreadableError.
    """
    known = {name: one.transcripts for name, one in AGENTS.items() if one.transcripts}
    for agent, files in known.items():
        if _has_rows(files, path):
            return agent
    first = first_object(path)
    for agent, files in known.items():
        if first is not None and files.begins(first):
            return agent
    return CLAUDE_CODE if is_transcript(path) else ""


def _has_rows(files: Transcripts, path: Path) -> bool:
    return files.holds(path) and files.rows(path, 0) is not None
