"""Search: the index says which texts hold the words, the events have the texts.

The index keeps no text, so what is found is read from the events; texts that must hold punctuation
are looked at again.
"""

import unicodedata
from collections.abc import Iterator
from typing import Any, NamedTuple

import apsw

from journal.session.texts import TextKind, summary_text, texts
from sync.query import matching
from sync.query.candidates import Candidate, Candidates, Query, beginning
from sync.query.cursors import Cursor
from sync.query.terms import Snippet, folded, is_searchable, snippet
from sync.store import facts, short_ids

CANDIDATES = 500  # so many of the best are looked at for a page, or as many as are wanted
_DECODED_AT_ONCE = 20
_SESSION = """
select id, agent, coalesce(nullif(project_name, ''), cwd), title from session_states
where session = ?
"""


class Hit(NamedTuple):
    """A text that was found, and whose it is. `event_id` is None for a summary."""

    session: str
    short_id: str
    agent: str
    project: str
    title: str
    event_id: bytes | None
    short_event_id: str  # "" for a summary
    at_us: int
    kind: TextKind
    snippet: Snippet
    cursor: str  # behind it


class Found(NamedTuple):
    """The hits, best first. `more`: the place behind all that was looked at, if there is more."""

    hits: list[Hit]
    more: Cursor | None


class _Text(NamedTuple):
    candidate: Candidate
    event_id: bytes | None
    text: str  # empty: deleted since it was found


def search(db: apsw.Connection, query: Query, now_us: int, after: Cursor | None = None) -> Found:
    """The best texts that hold every term, or those that come `after` a place.

    Without terms all texts of the sessions and calls that are wanted, the newest first.

    UsageError: the place is one in another search.
    """
    if after is not None:
        after.check(query.mark)
    has_words = any(is_searchable(term.text) for term in query.terms)
    wants_all = query.without_words and not query.terms
    if not (has_words or wants_all) or not query.searched:
        return Found([], None)  # the index knows words only
    matching.prepare(db)
    db.execute("begin deferred")  # one moment's view, also if another process writes meanwhile
    try:
        return _Search(db, query, after or beginning(db, query, now_us)).run()
    finally:
        db.execute("rollback")


class _Search:
    """One page of a search."""

    def __init__(self, db: apsw.Connection, query: Query, place: Cursor) -> None:
        self._db = db
        self._query = query
        self._candidates = Candidates(db, query, place)
        self._exact = [term for term in query.terms if term.exact]
        self._named: dict[int, tuple[str, str, str, str, str]] = {}
        self._hits: list[Hit] = []

    def run(self) -> Found:
        """Look at the best of each window, until there are enough hits or enough was looked at."""
        left = max(CANDIDATES, self._query.limit)
        while left and len(self._hits) < self._query.limit:
            candidates = self._candidates.best(left)
            looked = self._look_at(candidates)
            left -= looked
            if looked == len(candidates) and left and not self._candidates.widen():
                return Found(self._hits, None)
        place = self._candidates.place
        if self._hits:  # what was looked at behind it need not be looked at again
            self._hits[-1] = self._hits[-1]._replace(cursor=str(place))
        return Found(self._hits, place)

    def _look_at(self, candidates: list[Candidate]) -> int:
        """Add those that hold the terms, until there are enough; how many were looked at."""
        for looked, (candidate, event_id, text) in enumerate(self._with_texts(candidates), 1):
            self._candidates.pass_by(candidate)
            if text and self._holds(text):
                self._hits.append(self._hit(candidate, event_id, text))
                if len(self._hits) == self._query.limit:
                    return looked
        return len(candidates)

    def _with_texts(self, candidates: list[Candidate]) -> Iterator[_Text]:
        """The candidates with their texts, decoded a few at a time, in their order."""
        for start in range(0, len(candidates), _DECODED_AT_ONCE):
            part = candidates[start : start + _DECODED_AT_ONCE]
            events = facts.events_at(self._db, (c.seq for c in part if c.seq is not None))
            for candidate in part:
                if candidate.seq is None:
                    yield _Text(candidate, None, self._summary(candidate.session))
                elif stored := events.get(candidate.seq):
                    text = dict(texts(stored.event.meaning, True)).get(candidate.kind, "")
                    yield _Text(candidate, stored.event.id, unicodedata.normalize("NFC", text))
                else:
                    yield _Text(candidate, None, "")

    def _summary(self, session: int) -> str:
        query = "select summary from summaries where session = ?"
        summary = self._db.execute(query, (session,)).get
        return unicodedata.normalize("NFC", summary_text(summary)) if summary else ""

    def _holds(self, text: str) -> bool:
        if not self._exact:
            return True
        plain = folded(text)
        return all(any(True for _ in term.spans(text, plain)) for term in self._exact)

    def _hit(self, candidate: Candidate, event_id: bytes | None, text: str) -> Hit:
        session, short_id, agent, project, title = self._session(candidate.session)
        return Hit(
            session,
            short_id,
            agent,
            project,
            title,
            event_id,
            "" if event_id is None else short_ids.of_event(self._db, event_id),
            candidate.at_us,
            candidate.kind,
            snippet(text, self._query.terms),
            str(self._candidates.place),
        )

    def _session(self, key: int) -> tuple[str, str, str, str, str]:
        """Id, short id, agent, project and title of a session (row)."""
        if key not in self._named:
            rows: Any = self._db.execute(_SESSION, (key,)).fetchall()
            ((name, *rest),) = rows
            self._named[key] = (name, short_ids.of_session(self._db, name), *rest)
        return self._named[key]
