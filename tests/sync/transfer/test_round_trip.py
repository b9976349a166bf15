"""Export, import, export: the same bytes, for any content of records."""

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import recordings
from chance import examples
from journal import cli
from journal.record import record
from sync.transfer.importing import TAKEN

DAY = "days/2026-11-18"
OWN_AFFAIRS = ("Receipt", "Rejection", "Forget", "ModelCall", "ModelFailure", "Unheard")


def export(home: Path, *args: str) -> bytes:
    path = home.parent / "export.jsonl"
    assert cli.run(["--home", str(home), "export", *args, "--output", str(path)]) == 0
    return path.read_bytes()


def imported(home: Path, data: bytes) -> Path:
    """An empty home after the import of these lines."""
    path = home.parent / "import.jsonl"
    path.write_bytes(data)
    assert cli.run(["--home", str(home), "import", str(path)]) == 0
    return home


def line(
    number: int, header: str = "", body: str = '"payload":{"session_id":"s"}', **more: Any
) -> bytes:
    """A record as some other program may have written it."""
    fields = {
        "v": 1, "id": f"{number:032x}", "at": "2026-11-18T10:00:00.000001Z",
        "agent": "claude-code", "event": "Stop", "session": "s", **more,
    }  # fmt: skip
    return f"{json.dumps(fields)[:-1]}{header},{body}}}\n".encode("utf-8", "surrogatepass")


def payload(text: str, number: int) -> bytes:
    return line(number, body=f'"payload":{text}')


SECRET = "ghp_" + "a1B2c3D4e5" * 4
MARKED = '{"session_id":"s","api_key":"[redacted:named:1f0c9a2e]","prompt":"[redacted:github:0]"}'
BODIES = (
    "null", "5", "true", '"text"', "[1, 2 ]", '{"session_id" : "s"} ', '\t{"session_id":"s"}\r',
    '{"session_id":"s","a":1,"a":2,"n":123456789012345678901234567890.5e400,"f":1.0,"z":-0}',
    r'{"session_id":"s\ud800","prompt":"\udfff \/ \u0041"}', r'{"session_id":"a\u0000b"}',
    '{"session_id":""}', '{"session_id":5}', '{"session_id":"s","x":{ "v":1,"id":"00"}}',
    MARKED, json.dumps({"session_id": SECRET, "password": "hunter2hunter2X9", "t": SECRET}),
    json.dumps({"session_id": "s", "t": "ä\u2028x" * 5_000, "u": "ä\u2028x" * 5_000}),
    json.dumps({"session_id": "s", "t": "</script>\x1b]0;x\x07\u202e" * 9_000}, ensure_ascii=False),
    "[" * 500 + "]" * 500, json.dumps({"session_id": "x" * 5000}),
)  # fmt: skip
RAW = (
    '"raw":"no json \\udcff\\u0000"',
    '"raw":null',
    '"raw":""',
    '"raw":"{\\"session_id\\":\\"r\\"}"',
)
HEADERS = (
    ',"x":123456789012345678901234567890,"y":1e5,"w":-0.0', ',"x":' + "[" * 200 + "]" * 200,
    ',"z":{"b":1,"a":2},"x":"\\u0000\\u2028"', ',"git":{"key":"b","key":"a","top":null}',
    f',"token":"{SECRET}"',
)  # fmt: skip
ENVELOPES: tuple[dict[str, Any], ...] = (
    {"at": "2026-11-18T12:00:00.0000019+02:00"}, {"at": "2026-11-18"},
    {"at": "9999-12-31T23:59:59"}, {"agent": "../x\0"}, {"agent": "codex", "event": "ä" * 128},
    {"session": "y" * 4096}, {"host": None, "pid": 2**62, "entrypoint": "", "plan": "p:1:n"},
)  # fmt: skip


def odd_lines() -> list[bytes]:
    """Records of every kind that a reader takes, many of them at one moment."""
    made = [payload(text, number) for number, text in enumerate(BODIES, 100)]
    made += [line(number, body=text) for number, text in enumerate(RAW, 200)]
    made += [line(number, header) for number, header in enumerate(HEADERS, 300)]
    made += [line(number, **more) for number, more in enumerate(ENVELOPES, 400)]
    return made[::-1]


