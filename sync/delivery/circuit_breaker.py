"""What is remembered of each remote between two processes: its circuit, and its own memory.

A circuit is closed (all is well), open (the remote failed: one probe at a time, at growing and
jittered intervals) or paused (a person has to change something first; looked at again now and then,
and at once when the settings have changed). So a dead remote costs each pass nothing and one probe
a time-out, however many pieces wait. A pass stops sending as soon as `allows` says no.

The file is a small JSON object, replaced whole. A damaged one counts as empty, which costs a probe
and a look-up and loses no piece. Its one writer holds `deliver.lock`:

    {"v":1,"remotes":{"<name>":{"settings","failures","opened_at","probe_at","last_success",
     "asked_at","wait_seconds","last_error":{"class","message","at"}|null,"paused":{"class","message","since","again_at"}|null,
     "memory":{…}}}}
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import orjson

from journal.durable_files import write_whole
from journal.errors import JournalError
from journal.printable import spelled_out
from journal.settings import sections
from journal.times import SECOND_US, to_text, to_us
from sync.delivery.retry_schedule import LONGEST_WAIT_US, is_due, pause_us
from sync.remote.contract import RemoteError, Then

VERSION = 1
CLOCKS_US = 60 * SECOND_US  # by which a clock is corrected every day


@dataclass(frozen=True, slots=True)
class Seen:
    """An error and when it came."""

    kind: str
    message: str
    at_us: int


@dataclass(frozen=True, slots=True)
class Paused:
    """Why nothing is sent, since when, and when that is looked at again."""

    kind: str
    message: str
    since_us: int
    again_us: int


@dataclass(frozen=True, slots=True)
class Circuit:
    """The state of one remote."""

    settings: str = ""  # the key of the settings that this was found with
    failures: int = 0  # in a row
    opened_us: int | None = None
    probe_us: int = 0  # when open: not tried before this time
    asked_us: int = 0  # when open: the remote asked not to be tried before this time
    wait_us: int = LONGEST_WAIT_US  # how long the wait is that ends at `probe_us` or `again_us`
    last_success_us: int | None = None
    last_error: Seen | None = None
    paused: Paused | None = None

    @property
    def state(self) -> str:
        """`closed`, `open` or `paused`."""
        if self.paused is not None:
            return "paused"
        return "closed" if self.opened_us is None else "open"


@dataclass(slots=True)
class Remotes:
    """All remotes that were ever used. The memories are changed in place; see `save`."""

    circuits: dict[str, Circuit] = field(default_factory=dict)
    memories: dict[str, dict[str, Any]] = field(default_factory=dict)

    def circuit(self, name: str, settings: str) -> Circuit:
        """The circuit of a remote under the settings with this key: changed ones are tried."""
        circuit = self.circuits.get(name, Circuit())
        if circuit.settings != settings:
            circuit = replace(_closed(circuit), settings=settings)
        return circuit

    def memory(self, name: str) -> dict[str, Any]:
        """What the remote remembers, JSON values: always the same object."""
        return self.memories.setdefault(name, {})


def settings_key(settings: sections.Remote, has_token: bool) -> str:
    """Another one when the settings change, or a token appears. It reveals nothing of either."""
    text = f"{settings.model_dump_json()} {has_token}"
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def allows(circuit: Circuit, now_us: int) -> bool:
    """Whether something may be sent now; for an open or paused circuit it is a probe.

    An error that is dated ahead was met by a clock that was ahead: its wait means nothing now.
    """
    if circuit.last_error is not None and circuit.last_error.at_us > now_us + CLOCKS_US:
        return True
    if circuit.paused is not None:
        return is_due(circuit.paused.again_us, now_us, circuit.wait_us)
    return circuit.opened_us is None or is_due(circuit.probe_us, now_us, circuit.wait_us)


def may_probe(circuit: Circuit, now_us: int) -> bool:
    """Whether a person who asks may have it tried now: not before a time that the remote named."""
    return circuit.opened_us is None or is_due(circuit.asked_us, now_us, circuit.wait_us)


def next_us(circuit: Circuit) -> int | None:
    """When the remote is tried next; None: at any time."""
    if circuit.paused is not None:
        return circuit.paused.again_us
    return None if circuit.opened_us is None else circuit.probe_us


def succeeded(circuit: Circuit, now_us: int) -> Circuit:
    """The remote has taken a piece, or works on it."""
    return replace(_closed(circuit), last_success_us=now_us)


def failed(
    circuit: Circuit, error: RemoteError, now_us: int, retry: sections.Retry, chance: Random
) -> Circuit:
    """A delivery ended with this error."""
    seen = replace(circuit, last_error=Seen(error.kind, error.details, now_us))
    if error.then in (Then.SPLIT, Then.REJECT):
        return _closed(seen)  # it has judged the piece: the remote itself works
    if error.then is Then.PAUSE:
        return _pause(seen, error, now_us, retry)
    if not error.counts and circuit.state == "closed":
        return seen
    if not error.counts and circuit.paused is not None:
        wait_us = _look_wait_us(error, retry)
        paused = replace(circuit.paused, again_us=now_us + wait_us)
        return replace(seen, paused=paused, wait_us=wait_us)
    failures = circuit.failures + error.counts
    wait_us = pause_us(failures, retry, chance, error.retry_after_seconds)
    opened_us = now_us if circuit.opened_us is None else circuit.opened_us
    return replace(
        seen, failures=failures, opened_us=opened_us, probe_us=now_us + wait_us, paused=None,
        asked_us=now_us + _asked_wait_us(error), wait_us=wait_us,
    )  # fmt: skip


def _pause(circuit: Circuit, error: RemoteError, now_us: int, retry: sections.Retry) -> Circuit:
    before = circuit.paused
    since_us = before.since_us if before is not None and before.kind == error.kind else now_us
    wait_us = _look_wait_us(error, retry)
    paused = Paused(error.kind, error.details, since_us, now_us + wait_us)
    return replace(_closed(circuit), paused=paused, wait_us=wait_us)


def _look_wait_us(error: RemoteError, retry: sections.Retry) -> int:
    """How long until a pause is looked at again: now and then, or as soon as the error says."""
    wish = error.retry_after_seconds
    return int((retry.max_seconds if wish is None else wish) * SECOND_US)


def _asked_wait_us(error: RemoteError) -> int:
    """How long the remote itself asked for."""
    return min(int((error.retry_after_seconds or 0) * SECOND_US), LONGEST_WAIT_US)


def _closed(circuit: Circuit) -> Circuit:
    return replace(
        circuit, failures=0, opened_us=None, probe_us=0, asked_us=0, wait_us=LONGEST_WAIT_US,
        paused=None,
    )  # fmt: skip


def load(path: Path) -> Remotes:
    """What is remembered. JournalError: the file is there and cannot be read."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Remotes()
    except OSError as error:
        hint = "check the owner and rights of the home"
        raise JournalError(f"cannot read {path}: {error.strerror}", hint) from error
    try:
        fields = orjson.loads(data)
    except orjson.JSONDecodeError:
        return Remotes()
    if not isinstance(fields, dict) or fields.get("v") != VERSION:
        return Remotes()
    found = Remotes()
    for name, one in _object(fields.get("remotes")).items():
        if isinstance(one, dict):
            found.circuits[name] = _circuit(one)
            found.memories[name] = dict(_object(one.get("memory")))
    return found


