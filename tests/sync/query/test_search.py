"""Search finds the texts with the words that people type, and never fails on punctuation."""

import json
import os
import pty
import re
import subprocess
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import recordings
import stored
from chance import examples
from commands import program
from journal import cli
from journal.errors import UsageError
from journal.session.texts import KINDS, TextKind, texts
from sync.query.candidates import Query
from sync.query.filters import Filters, Wanted, moment_us
from sync.query.search import Found, search
from sync.query.terms import SNIPPET_CHARS, folded, parse, snippet
from sync.store import facts
from tests.journal.test_search_words import finds

NOW_US = stored.NOW_US
DAY_NS = 86_400_000_000_000
TEXTS = {
    "cpp": "we write C++ here",
    "c": "plain C is c, too",
    "dotted": "call foo.bar() twice",
    "apart": "foo; bar",
    "flag": "run it with --flag and see",
    "flagless": "a flag in the wind",
    "path": "look at src/app.py:12 please",
    "pathless": "src app, py 12",
    "hyphen": "an a-b test",
    "and": "salt AND pepper",
    "near": "it says NEAR( somewhere",
    "far": "near and far",
    "accent": "a Café au lait",
    "party": "party time 🎉",
    "snake": "rename snake_case_name",
    "authors": "authorization of authors",
    "quote": 'he said "unbalanced and left',
    "yours": "your context_window, don't ask",
    "dash": "call it with -x only",
    "dashless": "x marks the spot",
    "logic": "this AND that OR NOT other",
    "colon": "set col:val today",
    "colonless": "a col, a val",
    "cjk": "我们修复了舍入错误",
    "cjkwords": "修复 舍入 错误",
    "rtl": "שלום עולם",
    "percent": "100% done",
    "percentless": "100 done",
    "issue": "see #123 now",
    "issueless": "see 123 now",
    "mention": "ask @user about it",
    "mail": "user@host logged in",
    "home": "cd $HOME first",
    "house": "home is here",
    "i18n": "the i18n work",
    "assign": "then x=1 holds",
    "arrow": "maps k => v",
    "arrowless": "maps k to v",
    "scope": "a std::vector of things",
    "scopeless": "std, vector",
    "kebab": "the key-with-dashes is set",
    "kebabless": "a key with dashes",
    "camel": "class CamelCaseName",
    "drive": r"look in C:\Users\me",
    "private": "call _private_thing now",
    "ticks": "run `make test` again",
    "braces": "format {name} here",
}


def prompt(
    home: Path, session: str, text: str, now_ns: int = recordings.START_NS, **more: str
) -> None:
    """A session in which a person at a terminal wrote one prompt."""
    payload = {"session_id": session, "cwd": "/code/shop", "prompt": text, **more}
    line = recordings.line("UserPromptSubmit", payload, now_ns, CLAUDE_CODE_ENTRYPOINT="cli")
    recordings.append(home / "days" / "2026-11-18" / f"claude-code.{session}.jsonl", line)


def look(home: Path, query: str, limit: int) -> Found:
    """What is found in all sessions, adopted or not."""
    db = stored.database(home)
    try:
        return search(db, Query(parse(query), Wanted(Filters()), limit=limit), NOW_US)
    finally:
        db.close()


def find(home: Path, query: str) -> list[str]:
    """The sessions in which it is found, best first."""
    return list(dict.fromkeys(hit.session for hit in look(home, query, 50).hits))


def run(home: Path, *words: str) -> int:
    return cli.run(["--home", str(home), "search", *words])


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("shelf")
    for session, text in TEXTS.items():
        prompt(home, session, text)
    stored.sync(home)
    return home


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("recorded")
    for number, name in enumerate(recordings.NAMES):
        recordings.write_journal(home, name, recordings.START_NS + number * 3_600_000_000_000)
    stored.sync(home)
    return home


