"""Fewer words, where no text holds all of them."""

from pathlib import Path

import apsw

import stored
import told
from sync.recall import query_words


def choices(home: Path, query: str, **more: bool) -> list[list[str]]:
    db = apsw.Connection(str(home / "journal.db"), flags=apsw.SQLITE_OPEN_READONLY)
    chosen = query_words.choices(db, query_words.of(query), **more)
    found = [[t.text + "*" * t.prefix for t in terms] for terms in chosen]
    db.close()
    return found


def test_all_words_come_first_then_those_that_are_known_the_rarest_last_to_go(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    for number, text in enumerate(("rounding invoices", "rounding again", "rounds of invoices")):
        told.asked(home, f"aaaaaa{number:02}", text, 1000 - number, now_us=stored.NOW_US)
    stored.sync(home)
    found = choices(home, "why is the rounding of invoice zyx wrong")
    assert found[0][0] == "why"
    assert len(found[0]) == 8
    assert found[1] == ["round*", "invoic*", "zyx", "wrong*"]
    assert found[2] == ["invoic*", "round*"]
    assert found[-1] == ["invoic*"]
    assert choices(home, "rounding zyx", stems=False) == [
        ["rounding", "zyx"],
        ["rounding"],
    ]
    assert choices(home, "?! --") == []


def test_an_error_is_found_without_its_paths_and_numbers(tmp_path: Path) -> None:
    home = tmp_path / "home"
    told.asked(home, "aaaaaa01", "ValueError: cannot round", 1000, now_us=stored.NOW_US)
    stored.sync(home)
    found = choices(home, "E  ValueError: cannot round (/tmp/x81/y.py:4711)")
    assert ["ValueError*", "cannot*", "round*"] in [sorted(one) for one in found]
