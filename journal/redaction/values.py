"""Where the value of a secret-like name begins and ends: `NAME=value`, `--name value` and so on."""

import re
from collections.abc import Iterator

from journal.redaction import rules
from journal.redaction.rules import Strength

VALUE_CHARS = 1024
_OPENING = re.compile(r"(?:\[[ \t\r\n]{0,8})?[bfru@$]{0,2}(\\{0,31})([\"'`])(?:\2\2)?")
_QUOTE_OR_END = re.compile(r"(?<!\\)(\\*)([\"'`\n])")
_RUN = re.compile(rf"[^\s\"'`\\,;<>(){{}}\[\]|&]{{1,{VALUE_CHARS}}}", re.ASCII)
_WIDE_RUN = re.compile(rf"[^\s\"'`\\<>]{{1,{VALUE_CHARS}}}", re.ASCII)
_TORN_RUN = re.compile(rf"[^\s<>]{{1,{VALUE_CHARS}}}", re.ASCII)
SCHEME = re.compile(r"(?i:bearer|basic|token|digest|api-?key|negotiate|bot|key)[ ]{1,4}")
_BEHIND_SCHEME = re.compile(r"(?i:bearer|basic|digest|negotiate)[ ]{1,4}\Z")


def named_values(text: str, low: str) -> Iterator[tuple[int, int, Strength, bool]]:
    """Start, end, strength and certainty of the values next to secret names."""
    for match in rules.assignments(text, low):
        name_end = match.start("separator")
        name = rules.name_around(text, match.start(), name_end)
        separator = match["separator"]
        before = max(0, name_end - len(name) - 1)
        if separator[0] == ">" and (separator != ">" or text[before] != "<"):
            continue
        if how := rules.strength(name):
            assigned = separator == "=" and name.isupper()
            sure = assigned or separator[0] == ">" or separator[:2] == ":-"
            for start, end, certain in _value(text, match.end(), sure, assigned):
                same = low[start:end] == name.lower()
                torn = end == len(text) and text[start].isalnum()
                no_element = separator == ">" and not torn and text[end : end + 1] != "<"
                behind_scheme = certain and _BEHIND_SCHEME.search(text, max(0, start - 20), start)
                if not same and not no_element:
                    yield start, end, "strong" if behind_scheme else how, certain
    for match in rules.FLAG.finditer(text) if "--" in text else ():
        if how := rules.strength(match["name"]):
            for start, end, certain in _value(text, match.end(), sure=True, wide=True):
                yield start, end, how, certain


def _value(text: str, start: int, sure: bool, wide: bool) -> Iterator[tuple[int, int, bool]]:
    """Start and end of the value that begins here, and whether it cannot be anything but a value.

    `wide`: it goes on to the next space, over brackets and commas.
    """
    opening = _OPENING.match(text, start)
    start = opening.end() if opening else start
    if scheme := SCHEME.match(text, start):
        sure, start = True, scheme.end()
    if opening and (end := _closing(text, start, len(opening[1]), opening[2])) >= 0:
        yield start, end, True
    elif opening and (run := _TORN_RUN.match(text, start)):
        yield start, run.end(), True
    elif run := (_WIDE_RUN if wide else _RUN).match(text, start):
        end = start + len(run[0].rstrip(",;:)}]"))
        if wide or not (run[0].isdigit() or text[end : end + 1] in ("(", "[")):
            yield start, end, sure


def _closing(text: str, start: int, depth: int, quote: str) -> int:
    """Where the value ends that a quote with `depth` backslashes opened; -1: not on this line.

    In JSON in JSON a quote of the value has 2 * depth + 1 backslashes, and each backslash that
    ends the value adds 2 * (depth + 1).
    """
    for match in _QUOTE_OR_END.finditer(text, start, start + VALUE_CHARS):
        found = len(match[1])
        if match[2] == "\n" or (match[2] == '"' and found < depth):
            return -1
        if match[2] == quote and found >= depth and (found - depth) % (2 * depth + 2) == 0:
            return match.end() - 1 - depth
    return -1
