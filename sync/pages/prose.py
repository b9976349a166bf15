"""Markdown that others wrote, as HTML that can do nothing: no tag of theirs, no link, no image.

The parser is markdown-it-py (CommonMark 0.31 with tables). Raw HTML is shown as text; a link is its
words and its address as text; an image is its description. Fences are set as code with colours.
"""

import html
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from journal.printable import clean
from sync.pages.code import coloured

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MOST_CHARS = 60_000  # longer texts are shown as they are
_HEADING = "h5"


def prose(text: str) -> str:
    """The HTML of a text; its lines as they are if it is longer than anybody formats."""
    words = clean(text).strip("\n")
    if len(words) > MOST_CHARS:
        return f"<p>{html.escape(words)}</p>\n"
    made: str = _parser().render(words)
    return made


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 20})
    parser.enable(["table", "strikethrough"])
    rules: dict[str, Any] = {
        "link_open": lambda *_: "",
        "link_close": _address,
        "image": _image,
        "heading_open": lambda *_: f"<{_HEADING}>",
        "heading_close": lambda *_: f"</{_HEADING}>\n",
        "fence": _fence,
        "code_block": _fence,
        "th_open": lambda *_: "<th>",
        "td_open": lambda *_: "<td>",
        "ordered_list_open": lambda *_: "<ol>\n",
        "table_open": lambda *_: '<div class="wide"><table>\n',
        "table_close": lambda *_: "</table></div>\n",
    }
    for name, rule in rules.items():
        parser.add_render_rule(name, lambda _, *args, rule=rule: rule(*args))
    return parser


def _address(tokens: "Sequence[Token]", at: int, *_: object) -> str:
    """Where a link leads, unless its words say so."""
    depth, start = 0, at
    while start >= 0:
        depth += {"link_close": 1, "link_open": -1}.get(tokens[start].type, 0)
        if depth == 0:
            break
        start -= 1
    where = str(tokens[start].attrGet("href") or "")
    words = "".join(token.content for token in tokens[start:at])
    if not where or words == where:
        return ""
    return f" <code>{html.escape(where)}</code>"


def _image(tokens: "Sequence[Token]", at: int, *_: object) -> str:
    token = tokens[at]
    words = token.content or "without a description"
    return f"<i>image: {html.escape(words)}</i>"


def _fence(tokens: "Sequence[Token]", at: int, *_: object) -> str:
    token = tokens[at]
    language = token.info.split()[0] if token.info.split() else ""
    return f"<pre>\n{coloured(token.content.rstrip(chr(10)), language=language)}</pre>\n"
