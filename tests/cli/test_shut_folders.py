"""A folder of the home that cannot be read is named, and everything else works."""

from pathlib import Path

import pytest

import rights
import stored
import told
from told import Reader, asked

FOLDERS = ("days/2026-11-18", "packs", "contexts", "retry", "dead", "logs")


@pytest.fixture
def journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Reader:
    made = told.reader(tmp_path, capsys, monkeypatch)
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


def test_packs_that_cannot_be_read_do_not_count_as_missing(journal: Reader) -> None:
    """The database is missing: without the packs it is unknown what was forgotten."""
    (journal.home / "packs/2026-11-01.jsonl.gz").touch()
    for path in journal.home.glob("journal.db*"):
        path.unlink()
    with rights.shut(journal.home / "packs"):
        journal("sync", code=1)
    assert f"cannot read {journal.home / 'packs'}" in journal.err
