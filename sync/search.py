"""Search: what people type becomes an FTS5 expression, what is found is shown from the events.

The index holds no text and splits words at punctuation (unicode61), so that `C++` is `c` to it:
for terms with punctuation the texts themselves are looked at. The rank is bm25 times a factor of
age: words written now count twice as much as the same words from long ago.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import apsw

from journal.summary import plain
from journal.times import DAY_US
from sync import facts
from sync.filters import Filters
from sync.views.full_text import KINDS, TextKind, summary_text, texts
from sync.views.sessions import short_id

CANDIDATES = 500  # so many of the best are looked at, or as many as are wanted
SNIPPET_CHARS = 160
FADE_US = 30 * DAY_US  # the age at which half of what being new counts is gone
_BEFORE_CHARS = 50  # of a snippet, before the first match
_AROUND_CHARS = 500  # of the text on each side, cleaned before the snippet is cut out
_MARKED_TERMS = 16
_DECODED_AT_ONCE = 20
_WORDS = re.compile(r'"([^"]*)"(\*?)(?!\S)|(\S+)')
_CANDIDATES = """
with found as materialized (
  select rowid as number, bm25(full_text) as score from full_text
  where full_text match ? and iif(rowid < 0, ?, rowid % 8) in (select value from json_each(?))
)
select found.number, e.seq, e.id, coalesce(e.at_us, s.last_us) as at_us,
  s.id, s.agent, s.project_name, s.title
from found left join events e on found.number > 0 and e.seq = found.number / 8
join session_states s on s.session = coalesce(e.session, -found.number)
where coalesce(e.at_us, s.last_us) >= ? and {}
order by found.score * (1.0 + ?1.0 / (?1 + max(0, ? - coalesce(e.at_us, s.last_us)))) limit ?
"""
