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
_LEAST_PREFIX = 4  # letters
_COUNT = "select count(*) from (select 1 from full_text where full_text match ? limit ?)"


def of(query: str, prefixes: bool = False) -> list[Term]:
    """The terms of a query; with `prefixes` each longer word is the beginning of one."""
    terms = [term for term in parse(query) if is_searchable(term.text)][:_MOST_WORDS]
    return [_prefix(term) for term in terms] if prefixes else terms


def choices(db: apsw.Connection, terms: Sequence[Term]) -> Iterator[list[Term]]:
    """All terms, then ever fewer of them; each choice once."""
    if not terms:
        return
    told = {_names(terms)}
    yield list(terms)
    counts = {term.match: _count(db, term) for term in _plain(terms)}
    known = sorted(
        (term for term in _plain(terms) if counts[term.match]), key=lambda t: counts[t.match]
    )
    named = [term for term in known if not any(map(str.isdigit, term.text))]
    for chosen in (known, named, *(named[:n] for n in _FEWER), *(known[:n] for n in _FEWER)):
        if chosen and _names(chosen) not in told:
            told.add(_names(chosen))
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


def _prefix(term: Term) -> Term:
    whole = term.exact or len(term.text) < _LEAST_PREFIX
    return term if whole else Term.of(term.text, True)


def _names(terms: Sequence[Term]) -> tuple[str, ...]:
    return tuple(term.match for term in terms)
