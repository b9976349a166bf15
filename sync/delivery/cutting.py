"""Cuts sessions into pieces for the remote: what no piece covers yet becomes a retry file.

To be called under `deliver.lock`. The file comes first and the note in the database after it: a
kill in between leaves a file that queue_check.py notes, so that nothing is in two pieces. A
piece that was never sent grows until it is full; once it was, what is new goes into the next one.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple

import apsw
import orjson

from journal.layout import Layout
from journal.printable import one_line
from journal.record import record
from journal.redaction.redactor import Redactor
from sync.delivery import conversation, retry_queue
from sync.delivery.queue_check import readable_head
from sync.delivery.retry_format import Head, Waiting
from sync.query import listing
from sync.remote.contract import Heading, Material, Message, Piece
from sync.store import facts, own_fact_rows
from sync.views import delivered_pieces, full_text, usage
from sync.views.delivered_pieces import PieceKey

TITLE_CHARS = 120
_AT_ONCE = 50  # events that are decoded together
_MOST_EVENTS = 5_000  # of one piece
_FRAME_BYTES = 200  # what a message is wrapped in


@dataclass(frozen=True, slots=True)
class Shape:
    """What pieces are to look like, and how long they may wait for company."""

    remote: str  # its name
    render: Callable[[Heading, Material], bytes]
    max_bytes: int
    has_records: bool  # it takes whole records; else a conversation alone
    interval_us: int  # between two pieces of a session that goes on
    has_rows: bool = False  # it takes the session's row and what is indexed, too


class _Unit(NamedTuple):
    """An event, or an own fact, as pieces hold it."""

    event_id: str
    line: bytes
    messages: list[Message]
    kinds: int = 0  # bits: which of its texts the index holds

    def size(self, shape: Shape) -> int:
        """Roughly what it adds to a piece, in bytes."""
        if shape.has_records:
            return len(self.line)
        return sum(len(orjson.dumps(message.text)) + _FRAME_BYTES for message in self.messages)


def cut(
    db: apsw.Connection,
    layout: Layout,
    shape: Shape,
    redactor: Redactor,
    adopt_on: tuple[str, ...],
    now_us: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Write the pieces that are due; how many. JournalError: one cannot be written.

    `progress` gets how many of the sessions are done.
    """
    query = """
        select w.session, w.since_us, s.agent, s.id, s.status, s.triggers, s.title, s.project_name,
          s.cwd
        from archive_work w join session_states s using (session) where s.triggers <> ''
        order by w.since_us, w.session
    """
    wanted, written = set(adopt_on), 0
    rows: list[Any] = db.execute(query).fetchall()
    of_others = own_fact_rows.owners_of_copies(db) if rows else {}
    for number, row in enumerate(rows):
        progress(number, len(rows))
        session, since_us, agent, name, status, triggers, title, project, cwd = row
        ripe = status == "finished" or now_us - since_us >= shape.interval_us or now_us < since_us
        if (agent, name) in of_others:
            with db:
                delivered_pieces.done(db, session)
            continue
        if wanted & set(triggers.split()) and (ripe or _is_much(db, session, shape)):
            at_us = now_us + written  # names sort by it: pieces go in the order of their making
            work = _Work(db, layout, shape, redactor, session, (agent, name), at_us)
            written += work.run(one_line(title), project or cwd)
    return written


def _is_much(db: apsw.Connection, session: int, shape: Shape) -> bool:
    """Whether there is enough for a whole piece, however soon it comes."""
    events, stored_bytes = delivered_pieces.uncovered_size(db, shape.remote, session)
    return events >= _MOST_EVENTS or stored_bytes >= shape.max_bytes


