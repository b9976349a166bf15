"""Where a string is in its JSON: what its key, and the strings before it, say about it."""

import re
from functools import lru_cache

from journal.record.json_strings import decoded
from journal.redaction import rules
from journal.redaction.rules import Strength

NAME_BYTES = 512  # more than the longest name a rule knows, with every letter escaped

_COLON = re.compile(rb"[ \t\r\n]*+:")
# In the lines of a patch, each a string, a name and its value stand in two of them.
_VALUE_LINE = re.compile(rb"(?:[-+ ]|\\t){0,40}(?:\\\"|')?value\b")
_LINE_END = re.compile(rb"[\\\"',]{1,8}\Z")


class Walk:
    """Where a string is in its JSON, and what the strings before it say about it."""

    def __init__(self) -> None:
        self.in_pem = False  # a private key has begun in the list this string is in
        self.line_before = b""  # ends with a secret name, and this string says its value
        self.is_field = False  # it is the value of a key, and in no list
        self._before = b""
        self._end = 0
        self._of_list: Strength | None = None
        self._of_pair: Strength | None = None  # of `{"name": "DB_PASSWORD", "value": …}`

    @property
    def says_more(self) -> bool:
        """Whether what was seen says something about more strings than the next one."""
        return self.in_pem or bool(self._of_list or self._of_pair)

    def behind(self, before: re.Match[bytes] | None) -> None:
        """Goes on behind this string: those before it were not worth a step."""
        if before and self._end != before.end():
            self._before, self._end = _end_of(before), before.end()

    def step(self, data: bytes, match: re.Match[bytes]) -> Strength | None:
        """Whether this string is the value of a secret name."""
        gap = data[self._end : match.start()].translate(None, b" \t\r\n")
        before, self._before, self._end = self._before, _end_of(match), match.end()
        how = None
        self.line_before = b""
        behind = data[self._end : self._end + 1]
        is_key = behind == b":" or (behind not in b",]}" and _COLON.match(data, self._end))
        self.is_field = gap == b":" and not is_key
        if gap != b"," or is_key:
            self.in_pem = False
        if is_key:
            self._of_pair = _strength(before) if gap == b"," and self._before == b"value" else None
            self._of_list = None
        elif gap[:1] == b":" and not gap[1:].strip(b"["):
            how = _strength(before) or self._of_pair
            self._of_list = how if len(gap) > 1 else None
        elif self._of_list and not gap.strip(b"[],"):
            how = self._of_list
        elif gap == b"," and before[:2] == b"--":
            how = _strength(before)
        elif gap == b"," and _VALUE_LINE.match(data, *match.span(1)):
            name = _LINE_END.sub(b"", before[-NAME_BYTES:])
            self.line_before = name if _strength(name) else b""
        return how


def _end_of(match: re.Match[bytes]) -> bytes:
    """A string, or the end of a long one: no more of it is looked at."""
    start, end = match.span(1)
    return match.string[max(start, end - 2 * NAME_BYTES) : end]


def _strength(raw: bytes) -> Strength | None:
    """How secret the value is whose key, still escaped, is `raw`; its end holds the name."""
    return _strength_of_end(raw[-NAME_BYTES:])


@lru_cache(maxsize=4096)
def _strength_of_end(raw: bytes) -> Strength | None:
    text = decoded(raw)
    match = rules.NAME_AT_END.search(text)
    return rules.strength(rules.name_around(text, match.start(), match.end())) if match else None
