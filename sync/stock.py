"""What lies in `retry/`, compared with what the database has noted of it.

To be called under `deliver.lock`, after a pass that has read every receipt: what was killed between
a file and its note, or between a receipt and the end of its file, is made good here.
"""

from dataclasses import dataclass
from pathlib import Path

import apsw

from sync import retry
from sync.views import archive
from sync.views.archive import PieceKey
from sync.waiting import Head


@dataclass(slots=True)
class Stock:
    """What lies in `retry/`: what could not be read, and what was delivered before a kill."""

    problems: list[str]
    delivered: list[str]


def take_stock(db: apsw.Connection, folder: Path, now_us: int) -> Stock:
    """Bring the database's notes up to the files that are there."""
    names = set(retry.list_names(folder))
    known = archive.waiting(db)
    stock = Stock([], [])
    for name in sorted(names - known.keys()):
        try:
            head = retry.read_head(folder / name)
        except retry.GoneError:
            continue
        except retry.ForeignRetryError as error:
            stock.problems.append(str(error))
            continue
        _note_found(db, folder, head, name, stock)
    if gone := known.keys() - names:
        still = archive.waiting(db)
        with db:
            for name in gone:
                if name in still and not (folder / name).exists():
                    archive.forget(db, known[name], now_us)
    return stock


def _note_found(db: apsw.Connection, folder: Path, head: Head, name: str, stock: Stock) -> None:
    key = _key(head)
    state, file = archive.state(db, head.target, key)
    if state == "delivered":
        stock.delivered.append(name)
        return
    if state == archive.WAITING and file and file != name and (folder / file).exists():
        known = readable_head(folder / file)
        if known is not None:
            if len(known.events) > len(head.events):  # grown, and killed before this one went
                stock.delivered.append(name)
                return
            stock.delivered.append(file)
    with db:
        archive.note(db, head.target, key, archive.WAITING, head.created_us, head.events, name)


def readable_head(path: Path) -> Head | None:
    """None: it is gone, or cannot be replayed, which is said when it is to be sent."""
    try:
        return retry.read_head(path)
    except (retry.GoneError, retry.ForeignRetryError):
        return None


def _key(head: Head) -> PieceKey:
    return PieceKey(head.agent, head.session, head.host, head.number, head.part)
