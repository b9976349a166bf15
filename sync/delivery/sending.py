"""Sends one piece of `retry/`; queue_run says which and when.

A piece is redacted by the rules of this moment before it is sent: none leaves as it is if they find
something in it, or if they fail.
"""

from journal.verbose import step
from sync.delivery import circuit_breaker, retry_queue
from sync.delivery.attempt import Sending
from sync.delivery.circuit_breaker import Circuit
from sync.delivery.order import Delivered, Order
from sync.remote.contract import Outcome, RemoteError


def send_one(order: Order, name: str, seconds: float, done: Delivered) -> bool:
    """One file; whether the next one may be tried."""
    path = order.layout.retry / name
    try:
        if retry_queue.read_head(path).target != order.remote.name:
            done.elsewhere += 1
            return True
        piece = Sending(order, name, retry_queue.read(path))
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
        return note_failure(order, piece, error, done)
    remember(order, circuit_breaker.succeeded(order.circuit, order.now_us))
    return True


def look_again(order: Order, name: str, seconds: float, done: Delivered) -> bool:
    """One piece that the remote works on, looked at again; whether the next one may be."""
    try:
        piece = Sending(order, name, retry_queue.read(order.layout.retry / name))
        if piece.look(seconds) is not Outcome.STORED:
            return True
        done.sent += 1
    except (retry_queue.GoneError, retry_queue.ForeignRetryError):
        pass  # forgotten meanwhile
    except RemoteError as error:
        done.working.remove(name)
        done.pending -= 1
        return note_failure(order, piece, error, done)
    done.working.remove(name)
    done.pending -= 1
    return True


def note_failure(order: Order, piece: Sending, error: RemoteError, done: Delivered) -> bool:
    """Count a failed attempt, redacted; whether the run may go on with the next piece."""
    error.args = (order.redactor.text(str(error)),)  # a remote may send back what it was sent
    error.words = order.redactor.text(error.words)
    done.error = error
    step(f"{error.kind}: {error.details}")
    circuit = circuit_breaker.failed(
        order.circuit, error, order.now_us, order.settings.retry, order.chance
    )
    remember(order, circuit)
    if piece.failed(error):
        done.dead += 1
    else:
        done.failed += 1
    done.attempt = circuit.failures or piece.attempts
    done.next_us = circuit_breaker.next_us(circuit) or piece.next_us
    return circuit.state == "closed" or not error.counts


def remember(order: Order, circuit: Circuit) -> None:
    """Store the state of the remote's circuit breaker."""
    order.remotes.circuits[order.remote.name] = circuit
    circuit_breaker.save(order.layout.remotes, order.remotes)
