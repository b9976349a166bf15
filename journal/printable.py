"""Text as people see it: what of a stranger's text may reach a terminal, a page, a context.

`visible` is the one place that decides; `clean` and `one_line` also bring it into lines.
"""

import re
import unicodedata

# CSI and string sequences, then what is left of other escapes (ECMA-48, 5.4 and 5.6); bounded, so
# that hostile text costs linear time.
SEQUENCES = (
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]{0,4096}(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]{0,8}[0-~]"
)
# What Unicode's tables call printable and is invisible: fillers, variation selectors, blank
# Braille, vowel signs without a shape. Joiners are not among them: words and emoji need them.
BLANKS = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U0001d159\U000e0000-\U000e0fff"
)
# With the characters that only steer others: soft hyphen, zero width, bidi, annotations, tags.
INVISIBLE = (
    BLANKS + "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
)
# Expressions for what few texts hold. They are compiled when the first such text comes: together
# they take 3 ms, a fiftieth of a search.
_BLANKS = f"[{BLANKS}]"
# A joiner joins two characters of scripts that have such; several, or one in plain text, hide bits.
_JOINERS = "\u200c\u200d"
_UNSEEN = f"[{BLANKS}{_JOINERS}]"
_LONE_JOINERS = (
    f"[{_JOINERS}]{{2,}}|(?:^|(?<=[\\x00-\\u02ff]))[{_JOINERS}]|[{_JOINERS}](?=[\\x00-\\u02ff]|$)"
)
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
TAB = "    "
# What `_Shown` makes of ASCII: itself, a space, nothing.
_ASCII, _HIGH = bytes(range(0x80)), bytes(range(0x80, 0x100))
_ASCII_PRINTED = bytes(range(0x20, 0x7F))
_ASCII_SHOWN = bytes((*b"\t\n\v\f\r", *_ASCII_PRINTED))
_ASCII_SPACES = bytes.maketrans(b"\x1c\x1d\x1e\x1f", b"    ")
_ASCII_REMOVED = bytes((*range(9), *range(14, 28), 0x7F))


def without_escapes(text: str) -> str:
    """`text` without control sequences of terminals: colours, titles, links."""
    return re.sub(SEQUENCES, "", text) if "\x1b" in text or "\x9b" in text else text


def visible(text: str) -> str:
    """`text` as people see it, in one Unicode form (NFC); line ends, tabs and spaces stay.

    Removed: escape sequences, control, bidi and other invisible characters, lone surrogates. White
    space of other kinds is a space. Linear; never raises.
    """
    if text.isascii():
        return _visible_ascii(text)
    text = unicodedata.normalize("NFC", without_escapes(text))
    rest = _without(text, _ASCII)
    if rest.isprintable() and not re.search(_UNSEEN, rest):  # as nearly all texts
        return text if not _without(text, _ASCII_SHOWN + _HIGH) else "".join(map(_shown, text))
    text = re.sub(_LONE_JOINERS, "", re.sub(_BLANKS, "", text))
    return "".join(map(_shown, text))


def _without(text: str, characters: bytes) -> str:
    """What is left of a text without these bytes of its UTF-8."""
    data = text.encode("utf-8", "surrogatepass").translate(None, characters)
    return data.decode("utf-8", "surrogatepass")


def _visible_ascii(text: str) -> str:
    """The same, many times quicker: one look at each byte."""
    if not text.encode().translate(None, _ASCII_SHOWN):
        return text
    data = without_escapes(text).encode()
    return data.translate(_ASCII_SPACES, _ASCII_REMOVED).decode()


def spelled_out(text: str) -> str:
    """Text that UTF-8 can hold: half of a surrogate pair is spelled out, not lost."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def clean(text: str) -> str:
    """`visible` text in its lines: every kind of line end is a newline, a tab is four spaces."""
    if text.isascii() and not text.encode().translate(None, _ASCII_PRINTED):
        return text
    return visible(_LINE_ENDS.sub("\n", without_escapes(text)).replace("\t", TAB))


def one_line(text: str) -> str:
    """`clean` text as a single line, its white space single spaces."""
    return " ".join(clean(text).split())


class _Shown(dict[str, str]):
    """Each character as it is shown; there are few that are not printable."""

    def __missing__(self, char: str) -> str:
        shown = char
        if not (char.isprintable() or char in "\t\n\r\v\f\x85\u2028\u2029" or char in _JOINERS):
            shown = " " if char.isspace() else ""
        self[char] = shown
        return shown


_shown = _Shown().__getitem__
