"""A text as its readers see it: without colours and invisible characters, with escapes decoded.

A terminal's sequence in front of a token, a `%3D` between name and value, a soft line break of
quoted-printable in the middle hide nothing from a person or a program; so the rules look at every
reading of a text, and what they find is taken out of the text itself.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property

from journal.printable import INVISIBLE, SEQUENCES

# Sequences also where the escape character is spelled out, as logs, JSON in JSON and shells do.
_SPELLED = r"\\{1,31}(?:u001[bB]|x1[bB]|033|e)"
_CHARS = rf"{INVISIBLE}\u200c\u200d\x00-\x08\x0e-\x1a\x1c-\x1f\x7f"
# The first character decides quickly, and a run of invisible characters is one step.
_HIDDEN = re.compile(
    rf"(?=[{_CHARS}\x1b\x9b\\])(?:[{_CHARS}]+|{SEQUENCES}"
    rf"|{_SPELLED}(?:\[[0-?]{{0,64}}[ -/]{{0,8}}[@-~])|\x1b)+"
)
_ENCODED = re.compile(
    r"%(?:25)*(?P<percent>[0-9A-Fa-f]{2})"
    r"|\\{1,31}u00(?P<unicode>[2-7][0-9A-Fa-f])|\\{1,31}x(?P<hex>[2-7][0-9A-Fa-f])"
    r"|&#(?P<entity>\d{2,3});|&#[xX](?P<hexentity>[2-7][0-9A-Fa-f]);|&(?P<name>quot|amp|lt|gt|apos);"
)
# Quoted-printable by itself: `key=41…` is that only in mails.
_QUOTED = re.compile(
    r"=(?P<quoted>[2-7][0-9A-F])|=(?P<soft>\r?\n|\\{1,31}r\\{1,31}n|\\{1,31}n)(?=\S)"
)
_REMEMBERED = 4096
_NESTED = 3
_NAMES = {"quot": '"', "amp": "&", "lt": "<", "gt": ">", "apos": "'"}
# The same in the lower-case bytes of JSON. Where one of these is, only the rules can decide; an
# escape of what needs none can hide any word.
_HEX = [f"{high}{low}" for high in "234567" for low in "0123456789abcdef"]
_ESCAPES = (
    *(f"u00{high}" for high in "01234567"), "u009b", "u00ad", "u034f", "u061c", "u115", "u116",
    "u17b", "u180", "u200", "u202", "u206", "u2800", "u3164", "ud82f", "ud834", "udb40", "ufe",
    "uff", "x1b", *(f"x{high}" for high in "234567"), "033[", "e[", "/",
)  # fmt: skip
_CONTROLS = bytes(range(9)) + bytes(range(14, 32)) + b"\x7f"
SPACED = bytes.maketrans(_CONTROLS, b" " * len(_CONTROLS))
_PLANES = (b"\xf0\x9b\xb2", b"\xf0\x9d\x85", b"\xf3\xa0")  # beginnings of longer characters
_RANGES = (
    "\x9b\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u2800\u3164\ufeff\uffa0",
    "".join(map(chr, (*range(0x180B, 0x1810), *range(0x200B, 0x2010), *range(0x202A, 0x202F)))),
    "".join(map(chr, (*range(0x2060, 0x2070), *range(0xFE00, 0xFE10), *range(0xFFF0, 0xFFFC)))),
)
HIDING = frozenset(
    [f"\\{escape}".encode() for escape in _ESCAPES]
    + [f"{sign}{code}".encode() for sign in "%=" for code in _HEX]
    + [b"&#", b"&quot", b"&amp", b"&lt", b"&gt", b"&apos"]
    + [b"=\\r", b"=\\n", b"=\\\\", b"=\r\n", b"=\n"]
    + [bytes([code]) for code in _CONTROLS]
    + [char.encode() for chars in _RANGES for char in chars]
    + [*_PLANES]
)
_RAW_ESCAPES = re.compile(
    rb"\\(?:u(?:00(?:[0-7]|9b|ad)|034f|061c|11[56]|17b|180|20[026]|2800|3164|d8(?:2f|34)|db40|f[ef])"
    rb"|x(?:1b|[2-7])|033\[|e\[|/)"
)
ENCODED = (
    rb"%(?:25)*[2-7][0-9a-f]",
    rb"&(?:#|quot|amp|lt|gt|apos)",
    rb"=(?:[2-7][0-9a-f]|\\{1,63}[rn]|\r?\n)",
)
_RAW_ENCODED = re.compile(b"|".join(ENCODED))
_RAW_INVISIBLE = re.compile(
    rb"\xc2[\x9b\xad]|\xcd\x8f|\xd8\x9c|\xe1\x85[\x9f\xa0]|\xe1\x9e[\xb4\xb5]|\xe1\xa0[\x8b-\x8f]"
    rb"|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xaf]|\xe2\xa0\x80|\xe3\x85\xa4"
    rb"|\xef\xb8[\x80-\x8f]|\xef\xbb\xbf|\xef\xbe\xa0|\xef\xbf[\xb0-\xbb]|\xf0\x9b\xb2|\xf0\x9d\x85"
    rb"|\xf3\xa0"
)


class Reading:
    """A text in which each match of a pattern is replaced; without `instead` by what it encodes.

    `of`: the reading whose text that is. Only where something is found in it is looked up where it
    is in the text itself, so that text with many matches takes little more time than other text.
    """

    def __init__(
        self, text: str, pattern: re.Pattern[str], instead: str | None, of: "Reading | None" = None
    ) -> None:
        self._source, self._pattern, self._of = text, pattern, of
        self._instead = _Decoder() if instead is None else instead
        self.text = pattern.sub(self._instead, text)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where this part of the reading is in the text."""
        first = self._place(start)[0]
        there = (first, first) if start == end else (first, self._place(end - 1)[1])
        return self._of.span(*there) if self._of else there

    def _place(self, at: int) -> tuple[int, int]:
        """Where a character of the reading begins and ends in the text that is read."""
        places, starts, ends, lengths = self._replaced
        number = bisect_right(places, at) - 1
        if number < 0:
            return at, at + 1
        behind = at - places[number] - lengths[number]
        if behind < 0:
            return starts[number], ends[number]
        return ends[number] + behind, ends[number] + behind + 1

    @cached_property
    def _replaced(self) -> tuple["array[int]", ...]:
        """Of each replacement its place in the reading, its match's start and end, its length."""
        places, starts, ends, lengths = (array("q") for _ in range(4))
        removed = 0
        for found in self._pattern.finditer(self._source):
            new = self._instead if isinstance(self._instead, str) else self._instead(found)
            if new == found[0]:
                continue
            start, end = found.span()
            places.append(start - removed)
            starts.append(start)
            ends.append(end)
            lengths.append(len(new))
            removed += end - start - len(new)
        return places, starts, ends, lengths


