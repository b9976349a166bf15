"""The words of a text, as they are indexed, and the words that a query looks for.

Both indexes (SQLite and the team archive) hold exactly these words, so neither needs a tokenizer
of its own. A word is a run of letters and digits in lower case, without accents, in one Unicode
form (NFC, and full-width letters as plain ones).

- Of an identifier in camel case the parts follow the whole word: `loadBalancer` is `loadbalancer`,
  `load`, `balancer`.
- Scripts that are written without spaces (Chinese, Japanese, Korean, Thai and others) are indexed
  in pairs of characters, and the last character alone: `四舍五入` is `四舍`, `舍五`, `五入`, `入`.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import chain
from operator import add
from typing import NamedTuple

WORD_CHARS = 128  # a longer word counts as its beginning; PostgreSQL takes 2,046 bytes
_IDENTIFIER_CHARS = 80  # longer ones are base64 and the like
_PARTS = 12
_REMEMBERED = 50_000  # parts of texts, some MB
_REMEMBERED_CHARS = 40

# Written without spaces: Thai, Lao, Tibetan, Myanmar, Khmer; Hangul, kana, bopomofo; Han.
RUN_CHARS = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0eff\u0f40-\u0fbc\u1000-\u1049\u1050-\u109f\u1100-\u11ff"
    "\u1780-\u17d3\u1950-\u19df\u1a20-\u1aad\u3005-\u3007\u3031-\u3035\u303b\u3041-\u3096\u3099"
    "\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u318e\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97c\uac00-\ud7fb\uf900-\ufaff\uff66-\uff9f"
    "\U00016fe0-\U00018d08\U0001aff0-\U0001b2ff\U00020000-\U000323af"
)


@cache
def _unspaced() -> re.Pattern[str]:
    """Runs of these; of texts beyond ASCII alone, for a search waits 4 ms for it."""
    return re.compile(f"([{RUN_CHARS}]+)")


def _hump(upper: str, lower: str) -> re.Pattern[str]:
    return re.compile(f"(?<=[{lower}0-9])(?=[{upper}])|(?<=[{upper}])(?=[{upper}][{lower}])")


_ASCII_HUMP = _hump("A-Z", "a-z")


@cache
def _wide_hump() -> re.Pattern[str]:
    """Of identifiers with letters beyond ASCII, which few texts have: it takes 10 ms to compile."""
    cased = [chr(code) for code in range(0x80, 0x590)]
    upper = "A-Z" + "".join(char for char in cased if char.isupper())
    lower = "a-z" + "".join(char for char in cased if char.islower())
    return _hump(upper, lower)


_ASCII = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}
_ASCII_SPLIT = {code: chr(code) if chr(code).isalnum() else " " for code in range(128)}
# What each byte is: a capital, another letter or a digit, or none of them.
_SHAPES = bytes(
    ord(" ") if code > 127 or not chr(code).isalnum() else ord("U" if chr(code).isupper() else "l")
    for code in range(256)
)
_TOO_LONG = b"l" * (WORD_CHARS + 1)


class _Folds(dict[int, str]):
    """What each character is in the index: its plain form, nothing, or a space between words."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        if is_unspaced(char):
            folded = unicodedata.normalize("NFKC", char)  # marks of kana distinguish words
        elif char.isalnum():
            plain = unicodedata.normalize("NFKD", char.casefold())
            folded = "".join(filter(str.isalnum, plain)) or char
        elif category == "Mn" and (code < 0x0700 or code in _ACCENTS):
            folded = ""  # accents that have no composed form, vowel points
        elif category[0] == "M":
            folded = unicodedata.normalize("NFC", char)  # vowels of the Indic scripts
        else:
            folded = "" if category == "Cf" else " "
        self[code] = folded
        return folded


_ACCENTS = {
    code
    for first, last in ((0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE00, 0xFE2F))
    for code in range(first, last + 1)
} | {0x034F, 0x180B, 0x180C, 0x180D} | set(range(0xE0100, 0xE01F0))  # fmt: skip
FOLDS = _Folds(_ASCII)


class _Splits(dict[int, str]):
    """Every character as it is, or a space between words."""

    def __missing__(self, code: int) -> str:
        self[code] = " " if FOLDS[code] == " " else chr(code)
        return self[code]


_SPLITS = _Splits(_ASCII_SPLIT)


