"""Bare `journal`: one look shows what waits, what runs, what is done, and whether all is well."""

import subprocess
from pathlib import Path

import pytest
from rich.cells import cell_len

from commands import program
from installed import Installed
from reported import Reader, asked, four_states, tell


def test_where_nothing_is_installed_one_line_says_how(journal: Reader) -> None:
    assert journal() == "Not installed yet. Run: journal install\n"
    assert not journal.home.exists()


def test_once_installed_it_waits_for_the_agent(installed: Installed) -> None:
    out = installed.journal()
    assert out == f"Nothing is recorded yet in {installed.home}: start your agent.\n"


def test_the_board_shows_what_waits_first_and_ends_with_one_line_of_health(
    journal: Reader,
) -> None:
    four_states(journal.home)
    lines = journal().splitlines()
    assert [line[:6] for line in lines[:6] if line.strip() and line[0] != " "] == [
        "ID    ", "dddddd", "cccccc", "bbbbbb", "aaaaaa",
    ]  # fmt: skip
    assert lines[-2] == ""
    assert lines[-1] == "last event 29s ago · hooks not installed (run: journal install)"
    assert max(map(cell_len, lines)) <= 80


def test_ten_sessions_and_how_many_more_there_are(journal: Reader) -> None:
    for number in range(13):
        asked(journal.home, f"{number:06x}ab", "work", 10 + number)
    lines = journal().splitlines()
    assert len(lines) == 1 + 10 + 1 + 2
    assert lines[11] == "… and 3 more (journal sessions)"


def test_sessions_that_only_started_are_not_on_the_board(journal: Reader) -> None:
    tell(journal.home, "eeeeee01", "SessionStart", 30, source="startup")
    lines = journal().splitlines()
    assert lines[0] == "No session has done anything yet."
    assert lines[-1].startswith("last event 30s ago")


def test_the_line_of_health_counts_unreadable_lines(journal: Reader) -> None:
    asked(journal.home, "aaaaaa01", "work", 10)
    (path,) = (journal.home / "days").rglob("*.jsonl")
    with path.open("ab") as file:
        file.write(b"no record\n")
    said = "last event 10s ago · 1 rejected · hooks not installed (journal status)"
    assert journal().splitlines()[-1] == said


def test_a_healthy_home_says_that_all_is_synced(installed: Installed) -> None:
    four_states(installed.home)
    last = installed.journal().splitlines()[-1]
    assert last.startswith("up to date · last event ")


def test_a_damaged_database_is_one_line_and_not_a_traceback(journal: Reader) -> None:
    asked(journal.home, "aaaaaa01", "work", 10)
    (journal.home / "journal.db").write_bytes(b"not a database at all, " * 100)
    assert journal(code=1) == ""
    assert "journal sync --rebuild" in journal.err
    assert "Traceback" not in journal.err


@pytest.mark.parametrize("home_first", [True, False])
def test_the_board_works_as_a_process(tmp_path: Path, home_first: bool) -> None:
    home = tmp_path / "home"
    four_states(home)
    arguments = ["--home", str(home)] if home_first else []
    env = {"HOME": str(tmp_path), "JOURNAL_HOME": str(home), "COLUMNS": "80"}
    done = subprocess.run([program(), *arguments], capture_output=True, text=True, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert "dddddd" in done.stdout
    assert "\x1b" not in done.stdout
