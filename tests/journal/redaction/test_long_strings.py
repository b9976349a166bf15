"""Long strings are redacted in pieces: no piece divides an escape, a character or a token."""

import json
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from chance import examples
from journal.record.json_strings import beginnings, first_values
from journal.redaction import long_strings, private_marks, redactor

REDACTOR = redactor.Redactor(bytes(32))
SECRET = "ghp_" + "aB3" * 12
TEXTS = st.text(st.sampled_from('ab \n"\\/é😀\x01\ud83d'), max_size=300)
SIZE = 160
VALUES = st.recursive(
    st.integers(-9, 9) | TEXTS.map(lambda text: text[:9]) | st.none(),
    lambda inner: (
        st.lists(inner, max_size=6) | st.dictionaries(st.text("ab[{,", max_size=2), inner)
    ),
    max_leaves=40,
)
MARKS = ("<private>", "</private>", "<Private\n>", "\\u003cprivate\\u003e", "<\\/private>")
TAGS = st.lists(
    st.sampled_from((*MARKS, "<", ">", "private", "a", "é", "\\", '"', "\n")), max_size=12
).map("".join)


@given(TEXTS, TEXTS, st.booleans())
@settings(max_examples=examples(300), deadline=None)
def test_a_secret_goes_wherever_a_long_string_is_divided(
    before: str, after: str, ascii_only: bool
) -> None:
    text = f"{before} {SECRET}\n{after}"
    data = json.dumps({"text": text}, ensure_ascii=ascii_only).encode("utf-8", "backslashreplace")
    with (
        mock.patch.object(long_strings, "LONG_BYTES", SIZE),
        mock.patch.object(redactor, "LOOKED_BYTES", SIZE),
    ):
        found = json.loads(REDACTOR.json(data))["text"]
    assert SECRET not in found
    assert [part for part in found.split(" ") if "[redacted:github:" in part]


@given(TEXTS, st.integers(5, 80), st.booleans())
@settings(max_examples=examples(300), deadline=None)
def test_the_beginnings_of_strings_are_json(text: str, most: int, ascii_only: bool) -> None:
    value = {"short": "x", "long": text, "list": [text, 1]}
    data = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "backslashreplace")
    found = json.loads(beginnings(data, most))
    assert text.startswith(found["long"].removesuffix("\ud83d"))
    assert found["list"][1] == 1
    assert beginnings(data, len(data)) is data


@given(VALUES, st.integers(1, 12), st.booleans())
@settings(max_examples=examples(300), deadline=None)
def test_the_first_values_are_json_with_the_outermost_keys(
    value: object, most: int, ascii_only: bool
) -> None:
    whole = {"cwd": "/x", "said": {"of": [value, value]}, "session": "s"}
    data = json.dumps(whole, ensure_ascii=ascii_only).encode("utf-8", "backslashreplace")
    found = json.loads(first_values(data, most))
    if most >= 7:  # those of the outermost objects, twice
        assert {*found} == {"cwd", "said", "session"} or data.count(b",") > 2 * most
    assert len(first_values(data, most)) <= len(data)
    assert first_values(data, len(data)) is data


@given(TAGS, st.booleans())
@settings(max_examples=examples(300), deadline=None)
def test_what_is_private_goes_from_a_long_string_as_from_a_short_one(
    text: str, ascii_only: bool
) -> None:
    data = json.dumps({"prompt": text}, ensure_ascii=ascii_only).encode()
    short = private_marks.without_private(data)
    with mock.patch.object(private_marks, "LONG_BYTES", 0):
        assert json.loads(private_marks.without_private(data)) == json.loads(short)
