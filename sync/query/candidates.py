"""Which texts hold the words, the best first: what the index and the sessions' rows can say of it.

Of words that are in very many texts, those in the newest sessions are ranked first, then those in
four times as many, and so on: the cost follows what is shown.
"""

from binascii import crc32
from collections.abc import Iterator, Sequence
from heapq import merge
from typing import Any, NamedTuple

import apsw
import orjson

from journal.session.texts import KINDS, TextKind
from sync.query import matching, ranking
from sync.query.cursors import ALL, BOTTOM, TOP, Cursor, Window
from sync.query.filters import Calls, Wanted
from sync.query.terms import Term
from sync.store import arrivals

TEXTS = 2_000  # words that are in more are ranked window by window
EVENTS = 3_000  # of the sessions of the first window
WIDER = 4  # each window than the one before
ENDLESS_US = 1 << 62
_OF_CALLS = (TextKind.INPUT, TextKind.OUTPUT)
_IS_COMMON = "select 1 from full_text where full_text match ? limit 1 offset ?"
# Whose rows do not say what they said at the first page, or not what their records say.
_MOVED = """
select distinct session from events not indexed where seq > ?
union select session from session_states where last_us < head_us
union select k.key from arrivals a cross join sessions k on k.agent = a.agent and k.id = a.session
where a.at_us > ?
"""
_NEWEST = """
select s.last_us, s.session, s.events from session_states s
where {} and (s.last_us, s.session) < (?, ?) and s.last_us >= ? and s.started_us < ?
  and s.session not in (select value from json_each(?))
order by s.last_us desc, s.session desc
"""
_AS_BEFORE = """
select max(e.at_us), s.session, count(*)
from session_states s cross join events e on e.session = s.session and e.seq <= ?
where {} and s.session in (select value from json_each(?)) group by s.session
"""
_SPANS = """
select min(e.seq), max(e.seq) from json_each(?) w cross join events e on e.session = w.value
where e.seq <= ? group by w.value order by 1
"""
_CALLS = """
with calls as materialized (
  select o.seq, o.end_seq
  from items o join session_states s on s.session = o.session
  where o.kind = 'call' and {} and {}
), ends as materialized (
  select seq from calls union all select end_seq from calls
)"""
_NO_CALLS = "with none as (select 1)"
# The index leads: a join in any other order would look at every event of the sessions.
_TEXTS = f"""
select {ranking.RANK.format(at_us="e.at_us")} as rank, f.rowid as number, e.session, e.at_us
from json_each(?) span cross join full_text f cross join events e on e.seq = f.rowid / {KINDS}
  cross join session_states s on s.session = e.session
where full_text match ? and f.rowid between span.value ->> 0 and span.value ->> 1
  and min(e.at_us, s.last_us) >= ? and min(e.at_us, s.last_us) < ? {{}} and {{}}
"""
_SUMMARIES = f"""
select {ranking.RANK.format(at_us="s.last_us")} as rank, f.rowid as number, s.session, s.last_us
from full_text f cross join session_states s on s.session = -f.rowid
where full_text match ? and f.rowid < 0 and s.last_us >= ? and s.last_us < ?
  and s.session not in (select value from json_each(?)) and {{}}
"""
_BEST = """{}, found as materialized ({})
select * from found where (rank, number) > (?, ?) order by rank, number limit ?
"""


class Query(NamedTuple):
    """What is searched for, in which sessions, calls and kinds of text, and how many hits at most.

    `since_us` (included) and `until_us` (not) are of the text itself, and of its session if the
    text is dated ahead; a summary has the time of its session's last event. `calls`: only texts of
    these tool calls. `without_words`: without terms, every text that the filters leave is
    wanted, else none.
    """

    terms: Sequence[Term]
    sessions: Wanted
    kinds: tuple[TextKind, ...] = tuple(TextKind)
    limit: int = 20
    since_us: int = -ENDLESS_US
    until_us: int = ENDLESS_US
    calls: Calls | None = None
    without_words: bool = False

    @property
    def mark(self) -> int:
        """A number that differs between searches with other words or filters."""
        words = [(term.text, term.prefix) for term in self.terms]
        calls = self.calls.sql() if self.calls else None
        what = (words, self.sessions.sql(), self.kinds, self.since_us, self.until_us, calls)
        return crc32(repr(what).encode("utf-8", "replace"))

    @property
    def searched(self) -> tuple[TextKind, ...]:
        """The kinds of text that can be found at all."""
        return self.kinds if self.calls is None else tuple(k for k in _OF_CALLS if k in self.kinds)


class Candidate(NamedTuple):
    """A text that holds the words of the query, but perhaps not their punctuation."""

    rank: float
    number: int  # row of full_text
    session: int
    at_us: int

    @property
    def seq(self) -> int | None:
        """The row of its event; None: it is a summary."""
        return None if self.number < 0 else self.number // KINDS

    @property
    def kind(self) -> TextKind:
        """Which text of the event it is."""
        return TextKind.SUMMARY if self.number < 0 else TextKind(self.number % KINDS)


def _any_words(sql: str, match: str) -> str:
    """The same statement for a search without words: every row, and only its age counts."""
    if match:
        return sql
    return sql.replace("full_text match ?", "? = ''").replace("closeness(full_text)", "1")