@pytest.mark.parametrize(
    ("query", "sessions"),
    [
        ("C++", "cpp"),
        ("c", "c cpp drive"),
        ("foo.bar", "dotted"),
        ("foo bar", "dotted apart"),
        ("foo.bar()", "dotted"),
        ('"foo bar"', "dotted apart"),
        ('"bar foo"', ""),
        ("--flag", "flag"),
        ("flag", "flag flagless"),
        ("src/app.py:12", "path"),
        ("src/app.py:1", ""),
        ("src/app.py:1*", "path"),
        ("app.py", "path"),
        ("src py", "path pathless"),
        ("a-b", "hyphen"),
        ("AND", "and far flag quote logic"),
        ("NEAR(", "near"),
        ("near(", "near"),
        ("NEAR", "near far"),
        ("cafe", "accent"),
        ("CAFÉ", "accent"),
        ("cafe\u0301", "accent"),
        ("-x", "dash"),
        ("x", "dash dashless assign"),
        ("a AND OR NOT", ""),
        ("AND OR NOT", "logic"),
        ("col:val", "colon"),
        ("val:col", ""),
        ("col val", "colon colonless"),
        ("我们修复了舍入错误", "cjk"),
        ("我们*", "cjk"),
        ("舍入", "cjk cjkwords"),
        ("שלום", "rtl"),
        ("100%", "percent"),
        ("100", "percent percentless"),
        ("%", ""),
        ("_", ""),
        ("\\", ""),
        ("'", ""),
        ("^", ""),
        ("{}", ""),
        ("::", ""),
        ("=>", ""),
        ("#123", "issue"),
        ("123", "issue issueless"),
        ("@user", "mention"),
        ("user@host", "mail"),
        ("$HOME", "home"),
        ("home", "home house"),
        ("i18n", "i18n"),
        ("x=1", "assign"),
        ("k => v", "arrow"),
        ("std::vector", "scope"),
        ("key-with-dashes", "kebab"),
        ("key with dashes", "kebab kebabless"),
        ("CamelCase", "camel"),
        ("camelcasename", "camel"),
        ("CamelCase*", "camel"),
        (r"C:\Users\me", "drive"),
        ("_private_thing", "private"),
        ("`make test`", "ticks"),
        ("{name}", "braces"),
        ("salt\0pepper", "and"),
        ("party 🎉", "party"),
        ("party 🎂", ""),
        ("🎉", ""),
        ("snake_case", "snake"),
        ("case_name", "snake"),
        ("nake_case", ""),
        ("author", ""),
        ("author*", "authors"),
        ("authors?", "authors"),
        ('"authors?"', ""),
        ('"unbalanced', "quote"),
        ('said "unbalanced', "quote"),
        ("unbalanced and\tleft", "quote"),
        ("don't", "yours"),
        ("*", ""),
        ("**", ""),
        ('"', ""),
        ('""', ""),
        ("-", ""),
        ("()", ""),
        ("foo OR authors", ""),
        ("NOT foo", ""),
        ("foo NEAR bar", ""),
        ("text:foo", ""),
        ("^we", ""),
        ("{foo}", ""),
        ("nothing", ""),
    ],
)
def test_a_query_finds_the_texts_that_hold_it(shelf: Path, query: str, sessions: str) -> None:
    assert set(find(shelf, query)) == set(sessions.split())


@settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))
@given(query=st.text() | st.text(alphabet="ab\"*+-()^:{}'\\/. \0\ud800", max_size=30))
def test_no_query_is_an_error(shelf: Path, query: str) -> None:
    find(shelf, query)


WORDS = st.text(alphabet="aBc1_-+./:#@()[]{}^$|\\'é中🎉", min_size=1, max_size=8)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(words=st.lists(WORDS, min_size=1, max_size=6), data=st.data())
def test_a_text_is_found_by_any_of_its_words(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], data: st.DataObject
) -> None:
    home = tmp_path_factory.mktemp("words")
    prompt(home, "mine", " ".join(words))
    stored.sync(home)
    word = data.draw(st.sampled_from(words))
    expected = ["mine"] if any(map(str.isalnum, word)) else []
    assert find(home, word) == expected
    assert find(home, f'"{word}"') == expected


def test_ten_kilobytes_of_text_are_a_query(shelf: Path) -> None:
    assert find(shelf, "salt and pepper " * 640) == ["and"]
    assert find(shelf, "".join(f"x{number} " for number in range(2000))) == []
    assert find(shelf, '"' + "a.b " * 2500 + '"') == []