def own_lines() -> list[bytes]:
    """Every kind of the journal's own records, and some as only strangers write them."""
    said = {"agent": "claude-code", "memory_id": "mem-1", "summary": {"request": "r"}}
    facts = [
        record.dump(record.new_fact(name, "s", said, recordings.START_NS + number))
        for number, name in enumerate((*sorted(TAKEN), *OWN_AFFAIRS))
    ]
    strange = {"agent": "journal", "event": "Pin", "session": "c3af9ce9"}
    facts += [line(501, ',"zz":1,"aa":2.50', **strange), line(502, body='"raw":"zz"', **strange)]
    return [*facts, line(503, body='"payload":null', **strange), line(100, **strange)]


def test_an_export_that_is_imported_gives_the_same_export(tmp_path: Path) -> None:
    home = tmp_path / "a"
    for number, name in enumerate(recordings.NAMES):
        recordings.write_journal(home, name, recordings.START_NS + number * 3_600 * 10**9)
    odd, own = odd_lines(), own_lines()
    recordings.append(home / DAY / "claude-code.odd.jsonl", b"".join(odd))
    recordings.append(home / DAY / "journal.s.jsonl", b"".join(own))
    data = export(home)
    known = {json.loads(one)["event"] for one in data.splitlines()}
    assert known >= TAKEN
    assert known.isdisjoint(OWN_AFFAIRS)
    count = sum(len(recordings.load(name)) for name in recordings.NAMES)
    assert data.count(b"\n") == count + len(odd) + len(own) - len(OWN_AFFAIRS)
    assert SECRET.encode() not in data.replace(f'"token":"{SECRET}"'.encode(), b"")
    second = imported(tmp_path / "b", data)
    assert export(second) == data
    for session in ("claude-code/s", "codex/s", "c3af9ce9-b3ec-4cfd-8e88-d19030d6d1fa"):
        part = export(home, session)
        assert part
        assert export(imported(tmp_path / str(len(part)), part), session) == part
    assert export(imported(second, data)) == data


TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None), max_size=20)
    | st.sampled_from([SECRET, "x" * 1_200, "\x1b[31m", "[redacted:github-token:1f0c9a2e]"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
EXTRA = st.dictionaries(
    TEXTS.filter(lambda key: key not in {"payload", "raw", "v", "id", "at", "host", "pid"}),
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS | VALUES,
    max_size=3,
)


@st.composite
def bodies(draw: st.DrawFn) -> str:
    value = draw(VALUES | st.fixed_dictionaries({"session_id": TEXTS, "prompt": VALUES}))
    text = json.dumps(value, indent=draw(st.sampled_from([None, 0])))
    raw = isinstance(value, str) and draw(st.booleans())
    return f'"{"raw" if raw else "payload"}":{text}'.replace("\n", " ")


@st.composite
def journals(draw: st.DrawFn) -> list[bytes]:
    made = []
    for number in range(draw(st.integers(1, 25))):
        own = draw(st.integers(0, 4)) == 0
        events = st.sampled_from((*sorted(TAKEN), *OWN_AFFAIRS)) if own else NAMES
        more = {
            "at": f"2026-11-18T10:00:0{draw(st.integers(0, 2))}",
            "agent": "journal" if own else draw(NAMES | st.just("claude-code")),
            "event": draw(events | st.just("UserPromptSubmit")),
            "session": draw(TEXTS),
        }
        extra = draw(EXTRA)
        header = f",{json.dumps(extra)[1:-1]}" if extra else ""
        made.append(line(draw(st.integers(0, 30)) + 100 * number, header, draw(bodies()), **more))
    return made


@settings(max_examples=examples(15), deadline=None)
@given(journals())
def test_it_does_with_any_records(made: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "a"
        recordings.append(home / DAY / "claude-code.s.jsonl", b"".join(made))
        data = export(home)
        assert export(imported(Path(folder) / "b", data)) == data