def beginning(db: apsw.Connection, query: Query, now_us: int) -> Cursor:
    """The place before all results."""
    last_seq = db.execute("select max(seq) from events").get or 0
    match = matching.match(db, query.terms)
    is_common = not match.text or db.execute(_IS_COMMON, (match.text, TEXTS)).get is not None
    none_yet = Window(TOP, TOP, EVENTS // WIDER)
    return Cursor(query.mark, now_us, last_seq, none_yet if is_common else ALL)


class Candidates:
    """The texts of a search from a place on; `place` moves with what is passed.

    A window without sessions has none, like the first one of common words, before it is widened.
    """

    def __init__(self, db: apsw.Connection, query: Query, place: Cursor) -> None:
        self.place = place
        self._db = db
        self._query = query
        self._chosen: list[int] = []  # the sessions of the window, if it is not ALL
        self._match, groups = matching.match(db, query.terms)
        ranking.register(db, groups)
        if place.window != ALL:
            self._chosen = [session for _, session, _ in self._sessions(place.window)]

    def pass_by(self, candidate: Candidate) -> None:
        """It has been looked at."""
        place = self.place
        if candidate.number < 0:
            self.place = place._replace(summaries=(*place.summaries, candidate.session))
        else:
            self.place = place._replace(rank=candidate.rank, number=candidate.number)

    def widen(self) -> bool:
        """Go on to the next window; whether there is one."""
        if self.place.window.floor == BOTTOM:
            return False
        here, before = self.place, self.place.window
        window = Window(before.floor, BOTTOM, before.events * WIDER)
        left = window.events
        self._chosen = []
        for last_us, session, events in self._sessions(window):
            self._chosen.append(session)
            left -= events
            if left <= 0:
                window = window._replace(floor=(last_us, session))
                break
        self.place = Cursor(here.mark, here.now_us, here.last_seq, window)
        return True

    def _sessions(self, window: Window) -> Iterator[tuple[int, int, int]]:
        """Last event, row and number of events of the window's sessions, the newest first.

        Those that went on since the first page stay where they were. So do those dated ahead,
        whose time in their row changes with each arrival and when the clock is corrected.
        """
        query, last_seq, now_us = self._query, self.place.last_seq, self.place.now_us
        found = self._db.execute(_MOVED, (last_seq, now_us))
        moved = orjson.dumps([row for (row,) in found]).decode()
        condition, values = query.sessions.sql()
        bounds = (*window.above, query.since_us, query.until_us, moved)
        rows: Any = self._db.execute(_NEWEST.format(condition), (*values, *bounds))
        before: Any = self._db.execute(_AS_BEFORE.format(condition), (last_seq, *values, moved))
        places = [(arrivals.believed_at_us(now_us, us), *rest) for us, *rest in before]
        others = sorted((row for row in places if row[:2] < window.above), reverse=True)
        for row in merge(rows, others, reverse=True):
            if row[:2] < window.floor:
                return
            yield row

    def best(self, bound: int) -> list[Candidate]:
        """The best of the window that were not looked at yet."""
        if self.place.window != ALL and not self._chosen:
            return []
        found = self._texts(bound)
        if TextKind.SUMMARY in self._query.searched:
            found = sorted(found + self._summaries(bound))[:bound]
        return found

    def _fitting(self) -> tuple[str, tuple[str | int, ...]]:
        """The sessions of the window that the filters let through: a condition, its parameters."""
        if self.place.window == ALL:
            return self._query.sessions.sql()
        chosen = orjson.dumps(self._chosen).decode()
        return "s.session in (select value from json_each(?))", (chosen,)

    def _texts(self, bound: int) -> list[Candidate]:
        query, place = self._query, self.place
        fitting, of_sessions = self._fitting()
        also = f"and f.rowid % {KINDS} in ({', '.join(str(int(kind)) for kind in query.searched)})"
        calls, of_calls = _NO_CALLS, tuple[str | int, ...]()
        if query.calls is not None:
            condition, more = query.calls.sql()
            calls, of_calls = _CALLS.format(fitting, condition), (*of_sessions, *more)
            also += " and e.seq in ends"
        spans = orjson.dumps(self._spans()).decode()
        of_index = (place.now_us, spans, self._match, query.since_us, query.until_us)
        values = (*of_calls, *of_index, *of_sessions, place.rank, place.number, bound)
        sql = _BEST.format(calls, _any_words(_TEXTS.format(also, fitting), self._match))
        return [Candidate(*row) for row in self._db.execute(sql, values)]

    def _spans(self) -> list[tuple[int, int]]:
        """Which rows of the index are those of the window's sessions, and hardly of others."""
        last_seq = self.place.last_seq
        if self.place.window == ALL:
            return [(0, last_seq * KINDS + KINDS - 1)]
        spans: list[tuple[int, int]] = []
        chosen = orjson.dumps(self._chosen).decode()
        for first, last in self._db.execute(_SPANS, (chosen, last_seq)):
            start, end = first * KINDS, last * KINDS + KINDS - 1
            if spans and start <= spans[-1][1] + 1:
                start, end = spans[-1][0], max(end, spans.pop()[1])
            spans.append((start, end))
        return spans

    def _summaries(self, bound: int) -> list[Candidate]:
        query, place = self._query, self.place
        fitting, of_sessions = self._fitting()
        passed = orjson.dumps(place.summaries).decode()
        of_index = (place.now_us, self._match, query.since_us, query.until_us, passed)
        sql = _BEST.format(_NO_CALLS, _any_words(_SUMMARIES.format(fitting), self._match))
        values = (*of_index, *of_sessions, float("-inf"), 0, bound)
        return [Candidate(*row) for row in self._db.execute(sql, values)]
