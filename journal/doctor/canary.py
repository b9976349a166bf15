"""A record sent through an installed hook exactly as the agent runs it, to see where it arrives.

`/bin/sh -c COMMAND` in a session of its own, standard streams on socket pairs, Claude Code's
variables in the environment of its hooks. The event is one that means nothing to a session's
state, so the canary's session is not shown, not given to a session and not sent to a remote; the
caller removes it.
"""

import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hooks.autostart import without_session

CLAUDE_CODE = "claude-code"
PREFIX = "journal-doctor-"  # what the ids of canaries' sessions begin with
ENTRYPOINT = "journal-doctor"
SECONDS = 10.0
# Those that start nothing, end nothing and adopt nothing, the most harmless first.
EVENTS = ("Notification", "PreCompact", "PostCompact", "SubagentStop", "Stop", "SessionEnd")
_SAID_CHARS = 200


@dataclass(frozen=True, slots=True)
class Canary:
    """One canary. `command`: that of the settings."""

    session: str
    event: str
    command: str
    agent: str = CLAUDE_CODE

    @property
    def folder(self) -> str:
        """The directory that it claims to run in; there is none, so it is of no project."""
        return f"/{self.session}"


@dataclass(frozen=True, slots=True)
class Sent:
    """How the hook ended. `problem`: what an agent would have been disturbed by; "" for nothing."""

    problem: str
    seconds: float


def make(
    commands: Mapping[str, str], agent: str = CLAUDE_CODE, events: Sequence[str] = EVENTS
) -> Canary | None:
    """A canary for one of these hooks, by event; None if none of them is harmless enough.

    `events`: the harmless ones of the agent, the most harmless first.
    """
    event = next((event for event in events if event in commands), None)
    if event is None:
        return None
    return Canary(PREFIX + os.urandom(8).hex(), event, commands[event], agent)


def send(canary: Canary, environ: Mapping[str, str]) -> Sent:
    """Run the hook and wait for its end; after SECONDS all that it started is killed."""
    ours, theirs = socket.socketpair()
    started = time.monotonic()
    with tempfile.TemporaryFile() as output, ours:
        with theirs:
            process = subprocess.Popen(
                ["/bin/sh", "-c", canary.command],
                stdin=theirs.fileno(),
                stdout=output,
                stderr=output,
                cwd="/",
                env=_environment(canary, environ),
                start_new_session=True,
            )
        sender = threading.Thread(target=_write, args=(ours, _payload(canary)))
        sender.start()
        try:
            code = process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            sender.join()
            return Sent(f"the hook did not end within {SECONDS:.0f} seconds", SECONDS)
        seconds = time.monotonic() - started
        sender.join()
        output.seek(0)
        said = output.read(_SAID_CHARS).decode("utf-8", "replace").strip()
    if code:
        return Sent(
            f"the hook ended with exit code {code}" + (f": {said}" if said else ""), seconds
        )
    return Sent(f"the hook printed: {said}" if said else "", seconds)


def _write(end: socket.socket, data: bytes) -> None:
    with suppress(OSError):  # a hook need not read
        end.sendall(data)
        end.shutdown(socket.SHUT_WR)


def _payload(canary: Canary) -> bytes:
    fields = {
        "session_id": canary.session,
        "transcript_path": "",
        "cwd": canary.folder,
        "hook_event_name": canary.event,
        "message": "journal doctor looks whether hooks are recorded",
        "notification_type": "journal_doctor",
    }
    return json.dumps(fields).encode() + b"\n"


def _environment(canary: Canary, environ: Mapping[str, str]) -> dict[str, str]:
    person = without_session(dict(environ))
    if canary.agent != CLAUDE_CODE:
        return person
    return person | {
        "CLAUDECODE": "1",
        "CLAUDE_CODE_SESSION_ID": canary.session,
        "CLAUDE_PID": str(os.getpid()),
        "CLAUDE_CODE_ENTRYPOINT": ENTRYPOINT,
        "CLAUDE_PROJECT_DIR": "/",
    }


def spooled(folder: Path, canary: Canary) -> Path | None:
    """The canary's file in this spool, if the hook could not write to the home."""
    found = [path for path in folder.glob(f"{canary.agent}.*") if canary.session in path.name]
    return next((path for path in found if path.suffix in (".jsonl", ".raw")), None)
