"""Many pieces in one go, for a remote that takes several at once (see `Batching`).

The disk is waited for once for all of them at each step: the attempts, the pieces, the receipts.
A remote that stores records by their ids loses nothing and keeps nothing twice if a piece is sent
again, also with other bytes; so its attempts need not be on the disk before the pieces are sent.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from sync.delivery import circuit_breaker, retry_queue
from sync.delivery.attempt import Sending
from sync.delivery.order import Delivered, Order
from sync.delivery.sending import note_failure, remember, send_one
from sync.remote.contract import Piece, Progress, RemoteError, Then


@runtime_checkable
class Batching(Protocol):
    """A remote that takes several pieces at once.

    `keeps_by_id`: it stores each record once by its id, from any number of pieces.
    """

    batch_pieces: int
    batch_bytes: int
    keeps_by_id: bool

    def deliver_many(self, pieces: Sequence[tuple[Piece, Progress]], seconds: float) -> None:
        """Store all of these pieces. RemoteError: it may have stored some, if not `keeps_by_id`."""


def groups(order: Order, names: Sequence[str], remote: Batching) -> Iterator[list[str]]:
    """The retry files in their order, as many at a time as the remote takes at once."""
    group: list[str] = []
    size = 0
    for name in names:
        try:
            more = (order.layout.retry / name).stat().st_size
        except FileNotFoundError:
            continue
        if group and (len(group) == remote.batch_pieces or size + more > remote.batch_bytes):
            yield group
            group, size = [], 0
        group.append(name)
        size += more
    if group:
        yield group


def send(
    order: Order, names: Sequence[str], remote: Batching, seconds: float, done: Delivered
) -> bool:
    """Send these pieces together; whether the next ones may be tried."""
    pieces = list(_ready(order, names, done))
    if not remote.keeps_by_id:
        pieces = Sending.begin_all(order, pieces)
    if not pieces:
        return True
    try:
        remote.deliver_many([one.sent for one in pieces], seconds)
    except RemoteError as error:
        if not remote.keeps_by_id:
            Sending.break_off_all(order, pieces)
        if error.then in (Then.SPLIT, Then.REJECT) and len(pieces) > 1:
            return _one_by_one(order, pieces, seconds, done)
        done.tried += 1
        first = pieces[0].begun() if remote.keeps_by_id else pieces[0]
        return note_failure(order, first, error, done)
    Sending.acknowledge_all(order, pieces)
    done.tried += len(pieces)
    done.sent += len(pieces)
    remember(order, circuit_breaker.succeeded(order.circuit, order.now_us))
    return True


def _ready(order: Order, names: Sequence[str], done: Delivered) -> Iterator[Sending]:
    """Those of these files that can be sent, as they may be sent now."""
    for name in names:
        path = order.layout.retry / name
        try:
            found = retry_queue.read_for(path, order.remote.name)
            if found is None:
                done.elsewhere += 1
                continue
            piece = Sending(order, name, found)
        except retry_queue.GoneError:
            continue
        except retry_queue.ForeignRetryError as error:
            done.problems.append(str(error))
            continue
        if not piece.clean():
            done.tried += 1
            done.dead += 1
        elif piece.is_divided and piece.divide():
            done.divided = True
        else:
            yield piece


def _one_by_one(order: Order, pieces: Sequence[Sending], seconds: float, done: Delivered) -> bool:
    """One of them is at fault: it alone is refused or divided."""
    return all(send_one(order, piece.name, seconds, done) for piece in pieces)
