"""Which projects and tools are not recorded: `capture.exclude_projects` and `exclude_tools`.

A folder is excluded with everything below it. It is compared as the agent names it and with its
symlinks resolved, and so is the setting: either form that matches counts. Both
are compared in one Unicode form (NFC): two spellings that look alike are one folder.
"""

import glob
import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

from journal.settings.sections import Capture

_GLOB = re.compile(r"[*?\[]")
_KNOWN_NAMES = 4096  # answers that are remembered; there are few folders and tools
_PATH_CHARS = 4096  # a longer path is nowhere on a disk


class Exclusions:
    """What the settings exclude. False in a condition if that is nothing.

    Answers are remembered, so a folder that has become a symlink since counts as it was.
    """

    def __init__(self, capture: Capture) -> None:
        self._tools = capture.exclude_tools
        self._folders = {path for entry in capture.exclude_projects for path in _folders(entry)}
        self._globs = {path for entry in capture.exclude_projects for path in _globs(entry)}
        self._known_folders: dict[str, bool] = {}
        self._known_tools: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return bool(self._folders or self._tools)

    @property
    def name_tools(self) -> bool:
        """Whether any tool is excluded."""
        return bool(self._tools)

    def cover_folder(self, path: str) -> bool:
        """Whether a folder lies in an excluded project, or is one; it need not exist."""
        return _remembered(self._known_folders, path, self._covers_folder)

    def cover_tool(self, name: str) -> bool:
        """Whether a tool, by the agent's own name, is excluded; case counts."""
        return _remembered(self._known_tools, name, self._covers_tool)

    def _covers_folder(self, path: str) -> bool:
        above = {folder for way in _ways(path) for folder in _with_parents(way)}
        if not above.isdisjoint(self._folders):
            return True
        return any(fnmatchcase(folder, pattern) for pattern in self._globs for folder in above)

    def _covers_tool(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self._tools)


def _remembered(known: dict[str, bool], name: str, decide: Callable[[str], bool]) -> bool:
    answer = known.get(name)
    if answer is None:
        if len(known) >= _KNOWN_NAMES:
            known.clear()
        answer = known[name] = decide(name)
    return answer


def _folders(entry: str) -> Iterator[str]:
    """The folder that a setting names; also one with a glob's signs in its name."""
    return _ways(_expanded(entry))


def _globs(entry: str) -> Iterator[str]:
    """The pattern that a setting is; its folders before the first sign have their links resolved.

    The home directory is meant literally, with any characters in its name.
    """
    entry = unicodedata.normalize("NFC", entry)
    first = _GLOB.search(entry)
    if first is None:
        return
    split = entry.rfind("/", 0, first.start())
    for way in _ways(_expanded(entry[:split])) if split > 0 else ():
        yield glob.escape(way).rstrip("/") + entry[split:].rstrip("/")
    if entry[0] != "~":
        yield entry.rstrip("/")


def _expanded(path: str) -> str:
    return os.path.expanduser(path)  # noqa: PTH111  pathlib raises where there is no such user


def _ways(path: str) -> Iterator[str]:
    """A path as it is written, without `.`, `..` and doubled slashes, and as it is on the disk."""
    path = unicodedata.normalize("NFC", path)
    if len(path) > _PATH_CHARS:
        yield path
        return
    normal = os.path.normpath(path)
    normal = "/" + normal.lstrip("/") if path[:1] == "/" else normal
    yield normal
    if path[:1] == "/":
        try:
            yield unicodedata.normalize("NFC", os.path.realpath(path))
        except ValueError:
            return  # a NUL or half a character: no disk has it


def _with_parents(folder: str) -> Iterator[str]:
    yield folder
    if len(folder) > _PATH_CHARS:
        return
    end = folder.rfind("/")
    while end > 0:
        yield folder[:end]
        end = folder.rfind("/", 0, end)
    if end == 0:
        yield "/"
