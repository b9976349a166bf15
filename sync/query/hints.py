"""Why a search found nothing: mistyped filters, and words of the index near those looked for."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from unicodedata import normalize

import apsw
import orjson

from journal.printable import one_line
from journal.search_words import Phrase, query_words, words
from sync.query.filters import Calls, Filters, Wanted
from sync.query.terms import Term, quoted

_SHOWN = 5
_VALUES = {
    "project": "select distinct project_name from session_states where project_name <> ''",
    "branch": "select distinct branch from session_states where branch <> ''",
    "agent": "select distinct agent from session_states",
    "host": "select distinct host from session_states where host <> ''",
    "tool": "select distinct tool from items where tool is not null",
    "file": "select distinct file from items where file is not null",
}
_MOST = 3
_LEAST_CHARS = 3
_SCAN_SECONDS = 0.025  # of processor time, through texts: the index has no list of its words
_SCAN_STEPS = 10_000  # of SQLite between two looks at the clock
_SCAN_TEXTS = 50
_HAS_TEXT = "select 1 from full_text where full_text match ? limit 1"
_FREQUENT = """
select term from temp.indexed_words where term in (select value from json_each(?))
order by doc desc, term desc limit ?
"""
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_VOCABULARY = "create virtual table temp.indexed_words using fts5vocab(main, full_text, row)"


def unknown(db: apsw.Connection, wanted: Wanted, calls: Calls | None = None) -> Iterator[str]:
    """A sentence for each filter that nothing recorded matches, with the values that are near."""
    filters = wanted.filters
    for name in ("project", "branch", "agent", "host"):
        if value := getattr(filters, name):
            condition, values = Filters(**{name: value}).sql()
            query = f"select 1 from session_states s where {condition} limit 1"
            if not db.execute(query, values).get:
                yield _sentence(db, name, value)
    for folder in wanted.folders:
        condition, values = folder.sql()
        query = f"select 1 from session_states s where {condition} limit 1"
        if not db.execute(query, values).get:
            yield f"no session was recorded in {one_line(folder.top)}"
    if calls is not None:
        yield from _unknown_calls(db, calls)


def _unknown_calls(db: apsw.Connection, calls: Calls) -> Iterator[str]:
    query = "select 1 from items o join session_states s on s.session = o.session where {} limit 1"
    if calls.tool:
        condition, values = Calls(calls.tool).sql()
        if not db.execute(query.format(condition), values).get:
            yield _sentence(db, "tool", calls.tool)
    if calls.file is not None:
        condition, values = Calls("", calls.file).sql()
        if not db.execute(query.format(condition), values).get:
            paths = calls.file.paths
            yield _sentence(db, "file", calls.file.tail or (paths[0] if paths else ""))


def _sentence(db: apsw.Connection, name: str, value: str) -> str:
    """`no session has the project 'biling-api' (did you mean billing-api?)`."""
    from difflib import get_close_matches

    known = [str(one) for (one,) in db.execute(_VALUES[name])]
    if name == "file":
        paths = {normalize("NFC", path.rpartition("/")[2]): path for path in known}
        known, path = list(paths), value
        value = normalize("NFC", path.rpartition("/")[2])
        if value in paths and path != value:  # a file here, or with a folder that is another one
            other = one_line(f"{path} (there is {paths[value]})")
            return f"no call has the file {other}"
    of_low = {one.lower(): one for one in known}
    close = [of_low[low] for low in get_close_matches(value.lower(), of_low, n=3, cutoff=0.6)]
    what = "no call has" if name in ("tool", "file") else "no session has"
    said = f"{what} the {name} {one_line(value)[:80]!r}"
    if close:
        return f"{said} (did you mean {' or '.join(map(one_line, close))}?)"
    if name == "file" or not known:
        return said
    some = ", ".join(one_line(one) for one in sorted(known)[:_SHOWN])
    return f"{said} (known: {some}{', …' * (len(known) > _SHOWN)})"


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
        if len(word) >= _LEAST_CHARS:
            yield from [*_begun(db, word), *_slips(db, word)] or _inside(db, term.text, form)


def _begun(db: apsw.Connection, word: str) -> Iterator[str]:
    """The beginning of the words that begin like this one, or the only one."""
    if begins := _texts(db, "term > ? and term < ?", word, word + chr(0x10FFFF)):
        yield f"{word}*" if begins > 1 else _only(db, word)


def _inside(db: apsw.Connection, text: str, form: tuple[Phrase, ...]) -> list[str]:
    """What finds the longer names that a piece of a name is in: `ByEm*`, or their words."""
    parts = form[-1].words
    if len(parts) > 1 and "".join(parts) == text.lower():
        for at in range(len(parts) - 1):  # the first may be the end of a part
            if db.execute(_HAS_TEXT, (quoted(Phrase(parts[at:], True)),)).get:
                return [f"{text[len(''.join(parts[:at])) :]}*"]
    return _holding(db, form[0].words[-1])


def _holding(db: apsw.Connection, piece: str) -> list[str]:
    """The most frequent words with this piece in them, in the newest texts that hold it."""
    end = time.thread_time() + _SCAN_SECONDS
    query = "select text from item_texts where text like ? order by seq desc limit ?"
    found: list[tuple[str]] = []
    db.set_progress_handler(lambda: time.thread_time() > end, _SCAN_STEPS)
    try:
        found.extend(db.execute(query, (f"%{piece}%", _SCAN_TEXTS)))
    except apsw.InterruptError:
        pass  # the rest is older
    finally:
        db.set_progress_handler(None)
    holding = Counter(word for (text,) in found for word in words(text) if piece in word)
    return [word for word, _ in holding.most_common(_MOST)]


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
    """The words that differ by one letter, or by the order of two; the most frequent first."""
    edits = orjson.dumps(sorted(_edits(word, _known_chars(db, word)))).decode()
    return [str(one) for (one,) in db.execute(_FREQUENT, (edits, _MOST))]


def _known_chars(db: apsw.Connection, word: str) -> int:
    """How many characters of this word any word of the index begins with."""
    for chars in range(1, len(word) + 1):
        begun = word[:chars]
        if not _texts(db, "term >= ? and term < ?", begun, begun + chr(0x10FFFF)):
            return chars - 1
    return len(word)


def _edits(word: str, chars: int) -> set[str]:
    """The words that differ from this one behind so many of its characters, or earlier."""
    letters = {*_LETTERS} if word.isascii() else {*word}
    splits = [(word[:at], word[at:]) for at in range(chars + 1)]
    found = {a + b[1:] for a, b in splits if b}
    found |= {a + b[1] + b[0] + b[2:] for a, b in splits if len(b) > 1}
    found |= {a + c + b[1:] for a, b in splits if b for c in letters}
    found |= {a + c + b for a, b in splits for c in letters}
    return found - {word}
