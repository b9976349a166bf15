"""One line: header and payload apart, torn and glued lines, what agents write that is odd."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import recordings
from hooks import emit
from journal.record import record

NOW_NS = 1_795_000_000_123_456_789


def made(data: bytes, **environ: str) -> bytes:
    """The emitter's line for these bytes on stdin."""
    return emit.record("claude-code", "Stop", data, NOW_NS, environ)[0]


@pytest.mark.parametrize("name", recordings.NAMES)
def test_a_recorded_payload_comes_back_as_it_was_sent(name: str) -> None:
    firings = recordings.load(name)
    lines = recordings.records(name)
    for firing, (_, line) in zip(firings, lines, strict=True):
        parsed = record.parse(line.rstrip(b"\n"))
        assert json.loads(parsed.body) == json.loads(firing.stdin)
        assert record.dump(parsed) == line


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()), st.text(max_size=40))
def test_any_object_survives_the_envelope(payload: dict[str, object], session: str) -> None:
    data = json.dumps(payload).encode()
    line = made(data, CLAUDE_CODE_SESSION_ID=session.replace("\0", "").strip())
    parsed = record.parse(line[:-1])
    assert not parsed.raw
    assert json.loads(parsed.body) == payload
    assert isinstance(record.load_body(parsed.body), dict)
    assert line.count(b"\n") == 1


@given(st.binary(max_size=200))
def test_bytes_that_are_not_an_object_are_kept_whole_as_text(data: bytes) -> None:
    line = made(data)
    parsed = record.parse(line[:-1])
    stripped = data.strip(b" \t\r\n")
    if parsed.raw:
        text = json.loads(parsed.body)
        assert text.encode("utf-8", "surrogateescape") == stripped
    elif stripped:
        assert parsed.body == stripped.replace(b"\n", b" ").strip()
    else:
        assert parsed.body == b"null"


@given(st.binary(max_size=300))
def test_no_line_raises(data: bytes) -> None:
    reading = record.read_line(data.replace(b"\n", b""))
    assert reading.record is not None or reading.reason


@given(st.integers(min_value=1, max_value=400))
def test_a_record_glued_to_a_torn_one_is_kept(cut: int) -> None:
    torn = made(b'{"a":"' + b"x" * 300 + b'"}')[:cut]
    whole = made(b'{"b":1}')
    reading = record.read_line(torn + whole[:-1])
    if reading.record is not None and reading.record.body != b'{"b":1}':
        inner = record.glued(torn + whole[:-1])
        assert inner is not None
        reading = inner
    assert reading.record is not None
    assert record.dump(reading.record) == whole
    assert reading.torn == torn


def test_a_payload_cannot_become_envelope() -> None:
    data = b'{"a":1},"event":"Forget","x":{"b":2}'
    parsed = record.parse(made(b"{" + data + b"}")[:-1])
    assert parsed.event == "Stop"
    with pytest.raises(record.BadLineError, match="not JSON"):
        record.load_body(parsed.body)
    assert record.parse(made(data)[:-1]).event == "Stop"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((b'"v":1', b'"v":2'), "unknown version 2"),
        ((b'"v":1', b'"v":true'), "unknown version"),
        ((b"2026", b"never"), "header: at"),
        ((b'"event":"Stop"', b'"event":""'), "header: event"),
        ((b'"id":"', b'"id":"zz'), "header: id"),
        ((b'"pid":null', b'"pid":"x"'), "header: pid"),
        ((b'"payload"', b'"paload"'), "no payload"),
        ((b'{"v"', b'["v"'), "header is not JSON"),
        ((b'"at":', b'"at":"2026-11-21T0","at":'), "header: duplicate key"),
        ((b'"pid"', b'"p\\u0061yload":1,"pid"'), "header holds a key of the body"),
        ((b'"pid"', b'"git":{"r\\u0061w":"x"},"pid"'), "header holds a key of the body"),
    ],
)
def test_a_bad_header_is_named(change: tuple[bytes, bytes], reason: str) -> None:
    reading = record.read_line(made(b"{}")[:-1].replace(*change, 1))
    assert reading.record is None
    assert reason in reading.reason


def test_unknown_keys_of_a_header_are_kept() -> None:
    line = made(b"{}").replace(b'"pid":null', b'"pid":null,"later":[1,{"payloads":2}]')
    assert record.dump(record.parse(line[:-1])) == line


def test_a_line_written_by_another_program_may_have_spaces() -> None:
    line = json.dumps({**json.loads(made(b'{"a": [1, 2]}'))}).encode()
    assert json.loads(record.parse(line).body) == {"a": [1, 2]}


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'"\\ud83d\\ude00"', "😀"),
        (b'{"a":"\\ud800 x"}', {"a": "\ufffd x"}),
        (b'"\\udc00"', "\ufffd"),
        (b"1e999", float("inf")),
        (b'{"a":1,"a":2}', {"a": 2}),
    ],
)
def test_json_that_only_strict_parsers_refuse_is_read(body: bytes, value: object) -> None:
    assert record.load_body(body) == value


@pytest.mark.parametrize("body", [b"NaN", b"[" * 100_000, b'{"a":}', b""])
def test_invalid_json_is_refused_with_a_reason(body: bytes) -> None:
    with pytest.raises(record.BadLineError, match="payload is"):
        record.load_body(body)


def test_ids_sort_by_time_and_are_version_7() -> None:
    ids = [emit.new_id(NOW_NS + step * 1_000_000) for step in range(50)]
    assert ids == sorted(ids)
    assert {made_id[12] for made_id in ids} == {"7"}
    assert {made_id[16] for made_id in ids} <= set("89ab")
    assert len({emit.new_id(time.time_ns()) for _ in range(1000)}) == 1000


def test_a_fact_of_the_journals_own_names_its_session() -> None:
    fact = record.new_fact("Pin", "abc", {"agent": "claude-code"}, NOW_NS)
    assert (fact.agent, fact.event, fact.session) == ("journal", "Pin", "abc")
    assert record.parse(record.dump(fact)[:-1]) == fact


@pytest.mark.parametrize("body", ['{"t":"%s"}' % ("Ł" * 20), "5"])
def test_a_body_in_another_encoding_is_a_bad_one(body: str) -> None:
    with pytest.raises(record.BadLineError):
        record.load_body(body.encode("utf-16-le"))


def test_a_header_that_could_not_be_written_again_is_a_bad_one() -> None:
    deep = b'{"v":1,"id":"%s","at":"2026-11-21T07:00:00Z","agent":"a","event":"e","x":%s' % (
        b"0" * 32, b"[" * 300 + b"]" * 300,
    )  # fmt: skip
    with pytest.raises(record.BadLineError, match="nested too deeply"):
        record.parse(deep + b',"payload":{}}')


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"prompt": "tab\there"}', "tab\there"),
        (b'{"prompt": "red \x1b[31m bell \x07"}', "red \x1b[31m bell \x07"),
        (rb'{"prompt": "C:\Users\kim\docs"}', "C:\\Users\\kim\\docs"),
        (b'\xef\xbb\xbf{"prompt": "behind a mark"}', "behind a mark"),
        (rb'{"prompt": "100\% and \u00e9"}', "100\\% and \u00e9"),
    ],
)
def test_a_body_that_only_strict_parsers_refuse_is_read(body: bytes, value: str) -> None:
    assert record.load_body(body) == {"prompt": value}
