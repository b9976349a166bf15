"""What a home's files say, read without any of the code under test, and whether a database agrees.

A line is what ends in a newline. A record is a line that is JSON with an envelope, or the end of a
line that is one, when a torn one is glued to it; everything else is torn. Only for records whose
payloads hold no secret and no envelope of their own.
"""

import base64
import hashlib
import json
import re
import shutil
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import stored

from journal.layout import Layout
from sync import facts
from sync.dead import entries

BEGINNING = b'{"v":1,"id":"'
HEADER = {"v", "id", "at", "agent", "event", "session", "host", "pid", "entrypoint"}
ID = re.compile(r"[0-9a-f]{32}")
AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@dataclass
class Truth:
    """The files of one moment."""

    records: dict[str, bytes] = field(default_factory=dict)  # content by id
    own: set[str] = field(default_factory=set)  # ids of the journal's own records
    torn: list[tuple[Path, int, bytes]] = field(default_factory=list)  # file, offset, bytes
    lines: int = 0
    bytes: int = 0


def content(record: dict[str, Any]) -> bytes:
    """A digest of all that a record says; of its session, what the payload says of it."""
    payload = record.get("payload")
    session = payload.get("session_id") if isinstance(payload, dict) else None
    text = json.dumps({**record, "session": session or record["session"]}, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def split(line: bytes) -> tuple[dict[str, Any] | None, int]:
    """The record at the end of a line, and how many torn bytes stand before it."""
    start = 0
    while start >= 0:
        try:
            value = json.loads(line[start:], object_pairs_hook=_unambiguous)
        except ValueError:
            value = None
        if isinstance(value, dict) and _is_record(value):
            return value, start
        start = line.find(BEGINNING, start + 1)
    return None, len(line)


def _is_record(value: dict[str, Any]) -> bool:
    """What two torn records make of each other can be JSON, too."""
    if not value.keys() >= HEADER:
        return False
    return bool(ID.fullmatch(value["id"]) and AT.fullmatch(value["at"]))


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object as a dict. ValueError: a key is there twice, as in a torn record inside another."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key is there twice")
    return made


def read(home: Path) -> Truth:
    """The whole lines of all day files."""
    truth = Truth()
    for path in sorted(home.glob("days/????-??-??/*.jsonl")):
        offset = 0
        data = path.read_bytes()
        truth.bytes += len(data)
        for line in data.split(b"\n")[:-1]:
            if line.strip():
                _take(truth, path, offset, line)
            offset += len(line) + 1
    return truth


def _take(truth: Truth, path: Path, offset: int, line: bytes) -> None:
    truth.lines += 1
    record, torn = split(line)
    if torn:
        truth.torn.append((path, offset, line[:torn]))
    if record is None:
        return
    if record["agent"] == "journal":
        truth.own.add(record["id"])
        return
    said = content(record)
    assert truth.records.setdefault(record["id"], said) == said, "one id, two records"


def held(home: Path) -> dict[str, bytes]:
    """The contents of all stored records by their ids; fails if an id is stored twice."""
    found: dict[str, bytes] = {}
    db = stored.database(home)
    try:
        for event in facts.all_events(db):
            record = json.loads(event.line)
            assert record["id"] not in found, f"{record['id']} is stored twice"
            found[record["id"]] = content(record)
    finally:
        db.close()
    return found


def own_held(home: Path) -> set[str]:
    """The ids of the journal's own stored records."""
    return {row[0].hex() for row in stored.rows(home, "select id from own_facts")}


def assert_accounted(home: Path, torn: list[tuple[Path, int, bytes]]) -> None:
    """Every torn byte is in an entry of `dead/` that names its place, and no entry is there twice.

    Places are named by file name: a copy in another day is the same letter.
    """
    letters = defaultdict(list)
    keys = []
    for entry in entries(Layout.at(home)):
        keys.append(entry["key"])
        name = entry["path"].rpartition("/")[2]
        letters[name].append((entry["offset"], _letter(entry)))
    assert len(set(keys)) == len(keys), "a letter is there twice"
    for path, offset, data in torn:
        covered = bytearray(len(data))
        for at, kept in letters[path.name]:
            start = at - offset
            if 0 <= start < len(data) and data[start : start + len(kept)] == kept:
                covered[start : start + len(kept)] = b"\1" * len(kept)
        lost = bytes(byte for byte, seen in zip(data, covered, strict=True) if not seen)
        assert not lost.strip(), f"{path}:{offset}: {lost[:80]!r} is nowhere"


def _letter(entry: dict[str, Any]) -> bytes:
    if "base64" in entry:
        return base64.b64decode(entry["base64"])
    return str(entry["text"]).encode()


def assert_views_follow(home: Path, scratch: Path, contexts: bool = True) -> None:
    """Views, and contexts, are those of a database that got the stored records in one go.

    Contexts of projects that have no session any more may lie beside them.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    lines = stored.exported(home)
    folder = scratch / "days" / "2026-11-18"
    folder.mkdir(parents=True)
    (folder / "claude-code.all.jsonl").write_bytes(b"".join(lines))
    assert stored.sync(scratch).stored == len(lines)
    assert_same_views(home, scratch)
    if contexts:
        mine, anew = prepared(home), prepared(scratch)
        assert mine == {**mine, **anew}, "the contexts differ"
    shutil.rmtree(scratch)


def assert_same_views(home: Path, other: Path) -> None:
    """Two databases show the same, table by table."""
    mine, theirs = stored.views(home), stored.views(other)
    for name, rows in mine.items():
        differing = [pair for pair in zip(rows, theirs[name], strict=False) if pair[0] != pair[1]]
        assert len(rows) == len(theirs[name]), f"{name}: {len(rows)} and {len(theirs[name])} rows"
        assert not differing, f"{name}: {differing[0]}"


def prepared(home: Path) -> dict[str, bytes]:
    """The prepared contexts, without the home's own name and the time of their preparation."""
    own = str(home).encode()
    paths = sorted((home / "contexts").glob("*.tsv"))
    texts = {path.name: path.read_bytes().replace(own, b"HOME") for path in paths}
    return {name: re.sub(rb"^1\t[^\t]*", b"", text) for name, text in texts.items()}


def assert_nothing_left(home: Path) -> None:
    """No temporary file of a killed process lies about, and the spool is empty."""
    left = [path for path in home.rglob(".*") if path.is_file()]
    spool = Layout.at(home).spool
    left += list(spool.iterdir()) if spool.is_dir() else []
    assert left == [], "left by the killed"
