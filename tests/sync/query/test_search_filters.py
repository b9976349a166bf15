"""The filters of `search` and `sessions`: what they leave out, and what they are called."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import recordings
from hooks import emit
from hooks.project import locate
from journal import cli
from journal.cli.filters import file as named_file
from sync.query.filters import File
from told import HOST, NOW_US, Reader, asked, tell


def found(journal: Reader, *arguments: str) -> set[str]:
    """The sessions of the hits, or of the list."""
    return {json.loads(line)["session"] for line in journal(*arguments, "--json").splitlines()}


def call(
    home: Path, session: str, tool: str, at: float, use: str, output: str = "x", **more: Any
) -> None:
    """A tool call with its end."""
    both = {"tool_name": tool, "tool_use_id": use, "tool_input": more}
    tell(home, session, "PreToolUse", at, **both)
    tell(home, session, "PostToolUse", at - 0.1, **both, tool_response={"stdout": output})


def elsewhere(home: Path, session: str, prompt: str, host: str) -> None:
    """A session of another machine."""
    payload = {"session_id": session, "cwd": "/code/billing", "prompt": prompt}
    now_ns = NOW_US * 1000 - 10**9
    line = recordings.line("UserPromptSubmit", payload, now_ns, CLAUDE_CODE_ENTRYPOINT="cli")
    line = line.replace(f'"host":"{HOST}"'.encode(), f'"host":"{host}"'.encode())
    assert host.encode() in line
    name = f"{emit.file_name('claude-code', session)}.jsonl"
    recordings.append(home / "days" / "2026-11-18" / name, line)


def test_a_host_and_a_time_are_filters_of_both(journal: Reader) -> None:
    asked(journal.home, "aaaaaa01", "the word", 7200)
    asked(journal.home, "bbbbbb01", "the word", 60)
    elsewhere(journal.home, "cccccc01", "the word", "Laptop.local")
    for command in (["search", "word"], ["sessions"]):
        assert found(journal, *command, "--host", "laptop.LOCAL") == {"cccccc01"}
        assert found(journal, *command, "--host", HOST) == {"aaaaaa01", "bbbbbb01"}
        assert found(journal, *command, "--host", "laptop") == set()
        assert found(journal, *command, "--until", "1h") == {"aaaaaa01"}
        assert found(journal, *command, "--since", "1h", "--until", "30s") == {"bbbbbb01"}
        assert found(journal, *command, "--since", "30s") == {"cccccc01"}
        journal(*command, "--until", "soon", code=2)
        assert "as a time (try" in journal.err


def test_the_time_of_a_hit_is_that_of_its_text_and_until_is_not_part_of_it(
    journal: Reader,
) -> None:
    asked(journal.home, "aaaaaa01", "the word", 7200)
    tell(journal.home, "aaaaaa01", "UserPromptSubmit", 60, prompt="the word again")
    arguments = ("search", "word", "--kind", "prompt", "--json")
    (old,) = journal(*arguments, "--until", "1h").splitlines()
    (new,) = journal(*arguments, "--since", "1h").splitlines()
    assert json.loads(old)["at"] < json.loads(new)["at"]
    at = json.loads(new)["at"]
    assert journal(*arguments, "--since", at) != ""
    assert len(journal(*arguments, "--until", at).splitlines()) == 1
    assert found(journal, "sessions", "--until", "1h") == set()  # it was active since


def test_a_tool_is_named_exactly_or_by_a_pattern(journal: Reader) -> None:
    for number, tool in enumerate(("Bash", "mcp__git__log", "mcp__git__diff", "BashOutput")):
        call(journal.home, f"s{number:05d}", tool, 100, f"t{number}", "word", command="word")
    asked(journal.home, "aaaaaa01", "word", 10)
    everything = {f"s{number:05d}" for number in range(4)}
    assert found(journal, "search", "word", "--kind", "output", "--kind", "input") == everything
    assert found(journal, "search", "word", "--tool", "Bash") == {"s00000"}
    assert found(journal, "search", "word", "--tool", "mcp__*") == {"s00001", "s00002"}
    assert found(journal, "search", "word", "--tool", "mcp__git__log") == {"s00001"}
    assert found(journal, "search", "word", "--tool", "bash") == set()
    assert found(journal, "search", "word", "--tool", "Bash", "--kind", "prompt") == set()
    lines = journal("search", "word", "--tool", "Bash", "--json").splitlines()
    assert {json.loads(line)["kind"] for line in lines} == {"input", "output"}


def test_a_file_is_named_by_its_path_or_the_end_of_it(journal: Reader) -> None:
    files = {
        "s00001": ("Read", "/code/billing/src/money.py"),
        "s00002": ("Edit", "/code/billing/src/money.py"),
        "s00003": ("Read", "/code/shop/money.py"),
        "s00004": ("Write", "/code/shop/notmoney.py"),
        "s00005": ("Grep", "/code/shop/money.py"),  # neither reads nor changes one file
    }
    for number, (session, (tool, path)) in enumerate(files.items()):
        key = "path" if tool == "Grep" else "file_path"
        call(journal.home, session, tool, 100, f"t{number}", "word", **{key: path})
    word = ("search", "word")
    assert found(journal, *word, "--file", "money.py") == {"s00001", "s00002", "s00003"}
    assert found(journal, *word, "--file", "src/money.py") == {"s00001", "s00002"}
    assert found(journal, *word, "--file", "/code/billing/src/money.py") == {"s00001", "s00002"}
    assert found(journal, *word, "--file", "/src/money.py") == set()
    assert found(journal, *word, "--file", "oney.py") == set()
    assert found(journal, *word, "--file", "money.py", "--tool", "Edit") == {"s00002"}
    assert found(journal, *word, "--file", "100%_money.py") == set()
    assert journal(*word, "--file", " ", code=2) == ""
    assert "--file is empty" in journal.err


def git(folder: Path, *arguments: str) -> None:
    name = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(folder), *name, *arguments], check=True, capture_output=True)


def test_the_worktrees_of_one_repository_are_one_project_with_the_same_files(
    journal: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main, linked, other = (tmp_path / name for name in ("acme", "acme-fix", "neighbour"))
    for folder in (main / "src", other / "src"):
        folder.mkdir(parents=True)
        (folder / "money.py").write_text("word")
    git(main, "init", "-q")
    git(main, "add", ".")
    git(main, "commit", "-q", "-m", "first")
    git(main, "worktree", "add", "-q", str(linked))
    for session, folder in (("s00001", main), ("s00002", linked), ("s00003", other)):
        place = locate(str(folder), HOST)
        header = json.dumps({"key": place.key, "name": place.name, "top": place.top})
        asked(journal.home, session, "look", 200, cwd=str(folder), git=header)
        path = str(folder / "src" / "money.py")
        call(journal.home, session, "Read", 100, f"t{session}", "word", file_path=path)
    for folder in (main, linked):
        monkeypatch.chdir(folder)
        assert found(journal, "search", "word", "--here") == {"s00001", "s00002"}
        assert found(journal, "search", "word", "--file", "src/money.py") == {"s00001", "s00002"}
        monkeypatch.chdir(folder / "src")
        assert found(journal, "search", "word", "--file", "money.py") == {"s00001", "s00002"}
    monkeypatch.chdir(other)
    assert found(journal, "search", "word", "--file", "src/money.py") == {"s00003"}


def test_a_file_that_is_there_is_this_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.py").write_text("")
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    real, link = (str(tmp_path / name / "a.py") for name in ("real", "link"))
    assert named_file("link/a.py") == File((link, real))
    assert named_file("./gone.py") == File((str(tmp_path / "gone.py"),) * 2)
    assert named_file("gone.py") == File(tail="gone.py")
    assert named_file("src//gone.py") == File(tail="src/gone.py")


@pytest.mark.parametrize("command", ["search", "sessions"])
def test_help_says_the_same_of_the_same_filters_and_has_no_noise(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run([command, "--help"]) == 0
    out = capsys.readouterr().out
    for option in ("--here", "--host NAME", "--since WHEN", "--until WHEN", "--limit N"):
        assert option in out
    assert "INTEGER" not in out
    assert "x>=" not in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_limit_is_a_number_that_makes_sense(journal: Reader) -> None:
    asked(journal.home, "aaaaaa01", "words", 10)
    for arguments in (["search", "words", "--limit", "0"], ["sessions", "--limit", "-1"]):
        journal(*arguments, code=2)
        assert "is less than" in journal.err
    journal("search", "words", "--limit", "many", code=2)
    assert "is not a whole number" in journal.err
