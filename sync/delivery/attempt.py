"""One piece of `retry/` on its way to the remote; its file is kept up to date.

Its attempt is counted in its file before the first request, its receipt is in the journal before
the file goes.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from journal.times import SECOND_US
from sync.delivery import begun, receipts, redact_before_send, retry_queue, retry_schedule
from sync.delivery.order import Order
from sync.delivery.redact_before_send import UncleanError
from sync.delivery.retry_format import LastError, Waiting
from sync.remote.contract import Outcome, Piece, Progress, RemoteError, Then, to_be_asked_now

LOOK_AGAIN_SECONDS = 30.0  # at a piece that the remote works on
_DIVIDED = "divided"  # in the progress of a piece


class Sending:
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

        Any other error here keeps it from being sent.
        """
        layout, redactor = self._order.layout, self._order.redactor
        try:
            made = redact_before_send.cleaned(self._waiting, redactor)
        except UncleanError as error:
            self._waiting = redact_before_send.redacted_piece(self._waiting, redactor)
            self._reject("unclean", str(error))
            return False
        if made is not self._waiting:
            self._path = redact_before_send.put(self._path, self._waiting, made, layout.dead)
            self._waiting = made
        return True

    def send(self, seconds: float) -> Outcome:
        """Deliver it. RemoteError: see `failed`."""
        self.begun()
        return self.look(seconds)

    def look(self, seconds: float) -> Outcome:
        """Ask what became of it since it was sent. RemoteError: see `failed`."""
        head = self._waiting.head
        outcome = self._order.remote.deliver(
            self._waiting.piece, head.progress, self._update, seconds
        )
        if outcome is Outcome.STORED:
            self.acknowledge()
        else:
            wait_us = int(LOOK_AGAIN_SECONDS * SECOND_US)
            self._update(next_us=self._order.now_us + wait_us, wait_us=wait_us, last_error=None)
        return outcome

    @property
    def sent(self) -> tuple[Piece, Progress]:
        """What a remote is given."""
        return self._waiting.piece, self._waiting.head.progress

    def begun(self) -> "Sending":
        """An attempt has been made."""
        self._count()
        retry_queue.update(self._path, self._waiting)
        return self

    def _count(self) -> None:
        if self._order.all:
            to_be_asked_now(self._waiting.head.progress)
        head = self._waiting.head
        self._waiting = replace(self._waiting, head=replace(head, attempts=head.attempts + 1))

    @staticmethod
    def begin_all(order: Order, pieces: "Sequence[Sending]") -> "list[Sending]":
        """An attempt of each begins, with one wait for the disk; those that are there.

        `acknowledge_all` or `break_off_all` has to follow.
        """
        here = [one for one in pieces if one._path.exists()]  # else it was removed just now
        for one in here:
            one._count()
        begun.note(order.layout.retry, [one.name for one in here])
        return here

    @staticmethod
    def break_off_all(order: Order, pieces: "Sequence[Sending]") -> None:
        """The attempts have failed: the files of all say that they were made."""
        retry_queue.update_all([(one._path, one._waiting) for one in pieces])
        begun.clear(order.layout.retry)

    @staticmethod
    def acknowledge_all(order: Order, pieces: "Sequence[Sending]") -> None:
        """The remote has all of them."""
        done = [(one._path, one._waiting) for one in pieces]
        receipts.acknowledge_all(order.layout, done, order.clock_ns())
        begun.clear(order.layout.retry)

    def acknowledge(self) -> None:
        """The remote has it."""
        order = self._order
        receipts.acknowledge(order.layout, self._path, self._waiting, order.clock_ns())

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
            wait_us = retry_schedule.pause_us(
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
