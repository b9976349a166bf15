"""The watcher as a service of the user: a systemd unit on Linux, a launchd agent on macOS.

The file is written whole and only if it differs; then the system's own program is run. Where that
does not answer (no user session, a container) the commands are handed back for a person to run.
"""

import os
import plistlib
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.parsers.expat import ExpatError

from journal.durable_files import write_whole
from journal.errors import JournalError, UsageError
from journal.layout import Layout

NAME = "agent-journal"
AGAIN_SECONDS = 60  # after a failure, one of which is: another watcher runs until it is idle
_COMMAND_SECONDS = 30.0

Command = tuple[str, ...]
Outcome = Literal["created", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """What was done, or would be. `left`: commands that are still to be run, with the reason."""

    path: Path
    outcome: Outcome | Literal["removed"]
    left: tuple[Command, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Service:
    """One system's way: the file, its content, the commands that start and stop what it says."""

    path: Path
    data: bytes
    start: tuple[Command, ...]
    renew: tuple[Command, ...]  # the file is another one now
    stop: tuple[Command, ...]
    removed: tuple[Command, ...]
    unload_first: bool = False  # what is loaded already cannot be loaded again


def install(
    layout: Layout, *, dry_run: bool = False, platform: str = sys.platform
) -> ServiceChange:
    """The service file of this home is in place and its watcher runs, now and at each login.

    UsageError: no such services on this system, or the service of another home is installed.
    JournalError: the file cannot be written.
    """
    service = _service(layout, platform)
    old = _read(service.path)
    if old and not _is_of(layout, service):
        hint = "remove it first: journal --home ITS-HOME uninstall, or remove the file"
        raise UsageError(f"{service.path} belongs to another home", hint)
    outcome: Outcome = "created" if old is None else "changed"
    if old == service.data:
        outcome = "unchanged"
    if dry_run:
        return ServiceChange(service.path, outcome)
    if outcome != "unchanged":
        write_whole(service.path, service.data, 0o644)
    if service.unload_first and outcome != "created":
        _run(service.stop)  # fails if it was not loaded, which is as good
    commands = service.renew if outcome == "changed" else service.start
    return ServiceChange(service.path, outcome, *_run(commands))


def uninstall(
    layout: Layout, *, dry_run: bool = False, platform: str = sys.platform
) -> ServiceChange | None:
    """Stop and remove the service, if there is one and it is this home's; else None.

    JournalError: the file cannot be removed.
    """
    if platform != "darwin" and not platform.startswith("linux"):
        return None
    service = _service(layout, platform)
    if not _is_of(layout, service):
        return None
    if dry_run:
        return ServiceChange(service.path, "removed")
    left, reason = _run(service.stop)
    try:
        service.path.unlink(missing_ok=True)
    except OSError as error:
        hint = "remove it yourself"
        raise JournalError(f"cannot remove {service.path}: {error.strerror}", hint) from error
    if not left:
        left, reason = _run(service.removed)
    return ServiceChange(service.path, "removed", left, reason)


def _service(layout: Layout, platform: str) -> _Service:
    if platform == "darwin":
        return _launchd(layout)
    if platform.startswith("linux"):
        return _systemd(layout)
    hint = "start `journal watch` by other means; capture.autostart starts it with each session"
    raise UsageError("services exist only on Linux (systemd) and macOS (launchd)", hint)


def _arguments(layout: Layout) -> list[str]:
    # Not resolved: the interpreter of an environment is a link, and the link is what makes it one.
    python = str(Path(sys.executable).absolute())
    return [python, "-P", "-m", "journal", "--home", str(layout.home), "watch"]


def _environment() -> dict[str, str]:
    """What decides where hooks keep records that the home cannot take (emit.open_spool)."""
    temporary = os.environ.get("TMPDIR", "")
    return {"TMPDIR": temporary} if temporary else {}


def _systemd(layout: Layout) -> _Service:
    """https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html."""
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(configured) if configured.startswith("/") else Path.home() / ".config"
    program, *rest = _arguments(layout)
    command = [_quoted(program), *(_quoted(word).replace("$", "$$") for word in rest)]
    environment = [f"Environment={_quoted(f'{k}={v}')}" for k, v in _environment().items()]
    lines = [
        "# Written by `journal install --service`; `journal uninstall` removes it.",
        "[Unit]",
        "Description=agent-journal: stores what the hooks of coding agents record",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        f"ExecStart={' '.join(command)}",
        *environment,
        "Restart=on-failure",
        f"RestartSec={AGAIN_SECONDS}",
        "",
        "[Install]",
        "WantedBy=default.target",
        "",
    ]
    user = ("systemctl", "--user")
    start: tuple[Command, ...] = ((*user, "daemon-reload"), (*user, "enable", "--now", NAME))
    return _Service(
        path=base / "systemd" / "user" / f"{NAME}.service",
        data=_encoded("\n".join(lines)),
        start=start,
        renew=(*start, (*user, "try-restart", NAME)),
        stop=((*user, "disable", "--now", NAME),),
        removed=((*user, "daemon-reload"),),
    )


def _quoted(word: str) -> str:
    """One word of a unit file: systemd.syntax(7), "Quoting"; systemd.unit(5), "Specifiers"."""
    if not word.isprintable():
        hint = "choose another --home, or install the application elsewhere"
        raise UsageError(f"a unit file cannot hold the path {word!r}", hint)
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _launchd(layout: Layout) -> _Service:
    """launchd.plist(5): KeepAlive restarts what failed, ThrottleInterval at most so often."""
    path = Path.home() / "Library" / "LaunchAgents" / f"{NAME}.plist"
    values = {
        "Label": NAME,
        "ProgramArguments": _arguments(layout),
        "EnvironmentVariables": _environment(),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": AGAIN_SECONDS,
        "ProcessType": "Background",
    }
    domain = f"gui/{os.getuid()}"
    load: Command = ("launchctl", "bootstrap", domain, str(path))
    unload: Command = ("launchctl", "bootout", f"{domain}/{NAME}")
    return _Service(
        path=path,
        data=plistlib.dumps(values),
        start=(load,),
        renew=(load,),
        stop=(unload,),
        removed=(),
        unload_first=True,
    )


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        hint = "choose another --home, or install the application elsewhere"
        raise UsageError("a path of the service is not UTF-8", hint) from error


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        hint = "check its owner and rights"
        raise JournalError(f"cannot read {path}: {error.strerror}", hint) from error


def _is_of(layout: Layout, service: _Service) -> bool:
    """Whether the existing file starts a watcher of this home, with any interpreter."""
    data = _read(service.path) or b""
    words = _arguments(layout)[1:]
    if service.path.suffix == ".service":
        line = " ".join(_quoted(word).replace("$", "$$") for word in words)
        return _encoded(f" {line}\n") in data
    try:
        found = plistlib.loads(data)
    except (ValueError, ExpatError):
        return False
    return isinstance(found, dict) and found.get("ProgramArguments", [])[1:] == words


def _run(commands: Sequence[Command]) -> tuple[tuple[Command, ...], str]:
    """Run them in order; from the first that fails on they are left, with what it said."""
    for at, command in enumerate(commands):
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_COMMAND_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            reason = "was not found" if isinstance(error, FileNotFoundError) else "does not answer"
            return tuple(commands[at:]), f"{command[0]} {reason}"
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            reason = said[-1] if said else f"exit code {done.returncode}"
            return tuple(commands[at:]), f"{command[0]}: {reason}"
    return (), ""
