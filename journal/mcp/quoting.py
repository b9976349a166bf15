"""Records of an answer: the lines of a session, a call or a text, redacted before they are cut."""

from collections.abc import Iterable

import apsw

from journal.mcp import frame
from journal.session.own_words import without_frames
from journal.session.texts import LIMIT_CHARS
from journal.times import DAY_US, to_text
from sync.ingest.screening import Screen
from sync.query import listing
from sync.query.listing import Session
from sync.query.terms import Term, folded
from sync.recall import age

_BEFORE_CHARS = 150  # of an excerpt, before the first match


class Teller:
    """Writes the records of one answer; a session's age is in it once."""

    def __init__(
        self, db: apsw.Connection, screen: Screen, now_us: int, adopt_on: tuple[str, ...]
    ) -> None:
        self._db, self._screen, self._now_us, self._adopt_on = db, screen, now_us, adopt_on
        self._reported: set[int] = set()
        self._read: dict[int, Session] = {}

    def session(self, key: int) -> Session:
        """The session of a row. StopIteration never: rows come from the same moment's database."""
        if key not in self._read:
            self._read[key] = next(listing.read(self._db, [key], self._adopt_on))
        return self._read[key]

    def head(self, session: Session, at_us: int, *what: str) -> list[str]:
        """The line that says whose record it is; and how old its files are, at the first time."""
        where = " · ".join(
            part
            for part in (
                f"session {frame.name(session.short_id)}",
                frame.name(session.agent, 40),
                frame.name(session.project),
                self.when(at_us),
                *what,
            )
            if part
        )
        if session.key in self._reported:
            return [f"[{where}]"]
        self._reported.add(session.key)
        found = age.of(self._db, session)
        if found is None:
            return [f"[{where} · on another machine]"]
        return [f"[{where}{f' · {found}' if str(found) else ''}]"]

    def when(self, at_us: int) -> str:
        """A time and how long ago it was."""
        days = max(0, self._now_us - at_us) // DAY_US
        ago = "today" if not days else "1 day ago" if days == 1 else f"{days} days ago"
        return f"{to_text(at_us)[:16]}Z, {ago}"

    def quote(self, text: str, limit_chars: int, label: str = "") -> list[str]:
        """Stored text as quoted lines, redacted by the rules of now."""
        return frame.quoted(self.clean(text), limit_chars, label)

    def excerpt(self, text: str, terms: Iterable[Term], limit_chars: int) -> list[str]:
        """The part of a stored text around its first match."""
        whole = self.clean(text)
        plain = folded(whole)
        firsts = (next(term.spans(whole, plain), None) for term in terms)
        first = min((span[0] for span in firsts if span), default=0)
        begin = max(0, first - _BEFORE_CHARS) if len(whole) > limit_chars else 0
        part = whole[begin : begin + limit_chars]
        before = "… " if begin else ""
        after = " …" if begin + limit_chars < len(whole) else ""
        return frame.quoted(f"{before}{part}{after}", limit_chars + 4)

    def clean(self, text: str) -> str:
        """Stored text without secrets, private parts, and what this program itself said."""
        return self._screen.text(without_frames(text[:LIMIT_CHARS]))
