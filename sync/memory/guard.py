"""The guard: a program of its own that lets a command end in time, and nothing of it outlive us.

Run by path, in a session of its own:

    python -I -S guard.py LIFELINE_FD SECONDS -- COMMAND...

COMMAND (its first word an absolute path) gets the guard's stdin, stdout, stderr and environment, a
process group of its own, and no other descriptor. All of it ends, SIGTERM first and SIGKILL after
GRACE_SECONDS, when COMMAND has ended, when the deadline passes, when the guard has to end
(SIGTERM, SIGINT, SIGHUP, SIGQUIT), or when the other end of the lifeline is closed, as it is when
its holder dies. The lifeline is a stream socket. The guard says on it, one line each: `started
PID` or `failed REASON`, then `ended CODE` or `late`; its end-of-file is the guard's own end. Exit
code: COMMAND's, 128+n if signal n ended it, 124 if the deadline passed, 126 if it cannot be
started.

What ends on Linux: every descendant, in any group or session, since those whose parents are
gone become the guard's own children (prctl(2), PR_SET_CHILD_SUBREAPER). Elsewhere, or where a
Python has no ctypes: COMMAND's process group (with /proc also the guard's session). Nowhere: what
another service started at the command's request, what runs with more rights than we have, and
processes that fork without pause into ever new sessions; the guard gives up after KILL_SECONDS. A
guard that is killed can do nothing: then `send` ends what is in its session.
"""

import os
import select
import signal
import sys
import time

GRACE_SECONDS = 0.5
KILL_SECONDS = 2.0
LATE = 124  # as timeout(1) has it
NOT_STARTED = 126
_LOOK_SECONDS = 0.01
_LONGEST_MS = 3_600_000
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, linux/prctl.h
_ORDERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
_DEFAULTS = (*_ORDERS, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ)


def below(root: int) -> dict[int, int]:
    """The living processes that descend from `root` or are in its session, each with its group.

    Read from /proc/*/stat (proc_pid_stat(5)): the lists of children there may be missing, and may
    leave out children while others exit. No zombies, not `root`. Empty where there is no /proc.
    """
    children: dict[int, list[int]] = {}
    groups: dict[int, int] = {}
    found = {}
    waiting = [root]
    for pid, (parent, group, session) in _processes():
        children.setdefault(parent, []).append(pid)
        groups[pid] = group
        if session == root:
            waiting.append(pid)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found[pid] = groups.get(pid, 0)
            waiting += children.get(pid, ())
    del found[root]
    return found


def _processes() -> list[tuple[int, tuple[int, int, int]]]:
    try:
        with os.scandir("/proc") as entries:
            names = [entry.name for entry in entries if entry.name.isdigit()]
    except FileNotFoundError:
        return []
    found = []
    for name in names:
        # A name may hold spaces and brackets: the fields are counted from its last bracket.
        fields = _content(f"/proc/{name}/stat").rpartition(b")")[2].split()
        if len(fields) > 3 and fields[0] not in (b"Z", b"X"):
            found.append((int(name), (int(fields[1]), int(fields[2]), int(fields[3]))))
    return found


def _content(path: str) -> bytes:
    """Empty if the process has gone meanwhile."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, 4096)
    except OSError:
        return b""
    finally:
        os.close(fd)


def send(number: int, root: int, group: int) -> bool:
    """Signal all that is below the guard `root`, whose command has `group`; False: there is none.

    Whole groups where possible: no member can fork out of a signal to its group. Signal 0 only
    looks. `group` counts where there is no /proc; 0 if it is not known.
    """
    found = below(root)
    targets = {-its if its not in (0, 1, root) else pid for pid, its in found.items()}
    if not found and group > 1 and not _content("/proc/self/stat"):
        targets = {-group}
    sent = False
    for target in targets:
        try:
            os.kill(target, number)
            sent = True
        except (ProcessLookupError, PermissionError):
            continue  # gone meanwhile, or not ours to end; macOS says the latter of zombies too
    return sent


class Guard:
    """One command and all that it starts."""

    def __init__(self, lifeline: int, deadline: float) -> None:
        os.set_inheritable(lifeline, False)
        self._lifeline = lifeline
        self._deadline = deadline  # of the monotonic clock
        self._pid = 0
        self._ordered = False
        self._adopts = _adopt()
        self._wakes, wake = os.pipe()
        for fd in (self._wakes, wake):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in _ORDERS:
            signal.signal(number, self._order)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # also if we inherited that it is ignored
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        self.code: int | None = None  # COMMAND's, once it has ended

    def _order(self, *_: object) -> None:
        self._ordered = True

    def start(self, command: list[str]) -> None:
        """Start it. OSError: it cannot be started."""
        self._pid = os.posix_spawn(
            command[0], command, os.environ, setpgroup=0, setsigmask=(), setsigdef=_DEFAULTS
        )
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        for fd in (0, 1):  # or the pipes would stay open although the command has closed its own
            os.dup2(null, fd)
        self.say(f"started {self._pid}")

    def wait(self) -> bool:
        """Until there is a reason to end; whether that is the deadline."""
        poll = select.poll()
        poll.register(self._lifeline, select.POLLIN)
        poll.register(self._wakes, select.POLLIN)
        while self._collect_children() and self.code is None and not self._ordered:
            left_ms = (self._deadline - time.monotonic()) * 1000
            if left_ms <= 0:
                return True
            ready = {fd for fd, _ in poll.poll(min(left_ms + 1, _LONGEST_MS))}
            if self._lifeline in ready:  # no process writes to it: the only event is its end
                break
            if self._wakes in ready:
                os.read(self._wakes, 4096)
        return False

    def end(self) -> None:
        """Nothing of the command is left, as far as that is in our power."""
        for number, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
            until = time.monotonic() + seconds
            sent = False
            while self._left():
                if time.monotonic() > until:
                    break
                if number == signal.SIGKILL or not sent:
                    send(number, os.getpid(), self._pid)
                    sent = True
                time.sleep(_LOOK_SECONDS)
            else:
                return

    def _left(self) -> bool:
        """Whether anything is left: no child means no descendant, if orphans become children."""
        alive = self._collect_children()
        return alive or (not self._adopts and send(0, os.getpid(), self._pid))

    def _collect_children(self) -> bool:
        """Bury the dead; whether a child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._pid:
                code = os.waitstatus_to_exitcode(status)
                self.code = code if code >= 0 else 128 - code

    def say(self, line: str) -> None:
        """Report to the other end of the lifeline, if it is still there."""
        try:
            os.write(self._lifeline, line.encode("utf-8", "replace") + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            return


def _adopt() -> bool:
    """Orphans below us become our children; False where that cannot be had."""
    if sys.platform != "linux":
        return False
    try:
        import ctypes

        one, zero = ctypes.c_ulong(1), ctypes.c_ulong(0)
        return bool(ctypes.CDLL(None).prctl(_SUBREAPER, one, zero, zero, zero) == 0)
    except (ImportError, OSError, AttributeError):
        return False  # a Python without ctypes, a libc that cannot be loaded: the group remains


def main(argv: list[str]) -> int:
    """Guard `argv`'s command to its end; the exit code."""
    guard = Guard(int(argv[1]), time.monotonic() + float(argv[2]))
    try:
        guard.start(argv[4:])
    except OSError as error:
        guard.say(f"failed {error.strerror}")
        return NOT_STARTED
    late = guard.wait()
    guard.end()
    code = LATE if late else guard.code if guard.code is not None else 128 + signal.SIGKILL
    guard.say("late" if late else f"ended {code}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv))