@dataclass(slots=True)
class _Work:
    """The cutting of one session."""

    db: apsw.Connection
    layout: Layout
    shape: Shape
    redactor: Redactor
    session: int
    who: tuple[str, str]
    now_us: int

    def run(self, title: str, project: str) -> int:
        """All that is not covered, in as many pieces as it takes."""
        host = os.uname().nodename
        grown, written = self._open_piece(host), 0
        units = self._units(grown)
        memory_id, summary = self._known()
        heading = Heading(
            *self.who, host, 0, self.redactor.text(title)[:TITLE_CHARS], self.now_us,
            self.redactor.text(project), memory_id, summary, self._row(),
        )  # fmt: skip
        for part in self._parts(units):
            number = grown.number if grown else self._next_number(host)
            created_us = grown.created_us if grown else self.now_us + written
            this = replace(heading, number=number, created_us=created_us)
            self._write(this, part, grown)
            grown, written = None, written + 1
        with self.db:  # no other process writes between the look and what follows from it
            if not self._has_more():
                delivered_pieces.done(self.db, self.session)
        return written

    def _row(self) -> dict[str, Any] | None:
        """The session as lists show it."""
        found = listing.read(self.db, [self.session], ()) if self.shape.has_rows else iter(())
        row = next(found, None)
        if row is None:
            return None
        query = "select triggers from session_states where session = ?"
        triggers = self.db.execute(query, (self.session,)).get
        about = {**row.json(), "adopted": True, "triggers": triggers}
        said = orjson.dumps({**about, **usage.of_row(self.db, self.session)})
        made: dict[str, Any] = orjson.loads(self.redactor.json(said))
        return made

    def _has_more(self) -> bool:
        """Whether something has come while this was cut."""
        if delivered_pieces.uncovered(self.db, self.shape.remote, self.session):
            return True
        own = self.shape.has_records
        return own and bool(delivered_pieces.uncovered_own(self.db, self.shape.remote, *self.who))

    def _open_piece(self, host: str) -> Head | None:
        """The last piece, if it was never sent and has room for more."""
        number = self._next_number(host) - 1
        key = PieceKey(*self.who, host, number)
        state, file = delivered_pieces.state(self.db, self.shape.remote, key)
        if state != delivered_pieces.WAITING or not file:
            return None
        head = readable_head(self.layout.retry / file)
        if head is None:
            return None
        has_room = head.size < self.shape.max_bytes // 2 and len(head.events) < _MOST_EVENTS // 2
        was_sent = head.attempts or head.progress
        return head if has_room and not was_sent and self._has(head) else None

    def _has(self, head: Head) -> bool:
        """Whether all that a piece covers is still in the database, to be rendered again."""
        query = """
            select count(*) from json_each(?) where unhex(value) in (select id from events)
            or unhex(value) in (select id from own_facts)
        """
        found = self.db.execute(query, (orjson.dumps(head.events).decode(),)).get
        return int(found) == len(head.events)

    def _next_number(self, host: str) -> int:
        return delivered_pieces.next_number(self.db, self.shape.remote, *self.who, host)

    def _known(self) -> tuple[str | None, dict[str, Any] | None]:
        """The session's memory id and summary, as far as they are known."""
        query = "select memory_id from memory_ids where agent = ? and session = ?"
        memory_id = self.db.execute(query, self.who).get
        query = "select summary from summaries where session = ?"
        summary = self.db.execute(query, (self.session,)).get
        return memory_id, None if summary is None else orjson.loads(self._clean(summary))

    def _clean(self, text: str) -> str:
        """Redacted once more: the rules may have changed since it was stored."""
        return self.redactor.json(text.encode()).decode()

    def _units(self, grown: Head | None) -> Iterator[_Unit]:
        if self.shape.has_records:
            again = set(grown.events) if grown else set()
            for line in self._own_lines(again):
                made = record.parse(line.rstrip())
                yield _Unit(made.id.hex(), self._redacted(made), [])
        seqs = iter(self._seqs(grown))
        steps = self._steps()
        while some := list(islice(seqs, _AT_ONCE)):
            found = facts.events_at(self.db, some)
            kinds = full_text.kinds(self.db, some) if self.shape.has_rows else {}
            for seq in some:
                if seq in found:  # else it was removed just now
                    unit = self._unit(found[seq], is_said=seq in steps)
                    yield unit._replace(kinds=kinds.get(seq, 0))

    def _steps(self) -> set[int]:
        """The events of the conversation; others repeat them, or are not part of it."""
        query = "select seq from steps where session = ?"
        return {int(seq) for (seq,) in self.db.execute(query, (self.session,))}

    def _own_lines(self, again: set[str]) -> list[bytes]:
        lines = delivered_pieces.uncovered_own(self.db, self.shape.remote, *self.who)
        query = "select line from own_facts where hex(id) = upper(?)"
        known = (self.db.execute(query, (event,)).get for event in sorted(again))
        return [line for line in known if line is not None] + lines

    def _seqs(self, grown: Head | None) -> list[int]:
        new = delivered_pieces.uncovered(self.db, self.shape.remote, self.session)
        if grown is None:
            return new
        ids = orjson.dumps([*grown.events]).decode()
        query = """
            select seq from events where id in (select unhex(value) from json_each(?1))
            or seq in (select value from json_each(?2)) order by at_us, id
        """
        rows: list[Any] = self.db.execute(query, (ids, orjson.dumps(new).decode())).fetchall()
        return [seq for (seq,) in rows]

    def _unit(self, stored: facts.Stored, is_said: bool) -> _Unit:
        """Redacted before its texts are cut: half a secret is not recognised."""
        made = record.parse(stored.line.rstrip())
        made = made._replace(body=self.redactor.json(made.body))
        meaning = facts.understand(made.agent, made.event, made.body, made.raw)
        event = stored.event._replace(meaning=meaning)
        said = conversation.messages([event] if is_said else [])
        reported = [replace(message, text=self.redactor.text(message.text)) for message in said]
        return _Unit(stored.event.id.hex(), record.dump(made), reported)

    def _redacted(self, made: record.Record) -> bytes:
        return record.dump(made._replace(body=self.redactor.json(made.body)))

    def _parts(self, units: Iterator[_Unit]) -> Iterator[list[_Unit]]:
        """As many units at a time as one piece may hold."""
        part: list[_Unit] = []
        size = 0
        for unit in units:
            more = unit.size(self.shape)
            if part and (size + more > 0.8 * self.shape.max_bytes or len(part) >= _MOST_EVENTS):
                yield part
                part, size = [], 0
            part.append(unit)
            size += more
        if part:
            yield part

    def _write(self, heading: Heading, part: list[_Unit], grown: Head | None) -> None:
        """The piece's file, then the note of it; then the file that it grew from may go."""
        material = Material(
            [unit.line for unit in part],
            [one for unit in part for one in unit.messages],
            [unit.kinds for unit in part],
        )
        ids = tuple(unit.event_id for unit in part)
        key = PieceKey(*self.who, heading.host, heading.number)
        if not self.shape.has_records and not material.messages:
            with self.db:  # nothing to send: it counts as delivered
                delivered_pieces.note(
                    self.db, self.shape.remote, key, "delivered", self.now_us, ids
                )
            return
        body = self.shape.render(heading, material)
        piece = Piece(
            *self.who, heading.host, heading.number, self._title(heading), heading.created_us,
            hashlib.sha256(body).hexdigest(), body,
        )  # fmt: skip
        path = retry_queue.write_new(self.layout.retry, Waiting.of(piece, self.shape.remote, ids))
        with self.db:
            delivered_pieces.note(
                self.db,
                self.shape.remote,
                key,
                delivered_pieces.WAITING,
                self.now_us,
                ids,
                path.name,
            )
        if grown is not None and grown.name != path.name:
            retry_queue.remove(self.layout.retry / grown.name, self.layout.dead)

    def _title(self, heading: Heading) -> str:
        return f"{heading.project}: {heading.title or heading.session} ({heading.number})"