class _Indexed(dict[str, list[str]]):
    """What is indexed of what stands between white space; texts repeat little very often."""

    def __missing__(self, part: str) -> list[str]:
        if part.isascii():
            runs = part.translate(_ASCII_SPLIT).split()
        else:
            runs = unicodedata.normalize("NFC", part).translate(_SPLITS).split()
        found = [word for run in runs for word in _words_of(run)]
        if len(part) <= _REMEMBERED_CHARS:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[part] = found
        return found


_INDEXED = _Indexed()


def words(text: str) -> list[str]:
    """The words of a text to index, in their order; of some a part or a pair is a word, too.

    Linear in the text. Never raises: half a character is a space.
    """
    return list(chain.from_iterable(map(_INDEXED.__getitem__, text.split())))


def is_ascii_words(text: str) -> bool:
    """True only if `words` are the text's runs of ASCII letters and digits in lower case.

    An index that splits texts there, without regard to case, may take such a text as it is.
    """
    if not text.isascii():
        return False
    shapes = text.encode().translate(_SHAPES)
    if b"U" in shapes:
        if b"lU" in shapes or b"UUl" in shapes:
            return False
        shapes = shapes.replace(b"U", b"l")
    return len(shapes) <= WORD_CHARS or _TOO_LONG not in shapes


class Phrase(NamedTuple):
    """Indexed words that follow one another. `prefix`: the last may go on."""

    words: tuple[str, ...]
    prefix: bool = False


def query_words(text: str, prefix: bool = False) -> list[tuple[Phrase, ...]]:
    """What the index must hold of a query's word or phrase: one of each tuple, in any order.

    Empty: the text has no word. `prefix`: its last word is a beginning. That the words stand in
    this order, and with this punctuation, only the text itself shows.
    """
    runs = unicodedata.normalize("NFC", text).translate(_SPLITS).split()
    pieces = [piece for run in runs for piece in _pieces(run)]
    sought: list[tuple[Phrase, ...]] = []
    for number, (whole, parts) in enumerate(pieces, 1):
        goes_on = prefix and number == len(pieces)
        if not whole.isascii() and _unspaced().fullmatch(whole):
            alone = len(whole) == 1
            sought.append((Phrase((whole,), True) if alone else Phrase(tuple(_pairs(whole))),))
        elif len(parts) > 1:
            sought.append((Phrase((whole,), goes_on), Phrase(tuple(parts), goes_on)))
        else:
            sought.append((Phrase((whole,), goes_on),))
    return sought


def is_unspaced(text: str, place: int = 0) -> bool:
    """Whether the character at this place is of a script that is written without spaces."""
    return not text[place].isascii() and _unspaced().match(text, place) is not None


def is_hump(text: str, place: int) -> bool:
    """Whether a part of an identifier begins at this place, inside a word of an NFC text."""
    near = text[max(0, place - 1) : place + 2]
    return (_ASCII_HUMP if near.isascii() else _wide_hump()).match(text, place) is not None


def _words_of(run: str) -> Iterator[str]:
    """What is indexed of a run of word characters."""
    for whole, parts in _pieces(run):
        if is_unspaced(whole):
            yield from _pairs(whole)
            yield whole[-1]
        else:
            yield whole
            if len(parts) > 1:
                yield from parts


def _pieces(run: str) -> Iterator[tuple[str, list[str]]]:
    """The words of a run of word characters, folded, each with its parts (of camel case)."""
    if run.isascii():
        yield run.lower()[:WORD_CHARS], [part.lower() for part in _parts(run)]
        return
    for token in filter(None, _unspaced().split(run)):
        parts = [part.translate(FOLDS) for part in _parts(token)]
        whole = "".join(parts)
        if whole:
            yield whole if is_unspaced(whole) else whole[:WORD_CHARS], parts


def _parts(word: str) -> list[str]:
    """The parts of an identifier in camel case; one: it is none."""
    if len(word) > _IDENTIFIER_CHARS or word.islower() or word.isupper():
        return [word]
    parts = (_ASCII_HUMP if word.isascii() else _wide_hump()).split(word)
    if len(parts) > _PARTS or (len(word) >= 16 and 3 * len(parts) > len(word)):
        return [word]  # no person writes humps so close together: base64 does
    return parts


def _pairs(run: str) -> Iterator[str]:
    return map(add, run, run[1:])
