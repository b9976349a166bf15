"""Search for an agent: the hits of the full text, with the whole texts that hold them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import apsw

from journal.session.texts import TextKind, summary_text, texts
from sync.query.candidates import Query
from sync.query.cursors import Cursor
from sync.query.search import Hit, search
from sync.query.terms import Term
from sync.recall import query_words
from sync.recall.scope import Scope
from sync.store import facts

_ENOUGH = 5


class Text(NamedTuple):
    """A text that was found. `tool` and `target`: of the call that it belongs to, else ""."""

    hit: Hit
    text: str
    tool: str
    target: str


class Found(NamedTuple):
    """What one choice of words found; `number` says which choice it was."""

    texts: list[Text]
    terms: list[Term]
    number: int
    more: Cursor | None


def find(
    db: apsw.Connection,
    scope: Scope,
    query: Query,
    now_us: int,
    number: int = 0,
    after: Cursor | None = None,
    *,
    stems: bool = True,
) -> Found:
    """The best texts with all words, else with the rarest; from a place on, if one is given.

    UsageError: the place is one in another search.
    """
    best = Found([], list(query.terms), 0, None)
    # Other forms of the words may find more than a text or two; fewer words are for none at all.
    loose = stems and not any(term.exact for term in query.terms)
    enough = _ENOUGH if loose else 1
    for count, chosen in enumerate(query_words.choices(db, query.terms, stems)):
        if count < number:
            continue
        result = search(db, query._replace(terms=chosen), now_us, after)
        shown = [text for text in _texts(db, result.hits) if scope.shows(text.tool)]
        if len(shown) > len(best.texts) or after is not None:
            best = Found(shown, chosen, count, result.more)
        if after is not None or len(best.texts) >= enough or (best.texts and count):
            break
    return best


def _texts(db: apsw.Connection, hits: list[Hit]) -> Iterator[Text]:
    for hit in hits:
        if hit.event_id is None:
            yield Text(hit, _summary(db, hit), "", "")
            continue
        seq = db.execute("select seq from events where id = ?", (hit.event_id,)).get
        for stored in facts.events_at(db, [seq] if seq is not None else []).values():
            meaning = stored.event.meaning
            text = dict(texts(meaning, True)).get(TextKind(hit.kind), "")
            yield Text(hit, text, meaning.tool, meaning.target)


def _summary(db: apsw.Connection, hit: Hit) -> str:
    query = """
        select v.summary from summaries v join session_states s using (session)
        where s.agent = ? and s.id = ?
    """
    rows: list[Any] = db.execute(query, (hit.agent, hit.session)).fetchall()
    return summary_text(rows[0][0]) if rows else ""
