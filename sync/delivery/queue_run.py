"""Sends what lies in `retry/` and is due, oldest first, within the time of a pass.

One error that speaks against the remote ends the run: what is left waits, untouched. Knows no
database, so that a replay works without one.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from journal.layout import Layout
from journal.verbose import step
from sync.delivery import batches, circuit_breaker, retry_queue, retry_schedule
from sync.delivery.batches import Batching
from sync.delivery.circuit_breaker import Circuit
from sync.delivery.order import Delivered, Order, said
from sync.delivery.retry_schedule import Listed
from sync.delivery.sending import look_again, send_one
from sync.remote.contract import LooksLater

LOOK_PAUSE_SECONDS = 1.0  # between the first two looks at those of one run
# Errors after which nothing more is asked in a run: no answer came, or too much was asked.
_SILENT = ("timeout", "unreachable", "dropped", "rate_limited", "out_of_time")


def run(order: Order) -> Delivered:
    """Send what is due. JournalError: the home cannot be written; nothing is lost or sent twice."""
    done = Delivered()
    circuit = order.circuit
    listed = retry_schedule.schedule(order.layout.retry)
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
            due = _due(order, retry_schedule.schedule(order.layout.retry)) - tried
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
    return set(retry_schedule.due(order.layout.retry, listed, order.now_us, retry))


def _may_try(order: Order, circuit: Circuit) -> bool:
    """Whether the remote is tried at all: a time that it asked for is broken by `all` alone."""
    if order.all or circuit_breaker.allows(circuit, order.now_us):
        return True
    return order.probe and circuit_breaker.may_probe(circuit, order.now_us)


def _send(order: Order, due: set[str], names: list[str], until: float, done: Delivered) -> None:
    """Send these in turn; then look what the remote has made of those that it works on."""
    if len(names) > 1 and isinstance(order.remote, LooksLater):
        order.remote.look_later()
    number = 0
    for group in _groups(order, names):
        wanted = [one for one in group if one in due or order.circuit.state != "closed"]
        left = until - time.monotonic()
        if left <= 0 or order.stopping() or not _send_group(order, wanted, left, done):
            break
        number += len(group)
        order.progress(number, len(names))
    if len(names) > 1 and (done.error is None or done.error.kind not in _SILENT):
        pauses = (0.0, LOOK_PAUSE_SECONDS) if done.error is None else (0.0,)
        _look_together(order, until, pauses, done)


def _groups(order: Order, names: list[str]) -> Iterator[list[str]]:
    """What is sent together: a remote that has failed is tried with one piece first."""
    remote = order.remote
    if not isinstance(remote, Batching):
        yield from ([name] for name in names)
        return
    probes = 0 if order.circuit.state == "closed" else 1
    yield from ([name] for name in names[:probes])
    yield from batches.groups(order, names[probes:], remote)


def _send_group(order: Order, names: list[str], seconds: float, done: Delivered) -> bool:
    if isinstance(order.remote, Batching):
        return batches.send(order, names, order.remote, seconds, done)
    return all(send_one(order, name, seconds, done) for name in names)


def _look_together(order: Order, until: float, pauses: tuple[float, ...], done: Delivered) -> None:
    """Confirm all pieces that the remote accepted in this run; again where it takes a moment."""
    for pause_seconds in pauses:
        if not done.working:
            return
        time.sleep(min(pause_seconds, max(0.0, until - time.monotonic())))
        for name in tuple(done.working):
            left = until - time.monotonic()
            if left <= 0 or order.stopping() or not look_again(order, name, left, done):
                return


def _was_tried(one: Listed) -> bool:
    """Whether a piece has been sent before. Such a one is the better probe, due or not.

    One that never was still grows, and so keeps its session from becoming many pieces.
    """
    return one.next_us != retry_schedule.created_us(one.name)


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
