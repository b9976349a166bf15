"""All transcripts that agents keep here, found at the cost of one `stat` a file.

Hooks do not name every transcript, and name some wrongly: the session's file lies in another
folder, hooks were switched off, or the agent ran without them. So the folders are walked. Links
that the person put below an agent's folder are followed, each file once.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

import apsw
import orjson

from journal.agents import AGENTS
from journal.agents.claude_code import transcript_lines
from journal.agents.claude_code.install import SETUP
from journal.layout import Layout
from journal.setup import registered
from sync.store.file_cursors import START, Cursor
from sync.views import transcripts
from sync.views.transcripts import Copied

CLAUDE_CODE = "claude-code"
_ENDING = ".jsonl"  # of Claude Code's transcripts
_MOST_DEPTH = 8
_NAME, _UID = attrgetter("name"), os.getuid()
_NOTE = Path()  # what `grown` notes has the place of a file that no agent has


@dataclass(frozen=True, slots=True)
class Found:
    """A transcript where its agent keeps it."""

    path: Path
    agent: str
    session: str
    status: os.stat_result


@dataclass(slots=True)
class Comparison:
    """What agents keep, compared with what the journal holds, session by session."""

    # Since they were read, with how far that was; or never read, and written after `install`.
    grown: list[tuple[Found, Copied]] = field(default_factory=list)
    older: list[Found] = field(default_factory=list)  # from before `install`: import brings them


def compare(
    db: apsw.Connection, layout: Layout, named: Iterable[str], environ: Mapping[str, str]
) -> Comparison:
    """Every transcript that is not read to its end; opens none. `named`: see `roots`."""
    return _compared(db, layout, _listed(followed(roots(named, environ, layout))))


def grown(
    db: apsw.Connection, layout: Layout, named: Iterable[str], environ: Mapping[str, str]
) -> tuple[list[tuple[Found, Copied]], Copied | None]:
    """What `compare` says has grown, and a note to be saved if nothing has.

    With the same files as at the last note nothing is compared.
    """
    from hashlib import blake2b  # slow to load: who only compares needs none

    files = list(_listed(followed(roots(named, environ, layout))))
    digest = blake2b(str(installed_ns(layout)).encode(), digest_size=16)
    for agent, path, status in files:
        mark = f"{agent}\0{path}\0{status.st_ino}\0{status.st_mtime_ns}\0{status.st_size}\n"
        digest.update(mark.encode("utf-8", "surrogateescape"))
    note = Copied(_NOTE, "", "", Cursor(0, 0, 0, digest.digest()), 0)
    if transcripts.reached(db, _NOTE, "", "") == note:
        return [], None
    found = _compared(db, layout, files).grown
    return found, None if found else note


def _compared(
    db: apsw.Connection, layout: Layout, files: Iterable[tuple[str, str, os.stat_result]]
) -> Comparison:
    files = list(files)
    if not files:
        return Comparison()
    known = transcripts.Reached(db)
    since_ns = installed_ns(layout)
    found = Comparison()
    for agent, path, status in files:
        if known.is_untouched(path, status):
            continue
        one = _found(agent, path, status)
        if one is None:
            continue
        before = known.get(path)
        is_read = before is not None and before.cursor.offset > 0
        if since_ns is None or not (is_read or one.status.st_mtime_ns > since_ns):
            found.older += [] if is_read else [one]
        else:
            found.grown.append((one, before or Copied(one.path, one.agent, one.session, START, 0)))
    return found


def followed(folders: Mapping[str, list[Path]]) -> dict[str, list[Path]]:
    """Without agents whose settings switch all hooks off: the person wants no record there."""
    return {
        agent: [top for top in tops if not _switched_off(agent, top)]
        for agent, tops in folders.items()
    }


def _switched_off(agent: str, top: Path) -> bool:
    if agent != CLAUDE_CODE:
        return False
    try:
        values = orjson.loads((top.parent / "settings.json").read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(values, dict) and values.get("disableAllHooks") is True


def installed_ns(layout: Layout) -> int | None:
    """When the hooks were installed, nanoseconds since 1970; None: they are not."""
    try:
        return (layout.hooks / "run.py").stat().st_mtime_ns
    except OSError:
        return None


def roots(
    named: Iterable[str], environ: Mapping[str, str], layout: Layout
) -> dict[str, list[Path]]:
    """The folders of each agent, and those that `capture.transcript_roots` names (key: "").

    Claude Code's folders are those with settings files in which hooks were installed, also that of
    another CLAUDE_CONFIG_DIR than this process has.
    """
    found = {CLAUDE_CODE: _claude_code(environ, layout)}
    for name, agent in AGENTS.items():
        if agent.transcripts is not None:
            found[name] = agent.transcripts.folders(environ)
    return {**found, "": [Path(root).expanduser() for root in named]}


def _claude_code(environ: Mapping[str, str], layout: Layout) -> list[Path]:
    """This process's folder, unless hooks are in others alone, and those."""
    noted = registered.read(layout, CLAUDE_CODE)
    files = [Path(file) for file in (noted.files if noted else ())]
    known = [file.parent / "projects" for file in files if file.name == SETUP.file]
    own = transcript_lines.folders(environ)
    if any(folder.is_dir() for folder in known if folder not in own):
        own = [folder for folder in own if _holds_hooks(folder, layout)]
    return list(dict.fromkeys([*own, *known]))


