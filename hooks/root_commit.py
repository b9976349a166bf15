"""The first commit of a repository that no remote names, asked of git itself.

The one command gets no configuration but the repository's, no protocol to fetch by, and 300 ms.
"""

import os
import time

from hooks.git_files import is_hash

GIT_SECONDS = 0.3
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


def root_commit(top: str, git_dir: str, common: str) -> str:
    """The smallest of the commits without parents that HEAD comes from; "" if git does not say."""
    try:
        owners = {os.stat(path).st_uid for path in (f"{top}/.git", git_dir, common)}
        # A shallow clone ends at commits that are no roots: its siblings would have another key.
        if owners != {os.geteuid()} or os.path.exists(f"{common}/shallow"):
            return ""
        roots = _rev_list(top).split()
    except OSError:  # no git, or none that we may run
        return ""
    return min(roots) if roots and all(is_hash(root) for root in roots) else ""


def _rev_list(top: str) -> str:
    """What git prints as the roots of HEAD; "" if it fails or is late. OSError: no git."""
    deadline = time.monotonic() + GIT_SECONDS
    reader, writer = os.pipe()
    try:
        try:
            pid = _spawn_git(top, writer)
        finally:
            os.close(writer)
        try:
            output = _drain(reader, deadline)
        finally:
            ended_well = _reap(pid, deadline)
    finally:
        os.close(reader)
    return output if ended_well else ""


def _spawn_git(top: str, writer: int) -> int:
    # Not spawnp: "." on the path would run the repository's own idea of git.
    path = [at for at in os.environ.get("PATH", os.defpath).split(":") if at.startswith("/")]
    program = next((f"{at}/git" for at in path if os.access(f"{at}/git", os.X_OK)), "")
    options = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-pager")
    bounds = {"PATH": ":".join(path), "GIT_CEILING_DIRECTORIES": os.path.dirname(top)}
    return os.posix_spawn(
        program,
        ("git", *options, "-C", top, "rev-list", "--max-parents=0", "HEAD", "--"),
        GIT_ENVIRONMENT | bounds,
        file_actions=(
            (os.POSIX_SPAWN_DUP2, writer, 1),
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
        ),
        setpgroup=0,  # so that whatever git starts is killed with it
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


def _reap(pid: int, deadline: float) -> bool:
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
