"""Git's own files, read as text: where a repository is, its HEAD and its configuration.

A repository may be hostile: only regular files are opened, reads are bounded, includes are not
followed. Formats: gitrepository-layout(5), git-config(1).
"""

import os

PATH_CHARS = 4096
SMALL_BYTES = 8 << 10
CONFIG_BYTES = 256 << 10
PACKED_BYTES = 1 << 20
ESCAPES = {"n": "\n", "t": "\t", "b": "\b"}


def _read(path: str, limit: int) -> bytes:
    """At most `limit` bytes of a regular file; empty if there is none that we may read."""
    try:
        if os.stat(path).st_mode & 0o170000 != 0o100000:
            return b""
        # Between the look and the open it may have become a FIFO: that must not hang.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return b""
    data = b""
    try:
        if os.fstat(fd).st_mode & 0o170000 == 0o100000:
            while len(data) < limit and (chunk := os.read(fd, limit - len(data))):
                data += chunk
    except OSError:
        return b""
    finally:
        os.close(fd)
    return data


def whole_lines(path: str, limit: int) -> bytes:
    """The beginning of a file, without the line that the limit cuts."""
    data = _read(path, limit)
    return data if len(data) < limit else data[: data.rfind(b"\n") + 1]


def first_line(path: str) -> str:
    """The first line of a small regular file; empty if there is none that we may read."""
    return os.fsdecode(_read(path, SMALL_BYTES).partition(b"\n")[0]).rstrip("\r")


def repository(directory: str) -> tuple[str, str]:
    """The working tree's top and its git directory; ("", "") if there is none."""
    top = directory
    while True:
        dot_git = os.path.join(top, ".git")
        if os.path.isfile(dot_git):  # a linked worktree or a submodule; git looks no further
            line = first_line(dot_git)
            git_dir = real_path(os.path.join(top, line[7:].lstrip().replace("\0", "")))
            named = line.startswith("gitdir:") and os.path.lexists(os.path.join(git_dir, "HEAD"))
            return (top, git_dir) if named else ("", "")
        if os.path.lexists(os.path.join(dot_git, "HEAD")):
            return top, dot_git
        if top == "/":
            return "", ""
        top = os.path.dirname(top)


def common_folder(git_dir: str) -> str:
    """What all worktrees of a repository share: its refs, its configuration."""
    line = first_line(os.path.join(git_dir, "commondir")).replace("\0", "")
    return real_path(os.path.join(git_dir, line)) if line else git_dir


def is_hash(text: str) -> bool:
    """Whether it is the name of an object: 40 or 64 hex digits."""
    return len(text) in (40, 64) and not text.strip("0123456789abcdef")


def _is_ref(name: str) -> bool:
    """Whether git would take the name (git-check-ref-format); never a way out of `refs/`."""
    parts = name.split("/")
    return (
        parts[0] == "refs"
        and len(name) <= PATH_CHARS
        and not any(c <= " " or c in "\x7f~^:?*[\\" for c in name)
        and all(part and part[0] != "." and not part.endswith(".lock") for part in parts)
    )


def head(git_dir: str, common: str) -> tuple[str, str]:
    """The branch and the commit that HEAD names; a symbolic ref may name another."""
    said = _said(os.path.join(git_dir, "HEAD"))
    branch = said[11:] if said.startswith("refs/heads/") and _is_ref(said) else ""
    for _ in range(5):  # git's own limit
        if not _is_ref(said):
            break
        loose = _said(os.path.join(git_dir, said)) or _said(os.path.join(common, said))
        said = loose or _packed(common, said)
    return branch, said if is_hash(said) else ""


def _said(path: str) -> str:
    """What a ref's file says: the name of another ref, or a commit."""
    try:
        target = os.readlink(path)
    except (OSError, ValueError):
        target = ""
    line = first_line(path) if not target.startswith("refs/") else "ref:" + target
    return line[4:].strip() if line.startswith("ref:") else line.strip()


def _packed(common: str, ref: str) -> str:
    data = whole_lines(os.path.join(common, "packed-refs"), PACKED_BYTES)
    end = data.find(b" " + os.fsencode(ref) + b"\n")
    return os.fsdecode(data[data.rfind(b"\n", 0, end) + 1 : end]) if end >= 0 else ""


def settings(data: bytes) -> list[tuple[str, str]]:
    """The values of `remote.<name>.url`, `core.worktree` and `core.bare`, in the file's order."""
    text = os.fsdecode(data.removeprefix(b"\xef\xbb\xbf")).replace("\r\n", "\n")
    found: list[tuple[str, str]] = []
    section = ""
    lines = text.split("\n")[::-1]
    while lines:
        line = lines.pop().lstrip()
        if line.startswith("["):
            section, line = _section(line)
        key, equals, raw = line.partition("=")
        if not equals or "#" in key or ";" in key:
            continue
        name = f"{section}.{key.strip().lower()}"
        is_url = name.startswith("remote.") and name.endswith(".url")
        wanted = is_url or name in ("core.worktree", "core.bare")
        if wanted or raw.endswith("\\"):
            value = _value(raw, lines)
            found += [(name, value)] if wanted and value else []
    return found


def _section(line: str) -> tuple[str, str]:
    """`[remote "origin"] more` as "remote.origin" and " more"; subsections keep their case."""
    quote, end = line.find('"'), line.find("]")
    if quote < 0 or end < quote:
        return line[1:end].strip().lower(), line[end + 1 :] if end >= 0 else ""
    end = quote + 1
    while line[end : end + 1] not in ('"', ""):
        end += 2 if line[end] == "\\" else 1
    name = f"{line[1:quote].strip().lower()}.{line[quote + 1 : end]}"
    return name, line[end + 1 :].lstrip().removeprefix("]")


def _value(raw: str, lines: list[str]) -> str:
    """The value that begins with `raw`; takes the lines it goes on with from the end of `lines`."""
    taken: list[str] = []
    quoted, more = False, True
    while more:
        more = False
        chars = iter(raw)
        for char in chars:
            if char == "\\":
                escaped = next(chars, "")
                taken.append(ESCAPES.get(escaped, escaped))
                more = not escaped and bool(lines)
            elif char == '"':
                quoted = not quoted
            elif char in "#;" and not quoted:
                break
            else:
                taken.append(char)
        raw = lines.pop() if more else ""
    return "".join(taken).strip()


def real_path(path: str) -> str:
    """The path with its links resolved as far as the kernel would follow them."""
    # realpath alone would follow a chain of links that the kernel refuses, as deep as it goes.
    return os.path.realpath(path) if os.path.exists(path) else os.path.abspath(path)
