"""Start the watcher of a home, if that is wanted and none runs.

The last act of SessionStart's program. The watcher shares nothing with the session that happened
to start it: it is in a session of its own, at `/`, and holds none of its descriptors, since an
agent may wait until a hook's stdout is closed by everyone who holds it.
"""

import os

from hooks.local_pass import read_file

MARKER = "hooks/autostart"  # in the home: `journal install` writes it if capture.autostart is on
LOCK = "watch.lock"  # in the home: flock of the one watcher, with its pid
IDLE_MINUTES = "30"
# What belongs to one agent session alone, by its beginning, and what of that is a person's own.
_OF_THE_SESSION = (
    "CLAUDE", "CODEX_", "COPILOT_", "CURSOR_", "GEMINI_", "OPENCODE", "QWEN_",
    "AI_AGENT", "JOURNAL_PLAN",
)  # fmt: skip
_OF_THE_PERSON = ("CLAUDE_CONFIG_DIR", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_")
_ENDINGS_OF_THE_PERSON = ("_API_KEY", "_HOME", "_TOKEN", "_BASE_URL", "_CONFIG", "_CONFIG_DIR")


def autostart(home: str) -> None:
    """A watcher runs, or starts at this moment, if the home asks for one.

    Two sessions that start at once may both start one: the lock lets only one stay.
    OSError: it cannot be started.
    """
    if not os.path.exists(f"{home}/{MARKER}") or watcher(home):
        return
    python = os.fsdecode(read_file(f"{home}/hooks/application")).strip()
    if not python.startswith("/"):
        return
    command = [python, "-E", "-P", "-m", "journal", "--home", home]
    os.chdir("/")
    os.posix_spawn(
        python,
        [*command, "watch", "--idle-exit", IDLE_MINUTES],
        without_settings(without_session(dict(os.environ))),
        file_actions=_descriptors(),
        setsid=True,
        setsigmask=(),
        setsigdef=(1, 2),  # the guard ignores SIGHUP and SIGINT; the watcher does not
    )


def watcher(home: str) -> int:
    """The pid of the home's watcher, as far as its lock file says; 0: none.

    A killed watcher leaves its pid behind, which may be another process's by now.
    """
    text = read_file(f"{home}/{LOCK}").strip()
    try:
        pid = int(text) if text.isdigit() else 0
        os.kill(pid, 0)  # of 0: our own group, which is there
    except (ValueError, OverflowError, OSError):
        return 0
    if not os.path.exists("/proc/self/cmdline"):
        return pid  # a system without it
    return pid if b"\0watch\0" in read_file(f"/proc/{pid}/cmdline") else 0


def without_session(environ: dict[str, str]) -> dict[str, str]:
    """The person's environment: a remote's token and the proxies are needed, the session is not.

    Settings (JOURNAL_SECTION__KEY) are not taken over either: the watcher serves all projects.
    """
    return {
        name: value
        for name, value in environ.items()
        if (
            not name.startswith(_OF_THE_SESSION)
            or name.startswith(_OF_THE_PERSON)
            or name.endswith(_ENDINGS_OF_THE_PERSON)
        )
        and not (name.startswith("JOURNAL_") and "__" in name)
    }


def without_settings(environ: dict[str, str]) -> dict[str, str]:
    """Without the journal's settings: the watcher serves all projects, a session's are its own."""
    return {
        name: value
        for name, value in environ.items()
        if not (name.startswith("JOURNAL_") and "__" in name)
    }


def _descriptors() -> list[tuple[int, int] | tuple[int, int, int] | tuple[int, int, str, int, int]]:
    """/dev/null for the standard streams, and an end to all that the agent let us inherit."""
    actions: list[tuple[int, int] | tuple[int, int, int] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDWR, 0),
        (os.POSIX_SPAWN_DUP2, 0, 1),
        (os.POSIX_SPAWN_DUP2, 0, 2),
    ]
    for fd in map(int, os.listdir("/dev/fd")):
        try:
            if fd > 2 and os.get_inheritable(fd):
                actions.append((os.POSIX_SPAWN_CLOSE, fd))
        except OSError:
            continue  # the listing's own
    return actions