def save(path: Path, remotes: Remotes) -> None:
    """Replace the file, fsynced. JournalError: it cannot be written, and the old one is kept."""
    names = sorted({*remotes.circuits, *remotes.memories})
    fields = {
        name: {**_said(remotes.circuits.get(name, Circuit())), "memory": remotes.memory(name)}
        for name in names
    }
    write_whole(path, orjson.dumps({"v": VERSION, "remotes": fields}, option=_OPTIONS))


_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def _said(circuit: Circuit) -> dict[str, Any]:
    error, paused = circuit.last_error, circuit.paused
    return {
        "settings": circuit.settings,
        "failures": circuit.failures,
        "opened_at": _text(circuit.opened_us),
        "probe_at": _text(circuit.probe_us),
        "asked_at": _text(circuit.asked_us),
        "wait_seconds": circuit.wait_us / SECOND_US,
        "last_success": _text(circuit.last_success_us),
        "last_error": error and _problem(error) | {"at": to_text(error.at_us)},
        "paused": paused
        and _problem(paused)
        | {"since": to_text(paused.since_us), "again_at": to_text(paused.again_us)},
    }


def _problem(problem: Seen | Paused) -> dict[str, str]:
    return {"class": problem.kind, "message": spelled_out(problem.message)}


def _circuit(fields: dict[str, Any]) -> Circuit:
    """What can be read of it; an empty one if it was damaged."""
    try:
        return Circuit(
            settings=str(fields["settings"]),
            failures=max(int(fields["failures"]), 0),
            opened_us=_us(fields["opened_at"]),
            probe_us=_us(fields["probe_at"]) or 0,
            asked_us=_us(fields.get("asked_at")) or 0,
            wait_us=int(
                float(fields.get("wait_seconds", LONGEST_WAIT_US // SECOND_US)) * SECOND_US
            ),
            last_success_us=_us(fields["last_success"]),
            last_error=_seen(fields["last_error"]),
            paused=_paused(fields["paused"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return Circuit()


def _seen(fields: Any) -> Seen | None:
    if fields is None:
        return None
    return Seen(str(fields["class"]), str(fields["message"]), to_us(fields["at"]))


def _paused(fields: Any) -> Paused | None:
    if fields is None:
        return None
    since_us, again_us = to_us(fields["since"]), to_us(fields["again_at"])
    return Paused(str(fields["class"]), str(fields["message"]), since_us, again_us)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(at_us: int | None) -> str | None:
    return None if at_us is None else to_text(at_us)


def _us(text: str | None) -> int | None:
    return None if text is None else to_us(text)
