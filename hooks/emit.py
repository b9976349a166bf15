"""The emitter: one hook's stdin becomes one line of the journal, also when things go wrong.

Run by `run.py` behind the shell guard that `journal install` writes. The agent's bytes are spliced
unparsed into an envelope and appended with a single `O_APPEND` write; a home that cannot be
written, or whose disk stalls, is replaced by a spool under `$TMPDIR`; after `journal off` nothing
is kept. It loads nothing that the interpreter has not loaded: `os` alone costs 1.5 ms, a sixth of
the interpreter's start. It opens one file, prints nothing and exits 0. It exits 1 only while stdin
is still unread, so that the guard can keep stdin by the shell's own means.
"""

import _thread
import sys
import time

if sys.platform == "win32":
    import os as posix  # hooks cannot be installed there; the application can be imported
else:
    import posix

TYPE_CHECKING = False  # `typing` costs the hook 4 ms
if TYPE_CHECKING:
    from collections.abc import Callable

    Watched = list[Callable[[], None]]

_CONTROLS = bytes(range(32))
STDIN_SECONDS = 2.0
HOME_SECONDS = 2.0  # behind stdin: how long the hook waits for the home
SPOOL_SECONDS = 1.0  # then for the spool
REST_SECONDS = 3.0  # or, once the home has the record, for a busy machine to print the context
CHUNK_BYTES = 1 << 20
BOOT = b"/proc/sys/kernel/random/boot_id"
TEMPORARY = "/tmp"  # without $TMPDIR; the syncer looks here, too
NAME = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# Each agent's own variables: session id, pid, entry point. Never another agent's: an agent that is
# started in another one's shell inherits all of them. The others name no session and no pid.
VARIABLES = {
    "claude-code": ("CLAUDE_CODE_SESSION_ID", "CLAUDE_PID", "CLAUDE_CODE_ENTRYPOINT"),
    "gemini-cli": ("GEMINI_SESSION_ID", "", ""),
    "qwen-code": ("QWEN_CODE_SESSION_ID", "", ""),
}
ATTENDED = "CLAUDE_CODE_SESSION_ATTENDED"  # by a person, also where a program drives the agent
SESSION_KEYS = (b"session_id", b"sessionId", b"conversation_id")
# Arguments of a command: the agent's pid as the shell knows it ($PPID), the id of the home, and the
# pid of a shell that ends when it gets SIGUSR1.
PID, HOME, SHELL = "pid=", "home=", "shell="
# How to keep the record without the home, until the home has it.
_unkept: "list[Callable[[], None]]" = []
_read_at: list[float] = []  # when stdin was read, by time.monotonic()


def read_stdin(seconds: float = STDIN_SECONDS, chunks: "list[bytes] | None" = None) -> bytes:
    """Everything on stdin, or what had come after `seconds` if it is not closed.

    MemoryError: it does not fit into one piece; it is in `chunks`.
    """
    signal = sys.modules["_signal"]  # loaded by the interpreter; `import signal` costs 3 ms
    chunks = [] if chunks is None else chunks

    def expire(number: int, frame: object) -> None:
        # The read that waits goes on here and ends. An exception could lose what it had just read.
        posix.dup2(posix.open("/dev/null", posix.O_RDONLY), 0)

    signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        posix.set_blocking(0, True)
        while chunk := posix.read(0, CHUNK_BYTES):
            chunks.append(chunk)
    except OSError:
        pass  # a closed or unreadable stdin has no more to say
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return b"".join(chunks)


def session_field(data: bytes) -> bytes:
    """The first session id in the bytes, still escaped, however the agent spells its key."""
    found = [(at, key) for key in SESSION_KEYS if (at := data.find(b'"' + key + b'"')) >= 0]
    return string_field(data, min(found)[1]) if found else b""


def string_field(data: bytes, name: bytes) -> bytes:
    """The first JSON string that `name` is the key of, still escaped; empty if there is none."""
    start = data.find(b'"' + name + b'"')
    if start < 0:
        return b""
    rest = data[start + len(name) + 2 : start + len(name) + 4200].lstrip(b" \t\r\n:")
    end = 1
    while rest[end : end + 1] not in (b'"', b""):
        end += 2 if rest[end : end + 1] == b"\\" else 1
    return rest[1:end] if rest[:1] == b'"' else b""


