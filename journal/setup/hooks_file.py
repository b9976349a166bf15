"""# event and command of each of our hooks

`look` reads it; what it returns says which hooks are there and makes the change that installs or
removes them. Nothing is written before `Change.write`.
"""

import json
import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from journal.agents.contract import Agent, Merged, OwnFile
from journal.durable_files import write_whole
from journal.errors import JournalError, UsageError
from journal.setup import settings_file, settings_writing
from journal.setup.hook_command import is_ours
from journal.setup.settings_file import Document, Values

Commands = list[tuple[str, str]]  # event and command of each of our hooks


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be written. `events`: those whose hook becomes another one, or goes.

    `write` takes the time, for the name of a backup, and returns the backup if it made one.
    """

    events: tuple[str, ...]
    write: Callable[[int], Path | None]


@dataclass(frozen=True, slots=True)
class MergedFile:
    """Hooks in a file of the agent."""

    document: Document
    hooks: Merged

    @property
    def path(self) -> Path:
        return self.document.path

    @property
    def exists(self) -> bool:
        return self.document.data is not None

    @property
    def values(self) -> Values:
        """What the file holds."""
        return self.document.values

    def commands(self, home: Path | None = None) -> Commands:
        """Our hooks, or those of one home."""
        return settings_file.commands(self.values, home)

    def with_hooks(self, commands: Mapping[str, str]) -> Change:
        """Exactly these hooks; those of another home are replaced by them."""
        wanted = {event: self.hooks.entry(event, text) for event, text in commands.items()}
        new = settings_file.merged(self.values, wanted)
        return Change(
            _differing(self.values, new),
            lambda now_us: settings_writing.write(self.document, new, now_us),
        )

    def without_hooks(self) -> Change:
        """Remove our hooks; if no one else changed the file, it is as it was before."""
        new = settings_file.without(self.values)
        return Change(
            _differing(self.values, new),
            lambda now_us: settings_writing.write_original(self.document, new, now_us),
        )


@dataclass(frozen=True, slots=True)
class OwnedFile:
    """Hooks in a file that the journal wrote."""

    path: Path
    data: bytes | None
    hooks: OwnFile

    @property
    def exists(self) -> bool:
        return self.data is not None

    @property
    def values(self) -> Values:
        """What the file holds, if it is JSON."""
        try:
            values = json.loads(self.data or b"{}")
        except ValueError:
            return {}
        return values if isinstance(values, dict) else {}

    def commands(self, home: Path | None = None) -> Commands:
        """Our hooks, or those of one home."""
        found = self.hooks.commands(self.data or b"")
        return [(event, text) for event, text in found.items() if is_ours(text, home)]

    def with_hooks(self, commands: Mapping[str, str]) -> Change:
        """Write the whole file again, if anything in it differs."""
        data = self.hooks.render(commands)
        before = dict(self.commands())
        events = {**commands, **before}
        changed = tuple(event for event in events if commands.get(event) != before.get(event))
        if data != self.data and not changed:
            changed = tuple(commands)  # what is around the commands is of another version
        return Change(changed if data != self.data else (), lambda now_us: self._write(data))

    def without_hooks(self) -> Change:
        """No such file."""
        return Change(tuple(event for event, _ in self.commands()), lambda now_us: self._remove())

    def _write(self, data: bytes) -> None:
        write_whole(Path(os.path.realpath(self.path)), data)

    def _remove(self) -> None:
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            hint = "check the owner and rights of its folder"
            raise JournalError(f"cannot remove {self.path}: {error.strerror}", hint) from error


HooksFile = MergedFile | OwnedFile


def look(agent: Agent, path: Path) -> HooksFile:
    """The file as it is now.

    UsageError: it cannot be kept (see settings_file), or a foreign file has this name.
    JournalError: it cannot be read.
    """
    way = agent.setup.hooks
    if isinstance(way, Merged):
        return MergedFile(settings_file.load(path), way)
    file = OwnedFile(path, settings_file.read(path), way)
    if file.data and not file.commands():
        hint = "move it away, then run this again"
        raise UsageError(f"{path} was not changed: the journal did not write it", hint)
    return file


def default_path(agent: Agent, environ: Mapping[str, str]) -> Path:
    """Where the agent looks for hooks of this user."""
    return agent.setup.folder(environ) / agent.setup.file


def homes(commands: Commands) -> list[str]:
    """The homes that these commands record into, as far as their texts say, each once."""
    found = [_home(command) for _, command in commands]
    return list(dict.fromkeys(home for home in found if home))


def _home(command: str) -> str:
    try:
        words = shlex.split(command.partition(";")[0] if command[:2] == "h=" else command)
    except ValueError:
        return ""
    if words[:1] == ["/bin/sh"] and len(words) > 1:
        return words[1].rpartition("/hooks/")[0]
    return words[0][2:] if words and words[0].startswith("h=") else ""


def _differing(old: Values, new: Values) -> tuple[str, ...]:
    before: Mapping[str, object] = old.get("hooks", {})
    after: Mapping[str, object] = new.get("hooks", {})
    return tuple(event for event in {**after, **before} if before.get(event) != after.get(event))
