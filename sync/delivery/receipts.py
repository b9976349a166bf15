"""What became of a piece, as the journal keeps it: its receipt, or its rejection.

The record is on the disk before the retry file goes. So it is known again after the database was
lost, and a process that is killed in between says it twice, which is the same as once.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from journal.layout import Layout
from journal.record import own_facts
from sync.delivery import dead_pieces, retry_queue
from sync.delivery.retry_format import Head, LastError, Waiting

NOTICE_CHARS = 200
_FILE = "receipts"  # of those of many sessions


def acknowledge(layout: Layout, path: Path, piece: Waiting, now_ns: int) -> None:
    """The remote has the piece. JournalError: it cannot be recorded, and is sent again."""
    said = {"progress": piece.head.progress}
    _record(layout, piece.head, "Receipt", said, now_ns)
    retry_queue.remove(path, layout.dead)


def acknowledge_all(layout: Layout, pieces: Sequence[tuple[Path, Waiting]], now_ns: int) -> None:
    """The same of many pieces: their receipts stand in one file, and are on the disk before any
    retry file goes. JournalError: as above, of all of them."""
    said = [
        ((one.head.agent, one.head.session), _payload(one.head, {"progress": one.head.progress}))
        for _, one in pieces
    ]
    own_facts.append_all(layout, "Receipt", said, now_ns, _FILE, durable=True)
    retry_queue.remove_all([path for path, _ in pieces], layout.dead)


def reject(
    layout: Layout, path: Path, piece: Waiting, kind: str, message: str, now_ns: int
) -> None:
    """No remote shall be sent the piece of this retry file: it goes to `dead/`, with the reason.

    The bytes of `piece` may be others than those of the file.
    """
    said = {"class": kind, "message": message[:NOTICE_CHARS]}
    _record(layout, piece.head, "Rejection", said, now_ns)
    kept = replace(piece, head=replace(piece.head, last_error=LastError(kind, message)))
    dead_pieces.bury(path, layout.dead, kept, f"{kind}: {message}", now_ns // 1000)


def _record(layout: Layout, head: Head, event: str, more: dict[str, Any], now_ns: int) -> None:
    own_facts.append(
        layout, event, (head.agent, head.session), _payload(head, more), now_ns, durable=True
    )


def _payload(head: Head, more: dict[str, Any]) -> dict[str, Any]:
    return {
        "remote": head.target,
        "host": head.host,
        "number": head.number,
        "part": head.part,
        "sha256": head.sha256,
        "events": list(head.events),
        **more,
    }
