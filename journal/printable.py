"""What of a stranger's text may reach a terminal, a page or an error message."""

import re

# CSI and string sequences, then what is left of other escapes (ECMA-48, 5.4 and 5.6); bounded, so
# that hostile text costs linear time.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"
    r"|\x1b[\]PX^_][^\x07\x1b]{0,400}(?:\x07|\x1b\\)"
    r"|\x1b[ -/]{0,8}[0-~]"
)
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_JOINERS = "\u200c\u200d"  # zero-width, but part of how words and emoji are spelled
_TAGS = re.compile("[\U000e0000-\U000e0fff]")  # tags and variation selectors, which nobody sees
TAB = "    "


def without_escapes(text: str) -> str:
    """`text` without what only a terminal obeys: colours, titles, links."""
    return _ESCAPES.sub("", text) if "\x1b" in text or "\x9b" in text else text


def clean(text: str) -> str:
    """`text` in its lines, without anything that a terminal obeys or that nobody can see.

    Removed: escape sequences, control, bidi and other invisible characters, lone surrogates. Every
    kind of line end is a newline, a tab is four spaces, any other white space one.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _LINE_ENDS.sub("\n", without_escapes(text)).replace("\t", TAB)
    return _TAGS.sub("", "\n".join(map(_shown_line, text.split("\n"))))


def one_line(text: str) -> str:
    """`clean` text as a single line, its white space single spaces."""
    return " ".join(clean(text).split())


def _shown_line(line: str) -> str:
    return line if line.isprintable() else "".join(map(_shown, line))


def _shown(char: str) -> str:
    if char.isprintable() or char == "\n" or char in _JOINERS:
        return char
    return " " if char.isspace() else ""