def test_each_kind_of_text_is_found_where_it_is(recorded: Path) -> None:
    cases = {
        "simple thing": "prompt",
        "All done: wrote": "answer",
        "hello from bash": "output",
    }
    lines = {json.loads(line)["id"]: line for line in stored.exported(recorded)}
    for query, kind in cases.items():
        hits = look(recorded, f'"{query}"', 500).hits
        assert kind in {hit.kind.name.lower() for hit in hits}
        for hit in hits:
            if hit.event_id is not None:
                words = query.rpartition(" ")[2].encode()
                assert words in lines[hit.event_id.hex()]


def test_a_summary_is_found_and_has_no_event(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(recorded, "--kind", "summary", "simple", "--json", "--all") == 0
    hits = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert hits
    assert {(hit["kind"], hit["event_id"]) for hit in hits} == {("summary", None)}


def test_json_has_the_keys_of_the_interface(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(recorded, "simple", "--limit", "3", "--json") == 0
    hits = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(hits) == 3
    for hit in hits:
        assert {"session", "event_id", "at", "kind", "project", "snippet"} <= hit.keys()
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", hit["at"])
        assert [hit["snippet"][a:b].lower() for a, b in hit["marks"]] == ["simple"]


def test_filters_leave_out_other_sessions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in stored.PATIENT.items():  # what reads ends sessions for their silence, too
        monkeypatch.setenv(name, value)
    prompt(tmp_path, "old", "the word", recordings.START_NS)
    prompt(tmp_path, "new", "the word", recordings.START_NS + DAY_NS)
    prompt(tmp_path, "other", "the word", cwd="/code/Farm")
    headless = recordings.line("UserPromptSubmit", {"session_id": "headless", "prompt": "the word"})
    recordings.append(tmp_path / "days/2026-11-18/claude-code.headless.jsonl", headless)

    def sessions(*options: str) -> set[str]:
        assert run(tmp_path, "word", "--kind", "prompt", "--json", *options) == 0
        return {json.loads(line)["session"] for line in capsys.readouterr().out.splitlines()}

    assert sessions() == {"old", "new", "other"}
    assert sessions("--all") == {"old", "new", "other", "headless"}
    assert sessions("--project", "farm") == {"other"}
    assert sessions("--since", "2026-11-19") == {"new"}
    assert sessions("--agent", "claude-code") == {"old", "new", "other"}
    assert sessions("--agent", "codex") == set()
    assert sessions("--state", "working") == {"old", "new", "other"}
    assert sessions("--state", "finished") == set()
    assert sessions("--branch", "main") == set()
    assert sessions("--here") == set()
    assert sessions("--kind", "answer") == {"old", "new", "other"}  # prompts are asked for, too


def test_here_is_the_project_of_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = tmp_path / "shop"
    here.mkdir()
    home = tmp_path / "home"
    prompt(home, "mine", "the word", cwd=str(here))
    prompt(home, "other", "the word", cwd="/code/farm")
    monkeypatch.chdir(here)
    assert run(home, "word", "--here", "--kind", "prompt", "--json") == 0
    hits = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [hit["session"] for hit in hits] == ["mine"]


def test_of_equal_texts_the_newest_comes_first(tmp_path: Path) -> None:
    for age in (3, 0, 400, 40):
        prompt(tmp_path, f"days{age}", "same words", (NOW_US * 1000) - age * DAY_NS)
    stored.sync(tmp_path)
    assert find(tmp_path, "words") == ["days0", "days3", "days40", "days400"]


def test_a_session_deleted_since_is_not_found(tmp_path: Path) -> None:
    prompt(tmp_path, "kept", "the word")
    prompt(tmp_path, "gone", "the word")
    stored.sync(tmp_path)
    import apsw

    db = apsw.Connection(str(tmp_path / "journal.db"))
    query = "delete from {} where session = (select key from sessions where id = 'gone')"
    for table in ("events", "summaries"):
        db.execute(query.format(table))
    db.close()
    assert find(tmp_path, "word") == ["kept"]


def test_a_snippet_is_one_short_line_around_the_match() -> None:
    text = (
        "before " * 3000 + "here\tis\nthe \x1b[31m Needle\x1b[0m\u202e\x07 in it " + "after " * 3000
    )
    found = snippet(text, parse("needle"))
    assert len(found.text) <= SNIPPET_CHARS
    assert "is the Needle in it" in found.text
    assert found.text.startswith("…")
    assert found.text.endswith("…")
    assert [found.text[a:b] for a, b in found.marks] == ["Needle"]
    assert all(c.isprintable() for c in found.text)


@given(text=st.text(max_size=400), query=st.text(min_size=1, max_size=12))
def test_marks_lie_in_the_snippet(text: str, query: str) -> None:
    found = snippet(unicodedata.normalize("NFC", text + query + text), parse(query))
    assert len(found.text) <= SNIPPET_CHARS
    ends = [0, *(place for mark in found.marks for place in mark), len(found.text)]
    assert ends == sorted(ends)


def test_stored_text_cannot_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "evil \x1b]0;title\x07 \x1b[2J word \x9b31m [bold]markup[/bold] \u202eback"
    prompt(tmp_path, "evil\x1b[2Jid", hostile, cwd="/code/\x1b[31mred")
    assert run(tmp_path, "word") == 0
    out = capsys.readouterr().out
    assert "[bold]markup[/bold]" in out
    assert all(c.isprintable() or c == "\n" for c in out)


def test_equal_texts_of_a_session_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for minute in range(4):
        prompt(tmp_path, "s", "go on then", recordings.START_NS + minute * 60_000_000_000)
    assert run(tmp_path, "go", "--kind", "prompt") == 0
    out = capsys.readouterr().out
    assert out.count("[go] on then") == 1
    assert "(4 times)" in out


def test_an_empty_query_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], [""], ["  "]):
        assert run(tmp_path, *words) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        assert "journal search rounding" in captured.err


