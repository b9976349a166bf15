"""What would have been found: words of the index that are near those that were looked for."""

from collections.abc import Iterable, Iterator

import apsw

from journal.words import Phrase, query_words
from sync.query.terms import Term

_MOST = 3
_LEAST_CHARS = 3
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_VOCABULARY = "create virtual table temp.indexed_words using fts5vocab(main, full_text, row)"


def suggestions(db: apsw.Connection, terms: Iterable[Term]) -> list[str]:
    """What to type instead of words that no text has: `roundin*`, or `rounding` for `roundign`."""
    try:
        db.execute(_VOCABULARY)
    except apsw.SQLError:
        return []  # a database that cannot keep a temporary table, or keeps it already
    try:
        found = (one for term in terms if not term.prefix for one in _near(db, term))
        return list(dict.fromkeys(found))[:_MOST]
    finally:
        db.execute("drop table temp.indexed_words")


def _near(db: apsw.Connection, term: Term) -> Iterator[str]:
    for form in query_words(term.text):
        if any(_is_there(db, phrase) for phrase in form):
            continue
        word = form[0].words[-1]
        if len(word) < _LEAST_CHARS:
            continue
        if begins := _texts(db, "term > ? and term < ?", word, word + chr(0x10FFFF)):
            yield f"{word}*" if begins > 1 else _only(db, word)
        yield from _slips(db, word)


def _is_there(db: apsw.Connection, phrase: Phrase) -> bool:
    if len(phrase.words) > 1:
        return False
    return _texts(db, "term = ?", phrase.words[0]) > 0


def _texts(db: apsw.Connection, condition: str, *values: str) -> int:
    query = f"select count(*) from (select 1 from temp.indexed_words where {condition} limit 2)"
    return int(db.execute(query, values).get)


def _only(db: apsw.Connection, word: str) -> str:
    query = "select term from temp.indexed_words where term > ? limit 1"
    return str(db.execute(query, (word,)).get)


def _slips(db: apsw.Connection, word: str) -> list[str]:
    """The words that differ by one letter or by two in the other order, the most frequent first."""
    query = "select doc from temp.indexed_words where term = ?"
    found = [
        (int(number), one) for one in _edits(word) if (number := db.execute(query, (one,)).get)
    ]
    return [one for _, one in sorted(found, reverse=True)[:_MOST]]


def _edits(word: str) -> set[str]:
    letters = {*_LETTERS} if word.isascii() else {*word}
    splits = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    found = {a + b[1:] for a, b in splits if b}
    found |= {a + b[1] + b[0] + b[2:] for a, b in splits if len(b) > 1}
    found |= {a + c + b[1:] for a, b in splits if b for c in letters}
    found |= {a + c + b for a, b in splits for c in letters}
    return found - {word}
