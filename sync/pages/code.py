"""Source text with colours: spans with classes whose colours are in `session.css`."""

import html
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from journal.printable import clean

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

MOST_CHARS = 20_000  # a lexer's time is bounded by the text that it gets
_LINE_CHARS = 1_000  # minified code and data are not read
# The first letters of Pygments' short names (pygments.token.STANDARD_TYPES) that have a colour.
_KINDS = ("k", "s", "c", "m", "nf", "nc", "nt", "na", "nb", "nn", "gd", "gi", "gh", "gu", "err")


def coloured(text: str, *, language: str = "", file: str = "") -> str:
    """The HTML of a text: in colours if its language is known, in any case nothing but text."""
    words = clean(text)
    lexer = _lexer(language.lower(), _ending(file))
    if lexer is None or len(words) > MOST_CHARS or _has_long_lines(words):
        return html.escape(words)
    from pygments.token import STANDARD_TYPES

    def class_of(token: "tuple[_TokenType, str]") -> str:
        name = STANDARD_TYPES.get(token[0], "")
        return next((one for one in _KINDS if name.startswith(one)), "")

    parts = []
    for name, tokens in groupby(lexer.get_tokens(words), class_of):
        escaped = html.escape("".join(value for _, value in tokens))
        parts.append(f'<span class="{name}">{escaped}</span>' if name else escaped)
    made = "".join(parts)
    return made if words.endswith("\n") else made.removesuffix("\n")


def coloured_lines(lines: list[str], file: str) -> list[str]:
    """The HTML of each line of one text."""
    made = coloured("\n".join(lines), file=file)
    found: list[str] = []
    open_tag = ""
    for line in made.split("\n"):
        whole = open_tag + line
        last = whole.rfind("<span")
        open_tag = ""
        if last > whole.rfind("</span>"):
            open_tag = whole[last : whole.index(">", last) + 1]
            whole += "</span>"
        found.append(whole)
    return found if len(found) == len(lines) else [html.escape(line) for line in lines]


def _has_long_lines(text: str) -> bool:
    return any(len(line) > _LINE_CHARS for line in text.split("\n"))


def _ending(file: str) -> str:
    name = file.replace("\\", "/").rpartition("/")[2].lower()
    return name if "." not in name else "x." + name.rpartition(".")[2]


@cache
def _lexer(language: str, ending: str) -> "Lexer | None":
    from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
    from pygments.util import ClassNotFound

    options: dict[str, Any] = {"stripnl": False, "ensurenl": False}
    try:
        if language:
            return get_lexer_by_name(language[:40], **options)
        return get_lexer_for_filename(ending, **options) if ending else None
    except ClassNotFound:
        return None
