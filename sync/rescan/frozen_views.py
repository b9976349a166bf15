"""The views of sessions whose events have lost their bodies, redacted where they lie.

Such views cannot be made again (see erasure.has_gaps): their texts are all that is left of what the
bodies said. So they are changed in place here, and nowhere else.
"""

from typing import Any, NamedTuple

import apsw

from journal.redaction.redactor import Redactor
from journal.session.state import SessionState
from journal.session.texts import KINDS, TextKind
from sync.rescan.counts import Rescanned
from sync.store import facts
from sync.store.compression import pack_state, unpack
from sync.views import contexts, full_text, items, sessions
from sync.views.change import Change

_LINES = ("project_name", "cwd", "branch")


class _Texts(NamedTuple):
    """What is kept of such a session as text."""

    state: bytes
    before: bytes  # the state before the last turn; empty if that is not known
    summary: str
    title: str
    lines: tuple[str, ...]

    def redacted(self, redactor: Redactor) -> "_Texts":
        """The same without secrets; the title made again, where it was cut out of one."""
        state = redactor.json(self.state)
        loaded = SessionState.load(state) if state != self.state else None
        return _Texts(
            state,
            redactor.json(self.before),
            redactor.json(self.summary.encode()).decode(),
            redactor.text(self.title) if loaded is None else sessions.title(loaded),
            tuple(map(redactor.text, self.lines)),
        )


def look(db: apsw.Connection, session: int, redactor: Redactor, found: Rescanned) -> bool:
    """Count what would change of a session; whether anything would."""
    texts = _read(db, session)
    if texts is None:
        return False
    made = texts.redacted(redactor)
    if made == texts:
        return False
    found.count(texts.state, made.state)
    return True


def redact(db: apsw.Connection, session: int, seqs: list[int], redactor: Redactor) -> None:
    """Redact its texts, and index again the events (rows) whose bodies were just redacted.

    To be called inside a transaction.
    """
    contexts.mark(db, session)
    if (texts := _read(db, session)) is not None:
        _write(db, session, texts.redacted(redactor))
    items.redact_texts(db, session, redactor.text)
    _index(db, session, seqs)


def _read(db: apsw.Connection, session: int) -> _Texts | None:
    query = f"""
        select s.state, l.state, v.summary, s.title, {", ".join(f"s.{name}" for name in _LINES)}
        from session_states s left join summaries v using (session)
        left join last_turns l using (session) where session = ?
    """
    rows: list[Any] = db.execute(query, (session,)).fetchall()
    for state, before, summary, title, *lines in rows:
        known = unpack(before) if before else b""
        return _Texts(unpack(state), known, summary or "", title, tuple(lines))
    return None


def _write(db: apsw.Connection, session: int, texts: _Texts) -> None:
    names = ", ".join(f"{name} = ?" for name in ("state", "title", *_LINES))
    values = (pack_state(texts.state), texts.title, *texts.lines, session)
    db.execute(f"update session_states set {names} where session = ?", values)
    if texts.before:
        query = "update last_turns set state = ? where session = ?"
        db.execute(query, (pack_state(texts.before), session))
    db.execute("update summaries set summary = ? where session = ?", (texts.summary, session))


def _index(db: apsw.Connection, session: int, seqs: list[int]) -> None:
    """What was not indexed of these events stays so: a transcript's copies, inputs that are in"""
    exists = "select 1 from full_text where rowid = ?"
    with_input = {
        seq for seq in seqs if db.execute(exists, (seq * KINDS + TextKind.INPUT,)).fetchone()
    }
    query = "select seq from steps where session = ?"
    steps = {seq for (seq,) in db.execute(query, (session,))}
    full_text.drop_events(db, seqs)
    events = [stored.event for stored in facts.events_at(db, seqs).values()]
    change = Change(
        session,
        *facts.identity(db, session),
        [event for event in events if event.seq in steps],
        SessionState(),
        0,
        frozenset(with_input),
    )
    full_text.insert(db, full_text.derive(db, [change], 0))
