"""A watcher that the SessionStart hook starts: it shares nothing with the session."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import firing
import recordings
from hooks import autostart
from installed import Installed
from journal.setup.hook_command import base_interpreter
from tests.sync.test_watch import eventually


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installed]:
    """A home whose settings start a watcher; it leaves soon when there is no work."""
    monkeypatch.setenv("JOURNAL_CAPTURE__AUTOSTART", "true")
    installed = Installed(tmp_path)
    program = installed.home / "hooks" / "autostart.py"
    program.write_text(program.read_text().replace('"30"', '"0.01"'))
    yield installed
    if pid := autostart.watcher(str(installed.home)):
        os.kill(pid, signal.SIGKILL)


def session_start(installed: Installed, fds: tuple[int, ...] = ()) -> tuple[bytes, float]:
    """Fire the hook, of a kind that gets no context; its output, and when all had closed that."""
    one = recordings.load("i-exit")[0]
    one = one._replace(stdin=one.stdin.replace(b'"startup"', b'"clear"'))
    (command,) = firing.commands(installed.settings, "SessionStart")
    env = firing.environment(installed.folder, one) | {"REMOTE_TOKEN": "needed"}
    began = time.monotonic()
    with subprocess.Popen(
        ["/bin/sh", "-c", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        pass_fds=fds,
        start_new_session=True,
    ) as process:
        out, err = process.communicate(one.stdin, timeout=10)
    assert (process.returncode, err) == (0, b"")
    return out, time.monotonic() - began


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc")
def test_a_session_starts_a_watcher_that_shares_nothing_with_it(started: Installed) -> None:
    ours, theirs = os.pipe()
    os.set_inheritable(theirs, True)
    out, _ = session_start(started, (theirs,))
    os.close(theirs)
    assert out == b""
    assert os.read(ours, 1) == b""  # no process has its other end open any more
    os.close(ours)
    eventually(lambda: autostart.watcher(str(started.home)))
    pid = autostart.watcher(str(started.home))
    process = Path(f"/proc/{pid}")
    eventually((started.home / "journal.db").exists)
    targets: dict[str, str] = {}
    private = (str(started.home), "anon_inode:", "pipe:")

    def all_private() -> bool:
        """What a pass or an import has open at this moment is closed again."""
        targets.clear()
        for link in (process / "fd").iterdir():
            with suppress(FileNotFoundError):
                targets[link.name] = str(link.readlink())
        return all(targets[fd].startswith(private) for fd in targets if int(fd) > 2)

    eventually(all_private)
    assert {targets[fd] for fd in "012"} == {"/dev/null"}
    assert (process / "cwd").readlink() == Path("/")
    assert os.getsid(pid) == pid
    environ = (process / "environ").read_bytes().split(b"\0")
    names = {entry.partition(b"=")[0] for entry in environ}
    assert {b"PATH", b"HOME", b"TMPDIR", b"REMOTE_TOKEN"} <= names
    assert not [name for name in names if name.startswith((b"CLAUDE", b"AI_AGENT"))]
    session_start(started)
    assert autostart.watcher(str(started.home)) == pid
    eventually(lambda: not process.exists())  # idle
    session_start(started)
    eventually(lambda: autostart.watcher(str(started.home)) not in (0, pid))


def test_a_removed_application_is_not_reported_by_hooks(started: Installed) -> None:
    for python in ("/nowhere/python", str(base_interpreter()), "", "relative"):
        (started.home / "hooks" / "application").write_text(f"{python}\n")
        assert session_start(started)[0] == b""
    time.sleep(0.3)
    assert autostart.watcher(str(started.home)) == 0


def test_install_turns_the_start_by_sessions_on_and_off(
    started: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = started.home / autostart.MARKER
    assert marker.exists()
    monkeypatch.setenv("JOURNAL_CAPTURE__AUTOSTART", "false")
    said = started.journal("install", "--settings", str(started.settings))
    assert "is not started" in said
    assert not marker.exists()
    session_start(started)
    time.sleep(0.5)
    assert not (started.home / autostart.LOCK).exists()
    monkeypatch.setenv("JOURNAL_CAPTURE__AUTOSTART", "true")
    said = started.journal("install", "--settings", str(started.settings))
    assert "starts with a session" in said
    assert marker.exists()
    started.journal("uninstall", "--settings", str(started.settings))
    assert not marker.parent.exists()


@pytest.mark.parametrize("text", ["", "x", "0x1", "-1", "1", "99999999999999999999999", "{me}"])
def test_a_pid_that_is_not_a_watcher_s_is_ignored(tmp_path: Path, text: str) -> None:
    (tmp_path / autostart.LOCK).write_text(text.format(me=os.getpid()))
    assert autostart.watcher(str(tmp_path)) == 0
