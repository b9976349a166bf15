"""Export: the records themselves, in order, as the journal's files hold them; or pages for people.

What the journal says of its own deliveries, calls and deletions is not part of an export: it is
true for this home alone, and no other takes it. So an export holds just what an import of it
brings.
"""

import os
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import islice
from operator import attrgetter
from pathlib import Path

import apsw

from journal.durable_files import write_parts
from journal.errors import UsageError
from journal.record import record
from sync.pages import html_page
from sync.pages.markdown import session_markdown
from sync.query import detail, listing
from sync.query.filters import Wanted
from sync.store import facts
from sync.transfer.importing import TAKEN

DECODED_AT_ONCE = 50
BETWEEN_PAGES = "\n---\n\n"


def record_lines(db: apsw.Connection, since_us: int) -> Iterator[bytes]:
    """The line of every record from a time on, and of what the journal says of sessions, by
    (`at`, `id`). Memory holds a few numbers of each event and the bodies of fifty.
    """
    query = "select at_us, id, {} from {} where at_us >= ? {} order by at_us, id"
    marks = ", ".join("?" * len(TAKEN))
    named = query.format("line", "own_facts", f"and name in ({marks})")
    own = db.execute(named, (since_us, *TAKEN))
    events = _lines(db, db.execute(query.format("seq", "events", ""), (since_us,)))
    return (record.strict_line(line) for _, _, line in merge(own, events))


def lines_of(db: apsw.Connection, session: int, since_us: int) -> Iterator[bytes]:
    """The line of every record of one session (row) from a time on, by (`at`, `id`)."""
    return map(record.strict_line, map(attrgetter("line"), facts.events_of(db, session, since_us)))


def pages(db: apsw.Connection, wanted: Wanted, adopt_on: tuple[str, ...]) -> Iterator[bytes]:
    """A Markdown page for each of these sessions, the one that began last at the end."""
    for number, key in enumerate(_keys(db, wanted)):
        if number:
            yield BETWEEN_PAGES.encode()
        yield page(db, key, adopt_on)


def page(db: apsw.Connection, session: int, adopt_on: tuple[str, ...]) -> bytes:
    """One session (row) as a Markdown page."""
    return session_markdown(detail.read(db, session, adopt_on)).encode()


def html_of(db: apsw.Connection, session: int, adopt_on: tuple[str, ...]) -> Iterator[bytes]:
    """One session (row) as an HTML page, in parts."""
    return _encoded(html_page.page(detail.read(db, session, adopt_on)))


def html(db: apsw.Connection, wanted: Wanted, adopt_on: tuple[str, ...]) -> Iterator[bytes]:
    """One HTML page of these sessions, the one that began last at the end, in parts.

    Memory holds one session at a time, and a number for each.
    """
    keys = _keys(db, wanted)
    listed = listing.read(db, keys, adopt_on)
    return _encoded(html_page.pages(listed, (detail.read(db, key, adopt_on) for key in keys)))


def write_file(path: Path, parts: Iterable[bytes]) -> None:
    """Replace the file at `path` by these bytes, mode 0600; it is written whole or not at all.

    UsageError: `path` is a directory, a device or a pipe. JournalError: it cannot be written, the
    old file stays.
    """
    path = Path(os.path.realpath(path))  # through a link, to the file it names
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a regular file", "leave out --output to write to a pipe")
    write_parts(path, parts)


def _keys(db: apsw.Connection, wanted: Wanted) -> list[int]:
    condition, values = wanted.sql()
    order = "order by s.started_us, s.session"
    query = f"select s.session from session_states s where {condition} {order}"
    return [int(key) for (key,) in db.execute(query, values)]


def _encoded(parts: Iterable[str]) -> Iterator[bytes]:
    return (part.encode() for part in parts)


def _lines(
    db: apsw.Connection, rows: Iterable[tuple[int, bytes, int]]
) -> Iterator[tuple[int, bytes, bytes]]:
    numbers = iter(rows)
    while part := list(islice(numbers, DECODED_AT_ONCE)):
        stored = facts.events_at(db, (seq for _, _, seq in part))
        for at_us, unique, seq in part:
            if seq in stored:  # else another process has just removed it
                # Removed: its body may be long, and is in the line.
                yield at_us, unique, stored.pop(seq).line
