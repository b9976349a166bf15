"""That a remote folder has a piece which this machine has only read: a receipt says it.

So what was taken from a folder is not sent back to it. The receipt is true from the moment at which
the piece lies there, also if the records are lost here; so it may come before them.
"""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import apsw
import orjson

from journal.layout import Layout
from journal.printable import one_line
from journal.record import own_facts
from journal.settings import sections
from journal.settings.sources import Settings
from sync.ingest.foreign_lines import Accepted, accepted, lines
from sync.remote import folder_files
from sync.remote.naming import name_of


class Piece(NamedTuple):
    """What a piece's file says."""

    sha256: str
    session: tuple[str, str]  # its agent and its id
    ids: list[str]  # of its records


def read(path: Path) -> Piece:
    """One piece. UnreadableError."""
    digest, ids = hashlib.sha256(), list[str]()
    session = ("", "")
    for line in lines(path):
        digest.update(line.data if line.size == len(line.data) else line.data + b"\n")
        for one in accepted(line):
            if isinstance(one, Accepted):
                session = session if ids else one.session
                ids.append(one.record.id.hex())
    return Piece(digest.hexdigest(), session, ids)


def fault(path: Path, piece: Piece) -> str:
    """What is wrong with a piece's file, for people; "" if nothing is."""
    if piece.sha256.startswith(_name(path)[1]):
        return ""
    return one_line(
        f"{path} is not complete, or damaged: its content is not what its name says "
        "(import again when it has arrived)"
    )


def note(
    db: apsw.Connection, layout: Layout, remote: str, path: Path, piece: Piece, now_ns: int
) -> None:
    """Append a receipt, unless the database knows that this remote has all that the piece holds.

    JournalError: it cannot be written.
    """
    if has(db, remote, piece.ids):
        return
    number, beginning = _name(path)
    payload = {
        "remote": remote,
        "host": _host(path.parent.name),
        "number": number,
        # A home that was lost counts from 1 again: this is not a piece of the new count.
        "part": beginning,
        "sha256": piece.sha256,
        "events": piece.ids,
    }
    own_facts.append(layout, "Receipt", piece.session, payload, now_ns)


def remote_name(folder: Path, settings: Settings) -> str:
    """The name that this folder has as a remote: the settings', if it is the one of this home."""
    remote = settings.remote
    if remote.kind == "folder":
        configured = Path(remote.path).expanduser()
        if os.path.realpath(configured) == os.path.realpath(folder):
            return name_of(remote)
    return name_of(sections.Remote(kind="folder", path=str(folder)))


def _name(path: Path) -> tuple[int, str]:
    """A piece's number, and the beginning of its hash."""
    _, _, number, beginning, _ = path.name.split(".")
    return int(number), beginning


def has(db: apsw.Connection, remote: str, ids: list[str]) -> bool:
    """Whether the database knows that this remote has all of these records."""
    query = """
        select not exists (select 1 from json_each(?) j where not exists (
          select 1 from archived a join pieces p on p.key = a.piece
          where a.event = unhex(j.value) and p.remote = ? and p.state = 'delivered'))
    """
    return bool(db.execute(query, (orjson.dumps(ids).decode(), remote)).get)


def _host(directory: str) -> str:
    """The host whose directory this is; another's whose name was changed is called like it."""
    ours = os.uname().nodename
    return ours if folder_files.host_name(ours) == directory else directory
