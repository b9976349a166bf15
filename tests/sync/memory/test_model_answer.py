"""Any output of a model program is read as an answer, or as the reason why there is none."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chance import THOROUGH
from journal.printable import one_line
from sync.memory.answer import FIELDS, REQUEST_CHARS, TEXT_CHARS, Answer, read_answer
from sync.memory.errors import ModelError

THROWN_AWAY = "11111111-0000-4000-8000-000000000000"
REAL = "22222222-0000-4000-8000-000000000000"
SAID = {
    "request": "make the tests pass",
    "investigated": "read tests/test_x.py",
    "learned": "the clock was wrong",
    "completed": "edited x.py\nran pytest: passed",
    "next_steps": "",
}


def stream(result: str = json.dumps(SAID), **changed: Any) -> list[bytes]:
    """The lines of `claude -p --output-format stream-json --verbose --continue` with a hook."""
    hook = {"hook_id": "h1", "hook_name": "SessionStart:resume", "hook_event": "SessionStart"}
    init = {"cwd": "/tmp/x", "tools": ["Bash"], "mcp_servers": [], "model": "claude-opus-5-5"}
    said = {"role": "assistant", "content": [{"type": "text", "text": result}]}
    end = {
        "subtype": "success", "is_error": False, "duration_ms": 900, "num_turns": 1,
        "result": result, "total_cost_usd": 0.01, "usage": {"input_tokens": 3},
        "permission_denials": [], "terminal_reason": "completed",
    }  # fmt: skip
    messages: list[dict[str, Any]] = [
        {"type": "system", "subtype": "hook_started", **hook, "session_id": THROWN_AWAY},
        {"type": "system", "subtype": "hook_response", **hook, "session_id": THROWN_AWAY},
        {"type": "system", "subtype": "init", **init, "session_id": REAL},
        {"type": "assistant", "message": said, "session_id": REAL},
        {"type": "result", **end, "session_id": REAL, **changed},
    ]
    return [json.dumps(message).encode() for message in messages]


def read(text: str | bytes) -> dict[str, str]:
    """The fields of what a plain program prints; only those with a text."""
    answer = read_answer(text if isinstance(text, bytes) else text.encode())
    assert answer.memory_id is None
    assert tuple(answer.fields) == FIELDS
    return {name: value for name, value in answer.fields.items() if value}


def failure(stdout: bytes) -> ModelError:
    with pytest.raises(ModelError) as caught:
        read_answer(stdout)
    text = str(caught.value)
    assert len(text) <= 200
    assert text.isprintable()
    return caught.value


def test_a_stream_gives_the_result_and_the_id_of_its_init() -> None:
    assert read_answer(b"\n".join(stream()) + b"\n") == Answer(REAL, SAID)


def test_the_throw_away_id_of_the_hooks_is_never_taken() -> None:
    lines = [line for line in stream() if b'"init"' not in line]
    assert read_answer(b"\n".join(lines)).memory_id == REAL  # the result's own
    without = [line.replace(REAL.encode(), b"") for line in stream()]
    assert read_answer(b"\n".join(without)) == Answer(None, SAID)


def test_a_later_init_does_not_replace_the_first() -> None:
    lines = stream()
    later = lines[2].replace(REAL.encode(), b"33333333-0000-4000-8000-000000000000")
    assert read_answer(b"\n".join([*lines[:4], later, *lines[3:]])).memory_id == REAL


@pytest.mark.parametrize("bad", [b"null", b"7", b'""', b"[]", b'{"a":1}'])
def test_an_id_that_is_not_a_text_is_ignored(bad: bytes) -> None:
    lines = b"\n".join(stream()).replace(b'"%s"' % REAL.encode(), bad)
    assert read_answer(lines) == Answer(None, SAID)


def test_of_two_results_the_last_counts() -> None:
    other = stream('{"request": "the first turn"}')
    assert read_answer(b"\n".join([*other, stream()[-1]])).fields == SAID


def test_noise_torn_lines_and_other_line_ends_are_passed_over() -> None:
    lines = stream()
    noise = [b"warning: slow", b"", b'{"type":"result","result":', b"\xff\xfe", b"[1,2", b'"x"']
    mixed = b"\r\n".join([*noise, *lines[:3], *noise, lines[4], *noise])
    assert read_answer(mixed) == Answer(REAL, SAID)
    assert read_answer(b"\n".join(lines) + b'\n{"type":"assi') == Answer(REAL, SAID)


def test_a_separator_inside_a_line_does_not_split_it() -> None:
    line = json.dumps({"type": "result", "result": '{"learned":"a\u2028b\x85c"}'})
    raw = line.encode().replace(b"\\u2028", "\u2028".encode()).replace(b"\\u0085", b"\xc2\x85")
    assert read_answer(raw).fields["learned"] == "a\nb\nc"


def test_one_json_object_or_a_list_of_messages_is_read_too() -> None:
    lines = stream()
    assert read_answer(lines[-1]) == Answer(REAL, SAID)
    assert read_answer(json.dumps(json.loads(lines[-1]), indent=2).encode()) == Answer(REAL, SAID)
    assert read_answer(b" [" + b",\n".join(lines) + b"]\n") == Answer(REAL, SAID)


def test_a_stream_without_a_result_is_garbage() -> None:
    lines = stream()
    assert failure(b"\n".join(lines[:4])).kind == "garbage"
    assert failure(b"\n".join(lines)[:-5]).kind == "garbage"
    assert failure(b"\n".join(lines[:2])).kind == "garbage"


@pytest.mark.parametrize(
    ("changed", "reported"),
    [
        ({"is_error": True, "result": "Credit balance\nis \x1b[31mtoo low"}, "Credit balance is t"),
        ({"is_error": True, "subtype": "error_during_execution"}, '{"request":'),
        ({"subtype": "error_max_turns", "result": None}, "error_max_turns"),
        ({"subtype": "error_max_turns", "result": None, "errors": ["a", "b"]}, "a b"),
        ({"subtype": {"a": 1}, "result": " "}, "the model program reported an error"),
        ({"is_error": True, "result": "x" * 9_000}, "x" * 199 + "…"),
    ],
)
def test_an_error_of_the_program_is_a_refusal_with_its_text(
    changed: dict[str, Any], reported: str
) -> None:
    refused = failure(b"\n".join(stream(**changed)))
    assert (refused.kind, str(refused)[: len(reported)]) == ("refused", reported)


def test_a_result_that_is_not_a_text_is_an_error() -> None:
    for value in (None, 7, ["a"], {"request": "x"}):
        assert failure(b"\n".join(stream(result=value))).kind == "garbage"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        '{"request":"x"}',
        '\n\n  {"request": "x"}\t\n',
        '\ufeff{"request":"x"}',
        '```json\n{"request":"x"}\n```',
        'Here is the summary:\n```\n{"request":"x"}\n```\nAnything else?',
        'Sure {as you said}: {"request":"x"} {"request":"y"}',
        'An empty one: {} and {"note": "}{"} then {"request":"x"}',
        'Open { and {"request":"x"}',
        '{"request":"x","extra":{"deep":[1,2,{"a":null}]},"files_read":7}',
        '{"request":["x"]}',
        '{"request":["", "x", " \\n "], "learned":[]}',
        "\x1b[0m{\"request\":\"x\"}\x1b[0m",
    ],
)  # fmt: skip
def test_a_plain_program_may_wrap_its_object(text: str) -> None:
    assert read(text) == {"request": "x"}
    assert read_answer(b"\n".join(stream(text))).fields["request"] == "x"


@pytest.mark.parametrize(
    "text",
    [
        "", " \n", "null", "true", "7", '"request"', "[]", "{}", "I cannot do that.",
        '{"summary":"x"}', '{"request":""}', '{"request":" \\n\\t\\u0000"}', '{"request":[]}',
        '{"request":7}', '{"request":null}', '{"request":{"a":"b"}}', '{"request":["a",1]}',
        '{"request":[["a"]]}', '{"request":"x","learned":true}', '{"request":"x"',
        "{'request':'x'}",
        '{"request":NaN}', '{"request":"x","n":NaN}', '{"request":"x","n":1e999}',
        '{"request":"\\ud800"}', '{"request":"x","n":-Infinity}', '{"request":"a\x00b"}',
        'say {"request":"x","n":NaN}', 'say {"request":"\\ud800"}', 'say {"request":1e999}',
        "{" + '"a":{' * 2_000 + "}" * 2_001, 'say {"request":' + "[" * 2_000 + "]" * 2_000 + "}",
        '{"request":' + "9" * 6_000 + "}", 'say {"request":' + "9" * 6_000 + "}",
    ],
)  # fmt: skip
def test_anything_else_is_garbage(text: str) -> None:
    assert failure(text.encode()).kind == "garbage"
    assert failure(b"\n".join(stream(text))).kind == "garbage"


def test_bytes_that_are_not_utf8_are_an_error() -> None:
    assert failure(b'{"request":"\xff"}').kind == "garbage"
    assert failure(b'{"request":"x"} \xc3').kind == "garbage"
    assert failure(b'{"request":"\xed\xa0\x80"}').kind == "garbage"


def test_a_refusal_in_words_is_quoted_in_short() -> None:
    reported = str(failure(b"\x1b[31mI am " + b"sorry, " * 100))
    assert reported.endswith("…")
    assert "I am sorry, sorry" in reported
    assert len(reported.partition(": ")[2]) <= 80


def test_lists_become_lines_and_every_text_is_plain() -> None:
    text = json.dumps(
        {
            "request": ["one\ntwo", "  three  "],
            "learned": "a\x1b]0;title\x07\tb\r\n\n\n c\u202ed\x00 \x1b[1me\x1b[0m",
            "completed": "first\u2028second",
        }
    )
    assert read(text) == {
        "request": "one two\nthree",
        "learned": "a b\ncd e",
        "completed": "first\nsecond",
    }


def test_long_texts_are_cut() -> None:
    for value in ("ä" * 9_000, ["ä" * 90] * 90, "ä\n" * 9_000, ["ä"] * 9_000, "ä " * 9_000):
        fields = read(json.dumps(dict.fromkeys(FIELDS, value)))
        assert REQUEST_CHARS - 3 < len(fields["request"]) <= REQUEST_CHARS
        for name in FIELDS[1:]:
            assert TEXT_CHARS // 2 - 3 < len(fields[name]) <= TEXT_CHARS
    exact = {"request": "r" * REQUEST_CHARS, "learned": "l" * TEXT_CHARS}
    assert read(json.dumps(exact)) == exact


def test_an_object_with_only_a_type_is_not_a_message() -> None:
    assert read('{"type":"result","request":"x"}') == {"request": "x"}
    assert read('{"type":"system","level":"info"}\n{"request":"x"}') == {"request": "x"}


FLOOD_BYTES = 300_000 if THOROUGH else 100_000
FLOODS = (
    b"[", b"{", b'{"a":', b'[{"a":', b'{"a":[', b'"', b"\\", b'{"', b'{\\"', b" ", b"\n", b"{ ",
    b"{}\n", b"{}", b"a", b"9", b"\xff", b"\x00", b'"type"', b'{"type":"result"}\n',
    b',"type":"result"\n', b'{"type":"system","subtype":"init"}', b'{"request":"', b'{"request":[',
    b'{"request":["a"],', b"```json\n", b"\x1b[", b"\xe2\x80\xa8",
)  # fmt: skip


@pytest.mark.parametrize("part", FLOODS)
def test_a_flood_is_an_error(part: bytes) -> None:
    flood = part * (FLOOD_BYTES // len(part))
    text = flood.decode("utf-8", "replace")
    for stdout in (flood, b'say {"a":' + flood, b'{"request":"x","n":' + flood + b"}"):
        failure(stdout)
    failure(b"\n".join(stream(text)))


def answer_or_error(stdout: bytes) -> Answer | ModelError:
    try:
        return read_answer(stdout)
    except ModelError as error:
        return error


def clean_answer_or_error(stdout: bytes) -> None:
    answer = answer_or_error(stdout)
    if isinstance(answer, ModelError):
        assert answer.kind in ("garbage", "refused")
        assert len(str(answer)) <= 200
        assert "\n" not in str(answer)
        return
    assert answer.memory_id is None or answer.memory_id
    assert tuple(answer.fields) == FIELDS
    assert any(answer.fields.values())
    for name, value in answer.fields.items():
        assert len(value) <= (REQUEST_CHARS if name == "request" else TEXT_CHARS)
        lines = value.split("\n")
        assert value == "" or all(lines)
        for line in lines:
            assert line.replace("\u200c", "").replace("\u200d", "").isprintable()


PIECES = st.sampled_from(
    [b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\", b"\n", b" ", b'"type"', b'"result"',
     b'"system"', b'"subtype"', b'"init"', b'"session_id"', b'"request"', b'"learned"', b'"x"',
     b'"is_error"', b"true", b"null", b"1e999", b"NaN", b"\\ud800", b"```json", b"\xff", b"\x00"]
)  # fmt: skip


@given(st.binary() | st.lists(PIECES, max_size=60).map(b"".join))
@example(b"\n".join(stream()))
def test_any_bytes_are_an_answer_or_an_error(stdout: bytes) -> None:
    clean_answer_or_error(stdout)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner),
    max_leaves=12,
)
MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["system", "result", "assistant"]) | JSON,
        "subtype": st.sampled_from(["init", "success", "hook_started", "error_max_turns"]) | JSON,
        "session_id": st.text() | JSON,
        "is_error": st.booleans() | JSON,
        "result": st.dictionaries(st.sampled_from(FIELDS), JSON).map(json.dumps) | JSON,
    },
)


@given(st.lists(MESSAGE | JSON), st.sampled_from(["\n", "\r\n", " ", ","]), st.booleans())
def test_any_messages_are_an_answer_or_an_error(
    messages: list[Any], between: str, ascii_only: bool
) -> None:
    lines = [json.dumps(message, ensure_ascii=ascii_only) for message in messages]
    clean_answer_or_error(between.join(lines).encode("utf-8", "surrogatepass"))
    clean_answer_or_error(f"[{','.join(lines)}]".encode("utf-8", "surrogatepass"))


TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=80)


@given(st.dictionaries(st.sampled_from(FIELDS), TEXTS | st.lists(TEXTS)), TEXTS)
def test_the_same_texts_come_out_of_every_wrapping(
    fields: dict[str, str | list[str]], words: str
) -> None:
    whole = json.dumps(fields)
    expected = answer_or_error(whole.encode())
    if isinstance(expected, ModelError):
        texts = (text for value in fields.values() for text in value)
        assert not any(map(one_line, texts))  # nothing that can be seen was said
        return
    words = words.replace("{", "(")
    for text in (f"```json\n{whole}\n```", f"{words}\n{whole}\n{words}", f"{words}{whole}{words}"):
        assert read_answer(b"\n".join(stream(text))) == Answer(REAL, expected.fields)