def test_nothing_found_is_reported_and_is_not_a_failure(
    shelf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(shelf, "unheard-of") == 0
    assert capsys.readouterr().out == "Nothing found for: unheard-of\n"
    assert run(shelf, "unheard-of", "--json") == 0
    assert capsys.readouterr().out == ""
    assert run(shelf, "++") == 0
    assert "needs a letter or a digit" in capsys.readouterr().out


def test_an_unknown_option_is_a_word_unless_it_looks_mistyped(
    shelf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(shelf, "--flag", "--json") == 0
    hits = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {hit["session"] for hit in hits} == {"flag"}
    assert run(shelf, "word", "--jsno") == 2
    assert "did you mean --json?" in capsys.readouterr().err
    assert run(shelf, "--", "--jsno") == 0
    assert run(shelf, "word", "--since", "soon") == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_more_matches_than_are_looked_at_are_not_hidden(tmp_path: Path) -> None:
    for number in range(520):
        prompt(tmp_path, f"s{number}", "c and more")
    stored.sync(tmp_path)
    few = look(tmp_path, "c/and", 5)
    assert few.hits == []
    assert few.more is not None
    plenty = look(tmp_path, "more", 2000)
    assert plenty.more is None
    assert len({hit.session for hit in plenty.hits}) == 520


def test_on_a_terminal_lines_have_eighty_columns_and_matches_are_bold(tmp_path: Path) -> None:
    text = "a rather long request that goes on " * 8 + "with the needle and then " * 8
    prompt(tmp_path, "s", text)
    master, slave = pty.openpty()
    command = [program(), "--home", str(tmp_path), "search", "needle"]
    environ = {**os.environ, "HOME": str(tmp_path), "TERM": "xterm-256color", "COLUMNS": "80"}
    environ.pop("NO_COLOR", None)
    subprocess.run(command, stdout=slave, env=environ, check=True, timeout=30)
    os.close(slave)
    os.set_blocking(master, False)
    out = os.read(master, 1 << 16).decode()
    os.close(master)
    assert re.search(r"\x1b\[[0-9;]*1m[^\x1b]*needle", out)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out).splitlines()
    assert len(plain) > 2
    assert max(map(len, plain)) <= 80


@pytest.mark.parametrize(
    ("text", "ago_seconds"), [("90s", 90), ("2h", 7200), ("3 d", 259_200), ("1W", 604_800)]
)
def test_since_takes_an_age(text: str, ago_seconds: int) -> None:
    assert moment_us(text, NOW_US) == NOW_US - ago_seconds * 1_000_000


def test_since_takes_days_and_times() -> None:
    assert moment_us("2026-11-21T00:00:00Z", 0) == 1_795_219_200_000_000
    assert moment_us("2026-11-21T01:00+01:00", 0) == 1_795_219_200_000_000
    today, yesterday = moment_us("today", NOW_US), moment_us("yesterday", NOW_US)
    assert 23 * 3_600_000_000 <= today - yesterday <= 25 * 3_600_000_000
    assert today <= NOW_US < today + 25 * 3_600_000_000


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "0001-01-01", "-2h", "2h\n3"])
def test_since_refuses_what_is_not_a_time(text: str) -> None:
    with pytest.raises(UsageError, match="as a time"):
        moment_us(text, NOW_US)


