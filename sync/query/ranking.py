"""How well a text fits the words, and what being new adds to that.

It is bm25 (Robertson and Zaragoza 2009, section 3.3) without its weight for rare words: all words
of a query must occur, so that weight would change little, and it changes with every new text. A
rank that depends on its own text alone stays where it is, so results can be read page by page; and
only what is ranked has to be looked at.
"""

from collections.abc import Sequence

import apsw

from journal.times import DAY_US

FADE_US = 30 * DAY_US  # the age at which half of what being new counts is gone
# The best is the least; written now counts twice as much as long ago, and so much less as the date
# lies ahead.
RANK = f"-closeness(full_text) * (1 + {FADE_US}.0 / ({FADE_US} + abs(? - {{at_us}})))"
_SATURATION = 1.2  # k1: how soon more of the same word adds nothing
_LENGTH = 0.75  # b: how much a word counts less in a longer text
_TYPICAL_WORDS = 100


def register(db: apsw.Connection, groups: Sequence[int]) -> None:
    """Make `closeness(full_text)` known to a connection. `groups`: of phrases, see `Match`."""

    def closeness(text: apsw.FTS5ExtensionApi, /, *_: "apsw.SQLiteValue") -> float:
        length = 1 - _LENGTH + _LENGTH * text.column_size(0) / _TYPICAL_WORDS
        if len(groups) == 1:
            return _part(text.inst_count, length)
        number, found = 0, 0.0
        for size in groups:
            phrases = range(number, number + size)
            number += size
            found += _part(sum(len(text.phrase_column_offsets(n, 0)) for n in phrases), length)
        return found

    db.register_fts5_function("closeness", closeness)


def _part(times: int, length: float) -> float:
    return times / (times + _SATURATION * length)
