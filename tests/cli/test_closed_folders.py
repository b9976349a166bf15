"""A folder of the home that cannot be read is named, and everything else works."""

import gzip
import re
from pathlib import Path

import pytest

import reported
import rights
import stored
from reported import Reader, asked

FOLDERS = ("days/2026-11-18", "packs", "contexts", "retry", "dead", "logs")


@pytest.fixture
def journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Reader:
    made = reported.reader(tmp_path, capsys, monkeypatch)
    asked(made.home, "aaaaaa01", "stored before", 60)
    made("sync")
    for folder in FOLDERS:
        (made.home / folder).mkdir(mode=0o700, exist_ok=True)
    return made


@pytest.mark.parametrize("folders", [*((one,) for one in FOLDERS), FOLDERS])
def test_a_closed_folder_is_named_and_the_rest_works(
    journal: Reader, folders: tuple[str, ...]
) -> None:
    asked(journal.home, "bbbbbb01", "new in another day", 2 * 86_400)
    with rights.shut(*(journal.home / folder for folder in folders)):
        assert "1 session updated" in journal("sync").replace("2 records", "1 session")
        for folder in folders:
            assert f"cannot read {journal.home / folder}: its rights forbid it" in journal.err
        said = journal("status", "--json")
        assert all(f"no access to {journal.home / folder}" in said for folder in folders)
        assert {"aaaaaa01", "bbbbbb01"} <= {*journal("sessions", "--json").split('"')}
        assert "new in another day" in journal("search", "another")
    journal("sync")
    assert "cannot" not in journal.err
    stored.check(journal.home)


def test_a_torn_line_waits_until_it_can_be_kept(journal: Reader) -> None:
    asked(journal.home, "cccccc01", "behind a torn line", 2 * 86_400)
    (day,) = (journal.home / "days/2026-11-16").glob("*")
    whole = day.read_bytes()
    day.write_bytes(b'{"v":1,torn\n' + whole)
    with rights.shut(journal.home / "dead"):
        journal("sync")
        assert str(journal.home / "dead") in journal.err
    journal("sync")
    assert "torn" in (next((journal.home / "dead").glob("2*")).read_text())
    assert "cccccc01" in journal("sessions", "--json")


def test_shut_packs_without_a_database_are_not_packs_that_are_gone(journal: Reader) -> None:
    """What the days hold is shown; what was packed comes back when the packs can be read."""
    packs = journal.home / "packs"
    lines = next((journal.home / "days").glob("*/*.jsonl")).read_bytes()
    other = lines.replace(b"aaaaaa01", b"dddddd01").replace(b"stored before", b"packed before")
    # Another id than the one in the day file.
    unlike = re.sub(
        rb'("id":"[0-9a-f]{31})(.)', lambda m: m[1] + (b"1" if m[2] == b"0" else b"0"), other
    )
    (packs / "2026-11-01.jsonl.gz").write_bytes(gzip.compress(unlike))
    for path in journal.home.glob("journal.db*"):
        path.unlink()
    with rights.shut(packs):
        for _ in range(2):
            journal("sync")
            assert f"cannot read {packs}: its rights forbid it" in journal.err
        assert "aaaaaa01" in journal("sessions", "--json")
        assert f"no access to {packs}" in journal("status", "--json")
    journal("sync")
    assert {"aaaaaa01", "dddddd01"} <= {*journal("sessions", "--json").split('"')}
    assert not journal.err
    stored.check(journal.home)


def test_while_the_days_are_shut_what_is_stored_is_shown(journal: Reader) -> None:
    asked(journal.home, "bbbbbb01", "new in another day", 2 * 86_400)
    days = journal.home / "days"
    with rights.shut(days):
        for _ in range(2):
            journal("sync")
            assert f"cannot read {days}: its rights forbid it" in journal.err
        assert "stored before" in journal("search", "before")
        assert "aaaaaa01" in journal("sessions", "--json")
        assert f"no access to {days}" in journal("status", "--json")
    journal("sync")
    assert {"aaaaaa01", "bbbbbb01"} <= {*journal("sessions", "--json").split('"')}
    stored.check(journal.home)


@pytest.mark.parametrize(
    "folder", ["packs", "contexts", "retry", "dead", "logs", "days/2026-11-16"]
)
def test_forget_names_what_it_cannot_change_and_removes_the_rest(
    journal: Reader, folder: str
) -> None:
    asked(journal.home, "bbbbbb01", "a quokka", 2 * 86_400)
    journal("sync")
    with rights.shut(journal.home / folder):
        journal("forget", "bbbbbb01", "--yes", code=1)
        assert f"cannot change {journal.home / folder}: its rights forbid it" in journal.err
        assert "bbbbbb01" not in journal("sessions", "--json")
        assert b"quokka" not in (journal.home / "journal.db").read_bytes()
    journal("forget", "bbbbbb01", "--yes")
    assert not [p for p in journal.home.rglob("*") if p.is_file() and b"quokka" in p.read_bytes()]
