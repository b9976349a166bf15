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
from sync.delivery import batches, circuit_breaker, retry_queue
from sync.delivery.batches import Batching
from sync.delivery.retry_queue import Listed
from sync.delivery.sending import Delivered, Order, said, send_one


def run(order: Order) -> Delivered:
    """Send what is due. JournalError: the home cannot be written; nothing is lost or sent twice."""
    done = Delivered()
    circuit = order.circuit
    listed = retry_queue.schedule(order.layout.retry)
    _drop_outgrown(order.layout, listed)
    longest_us = retry_queue.longest_us(order.settings.retry)
    due = {
        one.name
        for one in listed
        if order.all or retry_queue.is_due(one.next_us, order.now_us, longest_us)
    }
    until = time.monotonic() + order.settings.remote.pass_seconds
    if order.all or order.probe or circuit_breaker.allows(circuit, order.now_us):
        probes = {one.name for one in listed if circuit.state != "closed" and _was_tried(one)}
        names = sorted(due | probes)
        number = 0
        for group in _groups(order, names):
            wanted = [one for one in group if one in due or order.circuit.state != "closed"]
            left = until - time.monotonic()
            if left <= 0 or order.stopping() or not _send(order, wanted, left, done):
                break
            number += len(group)
            order.progress(number, len(names))
    elif due:
        done.error = said(circuit)
    done.waiting = len(retry_queue.list_names(order.layout.retry)) if done.tried else len(listed)
    return done


def _groups(order: Order, names: list[str]) -> Iterator[list[str]]:
    """What is sent together: a remote that has failed is tried with one piece first."""
    remote = order.remote
    if not isinstance(remote, Batching):
        yield from ([name] for name in names)
        return
    probes = 0 if order.circuit.state == "closed" else 1
    yield from ([name] for name in names[:probes])
    yield from batches.groups(order, names[probes:], remote)


def _send(order: Order, names: list[str], seconds: float, done: Delivered) -> bool:
    if isinstance(order.remote, Batching):
        return batches.send(order, names, order.remote, seconds, done)
    return all(send_one(order, name, seconds, done) for name in names)


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
