"""What people type into a search, as terms; and where in a text they are.

The index knows words only (`journal.search_words`), without case and accents: `C++` is `c` to it.
So a term is two things, a query for the index and a pattern for the text itself.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from journal.printable import one_line
from journal.search_words import FOLDS, Phrase, is_hump, is_unspaced, query_words

SNIPPET_CHARS = 160
_BEFORE_CHARS = 50  # of a snippet, before the first match
_AROUND_CHARS = 500  # of the text on each side, cleaned before the snippet is cut out
_MARKED_TERMS = 16
_APART = 12  # indexed words between two that follow each other: the parts of an identifier
_WORDS = re.compile(r'"([^"]*)"(\*?)(?!\S)|(\S+)')


class Term(NamedTuple):
    """A word or quoted phrase. `exact`: the text itself must be looked at.

    It has punctuation, or several words, whose order and distance are not in the index.
    """

    text: str
    prefix: bool
    exact: bool
    pattern: re.Pattern[str]  # over folded text

    @classmethod
    def of(cls, text: str, prefix: bool) -> "Term":
        """The term of a text that is not blank."""
        words = folded(text).text.split()
        has_signs = not all(map(str.isalnum, words))
        between = r"\s+" if has_signs else r"[\W_]+"
        exact = has_signs or len(query_words(text)) > 1
        return cls(text, prefix, exact, re.compile(between.join(map(re.escape, words))))

    @property
    def forms(self) -> list[tuple[Phrase, ...]]:
        """What the index must hold of it, see `query_words`."""
        return query_words(self.text, self.prefix and self.text[-1].isalnum())

    @property
    def match(self) -> str:
        """As FTS5 takes it, all words quoted; empty: it has no word."""
        forms = self.forms
        if is_near(forms):
            near = " ".join(quoted(form[0]) for form in forms)
            return f"NEAR({near}, {_APART * len(forms)})"
        return " AND ".join(f"({' OR '.join(map(quoted, form))})" for form in forms)

    def spans(self, text: str, plain: "Folded") -> Iterator[tuple[int, int]]:
        """Where it is in a text and the same folded: whole words or parts of an identifier.

        Of a prefix the beginning of one.
        """
        for found in self.pattern.finditer(plain.text):
            start, end = plain.span(*found.span())
            begins = not (start and _inside(text, start))
            if begins and (self.prefix or not _inside(text, end)):
                yield start, end


def is_near(forms: Sequence[tuple[Phrase, ...]]) -> bool:
    """Whether these have to stand near each other in the index: several, each in one form."""
    return len(forms) > 1 and all(len(form) == 1 for form in forms)


def quoted(phrase: Phrase) -> str:
    """A phrase as FTS5 takes it."""
    return f'"{" ".join(phrase.words)}"' + "*" * phrase.prefix


class Snippet(NamedTuple):
    """A line around the first match, and the matches in it as (start, end) in characters."""

    text: str
    marks: list[tuple[int, int]]


def parse(query: str) -> list[Term]:
    """The terms of a query, and any text is one: words, "quoted phrases", beginnings*.

    What ends a sentence is not part of an unquoted word. Never raises.
    """
    whole = query.encode("utf-8", "replace").decode().replace("\0", " ")
    terms: dict[tuple[str, bool], Term] = {}
    for found in _WORDS.finditer(unicodedata.normalize("NFC", whole)):
        quoted, star, word = found.groups()
        if word is None:
            text, prefix = quoted.strip(), bool(star)
        else:
            text = word.strip('"')
            prefix = text.endswith("*") and is_searchable(text)
            text = text.rstrip("*") if prefix else text.rstrip(".,;:!?")
        if text.strip("*"):
            terms.setdefault((text, prefix), Term.of(text, prefix))
    return list(terms.values())


def snippet(text: str, terms: Iterable[Term]) -> Snippet:
    """The line around the first match in an NFC text; its beginning if none is seen."""
    shown = list(islice(terms, _MARKED_TERMS))
    whole = folded(text)
    firsts = (next(term.spans(text, whole), None) for term in shown)
    first = min((span[0] for span in firsts if span), default=0)
    begin, end = max(0, first - _AROUND_CHARS), first + _AROUND_CHARS
    line = one_line(text[begin:end])
    plain = folded(line)
    spans = sorted(span for term in shown for span in term.spans(line, plain))
    start = 0
    if spans and spans[0][0] > _BEFORE_CHARS:
        cut = spans[0][0] - _BEFORE_CHARS
        space = line.find(" ", cut, spans[0][0])
        start = space + 1 if space >= 0 else cut
    stop = min(len(line), start + SNIPPET_CHARS - 2)
    before = "…" if start or begin else ""
    after = "…" if stop < len(line) or end < len(text) else ""
    shift = len(before) - start
    marks = [(a + shift, b + shift) for a, b in _merged(spans, stop)]
    return Snippet(before + line[start:stop] + after, marks)


def _merged(spans: list[tuple[int, int]], stop: int) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], min(stop, max(merged[-1][1], end))
        elif start < stop:
            merged.append((start, min(stop, end)))
    return merged


def is_searchable(text: str) -> bool:
    """Whether it has a letter or a digit; the index knows nothing else."""
    return any(map(str.isalnum, text))


def _inside(text: str, place: int) -> bool:
    """Whether a word goes on across this place."""
    if not (text[place - 1].isalnum() and text[place : place + 1].isalnum()):
        return False
    return not (is_hump(text, place) or is_unspaced(text, place) or is_unspaced(text, place - 1))


class _Plain(dict[int, str]):
    """Each character as it is in the index; what separates words stays as it is."""

    def __missing__(self, code: int) -> str:
        folded = FOLDS[code]
        self[code] = chr(code) if folded == " " else folded
        return self[code]


_PLAIN = _Plain()


class Folded(NamedTuple):
    """A text without case and, if it is NFC, accents: as the index has it.

    `places`: of each character the one of the text that it comes from (`ß` is two, `ss`); None: the
    same one.
    """

    text: str
    places: list[int] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where this part, which is not empty, stands in the text."""
        if self.places is None:
            return start, end
        return self.places[start], self.places[end - 1] + 1


def folded(text: str) -> Folded:
    """The text as the index has it, with its punctuation."""
    if text.isascii():
        return Folded(text.lower())
    plain = text.translate(_PLAIN)
    if all(len(_PLAIN[ord(char)]) == 1 for char in set(text)):
        return Folded(plain)
    return Folded(plain, [n for n, char in enumerate(text) for _ in _PLAIN[ord(char)]])
