"""Fewer words, where no text holds all of them.

An error message holds paths, numbers and times that are never the same again, and a question holds
words that no record does. So after all words come the rarest ones that are known at all.
"""

from collections.abc import Iterator, Sequence

import apsw

from sync.query.terms import Term, is_searchable, parse

_COMMON = 2_000  # texts; words in more of them are equally common
_MOST_WORDS = 24
_FEWER = (8, 6, 4, 3, 2, 1)
_LEAST_STEM = 4  # letters
# Of questions in English: they are in any text, and say nothing of what is looked for.
_EMPTY = """
    a about an and are as at be by can did do does for from had has have how i in is it its my no
    not of on or our so that the then there this to was we were what when where which who why will
    with without you
"""
_ENDINGS = ("ing", "ed", "es", "s", "e")  # of English; words of other languages are left whole
_COUNT = "select count(*) from (select 1 from full_text where full_text match ? limit ?)"


def of(query: str) -> list[Term]:
    """The terms of a query that a search can look for."""
    return [term for term in parse(query) if is_searchable(term.text)][:_MOST_WORDS]


def choices(db: apsw.Connection, terms: Sequence[Term], stems: bool = True) -> Iterator[list[Term]]:
    """All terms, then ever fewer of them; each choice once.

    `stems`: where the words as they are do not do, also others that begin as they do.
    """
    if not terms:
        return
    tried = {_names(terms)}
    yield list(terms)
    plain = _plain(terms)
    empty = frozenset(_EMPTY.split())
    plain = [term for term in plain if term.text.lower() not in empty] or plain
    if stems:
        plain = [_stem(term) for term in plain]
    counts = {term.match: _count(db, term) for term in plain}
    known = sorted((term for term in plain if counts[term.match]), key=lambda t: counts[t.match])
    named = [term for term in known if not any(map(str.isdigit, term.text))]
    for chosen in (plain, known, named, *(named[:n] for n in _FEWER), *(known[:n] for n in _FEWER)):
        if chosen and _names(chosen) not in tried:
            tried.add(_names(chosen))
            yield chosen


def _plain(terms: Sequence[Term]) -> list[Term]:
    """The words of the terms, without the punctuation that a text would have to have."""
    found: dict[str, Term] = {}
    for term in terms:
        made = [term]
        if term.exact:
            text = "".join(c if c.isalnum() or c == "_" else " " for c in term.text)
            made = [Term.of(word, False) for word in text.split() if is_searchable(word)]
        found |= {one.match: one for one in made}
    return list(found.values())


def _count(db: apsw.Connection, term: Term) -> int:
    return int(db.execute(_COUNT, (term.match, _COMMON)).get)


def _stem(term: Term) -> Term:
    """The beginning of a word, so that `rounding` finds `rounds`, too."""
    word = term.text
    if term.prefix or not word.isalpha():
        return term
    ending = next((end for end in _ENDINGS if word.lower().endswith(end)), "")
    stem = word[: len(word) - len(ending)]
    return Term.of(stem, True) if len(stem) >= _LEAST_STEM else term


def _names(terms: Sequence[Term]) -> tuple[str, ...]:
    return tuple(term.match for term in terms)
