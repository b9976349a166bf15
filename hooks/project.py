"""Which project a directory belongs to, read from `.git` as text.

A project is its remote, else this repository in this home (its common git directory), else the
folder. Git is not started, because milliseconds count at SessionStart.
"""

import os

from hooks.git_files import (
    CONFIG_BYTES,
    PATH_CHARS,
    common_folder,
    first_line,
    head,
    real_path,
    repository,
    settings,
    whole_lines,
)
from hooks.remote_url import remote_key


class Place:
    """A directory's project. Text only; a branch or remote that cannot be read is "".

    `top`: the working tree's top directory, else the directory itself. `branch`: "fix/rounding";
    "" when detached, in reftable repositories and outside of any. `head`: 40 or 64 hex digits or
    "". `key`: "git:<host>/<path>", else `own`: "repo:<scope>:<common git directory>" or
    "path:<scope>:<directory>". `name`: what people call it. `folder`: the repository that says so.
    """

    __slots__ = ("branch", "folder", "head", "key", "name", "own", "top")

    def __init__(
        self, top: str, branch: str, head: str, key: str, name: str, own: str = "", folder: str = ""
    ) -> None:
        self.top = top
        self.branch = branch
        self.head = head
        self.key = key
        self.name = name
        self.own = own or key
        self.folder = folder

    def __repr__(self) -> str:
        return f"Place({self.top!r}, {self.branch!r}, {self.head!r}, {self.key!r}, {self.name!r})"


def locate(directory: str, scope: str) -> Place:
    """The project of `directory`; no content of the disk makes it raise.

    `scope` names what paths are paths of: the home's id, before it had one the host. What cannot be
    read (missing, looping, huge, not ours) leads to the path key. A linked worktree shares key and
    name with its main working tree. `$GIT_DIR` is not looked at. A directory that is not an
    absolute path of this system is a project by its name.
    """
    if not directory.startswith("/"):
        name = directory.replace("\\", "/").rstrip("/").rpartition("/")[2] or directory
        return Place(_clean(directory), "", "", _key(f"path:{scope}:{directory}"), _clean(name))
    directory, top, git_dir = _found(directory)
    common = common_folder(git_dir) if git_dir else ""
    configured = _configured(common) if git_dir else []
    if not git_dir or not _is_its_own(top, git_dir, common, configured):
        name = _clean(os.path.basename(directory) or directory)
        return Place(directory, "", "", _key(f"path:{scope}:{directory}"), name)
    branch, commit = head(git_dir, common)
    main = top if common == git_dir else _main_folder(common, configured)
    name = os.path.basename(main).removesuffix(".git") or main
    key = own = _key(f"repo:{scope}:{common}")
    if remote := remote_of(configured):
        key, name = f"git:{remote}", remote.rpartition("/")[2]
    return Place(top, _clean(branch), commit, _clean(key), _clean(name), own, _clean(common))


def _is_its_own(top: str, git_dir: str, common: str, configured: list[tuple[str, str]]) -> bool:
    """Whether the repository knows this working tree, too: `.git` may point to anybody's."""
    dot_git = os.path.join(top, ".git")
    if git_dir == dot_git and common == git_dir:
        return not os.path.islink(dot_git)
    back = first_line(os.path.join(git_dir, "gitdir"))  # of a linked working tree
    if back and real_path(os.path.join(git_dir, back)) == real_path(dot_git):
        return os.path.dirname(git_dir) == os.path.join(common, "worktrees")
    said = [value for name, value in configured if name == "core.worktree"]
    if said:  # of a submodule
        return any("\0" not in to and real_path(os.path.join(git_dir, to)) == top for to in said)
    # Git notes nothing in a separate git directory. That of another working tree has its name.
    is_bare = any(
        name == "core.bare" and value.lower() not in ("false", "no", "off", "0")
        for name, value in configured
    )
    return common == git_dir and os.path.basename(git_dir) != ".git" and not is_bare


def _key(text: str) -> str:
    """Paths are compared in one Unicode form."""
    text = _clean(text)
    if text.isascii():
        return text
    from unicodedata import normalize  # slow to load: most paths need none

    return normalize("NFC", text)


def folders(directory: str) -> tuple[str, str]:
    """The directory, absolute and without symlinks, and the folder of its project.

    That is the main working tree, which linked ones share, else the directory itself. Does not
    raise and starts no git.
    """
    directory, top, git_dir = _found(directory)
    common = common_folder(git_dir) if git_dir else ""
    linked = common != git_dir
    return directory, _main_folder(common, _configured(common)) if linked else top or directory


def _found(directory: str) -> tuple[str, str, str]:
    """The normal directory, its working tree's top and its git directory; "" if there is none."""
    directory = _normal(directory)
    known = directory.startswith("/") and len(directory) <= PATH_CHARS
    return directory, *(repository(directory) if known else ("", ""))


def _configured(common: str) -> list[tuple[str, str]]:
    return settings(whole_lines(os.path.join(common, "config"), CONFIG_BYTES))


def _main_folder(common: str, settings: list[tuple[str, str]]) -> str:
    """The main working tree of a linked one; of a bare repository what people see of it."""
    for name, value in settings:
        if name == "core.worktree" and "\0" not in value:
            return real_path(os.path.join(common, value))
    hidden = os.path.basename(common).startswith(".")  # .git, or the .bare of some layouts
    return os.path.dirname(common) if hidden else common


def remote_of(settings: list[tuple[str, str]]) -> str:
    """The key of origin, else of the first remote that has one."""
    urls = [(name, value) for name, value in settings if name.startswith("remote.")]
    urls.sort(key=lambda setting: setting[0] != "remote.origin.url")
    for _, url in urls:
        if key := remote_key(url):
            return key
    return ""


def _clean(text: str) -> str:
    """The text with what UTF-8 cannot carry (lone surrogates) replaced."""
    return text.encode("utf-8", "replace").decode()


def _normal(directory: str) -> str:
    """Absolute and without symlinks; lexically, if the directory does not exist (any more)."""
    directory = directory.replace("\0", "\ufffd")
    try:
        os.fsencode(directory)
    except UnicodeEncodeError:
        directory = _clean(directory)
    if not directory or len(directory) > PATH_CHARS:
        return directory.rstrip("/")
    try:
        directory = real_path(directory)
    except OSError:  # the current directory is gone, and the path is relative
        directory = os.path.normpath(directory)
    return "/" + directory.lstrip("/") if directory.startswith("//") else directory
