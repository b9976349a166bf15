"""A search that finds nothing says what would; a filter alone lists what it leaves."""

import json
import unicodedata
from pathlib import Path

import pytest

import reported
from reported import Reader, asked, tell


@pytest.fixture
def journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Reader:
    found = reported.reader(tmp_path, capsys, monkeypatch)
    git = '{"key":"git:h/x/billing-api","name":"billing-api","top":"/w/Rechnungen"}'
    asked(found.home, "aaaaaa01", "fix the rounding of invoices", 60, git=git, cwd="/w/Rechnungen")
    path = unicodedata.normalize("NFD", "/w/Rechnungen/Größe.py")
    call = {"tool_name": "Edit", "tool_use_id": "t1", "tool_input": {"file_path": path}}
    tell(found.home, "aaaaaa01", "PreToolUse", 50, cwd="/w/Rechnungen", **call)
    tell(found.home, "aaaaaa01", "PostToolUse", 49, cwd="/w/Rechnungen", tool_response="ok", **call)
    return found


@pytest.mark.parametrize("word", ["roundin", "roundign", "ronding", "roundingg", "Roundinf"])
def test_a_near_word_is_named(journal: Reader, word: str) -> None:
    assert "Nothing found" in journal("search", word)
    assert "try rounding" in journal.err


@pytest.mark.parametrize(
    ("piece", "near"),
    [("ByEm", "ByEm*"), ("serByE", "ByE*"), ("rbyem", "finduserbyemail"), ("oundin", "rounding")],
)
def test_a_piece_inside_a_word_names_what_finds_it(journal: Reader, piece: str, near: str) -> None:
    asked(journal.home, "aaaaaa02", "findUserByEmail is slow", 30)
    assert "Nothing found" in journal("search", piece)
    assert f"try {near}" in journal.err
    assert "Nothing found" not in journal("search", near)


@pytest.mark.parametrize(
    ("option", "value", "near"),
    [
        ("--project", "biling-api", "did you mean billing-api?"),
        ("--agent", "claude", "did you mean claude-code?"),
        ("--branch", "main", "no session has the branch 'main'"),
        ("--host", "nowhere", "no session has the host 'nowhere'"),
        ("--tool", "edit", "did you mean Edit?"),
        ("--file", "Grosse.py", "did you mean"),
        ("--file", "/other/Größe.py", "no call has the file /other/Größe.py (there is /w/"),
    ],
)
def test_a_filter_that_nothing_matches_is_named(
    journal: Reader, option: str, value: str, near: str
) -> None:
    assert journal("search", "rounding", option, value, "--json") == ""
    assert near in journal.err
    if option in ("--project", "--agent", "--branch", "--host"):
        assert journal("sessions", option, value, "--json") == ""
        assert near in journal.err


@pytest.mark.parametrize("name", ["billing-api", "BILLING", "git:h/x/billing-api", "Rechnungen"])
def test_a_project_is_found_by_a_part_of_its_name_or_its_folder(journal: Reader, name: str) -> None:
    assert journal("search", "rounding", "--project", name, "--json")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_file_alone_lists_its_calls_in_either_unicode_form(journal: Reader, form: str) -> None:
    name = unicodedata.normalize(form, "Größe.py")
    kinds = [
        json.loads(line)["kind"]
        for line in journal("search", "--file", name, "--json").splitlines()
    ]
    assert sorted(kinds) == ["input", "output"]
    journal("search", code=2)
    assert "nothing to search for" in journal.err
    assert journal("search", "...", "--file", name, "--json") == ""
