"""`dead/`: what could not be read or will never be accepted, with where it came from and why.

Nothing is dropped silently and nothing is kept twice: an entry's key is made of the file's name,
the offset and the bytes, so reading a file again adds none. Of one file MOST_LETTERS are kept: more
of what is not a record is not worth the disk. Redacted as text.
"""

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from journal.durable_files import append_line
from journal.layout import Layout
from journal.printable import spelled_out
from journal.times import day_of, to_text

if TYPE_CHECKING:
    from sync.ingest.screening import Screen

MOST_LETTERS = 1_000  # of one file


class Dead:
    """The dead letters of one home, as one pass sees them."""

    def __init__(self, layout: Layout, screen: "Screen", now_us: int) -> None:
        self._layout = layout
        self._screen = screen
        self._now_us = now_us
        self._keys: set[str] | None = None
        self._counts: dict[str, int] = {}  # letters by their source
        self._names: set[str] = set()  # of these files

    def put(self, source: Path, offset: int, data: bytes, reason: str) -> bool:
        """Keep `data`, which stood at `offset` of `source`.

        False if it is kept already, or says that it is of an excluded project or tool.
        """
        key = _key(source, offset, data)
        if key in self._known() or self._screen.excludes_torn(data):
            return False
        place = spelled_out(str(source))
        self._counts[place] = self._counts.get(place, 0) + 1
        if self._counts[place] > MOST_LETTERS:
            return True  # counted, and the last letter says so
        if self._counts[place] == MOST_LETTERS:
            reason += "; further ones of this file are counted and not kept"
        entry = {
            "key": key,
            "at": to_text(self._now_us),
            "reason": reason,
            "path": place,
            "offset": offset,
            "bytes": len(data),
            **self._content(data),
        }
        path = self._layout.dead / f"{day_of(self._now_us)}.jsonl"
        append_line(path, orjson.dumps(entry) + b"\n")
        self._known().add(key)
        self._names.add(spelled_out(source.name))
        return True

    def holds(self, source: Path, offset: int, data: bytes) -> bool:
        """Whether these very bytes of this place are kept here."""
        known = self._known()
        is_named = spelled_out(source.name) in self._names
        return is_named and _key(source, offset, data) in known

    def _known(self) -> set[str]:
        if self._keys is None:
            self._keys = set()
            for entry in entries(self._layout):
                self._keys.add(str(entry.get("key")))
                place = str(entry.get("path"))
                self._counts[place] = self._counts.get(place, 0) + 1
                self._names.add(place.rpartition("/")[2])
        return self._keys

    def _content(self, data: bytes) -> dict[str, str]:
        text = self._screen.text(data.decode("utf-8", "surrogateescape"))
        try:
            text.encode()
        except UnicodeEncodeError:
            kept = text.encode("utf-8", "surrogateescape")
            return {"base64": base64.b64encode(kept).decode("ascii")}
        return {"text": text}


def _key(source: Path, offset: int, data: bytes) -> str:
    place = f"{source.name}\0{offset}\0".encode("utf-8", "surrogateescape")
    return hashlib.blake2b(place + data, digest_size=12).hexdigest()


def entries(layout: Layout) -> Iterator[dict[str, Any]]:
    """Every dead letter of the home, oldest file first; torn lines of a full disk are passed.

    Pieces that were given up are there too, see sync/delivery/dead_pieces.py.
    """
    try:
        found = (path for path in layout.dead.iterdir() if path.suffix == ".jsonl")
        files = sorted(path for path in found if not is_dead_name(path.name))
    except FileNotFoundError:
        return
    for path in files:
        if not path.is_file():
            continue  # not ours
        for line in path.read_bytes().split(b"\n"):
            try:
                entry = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            if isinstance(entry, dict):
                yield entry


_DEAD_NAME = re.compile(r"piece-[0-9]{17}-[0-9a-f]{16}\.jsonl")


def is_dead_name(name: str) -> bool:
    """Whether a file of `dead/` is one that `dead_path` names."""
    return _DEAD_NAME.fullmatch(name) is not None