def test_the_index_has_the_same_texts_as_a_new_reading(recorded: Path) -> None:
    """The index keeps no text: each of its rows has one in the event that it names."""
    db = stored.database(recorded)
    db.execute("create virtual table temp.words using fts5vocab(main, full_text, 'instance')")
    rows = db.execute("select doc, group_concat(term, ' ') from temp.words group by doc").fetchall()
    events = facts.events_at(db, (number // KINDS for number, _ in rows if number > 0))
    assert len(events) > 50
    for number, terms in rows:
        if number > 0:
            text = dict(texts(events[number // KINDS].event.meaning, True))[
                TextKind(number % KINDS)
            ]
            assert set(terms.split()) <= set(re.findall(r"[^\W_]+", folded(text).text))
    db.close()


NEEDLES = {
    "needleprompt": ("prompt", "UserPromptSubmit", {"prompt": "find the needleprompt"}),
    "needleinput": ("input", "PreToolUse", {"tool_input": {"a": [{"b": "deep needleinput"}]}}),
    "needleoutput": ("output", "PostToolUse", {"tool_response": {"stdout": "x\nneedleoutput\n"}}),
    "needleerror": ("output", "PostToolUseFailure", {"error": "Exit code 1\nneedleerror"}),
    "needlelate": ("input", "PostToolUse", {"tool_input": {"query": "needlelate"}}),
    "needlechild": ("input", "PreToolUse", {"agent_id": "c", "tool_input": {"x": "needlechild"}}),
    "needlereport": (
        "answer", "SubagentStop", {"agent_id": "c", "last_assistant_message": "needlereport"}
    ),
    "needleanswer": ("answer", "Stop", {"last_assistant_message": "done, needleanswer"}),
    "needlefailure": ("answer", "StopFailure", {"last_assistant_message": "no needlefailure"}),
    "needlefar": ("output", "PostToolUse", {"tool_response": "words " * 10_000 + "needlefar"}),
}  # fmt: skip


def test_prompts_calls_outputs_and_answers_are_found(tmp_path: Path) -> None:
    for number, (_, event, more) in enumerate(NEEDLES.values()):
        tool = {"tool_name": "Bash", "tool_use_id": f"t{number}", "tool_input": {}}
        payload = {"session_id": "s", **(tool if "Tool" in event else {}), **more}
        now_ns = recordings.START_NS + number * 10**9
        line = recordings.line(event, payload, now_ns, CLAUDE_CODE_ENTRYPOINT="cli")
        recordings.append(tmp_path / "days" / "2026-11-18" / "claude-code.s.jsonl", line)
    stored.sync(tmp_path)
    for needle, (kind, _, _) in NEEDLES.items():
        hits = [hit for hit in look(tmp_path, needle, 9).hits if hit.event_id]
        assert [hit.kind.name.lower() for hit in hits] == [kind], needle
        start, end = hits[0].snippet.marks[0]
        assert hits[0].snippet.text[start:end] == needle


CASED = "aSsßẞﬁFiIıİΣσςKKÅåÉé½ⅣﬀǆＡｂﾊﾟ"  # noqa: RUF001


@given(st.text(alphabet=CASED, min_size=1, max_size=8), st.sampled_from(["lower", "upper", "fold"]))
@settings(max_examples=examples(300), deadline=None)
def test_words_in_another_case_are_found_and_seen(word: str, how: str) -> None:
    """What the index finds at home, the team archive looks for in the text itself."""
    text = unicodedata.normalize("NFC", f"see {word}, there")
    typed = {"lower": word.lower(), "upper": word.upper(), "fold": word.casefold()}[how]
    (term,) = parse(typed)
    spans = list(term.spans(text, folded(text)))
    assert bool(spans) == finds(typed, text)
    assert all(text[start:end] in unicodedata.normalize("NFC", word) for start, end in spans)
    assert spans or folded(typed).text != folded(unicodedata.normalize("NFC", word)).text
