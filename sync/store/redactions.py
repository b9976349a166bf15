"""Which rules have redacted what is stored: the table `redactions`, and nothing else.

A row says that the events from its number on were redacted by its rules, up to the next row. What
was stored before the first row, and what an unfinished rescan has left, is by unknown rules.
"""

from typing import TYPE_CHECKING, Any

import apsw

from journal.layout import Layout
from journal.redaction.version import OFF, compiled, name
from journal.settings.sources import Settings

if TYPE_CHECKING:
    from journal.redaction.redactor import Redactor

UNFINISHED = "unfinished"  # equal to the name of no rules


def to_look(layout: Layout, settings: Settings) -> "Redactor":
    """The redactor of this home for those who only look: nothing is made for it, not its key."""
    from journal.redaction.redactor import Redactor  # slow to load

    redact = settings.redact
    return Redactor(_key(layout), redact.patterns, redact.allow, redact.enabled)


def _key(layout: Layout) -> bytes:
    try:
        return layout.redaction_key.read_bytes()
    except OSError:
        return b""  # no rules of the user's own have redacted anything yet


def present(layout: Layout, settings: Settings) -> str:
    """The rules of this home as they are now, see `Redactor.rules`.

    UsageError: an expression of the user's own is not valid.
    """
    redact = settings.redact
    compiled(redact.patterns, "redact.patterns")
    compiled(redact.allow, "redact.allow")
    return name(_key(layout), redact.patterns, redact.allow, enabled=redact.enabled)


def note(db: apsw.Connection, first_seq: int, rules: str) -> None:
    """The events from this row on, just stored, were redacted by these rules.

    To be called inside their transaction. Numbers of deleted events are given out again: what was
    noted of them goes.
    """
    newest = "select from_seq, rules from redactions order by from_seq desc limit 1"
    found = db.execute(newest).fetchone()
    if found is not None and found[0] > first_seq:
        db.execute("delete from redactions where from_seq >= ?", (first_seq,))
        found = db.execute(newest).fetchone()
    if found is None or found[1] != rules:
        db.execute("insert or replace into redactions values (?, ?)", (first_seq, rules))


def of_event(db: apsw.Connection, seq: int) -> str:
    """By which rules an event (row) was redacted; "" if unknown."""
    query = "select rules from redactions where from_seq <= ? order by from_seq desc limit 1"
    return str(db.execute(query, (seq,)).get or "")


def begin(db: apsw.Connection) -> None:
    """A rescan is about to change what is stored: until `settle` nothing counts as redacted."""
    settle(db, UNFINISHED)


def settle(db: apsw.Connection, rules: str) -> None:
    """All that is stored has been redacted by these rules."""
    with db:
        db.execute("delete from redactions")
        db.execute("insert into redactions values (1, ?)", (rules,))


def is_unfinished(db: apsw.Connection) -> bool:
    """Whether a rescan was killed after it had begun to change something."""
    query = "select exists (select 1 from redactions where rules = ?)"
    return bool(db.execute(query, (UNFINISHED,)).get)


def older_events(db: apsw.Connection, rules: str) -> int:
    """How many events were redacted by other rules than these; 0 if nothing is redacted now."""
    if rules == OFF:
        return 0
    rows: list[Any] = db.execute("select from_seq, rules from redactions order by 1").fetchall()
    starts = [0, *(start for start, _ in rows)]
    ends = [*starts[1:], 2**63 - 1]
    query = "select count(*) from events where seq >= ? and seq < ?"  # reads no other rows
    spans = zip(starts, ends, ["", *(by for _, by in rows)], strict=True)
    return sum(int(db.execute(query, (start, end)).get) for start, end, by in spans if by != rules)
