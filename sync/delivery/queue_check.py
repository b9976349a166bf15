"""What lies in `retry/`, compared with what the database has noted of it.

To be called under `deliver.lock`, after a pass that has read every receipt: what was killed between
a file and its note, or between a receipt and the end of its file, is made good here.
"""

from dataclasses import dataclass
from pathlib import Path

import apsw

from sync.delivery import retry_queue
from sync.delivery.retry_format import Head
from sync.views import delivered_pieces
from sync.views.delivered_pieces import PieceKey

_AT_ONCE = 100  # files that are noted in one transaction


@dataclass(slots=True)
class Checked:
    """What lies in `retry/`: what could not be read, and what was delivered before a kill."""

    problems: list[str]
    delivered: list[str]


def check_queue(db: apsw.Connection, folder: Path, now_us: int) -> Checked:
    """Bring the database's notes up to the files that are there."""
    names = set(retry_queue.list_names(folder))
    known = delivered_pieces.waiting(db)
    checked = Checked([], [])
    found = sorted(names - known.keys())
    for start in range(0, len(found), _AT_ONCE):
        with db:
            for name in found[start : start + _AT_ONCE]:
                _look_at(db, folder, name, checked)
    if gone := known.keys() - names:
        still = delivered_pieces.waiting(db)
        with db:
            for name in gone:
                if name in still and not (folder / name).exists():
                    delivered_pieces.forget(db, known[name], now_us)
    return checked


def _look_at(db: apsw.Connection, folder: Path, name: str, checked: Checked) -> None:
    try:
        head = retry_queue.read_head(folder / name)
    except retry_queue.GoneError:
        return
    except retry_queue.ForeignRetryError as error:
        checked.problems.append(str(error))
        return
    _note_found(db, folder, head, name, checked)


def _note_found(db: apsw.Connection, folder: Path, head: Head, name: str, checked: Checked) -> None:
    key = _key(head)
    state, file = delivered_pieces.state(db, head.target, key)
    if state == "delivered":
        checked.delivered.append(name)
        return
    if state == delivered_pieces.WAITING and file and file != name and (folder / file).exists():
        known = readable_head(folder / file)
        if known is not None:
            if len(known.events) > len(head.events):  # grown, and killed before this one went
                checked.delivered.append(name)
                return
            checked.delivered.append(file)
    delivered_pieces.note(
        db, head.target, key, delivered_pieces.WAITING, head.created_us, head.events, name
    )


def readable_head(path: Path) -> Head | None:
    """None: it is gone, or cannot be replayed, which is said when it is to be sent."""
    try:
        return retry_queue.read_head(path)
    except (retry_queue.GoneError, retry_queue.ForeignRetryError):
        return None


def _key(head: Head) -> PieceKey:
    return PieceKey(head.agent, head.session, head.host, head.number, head.part)