def quote(data: bytes) -> bytes:
    """Any bytes as one JSON string; bytes that are not UTF-8 become lone surrogates (PEP 383)."""
    data = data.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    if len(data.translate(None, _CONTROLS)) < len(data):
        for code in _CONTROLS:
            data = data.replace(b"%c" % code, b"\\u%04x" % code)
    text = data.decode("utf-8", "surrogateescape")
    return b'"' + text.encode("utf-8", "backslashreplace") + b'"'


def label(text: str, chars: int) -> bytes:
    """A value of the header as one JSON string that every reader takes: in UTF-8, and cut off."""
    return quote(text[:chars].encode("utf-8", "replace"))


def body(data: bytes) -> bytes:
    """The end of the record: the payload as it came; if it is not an object, its text as `raw`."""
    data = data.strip(b" \t\r\n")
    if not data:
        return b'"payload":null}\n'
    try:
        data.decode()
        if data[:1] == b"{" and data[-1:] == b"}":
            # No payload holds what a record begins with: a bad one could pass for a torn line with
            # a record glued to it.
            data = data.replace(b"\n", b" ").replace(b'{"v":', b'{ "v":')
            return b'"payload":' + data + b"}\n"
    except UnicodeDecodeError:
        pass  # JSON is UTF-8 (RFC 8259, 8.1): anything else is kept as text
    return b'"raw":' + quote(data) + b"}\n"


def new_id(now_ns: int) -> str:
    """A UUIDv7 (RFC 9562, 5.7 and 6.2 method 3), 32 hex digits: sorts by time within a host."""
    ms, rest_ns = divmod(now_ns, 1_000_000)
    fraction = rest_ns * 4096 // 1_000_000
    tail = int.from_bytes(posix.urandom(8), "big") >> 2 | 0x8000_0000_0000_0000
    return f"{ms:012x}7{fraction:03x}{tail:016x}"


