"""`journal context`: the text that the hook would print, and nothing where it would be silent."""

import json
import os
from contextlib import closing
from pathlib import Path

import apsw
import pytest

import recordings
import stored
from firing import commands, environment, run
from hooks.project import locate
from installed import Installed
from journal import cli
from journal.cli.daily.context import context_text
from journal.layout import Layout

PROJECT = "/home/dev/code/i-exit"


def shown(home: Path, *args: str) -> int:
    return cli.run(["--home", str(home), "context", *args])


def hook_context(installed: Installed, directory: str) -> str:
    """What the installed hook adds to a new session of this directory; "" for nothing."""
    (command,) = commands(installed.settings, "SessionStart")
    start = {"session_id": "next", "cwd": directory, "source": "startup",
             "hook_event_name": "SessionStart"}  # fmt: skip
    fired = run(command, json.dumps(start).encode(), environment(installed.folder), Path("/"))
    assert (fired.code, fired.stderr) == (0, b"")
    if not fired.stdout:
        return ""
    text: str = json.loads(fired.stdout)["hookSpecificOutput"]["additionalContext"]
    return text


def test_it_is_what_the_hook_prints_to_the_letter(installed: Installed) -> None:
    for number, name in enumerate(("i-exit", "i-exit", "i-compact")):
        start_ns = recordings.START_NS + number * 3_600_000_000_000
        recordings.write_journal(installed.home, name, start_ns)
    installed.journal("sync")  # else a hook on a slow machine says what it could not sync in time
    printed = installed.journal("context", "--project", PROJECT)
    assert 'project="i-exit"' in printed
    assert "notes.txt" in printed
    assert printed == hook_context(installed, PROJECT) + "\n"


def test_what_a_killed_pass_left_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = Layout(tmp_path / "home")
    recordings.write_journal(layout.home, "i-exit")
    assert shown(layout.home, "--project", PROJECT) == 0  # and notes that all is synced
    printed = capsys.readouterr().out
    (path,) = (one for one in layout.contexts.iterdir() if b"notes.txt" in one.read_bytes())
    with closing(apsw.Connection(str(layout.database))) as db:
        db.execute("insert into stale_contexts select project from session_states")
    path.unlink()  # it was killed before it wrote this
    assert shown(layout.home, "--project", PROJECT) == 0
    assert capsys.readouterr().out == printed != ""


def test_it_is_of_the_current_directory_and_syncs_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = tmp_path / "shop"
    below = here / "src"
    below.mkdir(parents=True)
    (here / ".git").mkdir()
    (here / ".git/HEAD").write_text("ref: refs/heads/main\n")
    place = locate(str(here), os.uname().nodename)
    git = f',"git":{json.dumps({"key": place.key, "name": place.name, "top": place.top})}'
    line = recordings.line(
        "UserPromptSubmit",
        {"session_id": "s", "cwd": str(here), "prompt": "round <b>it</b>\x1b[2J"},
        CLAUDE_CODE_ENTRYPOINT="cli",
    ).replace(b',"payload"', git.encode() + b',"payload"', 1)
    home = tmp_path / "home"
    recordings.append(home / "days/2026-11-18/claude-code.s.jsonl", line)
    monkeypatch.chdir(below)
    assert shown(home) == 0
    out = capsys.readouterr().out
    assert 'asked "round &lt;b>it&lt;/b>"' in " ".join(out.split())
    assert all(c.isprintable() or c == "\n" for c in out)


def test_nothing_to_say_is_reported_on_stderr_and_is_not_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    recordings.write_journal(home, "i-exit")
    assert shown(home, "--project", str(tmp_path / "unknown")) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "journal: the next session of unknown has no context\n"


@pytest.mark.parametrize("setting", ['sources = ["resume"]', "sessions = 0"])
def test_no_context_is_shown_where_the_hook_is_switched_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], setting: str
) -> None:
    (tmp_path / "config.toml").write_text(f"[context]\n{setting}\n")
    recordings.write_journal(tmp_path, "i-exit")
    assert shown(tmp_path, "--project", PROJECT) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "has no context" in captured.err


def test_records_not_yet_synced_are_named(tmp_path: Path) -> None:
    recordings.write_journal(tmp_path, "i-exit")
    stored.sync(tmp_path)
    key = f"path:{os.uname().nodename}:{PROJECT}"
    text = context_text(Layout.at(tmp_path), key, "i-exit", [(2, "4b3b17")])
    assert "missing  2 records of" in text


def test_bad_input_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recordings.write_journal(tmp_path, "i-exit")
    file = tmp_path / "a-file"
    file.touch()
    for directory in ("", str(file)):
        assert shown(tmp_path, "--project", directory) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "is not a directory" in captured.err
        assert captured.err.count("\n") == 1
    assert shown(tmp_path / "empty", "--project", PROJECT) == 1
    assert "nothing is recorded yet" in capsys.readouterr().err