def _holds_hooks(folder: Path, layout: Layout) -> bool:
    """Whether the settings next to a folder of transcripts name this home."""
    try:
        data = (folder.parent / SETUP.file).read_bytes()
    except OSError:
        return False
    return os.fsencode(layout.home) in data


def walk(folders: Mapping[str, Iterable[Path]]) -> Iterator[Found]:
    """Every transcript below these folders, own files only, each once."""
    for agent, path, status in _listed(folders):
        if (one := _found(agent, path, status)) is not None:
            yield one


def names(
    folders: Mapping[str, Iterable[Path]],
) -> Iterator[tuple[str, str, os.stat_result]]:
    """The same as agent, path and status: little for each of very many."""
    for agent, name, status in _listed(folders):
        if AGENTS[agent].transcripts is None:
            if name.endswith(_ENDING):
                yield agent, name, status
        elif _is_one(Path(name), agent):
            yield agent, name, status


def _found(agent: str, name: str, status: os.stat_result) -> Found | None:
    """A file of an agent's folder ("": of anybody's) as a transcript; None: it is none."""
    path = Path(name)
    whose = agent or _agent_of(path)
    return Found(path, whose, _session(path, whose), status) if _is_one(path, whose) else None


def _listed(
    folders: Mapping[str, Iterable[Path]],
) -> Iterator[tuple[str, str, os.stat_result]]:
    """Every own file below these folders, each once, with the agent whose folder it is."""
    seen: set[tuple[int, int]] = set()
    for agent, tops in folders.items():
        for top in tops:
            for path, status in _files(str(top), _MOST_DEPTH, seen):
                yield agent, path, status


def _files(
    folder: str, depth: int, seen: set[tuple[int, int]]
) -> Iterator[tuple[str, os.stat_result]]:
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=_NAME)
    except OSError:
        return
    for entry in entries:
        try:
            status = entry.stat()
        except OSError:
            continue  # gone, or a link to nothing
        key = status.st_dev, status.st_ino
        if key in seen or status.st_uid != _UID:
            continue
        if stat.S_ISREG(status.st_mode):
            seen.add(key)
            yield entry.path, status
        elif stat.S_ISDIR(status.st_mode) and depth:
            seen.add(key)
            yield from _files(entry.path, depth - 1, seen)


def _is_one(path: Path, agent: str) -> bool:
    known = AGENTS.get(agent)
    if known is not None and known.transcripts is not None:
        return known.transcripts.holds(path)
    return path.suffix == _ENDING


def _agent_of(path: Path) -> str:
    for name, agent in AGENTS.items():
        if agent.transcripts is not None and agent.transcripts.holds(path):
            return name
    return CLAUDE_CODE


def _session(path: Path, agent: str) -> str:
    known = AGENTS.get(agent)
    if known is not None and known.transcripts is not None:
        return known.transcripts.session_of(path)
    return transcript_lines.session_of(path)
