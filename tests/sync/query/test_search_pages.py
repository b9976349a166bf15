"""Search, page by page: nothing twice and nothing left out, also when records arrive in between."""

import json
import random
from pathlib import Path

import apsw
import pytest

import recordings
import stored
import told
from journal.errors import UsageError
from sync.query import candidates, matching, search
from sync.query.candidates import Query
from sync.query.cursors import ALL, Cursor, Window
from sync.query.filters import Filters, Wanted
from sync.query.terms import parse
from sync.store import arrivals
from told import Reader, asked

NOW_US = stored.NOW_US
WORDS = ["salt", "pepper", "cumin", "ginger"]


def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every word that a test can use is a common one."""
    monkeypatch.setattr(candidates, "TEXTS", 5)
    monkeypatch.setattr(candidates, "EVENTS", 6)
    monkeypatch.setattr(candidates, "WIDER", 2)
    monkeypatch.setattr(search, "CANDIDATES", 7)


AHEAD = (60, 86_400, 40 * 86_400, 10 * 365 * 86_400)  # seconds: a minute, a day, weeks, years


def write(home: Path, session: str, chance: random.Random, dates: str = "past") -> None:
    """One prompt with some of the words, at some time; that may be ahead of now or before 1970."""
    text = " ".join(["rice", *chance.choices(WORDS, k=chance.randint(1, 12))])
    at_ns = recordings.START_NS + chance.randrange(-40 * 86_400, 0) * 10**9
    if dates == "any" and chance.random() < 0.5:
        at_ns = NOW_US * 1000 + chance.randint(0, chance.choice(AHEAD)) * 10**9
    elif dates == "any" and chance.random() < 0.1:
        at_ns = -chance.randrange(10**9) * 10**9
    payload = {"session_id": session, "cwd": "/code/shop", "prompt": text}
    line = recordings.line("UserPromptSubmit", payload, at_ns, CLAUDE_CODE_ENTRYPOINT="cli")
    recordings.append(home / "days" / "2026-11-18" / f"claude-code.{session}.jsonl", line)


def events(found: list[object]) -> list[bytes]:
    return [one for one in found if isinstance(one, bytes)]


def ids(found: search.Found) -> list[object]:
    return [hit.event_id or hit.session for hit in found.hits]


def shift_clock(home: Path, chance: random.Random) -> None:
    """The clock was ahead when some of it arrived, and is put right."""
    db = apsw.Connection(str(home / "journal.db"))
    late_us = NOW_US + chance.choice(AHEAD) * 10**6
    with db:
        db.execute("update arrivals set at_us = ? where random() % 3 = 0", (late_us,))
        arrivals.shift(db, 1 << 61, 1 << 61, 0, late_us)  # the rows follow
    arrivals.bring_back(db, NOW_US)
    db.close()


@pytest.mark.parametrize(("windows", "dates"), [("one", "any"), ("many", "past"), ("many", "any")])
@pytest.mark.parametrize("seed", range(2))
def test_pages_are_the_first_answer_also_when_records_arrive_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, windows: str, dates: str, seed: int
) -> None:
    if windows == "many":
        small_windows(monkeypatch)
    chance = random.Random(seed)
    for _ in range(60):
        write(tmp_path, f"s{chance.randrange(9)}", chance, dates)
    stored.sync(tmp_path)
    query = Query(parse("rice salt"), Wanted(Filters()), limit=1000)
    monkeypatch.setattr(search, "CANDIDATES", 1000)
    db = stored.database(tmp_path)
    whole = ids(search.search(db, query, NOW_US))
    db.close()
    monkeypatch.setattr(search, "CANDIDATES", 7)
    pages: list[object] = []
    after, now_us = None, NOW_US
    while True:
        db = stored.database(tmp_path)
        found = search.search(db, query._replace(limit=chance.randint(1, 9)), now_us, after)
        db.close()
        pages += ids(found)
        assert len(pages) < 500, "it never ends"
        if found.more is None:
            break
        after = Cursor.of(found.hits[-1].cursor if found.hits else str(found.more))
        now_us = after.now_us
        for _ in range(3):  # old sessions go on, new ones begin
            write(tmp_path, f"s{chance.randrange(14)}", chance, dates)
        stored.sync(tmp_path)
        if dates == "any":
            shift_clock(tmp_path, chance)
    assert len(pages) == len(set(pages))
    # A summary is rewritten as its session goes on: another text, with other words.
    assert events(pages) == events(whole)


def test_each_line_of_json_says_how_to_go_on_behind_it(journal: Reader) -> None:
    for number in range(30):
        asked(journal.home, f"s{number:05d}", "the same words", 4000 - number)
    arguments = ("search", "words", "--kind", "prompt", "--json")
    hits = [json.loads(line) for line in journal(*arguments).splitlines()]
    assert len(hits) == 20
    rest = journal(*arguments, "--after", hits[-1]["cursor"]).splitlines()
    events = {json.loads(line)["event_id"] for line in rest}
    assert len(events | {hit["event_id"] for hit in hits}) == 30
    middle = journal(*arguments, "--limit", "3", "--after", hits[4]["cursor"])
    assert [json.loads(line)["event_id"] for line in middle.splitlines()] == [
        hit["event_id"] for hit in hits[5:8]
    ]
    text = journal("search", "words", "--kind", "prompt")
    assert "--limit 40" in text.splitlines()[-1]
    assert "may be more" not in journal("search", "words", "--limit", "100")


def test_a_relative_time_means_the_same_on_every_page(
    journal: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        asked(journal.home, f"s{number:05d}", "the same words", 3500 - number)
    arguments = ("search", "words", "--kind", "prompt", "--json", "--since", "1h")
    first = journal(*arguments, "--limit", "5").splitlines()
    monkeypatch.setattr(told.App, "now_us", property(lambda self: told.NOW_US + 3600 * 10**6))
    rest = journal(*arguments, "--after", json.loads(first[-1])["cursor"]).splitlines()
    assert len(first + rest) == 8


def test_a_search_that_found_nothing_yet_says_how_to_look_on(
    journal: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "CANDIDATES", 5)
    asked(journal.home, "aaaaaa01", "it is c/and there", 9000)
    for number in range(8):
        asked(journal.home, f"s{number:05d}", "c and more", 4000 - number)
    arguments = ("search", "c/and", "--kind", "prompt", "--json", "--limit", "3")
    assert journal(*arguments) == ""
    cursor = journal.err.split("--after ")[1].split(")")[0]
    (line,) = journal(*arguments, "--after", cursor).splitlines()
    assert json.loads(line)["session"] == "aaaaaa01"


@pytest.mark.parametrize("cursor", ["", "x", "1_2", "1_nan", "1_-inf_zz", "1_0x1p+0_" + "f" * 40])
def test_an_invalid_cursor_is_wrong_usage(journal: Reader, cursor: str) -> None:
    asked(journal.home, "aaaaaa01", "words", 10)
    assert journal("search", "words", "--after", cursor, code=2) == ""
    assert journal.err.count("\n") == 1
    assert "not a cursor" in journal.err


def test_a_cursor_belongs_to_its_search(journal: Reader) -> None:
    asked(journal.home, "aaaaaa01", "some words", 10)
    cursor = json.loads(journal("search", "words", "--json").splitlines()[0])["cursor"]
    for other in (["some"], ["words", "--kind", "answer"], ["words", "--agent", "x"]):
        assert journal("search", *other, "--after", cursor, code=2) == ""
        assert "another search" in journal.err
    journal("search", "words", "--limit", "3", "--after", cursor)


def test_a_cursor_is_its_text() -> None:
    for place in (
        Cursor(7, NOW_US, 12, ALL),
        Cursor(2**32 - 1, 0, 0, Window((9, 4), (3, 1), 40), -0.1234, 99, (3, 1)),
    ):
        assert Cursor.of(str(place)) == place
        assert (
            str(place).replace("_", "").replace("-", "").replace(".", "").replace("+", "").isalnum()
        )
    with pytest.raises(UsageError, match="another version"):
        Cursor.of(str(place).replace("1_", "2_", 1))


def test_of_common_words_the_newest_sessions_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the old ones were synced last, as after an import."""
    small_windows(monkeypatch)
    for age in (5, 80, 3, 40, 60, 1, 20, 90):
        at_ns = NOW_US * 1000 - age * 86_400 * 10**9
        payload = {"session_id": f"days{age}", "prompt": "rice " * (age // 9 + 1)}
        line = recordings.line("UserPromptSubmit", payload, at_ns, CLAUDE_CODE_ENTRYPOINT="cli")
        recordings.append(tmp_path / "days" / "2026-11-18" / f"claude-code.d{age}.jsonl", line)
        stored.sync(tmp_path)
    monkeypatch.setattr(candidates, "EVENTS", 2)
    db = stored.database(tmp_path)
    query = Query(parse("rice"), Wanted(Filters()), limit=3)
    found = search.search(db, query, NOW_US)
    db.close()
    assert {hit.session for hit in found.hits} <= {"days1", "days3", "days5", "days20"}


def test_a_beginning_is_found_as_the_words_that_begin_so(
    journal: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few words are asked for one by one, many as a beginning: the answers are equal."""
    texts = ("salt salty", "salt salt saltier pepper", "loadBalancer of 四舍五入", "saltLake")
    for number, text in enumerate(texts):
        asked(journal.home, f"s{number}", text, 4000 - number)
    stored.sync(journal.home)
    db = stored.database(journal.home)
    for words in ("salt*", "salt* pep*", "loadBal*", "四*", "sal* of*", "none*"):
        query = Query(parse(words), Wanted(Filters()))
        with monkeypatch.context() as at_once:
            at_once.setattr(matching, "MOST_WORDS", 0)
            assert "*" in matching.match(db, query.terms).text
            found = search.search(db, query, NOW_US)
        assert search.search(db, query, NOW_US) == found
        assert bool(found.hits) == (words not in ("none*", "sal* of*"))
    assert "*" not in matching.match(db, parse("salt*")).text
    db.close()
