"""Fire recorded hooks through installed commands, exactly as the agent runs them.

`/bin/sh -c COMMAND` in a session of its own, standard streams on socket pairs, the agent's
variables in the environment (claude-code-hooks reference, "How a command is run").
"""

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import recordings


class Fired(NamedTuple):
    """How one hook ended."""

    code: int
    stdout: bytes
    stderr: bytes
    seconds: float


def commands(settings: Path, event: str) -> list[str]:
    """The commands that a settings file registers for an event."""
    groups = json.loads(settings.read_text()).get("hooks", {}).get(event, [])
    return [hook["command"] for group in groups for hook in group["hooks"]]


def run(
    command: str, stdin: bytes, env: Mapping[str, str], cwd: Path, shell: str = "/bin/sh"
) -> Fired:
    """Run one command as the agent does and wait for its exit."""
    ours, theirs = zip(*(socket.socketpair() for _ in range(3)), strict=True)
    started = time.perf_counter()
    process = subprocess.Popen(
        [shell, "-c", command],
        stdin=theirs[0],
        stdout=theirs[1],
        stderr=theirs[2],
        env=dict(env),
        cwd=cwd,
        start_new_session=True,
    )
    for end in theirs:
        end.close()
    sender = threading.Thread(target=_send, args=(ours[0], stdin))
    outputs: list[bytes] = [b"", b""]
    readers = [
        threading.Thread(target=_receive, args=(ours[at + 1], outputs, at)) for at in range(2)
    ]
    for thread in (sender, *readers):
        thread.start()
    code = process.wait()
    seconds = time.perf_counter() - started
    for thread in (sender, *readers):
        thread.join()
    return Fired(code, outputs[0], outputs[1], seconds)


def _send(end: socket.socket, data: bytes) -> None:
    with end:
        try:
            end.sendall(data)
        except BrokenPipeError:
            return  # a hook need not read


def _receive(end: socket.socket, outputs: list[bytes], at: int) -> None:
    with end, end.makefile("rb") as stream:
        outputs[at] = stream.read()


def environment(scratch: Path, firing: recordings.Firing | None = None) -> dict[str, str]:
    """A hook's environment with a scratch HOME and TMPDIR, and the agent's own variables."""
    for name in ("user", "tmp"):
        (scratch / name).mkdir(exist_ok=True)
    base = {
        "HOME": str(scratch / "user"),
        "TMPDIR": str(scratch / "tmp"),
        "PATH": os.environ.get("PATH", os.defpath),
        "CLAUDECODE": "1",
        "JOURNAL_CAPTURE__AUTOSTART": "false",  # a test that wants a watcher sets the marker itself
    }
    return base | (firing.env if firing else {})


def fire(
    settings: Path, firing: recordings.Firing, scratch: Path, cwd: Path | None = None
) -> list[Fired]:
    """Fire one recorded hook through every command that is registered for its event."""
    env = environment(scratch, firing)
    place = cwd or scratch
    return [run(c, firing.stdin, env, place) for c in commands(settings, firing.event)]
