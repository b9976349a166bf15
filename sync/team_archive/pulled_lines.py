"""The lines that a pull brings: which of them the home lacks, and which it takes."""

from collections.abc import Iterator
from typing import Any

import apsw
import orjson

from journal.record.record import JOURNAL_AGENT
from sync.ingest.foreign_lines import Accepted, Line
from sync.transfer.importing import TAKEN

_BYTES_AT_ONCE = 4 << 20


def as_line(data: bytes) -> Line:
    """A record of the archive, as lines of files are read."""
    return Line(1, 0, data, len(data), len(data))


def is_of(one: Accepted, who: tuple[str, str]) -> bool:
    """Whether a line is of its session, and no order to this home."""
    made = one.record
    return one.session == who and (made.agent != JOURNAL_AGENT or made.event in TAKEN)


def missing(db: apsw.Connection, rows: list[Any]) -> list[tuple[Any, Any, int]]:
    """Those of these records that the home does not hold."""
    ids = orjson.dumps([unique.hex for _, unique, _ in rows]).decode()
    query = """
        select lower(value) from json_each(?) where unhex(value) in (select id from events)
        or unhex(value) in (select id from own_facts)
    """
    known = {str(unique) for (unique,) in db.execute(query, (ids,))}
    return [row for row in rows if row[1].hex not in known]


def batches(rows: list[tuple[Any, Any, int]]) -> Iterator[tuple[Any, list[Any]]]:
    """Records of one session at a time, not too many bytes at once."""
    ids: list[Any] = []
    size, before = 0, None
    for key, unique, length in rows:
        if ids and (key != before or size + length > _BYTES_AT_ONCE):
            yield before, ids
            ids, size = [], 0
        before, size = key, size + length
        ids.append(unique)
    if ids:
        yield before, ids
