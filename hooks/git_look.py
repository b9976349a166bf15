"""Whether a repository contains one of some commits, asked of git itself.

The one command gets no configuration but the repository's, no protocol to fetch by, and 300 ms.
"""

import os
import time

from hooks.git_files import is_hash

GIT_SECONDS = 0.3
MOST_COMMITS = 50  # are asked for: the newest
GIT_OUTPUT_BYTES = 64 << 10
GIT_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    # A partial clone fetches what it misses with a program that its configuration names.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
}


def contained(top: str, common: str, commits: "list[str]") -> str:
    """The first of these commits that lies in the repository's own objects; "" if none does.

    What it only borrows from another one, by a link or as alternates, does not count.
    """
    asked = [commit for commit in commits if is_hash(commit)][:MOST_COMMITS]
    objects = f"{common}/objects"
    places = (f"{top}/.git", common, objects, f"{objects}/pack")
    try:
        if any(os.stat(place).st_uid != os.geteuid() for place in places[:3]):
            return ""
        borrowed = any(os.path.islink(place) for place in places)
        if borrowed or os.path.exists(f"{objects}/info/alternates"):
            return ""
        answers = _cat_file(top, asked).split("\n") if asked else []
    except OSError:  # no git, or none that we may run
        return ""
    found = (answer.split(" ") for answer in answers)
    return next((words[0] for words in found if words[1:2] == ["commit"]), "")


def _cat_file(top: str, commits: "list[str]") -> str:
    """What git says of each of these objects; "" if it fails or is late. OSError: no git."""
    deadline = time.monotonic() + GIT_SECONDS
    asked, ask = os.pipe()
    reader, writer = os.pipe()
    try:
        try:
            os.write(ask, "".join(f"{commit}\n" for commit in commits).encode())  # a pipe has room
            os.close(ask)
            pid = _spawn_git(top, asked, writer)
        finally:
            os.close(asked)
            os.close(writer)
        try:
            output = _drain(reader, deadline)
        finally:
            ended_well = _wait_for(pid, deadline)
    finally:
        os.close(reader)
    return output if ended_well else ""


def _spawn_git(top: str, asked: int, writer: int) -> int:
    # Not spawnp: "." on the path would run the repository's own idea of git.
    path = [at for at in os.environ.get("PATH", os.defpath).split(":") if at.startswith("/")]
    program = next((f"{at}/git" for at in path if os.access(f"{at}/git", os.X_OK)), "")
    options = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-pager")
    bounds = {"PATH": ":".join(path), "GIT_CEILING_DIRECTORIES": os.path.dirname(top)}
    return os.posix_spawn(
        program,
        ("git", *options, "-C", top, "cat-file", "--batch-check"),
        GIT_ENVIRONMENT | bounds,
        file_actions=(
            (os.POSIX_SPAWN_DUP2, writer, 1),
            (os.POSIX_SPAWN_DUP2, asked, 0),
            (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
        ),
        setpgroup=0,  # so that all that git starts is killed with it
    )


def _drain(fd: int, deadline: float) -> str:
    """What is written to a pipe until all have closed it; "" if that is late or too much."""
    os.set_blocking(fd, False)
    data = b""
    while time.monotonic() < deadline and len(data) < GIT_OUTPUT_BYTES:
        try:
            chunk = os.read(fd, GIT_OUTPUT_BYTES)
        except BlockingIOError:
            time.sleep(0.0005)
            continue
        if not chunk:
            return os.fsdecode(data)
        data += chunk
    return ""


def _wait_for(pid: int, deadline: float) -> bool:
    """Whether the process ended well; what still runs at the deadline is killed with its group."""
    try:
        while True:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return status == 0
            if time.monotonic() >= deadline:
                os.killpg(pid, 9)
                os.waitpid(pid, 0)
                return False
            time.sleep(0.0005)
    except (ChildProcessError, ProcessLookupError):
        return True  # an agent that ignores SIGCHLD: the status is lost, the output is whole
