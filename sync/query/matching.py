"""What the index is asked for the terms of a query.

For a beginning (`ord*`) FTS5 reads all texts of every word that begins so, at each question and
however few texts are wanted; for whole words it reads no further than it has to. So a beginning is
asked for as the words of the index that begin so, unless they are many.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import apsw

from journal.search_words import Phrase
from sync.query.terms import Term, is_near, quoted

MOST_WORDS = 64  # that the beginnings of one query become
_WORDS = """
create virtual table if not exists temp.index_words using fts5vocab(main, full_text, instance)
"""
_NEXT = "select term from temp.index_words where term >= ? limit 1"


class Match(NamedTuple):
    """An expression of FTS5; empty if the terms have no word.

    `groups`: how many of its phrases, in their order, are one word or beginning of the query.
    """

    text: str = ""
    groups: tuple[int, ...] = ()


def prepare(db: apsw.Connection) -> None:
    """Make the words of the index known to a connection, outside of transactions."""
    try:
        db.execute(_WORDS)
    except apsw.Error:
        return  # one that may write nothing at all: beginnings stay beginnings


def match(db: apsw.Connection, terms: Sequence[Term]) -> Match:
    """What all of these terms are in the index."""
    parts: list[str] = []
    groups: list[int] = []
    left = MOST_WORDS
    for term in terms:
        forms = term.forms
        if is_near(forms):
            parts.append(term.match)
            groups += [1] * len(forms)
            continue
        for form in forms:
            phrases = []
            for phrase in form:
                words = _whole_words(db, phrase, left)
                left -= len(words) if phrase.prefix else 0
                phrases += words
                groups.append(len(words))
            parts.append(f"({' OR '.join(map(quoted, phrases))})")
    return Match(" AND ".join(parts), tuple(groups))


def _whole_words(db: apsw.Connection, phrase: Phrase, most: int) -> list[Phrase]:
    """The words that this beginning is; the phrase itself if it is none, or if they are many."""
    if not phrase.prefix or len(phrase.words) > 1:
        return [phrase]
    found: list[Phrase] = []
    for word in _beginning_with(db, phrase.words[0]):
        if len(found) == most:
            return [phrase]
        found.append(Phrase((word,), False))
    return found or [phrase]


def _beginning_with(db: apsw.Connection, beginning: str) -> Iterator[str]:
    """The words of the index, each found by one look. None without `prepare`."""
    at = beginning
    while True:
        try:
            word = db.execute(_NEXT, (at,)).get
        except apsw.SQLError:
            return  # there is no such table
        if word is None or not word.startswith(beginning):
            return
        yield word
        at = f"{word}\0"  # the least text behind it