def utc(now_ns: int) -> str:
    """RFC 3339 in UTC with microseconds."""
    seconds, rest_ns = divmod(now_ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest_ns // 1000:06d}Z"


def environment() -> dict[str, str]:
    """The variables as `os.environ` has them; without `os`, as the process began with them."""
    if "os" in sys.modules:
        return dict(sys.modules["os"].environ)
    coding = sys.getfilesystemencoding(), "surrogateescape"
    return {name.decode(*coding): value.decode(*coding) for name, value in posix.environ.items()}


def path_bytes(path: str) -> bytes:
    """As `os.fsencode`; what the encoding of the locale lacks is UTF-8."""
    try:
        return path.encode(sys.getfilesystemencoding(), "surrogateescape")
    except UnicodeEncodeError:
        return path.encode("utf-8", "surrogateescape")


def exists(path: str, look: "Callable[[str], object]" = posix.stat) -> bool:
    """As `os.path.exists`; with `posix.lstat` as `os.path.lexists`."""
    try:
        look(path)
    except (OSError, ValueError):
        return False
    return True


def option(argv: list[str], name: str) -> str:
    """The value of an argument `name` of a hook's command; else ""."""
    return next((text[len(name) :] for text in argv[4:] if text.startswith(name)), "")


def is_daemon(agent: str, pid: int) -> bool:
    """Whether the process that ran the hook serves many sessions, so that it outlives each.

    The terminal program of Codex leaves its hooks to `codex app-server`. Without /proc it is not
    known; then a session ends by silence all the same.
    """
    if agent != "codex":
        return False
    try:
        fd = posix.open(f"/proc/{pid}/cmdline", posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return False
    try:
        return b"\0app-server\0" in posix.read(fd, 4096)
    finally:
        posix.close(fd)


def is_planned(plan: str, pid: int) -> bool:
    """Whether an agent that finds this plan in its environment is one that the plan means.

    An agent that another's tool has started inherits the plan as well. But tools run in sessions
    of their own (setsid; anthropics/claude-code#94469), so a plan of `journal run`,
    `<id>:<session>:<name>`, means the agents of that session. A plan that cannot be checked counts.
    """
    parts = plan.split(":", 2)
    try:
        return plan != "" and (not pid or len(parts) < 3 or str(posix.getsid(pid)) == parts[1])
    except (OSError, OverflowError):
        return True


def record(
    agent: str,
    event: str,
    data: bytes,
    now_ns: int,
    environ: dict[str, str],
    more: bytes = b"",
    parent: str = "",
    front_end: str = "",
) -> tuple[bytes, str, str]:
    """The line, its session as far as the emitter knows, and its id.

    `parent` and `front_end`: the agent's pid and entry point, where its environment names none.
    """
    session, pid, entrypoint = (environ.get(name, "") for name in VARIABLES.get(agent, ("",) * 3))
    session = session or session_field(data).decode("utf-8", "replace")
    guess = label(session or "unknown", 4096)[1:-1]
    pid, entrypoint = pid or parent, entrypoint or front_end
    number = pid.isascii() and pid.isdigit() and len(pid) < 19  # 63 bits
    unique = new_id(now_ns)
    plan = environ.get("JOURNAL_PLAN", "")
    plan = plan if is_planned(plan, int(pid) if number else 0) else ""
    number = number and not is_daemon(agent, int(pid))
    line = b"".join(
        (
            b'{"v":1,"id":"%s","at":"%s"' % (unique.encode(), utc(now_ns).encode()),
            b',"agent":%s,"event":%s' % (label(agent, 128), label(event, 128)),
            b',"session":"%s","host":%s' % (guess, label(posix.uname().nodename, 256)),
            b',"pid":%s' % (b"%d" % int(pid) if number else b"null"),
            b',"entrypoint":%s' % (label(entrypoint, 128) if entrypoint else b"null"),
            _attended(environ.get(ATTENDED, "") if agent == "claude-code" else ""),
            b',"plan":' + label(plan, 256) if plan else b"",
            more,
            b",",
            body(data),
        )
    )
    return line, guess.decode("utf-8", "replace"), unique


def _attended(said: str) -> bytes:
    return {"0": b',"attended":false', "1": b',"attended":true'}.get(said, b"")


def process(pid: str) -> bytes:
    """What names the agent's process among all, before and after: `pid.start.boot.namespace`.

    Without a pid that of the process that has started the hook's shell. Empty where the system does
    not say (proc(5)).
    """
    try:
        given = pid.isascii() and pid.isdigit() and len(pid) < 19
        number = pid.encode() if given else _stat(b"%d" % posix.getppid())[1]
        namespace = posix.readlink("/proc/self/ns/pid")[5:-1].encode()
        return b"%s.%s.%s.%s" % (number, _stat(number)[19], _content(BOOT)[:8], namespace)
    except (OSError, IndexError):
        return b""


def _stat(pid: bytes) -> list[bytes]:
    """The fields of a process behind its name, which may hold anything: state, parent, ..."""
    return _content(b"/proc/%s/stat" % pid).rpartition(b")")[2].split()


def _content(path: bytes) -> bytes:
    fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    try:
        return posix.read(fd, 1024)
    finally:
        posix.close(fd)


def file_name(agent: str, session: str) -> str:
    """`<agent>.<session>`, made safe as a file name."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in session)
    return f"{agent}.{safe[:128]}"


def make_folder(path: str) -> None:
    """Make the folder, not its parents: nothing is written to a home whose disk is not mounted."""
    try:  # noqa: SIM105  contextlib is not loaded
        posix.mkdir(path, 0o700)
    except FileExistsError:
        pass


def append(home: str, name: str, line: bytes, now_ns: int, durable: bool) -> None:
    """Append to the day's file, healing a torn tail. OSError: the line is not there whole."""
    day = f"{home}/days/{utc(now_ns)[:10]}"
    flags = posix.O_RDWR | posix.O_APPEND | posix.O_CREAT | posix.O_CLOEXEC | posix.O_NOFOLLOW
    path = f"{day}/{name}.jsonl"
    try:
        fd = posix.open(path, flags, 0o600)
    except FileNotFoundError:
        for folder in (home, f"{home}/days", day):
            make_folder(folder)
        fd = posix.open(path, flags, 0o600)
    try:
        status = posix.fstat(fd)
        if status.st_mode & 0o170000 != 0o100000:
            raise OSError("not a regular file")
        if status.st_size and posix.pread(fd, 1, status.st_size - 1) != b"\n":
            line = b"\n" + line
        if posix.write(fd, line) != len(line):
            raise OSError("short write")  # the reader sees a torn line, the spool has it whole
        if durable:
            posix.fsync(fd)
    finally:
        posix.close(fd)


def fingerprint(text: str) -> str:
    """16 hex digits that name `text` in a path: FNV-1a, 64 bits, because hashlib is not loaded."""
    key = 0xCBF29CE484222325
    for byte in path_bytes(text):
        key = (key ^ byte) * 0x100000001B3 % 2**64
    return f"{key:016x}"


def home_id(home: str) -> str:
    """The id of the home that lies at this path; "" if none does, or one of an older version."""
    try:
        fd = posix.open(f"{home}/id", posix.O_RDONLY | posix.O_NONBLOCK | posix.O_CLOEXEC)
    except OSError:
        return ""
    try:
        text = posix.read(fd, 32).decode("latin-1")
    except OSError:
        return ""
    finally:
        posix.close(fd)
    return text if len(text) == 32 and not text.strip("0123456789abcdef") else ""


def spool_name(home: str, unique: str = "") -> str:
    """What the spool of a home is called: its id, else what its path gives."""
    return unique or fingerprint(home)


def spool_root(temporary: str = "") -> str:
    """The folder of all spools of this user."""
    temporary = temporary or environment().get("TMPDIR") or TEMPORARY
    return f"{temporary}/agent-journal-{posix.getuid()}"


def private_folder(*paths: str) -> None:
    """These folders exist, and no other user can read them. OSError: they are not ours."""
    for path in paths:
        make_folder(path)
        status = posix.lstat(path)
        if status.st_mode & 0o170077 != 0o040000 or status.st_uid != posix.getuid():
            raise OSError("not a private folder of ours")


def open_spool(home: str, unique: str = "") -> str:
    """The folder where records of this home wait while it cannot be written. OSError: none.

    A note says whose it is. The syncer may have another `$TMPDIR`: a note where it looks says so.
    """
    folder = spool_folder(home, unique or home_id(home))
    root, _, name = folder.rpartition("/")
    private_folder(root, folder)
    known = spool_root(TEMPORARY)
    try:
        _note(f"{folder}.home", home)
        if root != known:
            private_folder(known)
            _note(f"{known}/{name}.at-{fingerprint(folder)}", folder)
    except OSError:
        pass  # only this environment's syncer finds the spool
    return folder


def _note(path: str, text: str) -> None:
    """A small file with a path in it, unless it is there. OSError."""
    if exists(path, posix.lstat):
        return
    _write_new(path, [path_bytes(text)])


def spool_folder(home: str, unique: str = "") -> str:
    """Where hooks of this environment keep records of the home with this id."""
    return f"{spool_root()}/{spool_name(home, unique)}"


def spool(home: str, name: str, line: bytes, unique: str, own: str = "") -> None:
    """Keep one record in a file of its own; `own`: the home's id."""
    _spool(f"{open_spool(home, own)}/{name}.{unique}", "jsonl", [line])


def _spool(path: str, kind: str, parts: "list[bytes]") -> None:
    """Write a file of the spool; it gets its name once it is whole."""
    _write_new(path + ".part", parts)
    posix.rename(path + ".part", f"{path}.{kind}")


def _write_new(path: str, parts: "list[bytes]") -> None:
    """Write a file that is not there yet, not even as a link. OSError."""
    flags = posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_NOFOLLOW | posix.O_CLOEXEC
    fd = posix.open(path, flags, 0o600)
    try:
        for part in parts:
            rest = part
            while rest:
                rest = rest[posix.write(fd, rest) :]
    finally:
        posix.close(fd)


def make_home(home: str, unique: str) -> None:
    """A home that was deleted is made again, with its id. OSError: something else lies there.

    An empty folder may be where the home is mounted at other times.
    """
    posix.mkdir(home, 0o700)
    _write_new(f"{home}/id", [f"{unique}\n".encode()])


def keep(argv: list[str], data: bytes, more: bytes = b"", front_end: str = "") -> int:
    """Write one record to the home, else to the spool; the bytes that the journal grew by.

    While the home with the id that the command names does not lie there, it is not mounted.
    """
    now_ns = time.time_ns()
    home, agent, event = argv[1:4]
    durable = "durable" in argv[4:]
    expected, pid = option(argv, HOME), option(argv, PID)
    own = expected or home_id(home)
    environ = environment()
    if named := process(environ.get(VARIABLES.get(agent, ("",) * 3)[1], "") or pid):
        more = b',"process":"%s"%s' % (named, more)
    if own:
        more = b',"home":"%s"%s' % (own.encode(), more)
    line, session, unique = record(agent, event, data, now_ns, environ, more, pid, front_end)
    name = file_name(agent, session)
    _unkept[:] = [lambda: spool(home, name, line, unique, own)]
    try:
        if expected and home_id(home) != expected:
            make_home(home, expected)
        append(home, name, line, now_ns, durable)
        _unkept.clear()
    except OSError:
        try:
            while _unkept:
                _unkept.pop()()
        except OSError:
            from hooks.lost import count

            count(home)
    return len(line)


def keep_raw(argv: list[str], chunks: "list[bytes]") -> None:
    """Keep what was read of stdin, and the rest of it, as the shell would: nothing is put together.

    For want of memory. The syncer makes a record of it.
    """
    home, agent, event = argv[1:4]
    session = environment().get(VARIABLES.get(agent, ("",))[0], "")
    if not session or session.strip(NAME) or len(session) > 128:
        session = "unknown"
    name = f"{agent}.{event}.{session}.{posix.getpid()}-{time.time_ns()}"
    _spool(f"{open_spool(home, option(argv, HOME))}/{name}", "raw", chunks)


def limit_wait(argv: list[str], chunks: "list[bytes]", watched: "Watched | None" = None) -> None:
    """From now on a disk that stalls holds the hook for HOME_SECONDS and SPOOL_SECONDS at most.

    What is left to do once the home has the record gets REST_SECONDS.

    The kernel lets go neither of a thread that writes to a frozen disk nor of its process, and so
    the process may stay. But it lets the agent's descriptors go, and its shell waits no longer.
    What the home gets late is the record that the spool has. `chunks`: what was read of stdin.
    `watched`: a thread of the command does it, see `main`.
    """
    _unkept[:] = [lambda: keep_raw(argv, chunks)]
    _read_at.append(time.monotonic())
    if watched is not None:
        return
    try:  # noqa: SIM105  contextlib is not loaded
        _thread.start_new_thread(_give_up, (argv,))
    except RuntimeError:
        pass  # a thread cannot be started: the record must be kept even so


def _give_up(argv: list[str]) -> None:
    while not _read_at:  # stdin has a limit of its own
        time.sleep(0.05)
    time.sleep(max(0.0, _read_at[0] + HOME_SECONDS - time.monotonic()))
    if not _unkept:
        time.sleep(REST_SECONDS)
    _thread.start_new_thread(_leave, (argv, SPOOL_SECONDS))
    try:
        while _unkept:
            _unkept.pop()()
    except OSError:
        pass  # it may reach the home yet
    _leave(argv, 0)


def _leave(argv: list[str], seconds: float) -> None:
    """End the hook after `seconds`, as the agent sees it, independent of its other threads."""
    time.sleep(seconds)
    null = posix.open("/dev/null", posix.O_RDWR)
    for fd in range(256):
        try:
            if posix.get_inheritable(fd):  # none that the hook has opened is
                posix.dup2(null, fd)
        except OSError:
            continue  # not open
    shell = option(argv, SHELL)
    if shell == str(posix.getppid()):
        posix.kill(int(shell), sys.modules["_signal"].SIGUSR1)
    posix._exit(0)


def is_off(home: str, agent: str) -> bool:
    """Whether `journal off` has stopped capture, everywhere or for the directory of this hook."""
    if exists(f"{home}/off"):
        return True
    if not exists(f"{home}/off.d"):
        return False
    for prefix in (sys.pycache_prefix, "/dev/null"):
        sys.pycache_prefix = prefix
        try:
            from hooks.off import is_off_here

            break
        except EOFError:
            continue  # as in run.py
    return is_off_here(home, agent)


def main(argv: list[str], watched: "Watched | None" = None) -> None:
    """Keep stdin as one record and leave without the interpreter's own tidying (1 ms).

    `watched`: after 2 seconds a thread of the installed command calls what is in it.
    """
    posix.umask(0o077)
    if is_off(argv[1], argv[2]):
        posix._exit(0)
    watch(argv, watched)
    chunks: list[bytes] = []
    try:
        data = read_stdin(chunks=chunks)
        limit_wait(argv, chunks, watched)
        keep(argv, data)
    except MemoryError:
        keep_raw(argv, chunks)
    finally:
        posix._exit(0)


def watch(argv: list[str], watched: "Watched | None") -> None:
    """The home has answered: from now on this module sees to the limits."""
    if watched is not None:
        watched.append(lambda: _give_up(argv))
