"""A local pass before the context is printed: only if records wait, and never past a deadline."""

import os
import sys
import time

from hooks import emit

PASS_MS = 600  # what the local pass gives itself, behind its start-up of a quarter of a second
LOOK_SECONDS = 0.15
READ_BYTES = 1 << 20


def unsynced(home: str, own_bytes: int) -> tuple[bool, int]:
    """Whether records other than our own wait to be synced, and how many bytes about.

    The syncer writes to `synced` how many bytes of all day files it has read. With more files than
    can be looked at in LOOK_SECONDS it is not known, and a pass has to look.
    """
    until = time.monotonic() + LOOK_SECONDS
    spool = emit.spool_folder(home, emit.home_id(home))
    present = _sizes(spool, "l") + _sizes(spool, "w")  # .jsonl, .raw
    spooled = len(present) > 0
    for day in _names(f"{home}/days"):
        if len(day) == 10 and day[4] + day[7] == "--" and day.replace("-", "").isdecimal():
            present += _sizes(f"{home}/days/{day}", ".jsonl", until)
        if time.monotonic() > until:
            return True, 0
    total = sum(present) - own_bytes
    try:
        synced = int(read_file(f"{home}/synced"))
    except ValueError:
        synced = 0  # never synced
    return spooled or total > synced, max(total - synced, 0)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _sizes(folder: str, ending: str, until: float = float("inf")) -> list[int]:
    """The sizes of the regular files in a folder, as far as they are known by then."""
    sizes: list[int] = []
    for name in _names(folder):
        if time.monotonic() > until:
            break
        if name.endswith(ending) and not name.endswith(".part"):  # that one is being written
            try:
                status = os.stat(f"{folder}/{name}")
            except OSError:
                continue  # collected or packed meanwhile
            if status.st_mode & 0o170000 == 0o100000:
                sizes.append(status.st_size)
    return sizes


def read_file(path: str) -> bytes:
    """What a small regular file holds; empty if there is none that we may read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, READ_BYTES)
    except OSError:
        return b""
    finally:
        os.close(fd)


def local_pass(home: str, until: float) -> tuple[str, list[tuple[int, str]]]:
    """Sync what this machine has, until the monotonic time `until`, then kill it.

    `done` with the records still missing by session, `late`, or `failed`: it could not be run or
    ended badly.
    """
    if until - time.monotonic() < 0.2:
        return "late", []
    reader, writer = os.pipe()
    try:
        try:
            pid = _spawn(home, writer)
        finally:
            os.close(writer)
        status, output = _watched(pid, reader, until)
    except (OSError, ValueError):
        return "failed", []
    finally:
        os.close(reader)
    if status != 0:
        return "late" if status is None else "failed", []
    pairs = (line.split("\t") for line in output.decode("utf-8", "replace").split("\n"))
    return "done", [(int(p[0]), p[1]) for p in pairs if len(p) == 2 and p[0].isdecimal()]


def _spawn(home: str, writer: int) -> int:
    python = os.fsdecode(read_file(f"{home}/hooks/application")).strip()
    if not python.startswith("/"):
        raise ValueError("no interpreter of the application is known")
    signal = sys.modules["_signal"]  # with an inherited, ignored SIGCHLD its end is unknown
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    return os.posix_spawn(
        python,
        [python, "-E", "-P", "-m", "journal.cli.catch_up", home, str(PASS_MS)],
        os.environ,
        file_actions=(
            (os.POSIX_SPAWN_DUP2, writer, 1),
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
        ),
        setpgroup=0,  # so that all that it starts is killed with it
    )


def _watched(pid: int, reader: int, until: float) -> tuple[int | None, bytes]:
    """The exit status and the output of a child; None for one that had to be killed."""
    os.set_blocking(reader, False)
    output = b""
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        try:
            while len(output) < READ_BYTES and (chunk := os.read(reader, 1 << 16)):
                output += chunk
        except BlockingIOError:
            pass  # nothing more at the moment
        if ended:
            return status, output
        time.sleep(0.004)
    try:
        os.killpg(pid, 9)
    except OSError:  # it has just ended by itself
        return os.waitpid(pid, 0)[1], output
    os.waitpid(pid, 0)
    return None, b""
