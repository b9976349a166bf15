"""What each agent's folder offers. Nothing outside of that folder names an agent's field.

`journal/agents/<agent>/__init__.py` exposes one `AGENT`. Its parts are plain data and functions;
none of them opens a network connection or the journal's database.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from journal.session.meaning import Meaning

if TYPE_CHECKING:
    from journal.agents.transcript_entry import Reader, Row

Environ = Mapping[str, str]
Version = tuple[int, int, int]


class Merged(NamedTuple):
    """Hooks in a file that belongs to the agent: `{"hooks": {EVENT: [{"hooks": [entry]}]}}`.

    `entry` makes one hook of an event and its command. Where the agent trusts a hook by a hash of
    its text, `constant` is true: the command then names a file in the home, and neither the
    command nor anything else in the entry may change from version to version.
    """

    entry: Callable[[str, str], dict[str, Any]]
    constant: bool = False


class OwnFile(NamedTuple):
    """Hooks in a file that is ours alone: installing writes it, uninstalling removes it.

    `render` makes its content of the command of each event. `commands` reads them back, also from
    a file that an earlier version wrote; it returns nothing for a file that is not ours.
    """

    render: Callable[[Mapping[str, str]], bytes]
    commands: Callable[[bytes], dict[str, str]]


class HookTrust(NamedTuple):
    """One hook as the agent itself sees it. `key` and `digest` mean something to the agent only."""

    key: str
    command: str
    digest: str
    is_trusted: bool


class Trust(NamedTuple):
    """For an agent that runs only hooks that the person trusts: ask it, and make it trust ours.

    `look`, `grant` and `withdraw` talk to the agent itself. JournalError: it is not there, or does
    not answer as known. `noted` reads the agent's settings alone: the hooks of a file with this
    content, and whether the agent notes that they are trusted.
    """

    look: Callable[[Environ], list[HookTrust]]
    grant: Callable[[Environ, list[HookTrust]], None]
    withdraw: Callable[[Environ, list[HookTrust]], None]
    noted: Callable[[Environ, Path, Mapping[str, Any]], list[HookTrust]]


class Servers(NamedTuple):
    """Where the MCP servers of this user are: a map by name, in a JSON or TOML file of the agent.

    `file`: the file; `entry`: one server of its command line; `key`: the map in the file; `add` and
    `remove`: arguments with which the agent's own program does it, for an agent that rewrites the
    file while it runs. None: the file is merged. `needs_map`: the agent refuses a file without the
    map, also an empty one.
    """

    file: Callable[[Environ], Path]
    entry: Callable[[Sequence[str]], dict[str, Any]]
    key: str = "mcpServers"
    is_toml: bool = False
    needs_map: bool = False
    add: Callable[[str, Sequence[str]], list[str]] | None = None
    remove: Callable[[str], list[str]] | None = None


class Skill(NamedTuple):
    """A file that says to the agent when to ask the journal: its path and its content."""

    file: Callable[[Environ], Path]
    content: Callable[[], bytes]


class Setup(NamedTuple):
    """How hooks come into an agent.

    `program`: its command; `folder`: where its configuration of this user is; `file`: the file
    with the hooks, below it; `events`: those that we register, with the first version that
    accepts each where an older one would refuse the file; `recent`: further ones, registered only
    where every installed version is known to accept them; `canary`: an event that changes nothing
    in a session, for `journal doctor`; `obstacles`: what in the folder and in the values of the
    file keeps hooks from running, one line each; `trust`: None where it runs every hook;
    `servers`: where `journal mcp` is registered; `skill`: when to ask it.
    """

    program: str
    folder: Callable[[Environ], Path]
    file: str
    events: Mapping[str, Version | None]
    hooks: Merged | OwnFile
    canary: str
    recent: Mapping[str, Version] = MappingProxyType({})
    obstacles: Callable[[Path, Mapping[str, Any]], list[str]] = lambda folder, values: []
    trust: Trust | None = None
    servers: Servers | None = None
    skill: Skill | None = None


def folder_of(variable: str, *below_home: str) -> Callable[[Environ], Path]:
    """The folder that a variable names, else one below the person's home."""

    def folder(environ: Environ) -> Path:
        named = environ.get(variable, "")
        home = Path(environ.get("HOME") or Path.home())
        return (Path(named).expanduser() if named else home.joinpath(*below_home)).absolute()

    return folder


def stdio_server(command: Sequence[str]) -> dict[str, Any]:
    """A server of a command line, as most agents write it."""
    return {"command": command[0], "args": list(command[1:])}


def _no_rows(path: Path, since_ms: int) -> "Iterator[Row] | None":
    return None


def _as_they_are(lines: Iterable[list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    for parts in lines:
        yield from parts


class Transcripts(NamedTuple):
    """How the agent's own files of its sessions are found and read (its `transcript.py`).

    `folders`: where they lie, for a person's environment; `holds`: whether a path below such a
    folder is one of them; `begins`: whether an object is the first line of one; `is_record`:
    whether an object is a whole line of one; `session_of`: the session that a path names;
    `reader`: reads a file, with or without what the model thought; `meaning`: of the payload of a
    kept entry; `subagent_files`: the files of a session's sub-agents, where no hook names them;
    `rows`: of a file that does not consist of lines, what was changed at or after a moment; None
    for one that does; reading rows raises OSError or BadLineError. `sessions`: all sessions of such
    a file, none if it cannot be read; None: the one of `session_of`. `joined`: the lines of a file,
    each given as the parts that were kept of it, put together again.
    """

    folders: Callable[[Environ], list[Path]]
    holds: Callable[[Path], bool]
    begins: Callable[[Mapping[str, Any]], bool]
    is_record: Callable[[Mapping[str, Any]], bool]
    session_of: Callable[[Path], str]
    reader: "Callable[[Path, bool], Reader]"
    meaning: Callable[[Mapping[str, Any]], Meaning]
    subagent_files: Callable[[Path], list[Path]] = lambda path: []
    rows: "Callable[[Path, int], Iterator[Row] | None]" = _no_rows
    sessions: Callable[[Path], list[str]] | None = None
    joined: Callable[[Iterable[list[dict[str, Any]]]], Iterator[dict[str, Any]]] = _as_they_are


class Agent(NamedTuple):
    """One agent.

    `name`: in the header of records and in the names of files; `label`: for people; `meaning`:
    what a payload means, for every event and any payload; `prompts`: the events that hold a
    person's own words, in which private parts are looked for; `transcripts`: None where the agent
    keeps none that we can read.
    """

    name: str
    label: str
    meaning: Callable[[str, Mapping[str, Any]], Meaning]
    prompts: frozenset[str]
    setup: Setup
    transcripts: Transcripts | None = None
