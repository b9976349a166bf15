"""What of a line or a file speaks of one session: for taking it out of the home's files.

A record is matched as ingest reads it, by its parsed payload. What is not a record (torn, damaged)
goes if it is in a file of the session or names the session.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import orjson

from hooks import emit
from journal.record import record
from journal.record.record import JOURNAL_AGENT, Record
from sync.store import facts, own_fact_rows
from sync.views.tombstones import Grave

_PLAIN = re.compile(r"[A-Za-z0-9._:-]+")


@dataclass(frozen=True)
class Traces:
    """The traces of what one tombstone covers."""

    grave: Grave

    @cached_property
    def _name(self) -> bytes:
        """The session's id as JSON and other texts hold it."""
        return orjson.dumps(self.grave.session)[1:-1]

    @cached_property
    def _file_names(self) -> tuple[str, str]:
        session = self.grave.session
        agents = (self.grave.agent, JOURNAL_AGENT)
        return emit.file_name(agents[0], session), emit.file_name(agents[1], session)

    def is_file_of(self, name: str) -> bool:
        """Whether a file of the journal or the spool has the session's name."""
        return name.startswith(tuple(f"{own}." for own in self._file_names))

    def named_in(self, data: bytes) -> bool:
        """Whether bytes of any kind name the session, by its id or by a file of it."""
        # A short id is part of many words; it counts where it is a word of its own.
        alone = re.escape(self._name)
        if re.search(rb"(?<![A-Za-z0-9])" + alone + rb"(?![A-Za-z0-9])", data):
            return True
        return any(f"{name}.".encode() in data for name in self._file_names)

    def lines_of(self, name: str) -> Callable[[bytes], bytes]:
        """What stays of the lines of one file (see sync/scrub.py)."""
        return partial(self.rest, own_file=self.is_file_of(name))

    def rest(self, line: bytes, *, own_file: bool) -> bytes:
        """What of a journal line stays: all of it for most, b"" for a record of the session.

        `own_file`: it is in a file of the session, where torn parts are the session's.
        """
        if not own_file and not self._may_name(line):
            return line
        reading = record.read_line(line)
        if reading.record is not None:
            try:
                gone = self._is_of(reading.record)
            except record.BadLineError:
                reading = record.glued(line) or record.Reading(None, line, "no JSON")
                gone = reading.record is not None and self._is_of(reading.record)
        if reading.record is None:
            return b"" if own_file or self.named_in(line) else line
        whole = b"" if gone else line[len(reading.torn) :]
        torn_goes = own_file or self.named_in(reading.torn)
        return whole if torn_goes else reading.torn + whole

    def _may_name(self, line: bytes) -> bool:
        """JSON may spell any character as an escape; else the id is there as it is."""
        is_plain = _PLAIN.fullmatch(self.grave.session) is not None
        return not is_plain or self._name in line or b"\\u00" in line

    def _is_of(self, made: Record) -> bool:
        if made.agent == JOURNAL_AGENT:
            return self.grave.covers_own(own_fact_rows.own_of(made))
        if made.agent != self.grave.agent:
            return False
        if not self.grave.covers(made.id, made.at_us, own_fact_rows.home_of(made)):
            return False
        meaning = facts.understand(made.agent, made.event, made.body, made.raw)
        return (meaning.session or made.session) == self.grave.session

    def in_dead_letter(self, line: bytes) -> bool:
        """Whether a dead letter is of the session: it names it, or came from a file of it."""
        if self.named_in(line):
            return True
        try:
            entry = orjson.loads(line)
            kept = base64.b64decode(entry.get("base64", ""))
            return self.named_in(kept) or self.is_file_of(str(entry.get("path")).rpartition("/")[2])
        except (orjson.JSONDecodeError, AttributeError, TypeError, binascii.Error):
            return False  # a torn line of a full disk, that does not name it
