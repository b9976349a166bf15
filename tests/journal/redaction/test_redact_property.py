"""Redaction of any text and bytes: JSON stays JSON, nothing fails, the filter misses nothing."""

import json
import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from chance import THOROUGH, examples
from journal.redaction import rules
from tests.journal.redaction.test_redact import (
    KEY,
    LOOK_ALIKES,
    PLANTED,
    REDACTOR,
    Unfiltered,
    dumps,
)

# What rules, separators, quotes and escapes are made of, so that chance meets the rules often.
FRAGMENTS = [
    *(
        "\\n",
        '\\"',
        "\\u00e9",
        "://",
        "--",
        "value",
        "password",
        "token",
        "apiKey",
        "X_KEY",
        "cookie",
    ),
    *("auth", "12345678", "[redacted:named:01234567]", "hunter2hunter2", "sk-", "eyJ", "Bearer "),
    "a" * 45,
]
PIECES = st.one_of(
    st.sampled_from(
        [template.format(secret) for template, secret in PLANTED.values()]
        + LOOK_ALIKES
        + [secret for _, secret in PLANTED.values()]
    ),
    st.sampled_from([*'"\\/:=,;@ \n\t>{}[]é\u0130\u212a-_.<\0\x1b\ud800', *FRAGMENTS]),
    st.text(max_size=6),
)
TEXTS = st.lists(PIECES, max_size=6).map("".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def masked(value: object) -> object:
    """The value with every string but its markers' surroundings unknown: only its shape."""
    if isinstance(value, dict):
        return [[masked(item) for item in value.values()]]
    if isinstance(value, list):
        return [masked(item) for item in value]
    return "" if isinstance(value, str) else repr(value)


def strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


@given(VALUES, st.booleans())
@settings(max_examples=examples(400), deadline=None)
def test_json_stays_json_and_only_redacted_strings_change(value: object, ascii_only: bool) -> None:
    data = dumps(value, ascii_only)
    before = json.loads(data, object_pairs_hook=lambda pairs: [list(pair) for pair in pairs])
    redacted = REDACTOR.json(data)
    after = json.loads(redacted, object_pairs_hook=lambda pairs: [list(pair) for pair in pairs])
    assert masked(before) == masked(after)
    for old, new in zip(strings(before), strings(after), strict=True):
        assert old == new or rules.MARKER.search(new)


@given(VALUES, st.booleans())
@settings(max_examples=examples(400), deadline=None)
def test_redacted_json_stays_as_it_is_when_redacted_again(value: object, ascii_only: bool) -> None:
    once = REDACTOR.json(dumps(value, ascii_only))
    assert Unfiltered(KEY).json(once) == once


@given(TEXTS)
@settings(max_examples=examples(400), deadline=None)
def test_redacted_text_stays_as_it_is_when_redacted_again(text: str) -> None:
    once = REDACTOR.text(text)
    assert Unfiltered(KEY).text(once) == once


@given(VALUES, st.booleans())
@settings(max_examples=examples(600), deadline=None)
def test_the_filter_never_passes_json_that_a_rule_would_change(
    value: object, ascii_only: bool
) -> None:
    data = dumps(value, ascii_only)
    assert REDACTOR.may_hold_secret(data) or Unfiltered(KEY).json(data) == data


@given(TEXTS)
@settings(max_examples=examples(600), deadline=None)
def test_the_filter_never_passes_text_that_a_rule_would_change(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    assert REDACTOR.may_hold_secret(data) or Unfiltered(KEY).text(text) == text


TORN = st.sampled_from([b'"', b"\\", b"password", b":", b"hunter2hunter2", b"\xff", b"["])


@given(st.binary(max_size=60) | st.lists(TORN, max_size=12).map(b"".join))
@settings(max_examples=examples(300), deadline=None)
def test_no_bytes_make_it_fail(data: bytes) -> None:
    once = Unfiltered(KEY).json(data)
    assert Unfiltered(KEY).json(once) == once


HOSTILE = """
import sys
from journal.redaction.redactor import Redactor

class Unfiltered(Redactor):
    def may_hold_secret(self, data):
        super().may_hold_secret(data)
        return True

redactor = Unfiltered(bytes(32))
escape = str.maketrans({'"': '\\\\"', "\\\\": "\\\\\\\\"})
size = int(sys.argv[1])
for piece in sys.argv[2:]:
    text = (piece * size)[:size]
    redactor.text(text)
    redactor.json(('{"password":"x' + text[: size // 4].translate(escape) + '"}').encode())
    redactor.json(text[: size // 4].encode())
    print(piece)
"""
HOSTILE_PIECES = [
    *"a\"\\= @$'",
    *("eyJ", "-eyJ", "://", "://a:", "-----BEGIN", "-----BEGIN PRIVATE KEY-----", "--", "a:"),
    *("password", 'password="', "password='", "--token ", "token", "token ", "key:[", "pass\\"),
    *("cookie: a=b", "curl -u ", "login a ", "bearer ", "twilio", '\\"', "token\\n", "<password>"),
]


def test_hostile_texts_end() -> None:
    size = 1 << (16 if THOROUGH else 15)
    command = [sys.executable, "-c", HOSTILE, str(size), *HOSTILE_PIECES]
    done = subprocess.run(command, timeout=90, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == HOSTILE_PIECES
