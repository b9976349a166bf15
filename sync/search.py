"""Search: the index says which texts hold the words, the events say what stands in them.

The index keeps no text, so what is found is read from the events; texts that must hold punctuation
are looked at again. The rank is bm25 times a factor of age: words written now count twice as much
as the same words from long ago.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import apsw
import orjson

from journal.times import DAY_US
from sync import facts
from sync.listing import Wanted
from sync.terms import Snippet, Term, folded, is_searchable, snippet
from sync.views.full_text import KINDS, TextKind, summary_text, texts
from sync.views.sessions import short_id

CANDIDATES = 500  # so many of the best are looked at, or as many as are wanted
FADE_US = 30 * DAY_US  # the age at which half of what being new counts is gone
_DECODED_AT_ONCE = 20
_CANDIDATES = """
with found as materialized (
  select rowid as number, bm25(full_text) as score from full_text
  where full_text match ? and iif(rowid < 0, ?, rowid % ?) in (select value from json_each(?))
), dated as (
  select found.*, e.seq, e.id as event_id, coalesce(e.at_us, s.last_us) as at_us,
    s.id, s.agent, coalesce(nullif(s.project_name, ''), s.cwd) as project, s.title
  from found left join events e on found.number > 0 and e.seq = found.number / ?
  join session_states s on s.session = coalesce(e.session, -found.number)
  where {}
)
select number, seq, event_id, at_us, id, agent, project, title from dated
where at_us >= ? order by score * (1 + ? / (? + max(0, ? - at_us))), number limit ?
"""


@dataclass(frozen=True, slots=True)
class Hit:
    """A text that was found, and whose it is. `event_id` is None for a summary."""

    session: str
    short_id: str
    agent: str
    project: str
    title: str
    event_id: bytes | None
    at_us: int
    kind: TextKind
    snippet: Snippet


class Found(NamedTuple):
    """The hits, best first. Not `complete`: there were more texts than were looked at."""

    hits: list[Hit]
    complete: bool


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for, in which sessions and kinds of text, and how many hits at most.

    `sessions.since_us` is of the text itself, not of its session.
    """

    terms: Sequence[Term]
    sessions: Wanted
    kinds: tuple[TextKind, ...] = tuple(TextKind)
    limit: int = 20


class _Candidate(NamedTuple):
    number: int  # row of full_text
    seq: int | None
    event_id: bytes | None
    at_us: int
    session: str
    agent: str
    project: str
    title: str

    @property
    def kind(self) -> TextKind:
        return TextKind.SUMMARY if self.seq is None else TextKind(self.number % KINDS)


def search(db: apsw.Connection, query: Query, now_us: int) -> Found:
    """The best texts that hold every term. A summary has the time of its session's last event."""
    if not any(is_searchable(term.text) for term in query.terms):
        return Found([], True)  # the index knows words only
    bound = max(CANDIDATES, query.limit)
    candidates = _candidates(db, query, now_us, bound)
    exact = [term for term in query.terms if term.exact]
    holding = (
        _hit(db, candidate, text, query.terms)
        for candidate, text in _with_texts(db, candidates)
        if _holds(text, exact)
    )
    hits = list(islice(holding, query.limit))
    return Found(hits, len(hits) == query.limit or len(candidates) < bound)


def _candidates(db: apsw.Connection, query: Query, now_us: int, bound: int) -> list[_Candidate]:
    condition, values = query.sessions.sql()
    match = " ".join(term.match for term in query.terms)
    kinds = orjson.dumps(query.kinds).decode()
    fade = float(FADE_US)
    of_index = (match, int(TextKind.SUMMARY), KINDS, kinds, KINDS)
    of_order = (query.sessions.since_us or 0, fade, fade, now_us, bound)
    rows = db.execute(_CANDIDATES.format(condition), (*of_index, *values, *of_order))
    return [_Candidate(*row) for row in rows]


def _with_texts(
    db: apsw.Connection, candidates: list[_Candidate]
) -> Iterator[tuple[_Candidate, str]]:
    """The candidates with their texts, decoded a few at a time, in their order."""
    for start in range(0, len(candidates), _DECODED_AT_ONCE):
        part = candidates[start : start + _DECODED_AT_ONCE]
        events = facts.events_at(db, (c.seq for c in part if c.seq is not None))
        for candidate in part:
            text = ""  # deleted by another process since it was found
            if candidate.seq is None:
                query = "select summary from summaries where session = ?"
                summary = db.execute(query, (-candidate.number,)).get
                text = summary_text(summary) if summary else text
            elif stored := events.get(candidate.seq):
                text = dict(texts(stored.event, True)).get(candidate.kind, text)
            if text:
                yield candidate, unicodedata.normalize("NFC", text)


def _hit(db: apsw.Connection, candidate: _Candidate, text: str, terms: Sequence[Term]) -> Hit:
    return Hit(
        candidate.session,
        short_id(db, candidate.session),
        candidate.agent,
        candidate.project,
        candidate.title,
        candidate.event_id,
        candidate.at_us,
        candidate.kind,
        snippet(text, terms),
    )


def _holds(text: str, exact: list[Term]) -> bool:
    plain = folded(text) if exact else ""
    return all(any(True for _ in term.spans(plain)) for term in exact)
