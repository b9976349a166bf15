"""Foreign text on a terminal: no control characters, no invisible characters."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journal.printable import clean, one_line, visible

UNSEEN = [*range(0xFE00, 0xFE10), 0x2800, 0x3164, 0x115F, 0x1160, 0x034F, 0x180B, 0xFFA0, 0x00AD,
          0x200B, 0x202E, 0x2066, 0xFEFF, 0xE0041, 0xE0101, 0x17B4, 0x061C]  # fmt: skip


@pytest.mark.parametrize("code", UNSEEN)
def test_invisible_characters_are_left_out(code: int) -> None:
    assert visible(f"a{chr(code)}b") == "ab"


def test_sequences_go_and_words_stay() -> None:
    assert visible("\x1b[01;31m\x1b[Kred\x1b[m \x1b]0;title\x07x\x9b2J") == "red x"
    assert clean("a\tb\r\nc\x85d") == "a    b\nc\nd"
    assert visible("e\u0301") == "\u00e9"


def test_joiners_stay_where_they_join_and_nowhere_else() -> None:
    family = "\U0001f468\u200d\U0001f469"
    assert visible(family) == family
    assert visible("a\u200db\u200c\u200d\u200cc\u200d") == "abc"


@given(st.text())
def test_any_text_is_shown_without_harm(text: str) -> None:
    shown = clean(text)
    assert all(c.isprintable() or c in "\n\u200c\u200d" for c in shown)
    assert clean(shown) == shown
    assert visible(visible(text)) == visible(text)
    assert unicodedata.is_normalized("NFC", shown)
    assert "\n" not in one_line(text)


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_is_shown_as_text_with_other_characters(text: str) -> None:
    assert visible(text) == visible(f"{text} é").removesuffix(" é")
