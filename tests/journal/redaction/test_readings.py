"""Readings of a text: where each part of them is in the text, and what many matches cost."""

import re
import sys

import hypothesis.strategies as st
import pytest
from hypothesis import given

from journal.redaction import readings

HIDDEN = ("\u200b", "\u2060\u200d", "\x1b[31m", "\\u001b[0m")
ENCODED = ("%41", "%2541", "&#66;", "&quot;", "=\n", "=43", "\\u0044", "%zz")
PARTS = (*HIDDEN, *ENCODED, "a", "é", " ", "\n")


@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join))
def test_each_character_of_a_reading_is_where_it_was_read(text: str) -> None:
    for reading in readings.readings(text):
        done = 0
        for place, char in enumerate(reading.text):
            start, end = reading.span(place, place + 1)
            assert done <= start < end <= len(text), "in their order"
            source = text[start:end]
            assert source == char or len(source) > 1 or source in "\u200b\x1b", (source, char)
            assert not re.fullmatch(r"[aé\n]", source) or source == char
            done = start
        assert reading.span(0, len(reading.text))[1] <= len(text)


@pytest.mark.parametrize("hidden", ["\u200b", "\x1b[31m", "\U000e0041", "\u200d"])
def test_a_reading_calls_nothing_for_each_invisible_character(hidden: str) -> None:
    """A record of 250 MB full of them was redacted at 1 MB/s."""

    def calls(times: int) -> int:
        counted = []
        sys.setprofile(lambda _frame, event, _arg: counted.append(event))
        try:
            found = [reading.text for reading in readings.readings(f"{hidden}word" * times)]
        finally:
            sys.setprofile(None)
        assert found[0] == "word" * times
        return len(counted)

    assert calls(4_000) == calls(10)


def test_what_is_encoded_more_than_once_is_read() -> None:
    text = "".join(f"%5Cu00{ord(char):02x}" for char in "token")
    (*_, last) = readings.readings(text)
    assert last.text == "token"
    assert last.span(1, 2) == (8, 16)
