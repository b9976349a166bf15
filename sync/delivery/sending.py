"""Sends what lies in `retry/` and is due, oldest first, within the time of a pass.

A piece is redacted by the rules of this moment before it is sent: none leaves as it is if they find
something in it, or if they fail. Its attempt is counted in its file before the first request, its
receipt is in the journal before the file goes. One error that speaks against the remote ends the
run: what is left waits, untouched. Knows no database, so that a replay works without one.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from journal.layout import Layout
from journal.redaction.redactor import Redactor
from journal.settings.sources import Settings
from journal.steps import step
from journal.times import SECOND_US
from sync.delivery import circuit_breaker, receipts, redact_before_send, retry_queue
from sync.delivery.circuit_breaker import Circuit, Remotes
from sync.delivery.redact_before_send import UncleanError
from sync.delivery.retry_file import LastError, Waiting
from sync.delivery.retry_queue import Listed
from sync.remote.contract import (
    LooksLater,
    Outcome,
    Remote,
    RemoteError,
    Then,
    to_be_asked_now,
)

LOOK_AGAIN_SECONDS = 30.0  # at a piece that the remote works on
LOOK_PAUSE_SECONDS = 1.0  # between the first two looks at those of one run
_DIVIDED = "divided"  # in the progress of a piece
# Errors after which nothing more is asked in a run: no answer came, or too much was asked.
_SILENT = ("timeout", "unreachable", "dropped", "rate_limited", "out_of_time")


@dataclass(slots=True)
class Delivered:
    """What became of pieces. `pending`: sent, and the remote works on them."""

    tried: int = 0
    sent: int = 0
    failed: int = 0
    dead: int = 0
    pending: int = 0
    working: list[str] = field(default_factory=list)  # of them, those that were sent in this run
    divided: bool = False  # a piece was too large, and is smaller ones now
    waiting: int = 0  # files that are left
    elsewhere: int = 0  # of them, for another remote than the one that is set
    ripening: int = 0  # sessions with something new that waits for more to go with it
    error: RemoteError | None = None  # the last one
    attempt: int = 0  # that ended with it: of the remote as a whole, else of its piece
    next_us: int | None = None  # when the next one may be made
    problems: list[str] = field(default_factory=list)  # files that cannot be replayed


@dataclass(frozen=True, slots=True)
class Order:
    """What a run works with."""

    layout: Layout
    settings: Settings
    redactor: Redactor
    remote: Remote
    remotes: Remotes  # what is remembered of each; saved with every change
    circuit_key: str  # of the settings, see `breaker.settings_key`
    clock_ns: Callable[[], int]
    chance: Random
    stopping: Callable[[], bool]
    all: bool = False  # whatever the schedule says
    probe: bool = False  # somebody asked: an open circuit is no reason not to try once
    progress: Callable[[int, int], None] = lambda done, total: None  # pieces

    @property
    def now_us(self) -> int:
        """Microseconds since 1970."""
        return self.clock_ns() // 1000


def run(order: Order) -> Delivered:
    """Send what is due. JournalError: the home cannot be written; nothing is lost or sent twice."""
    done = Delivered()
    circuit = _circuit(order)
    listed = retry_queue.schedule(order.layout.retry)
    _drop_outgrown(order.layout, listed)
    due = _due(order, listed)
    until = time.monotonic() + order.settings.remote.pass_seconds
    step(f"remote {order.remote.name}: {len(listed)} pieces wait, {len(due)} due, {circuit.state}")
    if _may_try(order, circuit):
        probes = {one.name for one in listed if circuit.state != "closed" and _was_tried(one)}
        names = sorted(due | probes)
        _send(order, due, names, until, done)
        tried = set(names)
        while done.divided and done.error is None:  # what was too large is smaller pieces now
            done.divided = False
            due = _due(order, retry_queue.schedule(order.layout.retry)) - tried
            tried |= due
            _send(order, due, sorted(due), until, done)
    elif due:
        done.error, done.attempt = said(circuit), circuit.failures
        done.next_us = circuit_breaker.next_us(circuit)
    done.waiting = len(retry_queue.list_names(order.layout.retry)) if done.tried else len(listed)
    return done


def _due(order: Order, listed: list[Listed]) -> set[str]:
    if order.all:
        return {one.name for one in listed}
    retry = order.settings.retry
    return set(retry_queue.due(order.layout.retry, listed, order.now_us, retry))


def _may_try(order: Order, circuit: Circuit) -> bool:
    """Whether the remote is tried at all: a time that it asked for is broken by `all` alone."""
    if order.all or circuit_breaker.allows(circuit, order.now_us):
        return True
    return order.probe and circuit_breaker.may_probe(circuit, order.now_us)


def _send(order: Order, due: set[str], names: list[str], until: float, done: Delivered) -> None:
    """Send these in turn; then look what the remote has made of those that it works on."""
    if len(names) > 1 and isinstance(order.remote, LooksLater):
        order.remote.look_later()
    for number, name in enumerate(names):
        if name not in due and _circuit(order).state == "closed":
            continue
        left = until - time.monotonic()
        if left <= 0 or order.stopping() or not _one(order, name, left, done):
            break
        order.progress(number + 1, len(names))
    if len(names) > 1 and (done.error is None or done.error.kind not in _SILENT):
        pauses = (0.0, LOOK_PAUSE_SECONDS) if done.error is None else (0.0,)
        _look_together(order, until, pauses, done)


def _look_together(order: Order, until: float, pauses: tuple[float, ...], done: Delivered) -> None:
    """Look at all pieces that the remote took in this run, again if that takes it a moment."""
    for pause_seconds in pauses:
        if not done.working:
            return
        time.sleep(min(pause_seconds, max(0.0, until - time.monotonic())))
        for name in tuple(done.working):
            left = until - time.monotonic()
            if left <= 0 or order.stopping() or not _looked(order, name, left, done):
                return


def _was_tried(one: Listed) -> bool:
    """Whether a piece has been sent before. Such a one is the better probe, due or not.

    One that never was still grows, and so keeps its session from becoming many pieces.
    """
    return one.next_us != retry_queue.created_us(one.name)


def _drop_outgrown(layout: Layout, listed: list[Listed]) -> None:
    """Remove what a grown piece has taken the place of, if its writer was killed in between.

    Both have the same age, so that others are not opened.
    """
    by_age = defaultdict(list)
    for one in listed:
        by_age[one.name[:17]].append(layout.retry / one.name)
    for paths in by_age.values():
        if len(paths) > 1:
            _drop_all_but_one(paths, layout.dead)


def _drop_all_but_one(paths: list[Path], dead: Path) -> None:
    """Of the files that are one and the same piece."""
    same = defaultdict(list)
    for path in paths:
        with suppress(
            retry_queue.GoneError, retry_queue.ForeignRetryError
        ):  # said when it is to be sent
            head = retry_queue.read_head(path)
            key = head.target, head.agent, head.session, head.host, head.number, head.part
            same[key].append((head.attempts, len(head.events), path))
    for found in same.values():
        for _, _, path in sorted(found)[:-1]:
            retry_queue.remove(path, dead)


def said(circuit: Circuit) -> RemoteError | None:
    """Why nothing is sent at this moment, as the remote said it last."""
    found = circuit.paused or circuit.last_error
    if found is None:
        return None
    then = Then.PAUSE if circuit.paused else Then.RETRY
    return RemoteError(found.kind, found.message, then)


def _circuit(order: Order) -> Circuit:
    return order.remotes.circuit(order.remote.name, order.circuit_key)


def _one(order: Order, name: str, seconds: float, done: Delivered) -> bool:
    """One file; whether the next one may be tried."""
    path = order.layout.retry / name
    try:
        if retry_queue.read_head(path).target != order.remote.name:
            done.elsewhere += 1
            return True
        piece = _Sending(order, name, retry_queue.read(path))
    except retry_queue.GoneError:
        return True
    except retry_queue.ForeignRetryError as error:
        done.problems.append(str(error))
        return True
    if not piece.clean():
        done.tried += 1
        done.dead += 1
        return True
    too_large = piece.size > order.remote.max_bytes
    if (piece.is_divided or too_large) and piece.divide():
        done.divided = True
        return True
    done.tried += 1
    step(f"send {name}, {piece.size:,} bytes, attempt {piece.attempts + 1}")
    try:
        if piece.send(seconds) is Outcome.STORED:
            done.sent += 1
        else:
            done.pending += 1
            done.working.append(piece.name)
    except RemoteError as error:
        return _failed(order, piece, error, done)
    _remember(order, circuit_breaker.succeeded(_circuit(order), order.now_us))
    return True


def _looked(order: Order, name: str, seconds: float, done: Delivered) -> bool:
    """One piece that the remote works on, looked at again; whether the next one may be."""
    try:
        piece = _Sending(order, name, retry_queue.read(order.layout.retry / name))
        if piece.look(seconds) is not Outcome.STORED:
            return True
        done.sent += 1
    except (retry_queue.GoneError, retry_queue.ForeignRetryError):
        pass  # forgotten meanwhile
    except RemoteError as error:
        done.working.remove(name)
        done.pending -= 1
        return _failed(order, piece, error, done)
    done.working.remove(name)
    done.pending -= 1
    return True


def _failed(order: Order, piece: "_Sending", error: RemoteError, done: Delivered) -> bool:
    error.args = (order.redactor.text(str(error)),)  # a remote may send back what it was sent
    error.words = order.redactor.text(error.words)
    done.error = error
    step(f"{error.kind}: {error.details}")
    circuit = circuit_breaker.failed(
        _circuit(order), error, order.now_us, order.settings.retry, order.chance
    )
    _remember(order, circuit)
    if piece.failed(error):
        done.dead += 1
    else:
        done.failed += 1
    done.attempt = circuit.failures or piece.attempts
    done.next_us = circuit_breaker.next_us(circuit) or piece.next_us
    return circuit.state == "closed" or not error.counts


def _remember(order: Order, circuit: Circuit) -> None:
    order.remotes.circuits[order.remote.name] = circuit
    circuit_breaker.save(order.layout.remotes, order.remotes)


class _Sending:
    """One piece on its way; its file is kept up to date."""

    def __init__(self, order: Order, name: str, waiting: Waiting) -> None:
        self._order = order
        self._path = order.layout.retry / name
        self._waiting = waiting
        self._error: LastError | None = waiting.head.last_error

    @property
    def name(self) -> str:
        """Of its file."""
        return self._path.name

    @property
    def size(self) -> int:
        """Bytes of its body."""
        return len(self._waiting.body)

    @property
    def attempts(self) -> int:
        """Those begun."""
        return self._waiting.head.attempts

    @property
    def next_us(self) -> int:
        """When the next one may begin."""
        return self._waiting.head.next_us

    def clean(self) -> bool:
        """Redact it by the rules of this moment; whether it is still a piece that may be sent.

        Whatever else is raised here keeps it from being sent.
        """
        layout, redactor = self._order.layout, self._order.redactor
        try:
            made = redact_before_send.cleaned(self._waiting, redactor)
        except UncleanError as error:
            self._waiting = redact_before_send.blotted(self._waiting, redactor)
            self._reject("unclean", str(error))
            return False
        if made is not self._waiting:
            self._path = redact_before_send.put(self._path, self._waiting, made, layout.dead)
            self._waiting = made
        return True

    def send(self, seconds: float) -> Outcome:
        """Deliver it. RemoteError: see `failed`."""
        if self._order.all:
            to_be_asked_now(self._waiting.head.progress)
        self._update(attempts=self._waiting.head.attempts + 1)
        return self._deliver(seconds)

    def look(self, seconds: float) -> Outcome:
        """Ask what became of it since it was sent. RemoteError: see `failed`."""
        return self._deliver(seconds)

    def _deliver(self, seconds: float) -> Outcome:
        head = self._waiting.head
        outcome = self._order.remote.deliver(
            self._waiting.piece, head.progress, self._update, seconds
        )
        if outcome is Outcome.STORED:
            order = self._order
            receipts.acknowledge(order.layout, self._path, self._waiting, order.clock_ns())
        else:
            wait_us = int(LOOK_AGAIN_SECONDS * SECOND_US)
            self._update(next_us=self._order.now_us + wait_us, wait_us=wait_us, last_error=None)
        return outcome

    def _update(self, **changes: Any) -> None:
        self._waiting = replace(self._waiting, head=replace(self._waiting.head, **changes))
        retry_queue.update(self._path, self._waiting)

    def failed(self, error: RemoteError) -> bool:
        """Note why, and when it is tried again; whether it is given up instead."""
        head = self._waiting.head
        retry_settings = self._order.settings.retry
        most = retry_settings.max_attempts
        if error.then is Then.SPLIT and self.divide():
            return False
        if error.then in (Then.SPLIT, Then.REJECT) or (
            most and head.attempts >= most and error.then is Then.RETRY
        ):
            self._reject(error.kind, error.details)
            return True
        wait_us = 0  # a pause is the remote's, not the piece's
        if error.then is Then.RETRY:
            wait_us = retry_queue.pause_us(
                head.attempts, retry_settings, self._order.chance, error.retry_after_seconds
            )
        said = LastError(error.kind, error.details)
        next_us = self._order.now_us + wait_us
        self._update(next_us=next_us, wait_us=wait_us, last_error=said)
        return False

    @property
    def is_divided(self) -> bool:
        """Whether smaller pieces of it may lie in `retry/`: it must not be sent itself."""
        return bool(self._waiting.head.progress.get(_DIVIDED))

    def divide(self) -> bool:
        """Put smaller pieces in the place of this one; False: it cannot be divided.

        Marked first: a kill in between divides it again, into the very same pieces, of which none
        was sent meanwhile because they are sent after it.
        """
        bodies = self._order.remote.split(self._waiting.piece)
        if len(bodies) < 2:
            return False
        self._update(progress={**self._waiting.head.progress, _DIVIDED: True})
        for number, body in enumerate(bodies, 1):
            smaller = self._waiting.part(number, body, is_last=number == len(bodies))
            retry_queue.write_new(self._path.parent, smaller)
        retry_queue.remove(self._path, self._order.layout.dead)
        return True

    def _reject(self, kind: str, message: str) -> None:
        order = self._order
        receipts.reject(order.layout, self._path, self._waiting, kind, message, order.clock_ns())
