"""Long strings are redacted in pieces: no piece divides an escape, a character or a token."""

import json
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from chance import examples
from journal.record.json_strings import beginnings
from journal.redaction import long_strings, redactor

REDACTOR = redactor.Redactor(bytes(32))
SECRET = "ghp_" + "aB3" * 12
TEXTS = st.text(st.sampled_from('ab \n"\\/é😀\x01\ud83d'), max_size=300)
SIZE = 160


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
