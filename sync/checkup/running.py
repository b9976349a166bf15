"""Checks of what runs apart from the hooks: the watcher, the remote, the memory agent."""

import fcntl
import ipaddress
import os
from pathlib import Path
from urllib.parse import urlsplit

from hooks import autostart
from journal.doctor import Finding, Voice, count
from journal.times import DAY_US, SECOND_US, to_text
from sync.checkup import Subject
from sync.checkup.home_status import PENDING_US
from sync.memory import process
from sync.memory.errors import ModelError
from sync.remote.contract import RemoteError
from sync.remote.token import token

_LONG_US = DAY_US  # a piece that waits for longer is worth a word


def look_at_watcher(subject: Subject) -> list[Finding]:
    """A watcher runs, or something starts it, or commands do its work."""
    say, path = Voice("watcher"), subject.layout.home / autostart.LOCK
    if one := subject.condition.watcher:
        seconds = (subject.now_us - (one.looked_us or subject.now_us)) // SECOND_US
        since = f"process {one.pid}, last looked {max(seconds, 0)} s ago"
        if one.trouble:
            return [say.error(f"{one.trouble}: {since}", one.hint)]
        return [say.ok(f"runs, {since}")]
    if _is_locked(path):
        return [say.ok("runs, as a process that cannot be seen from here")]
    if (subject.layout.home / autostart.MARKER).exists():
        text = "not running; the next session starts it"
    else:
        text = "not running, and none is started: commands sync what is new"
    left = path.read_text(errors="replace").strip() if path.is_file() else ""
    if left:  # a lock goes with its process, so there is nothing to clean up
        text += f" (process {left[:20]} has ended; the number it left is harmless)"
    return [say.ok(text)]


def _is_locked(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def look_at_remote(subject: Subject) -> list[Finding]:
    """The remote that is set can be reached, takes what it is sent, and safely."""
    remote = subject.settings.remote
    say = Voice("remote")
    if remote.kind == "none":
        return [say.ok("none: nothing leaves this machine")]
    found = _folder(subject) if remote.kind == "folder" else _server(subject)
    archive = subject.condition.archive
    circuit = archive.circuit
    if circuit.paused is not None:
        since = to_text(circuit.paused.since_us)[:16].replace("T", " ")
        message = f"paused since {since}Z: {circuit.paused.message}"
        hint = "fix it: the next sync tries again, or run: journal replay"
        found.append(say.error(message, hint))
    elif circuit.state == "open":
        said = f": {circuit.last_error.message}" if circuit.last_error else ""
        hint = "it is tried again automatically; to try now: journal replay"
        found.append(say.warning(f"failed {count(circuit.failures, 'time')} in a row{said}", hint))
    if archive.oldest_us is not None and subject.now_us - archive.oldest_us > _LONG_US:
        days = (subject.now_us - archive.oldest_us) // DAY_US
        text = f"{count(archive.waiting, 'piece')} in retry/, the oldest for {count(days, 'day')}"
        found.append(say.warning(text, "run: journal replay"))
    waiting = f", {count(archive.waiting, 'piece')} waiting" if archive.waiting else ""
    return found or [say.ok(f"{remote.kind}{waiting}")]


def _folder(subject: Subject) -> list[Finding]:
    path = Path(subject.settings.remote.path).expanduser()
    if path.is_dir():
        return []
    message = f"the remote's folder {path} does not exist"
    hint = "mount it, or make it yourself: the journal never makes a missing folder"
    return [Voice("remote").error(message, hint)]


def _server(subject: Subject) -> list[Finding]:
    say, remote = Voice("remote"), subject.settings.remote
    found = []
    try:
        token(remote, subject.environ)
    except RemoteError as error:
        hint = "set it, or remote.token_env or remote.token_command"
        found.append(say.error(str(error), hint))
    place = urlsplit(remote.url)
    if place.scheme == "http" and not _is_loopback(place.hostname or ""):
        message = f"http:// to {place.hostname} sends the token and the sessions unencrypted"
        found.append(say.warning(message, "use https:// in remote.url"))
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761, 6.3


def look_at_memory(subject: Subject) -> list[Finding]:
    """The program that is to summarise sessions can be started, and answers."""
    say = Voice("memory")
    ids = subject.condition.memory_ids
    if ids.oldest_pending_us is not None and subject.now_us - ids.oldest_pending_us > PENDING_US:
        days = (subject.now_us - ids.oldest_pending_us) // DAY_US
        text = f"{count(ids.pending, 'session')} without a memory id, the oldest for {days} days"
        hint = "list them: journal sessions --memory pending; give one: journal bind"
        return [*_program(subject), say.warning(text, hint)]
    return _program(subject)


def _program(subject: Subject) -> list[Finding]:
    say, memory = Voice("memory"), subject.settings.memory
    if memory.agent != "command":
        return [say.ok(memory.agent)]
    environ = process.environment(subject.environ)
    try:
        program = process.find(memory.command, subject.layout.home, environ)
    except ModelError as error:
        hint = "name its whole path in memory.command; until then the built-in summary is used"
        return [say.error(f"memory.command: {error}", hint)]
    failed = subject.condition.model_failures
    if failed.number:
        message = f"{count(failed.number, 'call')} of {program} failed: {failed.message}"
        hint = "it is tried again automatically; until then the built-in summary is used"
        return [say.warning(message, hint)]
    return [say.ok(str(program))]