def readings(text: str) -> Iterator[Reading]:
    """The other readings of a text than the text itself; none of most texts.

    Without what is hidden, once as if it were nothing and once as if it were a space: a colour may
    stand inside a token, or where one begins. Then with escapes decoded.
    """
    without = None
    is_spelled = "\\" in text
    if (is_spelled or not _is_plain(text)) and _HIDDEN.search(text):
        without = Reading(text, _HIDDEN, "")
        yield without
        yield Reading(text, _HIDDEN, " ")
    encodes = is_spelled or "%" in text or "&" in text
    for encoded, may_match in ((_ENCODED, encodes), (_QUOTED, "=" in text)):
        if may_match and encoded.search(text):
            yield from _decoded_often(without.text if without else text, encoded, without)


def _decoded_often(text: str, encoded: re.Pattern[str], of: Reading | None) -> Iterator[Reading]:
    """What is encoded more than once is decoded as often: `%5Cu0041`."""
    for _ in range(_NESTED):
        reading = Reading(text, encoded, None, of)
        if reading.text == text:
            return
        yield reading
        text, of = reading.text, reading


def _is_plain(text: str) -> bool:
    """Whether nothing but printable ASCII and line ends is in the text."""
    return text.isascii() and text.replace("\n", " ").isprintable()


def may_hide(low: bytes, encodes: bool = True) -> bool:
    """Whether bytes of JSON, or UTF-8 text, in lower case, may have other readings.

    `encodes`: one of `ENCODED` may be among them, as the caller knows already.
    """
    return (
        _RAW_ESCAPES.search(low) is not None
        or (encodes and _RAW_ENCODED.search(low) is not None)
        or len(low.translate(None, _CONTROLS)) != len(low)
        or (not low.isascii() and _RAW_INVISIBLE.search(low) is not None)
    )


class _Decoder(dict[str, str]):
    """What a match encodes; itself, if that is not a character of a token or name."""

    def __call__(self, found: re.Match[str]) -> str:
        known = self.get(found[0])
        if known is None:
            if len(self) >= _REMEMBERED:
                self.clear()
            known = self[found[0]] = _decoded(found)
        return known


def _decoded(found: re.Match[str]) -> str:
    kind = found.lastgroup
    value = found[kind] if kind else ""
    if kind == "soft":
        return ""
    if kind == "name":
        return _NAMES[value]
    code = int(value, 10 if kind == "entity" else 16)
    return chr(code) if 0x20 <= code < 0x7F or code in (9, 10, 13) else found[0]
