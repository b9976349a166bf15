import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chance import THOROUGH, examples
from journal.redaction.hyperscan_filter import WORTH_BYTES, Prefilter
from journal.redaction.quick_filter import holds_candidate, may_hold
from journal.redaction.redactor import Redactor
from tests.journal.redaction.test_redact import (
    KEY,
    LOOK_ALIKES,
    PLANTED,
    RECORDINGS,
    dumps,
    in_positions,
)
from tests.journal.redaction.test_redact_property import TEXTS, VALUES

pytest.importorskip("hyperscan")
ENGINE = Prefilter(worth_bytes=0)


class Unfiltered(Redactor):
    """Lets the rules look at everything."""

    def may_hold_secret(self, data: bytes) -> bool:
        return True


UNFILTERED = Unfiltered(KEY)


def lets_through(data: bytes) -> bool:
    """Whether the filter sees all that it would find, and all that the rules would redact."""
    by_words = may_hold(data) or UNFILTERED.json(data) == data
    return by_words and (ENGINE.may_hold(data) or not holds_candidate(data, data.lower()))


@pytest.mark.parametrize("name", PLANTED)
def test_it_lets_every_planted_secret_through(name: str) -> None:
    text = PLANTED[name][0].format(PLANTED[name][1])
    for number, (position, data) in enumerate(in_positions(text).items()):
        assert ENGINE.may_hold(data), position
        for end in range(0 if THOROUGH else number % 5, len(data), 1 if THOROUGH else 5):
            assert lets_through(data[:end]), (position, end)


def test_it_lets_through_what_the_filter_looks_at() -> None:
    for text in LOOK_ALIKES:
        assert all(map(lets_through, in_positions(text).values())), text


@given(VALUES, st.booleans(), TEXTS)
@settings(max_examples=examples(1000), deadline=None)
def test_no_bytes_pass_it_that_the_filter_would_hold(
    value: object, ascii_only: bool, text: str
) -> None:
    assert lets_through(dumps(value, ascii_only))
    assert lets_through(text.encode("utf-8", "surrogatepass"))
    assert lets_through(text.swapcase().encode("utf-8", "surrogatepass"))


def test_recorded_payloads_seldom_reach_the_filter() -> None:
    lines = [line for path in RECORDINGS.glob("*.jsonl") for line in path.read_bytes().split(b"\n")]
    assert len(lines) > 100
    assert sum(map(ENGINE.may_hold, lines)) <= len(lines) // 15  # also those with colours


def test_until_enough_was_seen_it_leaves_everything_to_the_filter() -> None:
    prefilter = Prefilter(worth_bytes=10)
    assert [prefilter.may_hold(b"words") for _ in range(3)] == [True, True, False]


def test_without_hyperscan_the_same_is_redacted() -> None:
    payload = dumps({"prompt": "Authorization: Bearer 9aB3dE5gH7jK1mN2pQ3s"})
    filler = b"x" * WORTH_BYTES
    code = (
        "import sys; sys.modules['hyperscan'] = None\n"
        "from journal.redaction.redactor import Redactor\n"
        f"redactor = Redactor({KEY!r})\n"
        f"redactor.json(b'x' * {WORTH_BYTES})\n"
        f"sys.stdout.buffer.write(redactor.json({payload!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert not may_hold(filler)
    assert (done.stdout, done.stderr) == (Redactor(KEY).json(payload), b"")
    assert b"[redacted:" in done.stdout
