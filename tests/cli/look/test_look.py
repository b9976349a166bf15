"""`sessions --file` and `--commit`, `digest`, `completion`, aliases, `[notify]`."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import commands
import looked_at
from looked_at import Writer


def run(home: Path, *args: str, cwd: Path | None = None, **environ: str) -> str:
    done = commands.shared().run(home, *args, cwd=cwd, environ=environ)
    assert done.code == 0, (args, done.stderr)
    return done.stdout


def listed(home: Path, *args: str, cwd: Path | None = None) -> list[str]:
    lines = run(home, "sessions", "--json", *args, cwd=cwd).splitlines()
    return [json.loads(line)["session"] for line in lines]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("look")
    looked_at.write(folder / "home", folder / "code")
    return folder / "home"


def test_sessions_of_a_file(home: Path, tmp_path: Path) -> None:
    assert listed(home, "--file", "src/money.py") == [looked_at.FIXED]
    assert listed(home, "--file", "money.py") == [looked_at.FIXED]
    assert listed(home, "--file", f"{home.parent}/code/billing-api/src/money.py") == [
        looked_at.FIXED
    ]
    assert listed(home, "--file", "money.py", "--project", "shop") == []
    assert listed(home, "--file", "oney.py") == []
    folder = home.parent / "code/billing-api/src"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "money.py").touch()
    assert listed(home, "--file", "./money.py", cwd=folder) == [looked_at.FIXED]


def git(cwd: Path, *args: str, at_s: int = 0) -> str:
    env = {**os.environ, "GIT_COMMITTER_DATE": f"@{at_s} +0000",
           "GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x", "GIT_COMMITTER_NAME": "x",
           "GIT_COMMITTER_EMAIL": "x", "GIT_CONFIG_GLOBAL": "/dev/null"}  # fmt: skip
    done = subprocess.run(["git", *args], cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_which_session_made_a_commit(tmp_path: Path) -> None:
    code, home = tmp_path / "code", tmp_path / "home"
    code.mkdir()
    git(code, "init", "-q", "-b", "main")
    writer = Writer(home)

    began_s = int(time.time()) - 60

    def commit(session: str, at_s: int, *options: str) -> None:
        """What an agent's tool does and reports."""
        said = git(code, "commit", "--allow-empty", "-m", f"by {session}", *options, at_s=at_s)
        about: dict[str, Any] = {"tool_name": "Bash", "tool_use_id": session, "cwd": str(code),
                                 "tool_input": {"command": "git commit -m x"}}  # fmt: skip
        writer.now_ns = at_s * 10**9
        writer.tell(session, "UserPromptSubmit", 1, cwd=str(code), prompt="commit")
        writer.tell(session, "PreToolUse", 0, **about)
        writer.now_ns += 10**8
        writer.tell(session, "PostToolUse", 0, **about, tool_response={"stdout": said})

    commit("told", began_s)
    commit("quiet", began_s + 2, "-q")
    git(code, "commit", "--allow-empty", "-m", "by a person", at_s=began_s + 4)
    assert listed(home, "--commit", "HEAD~2", cwd=code) == ["told"]
    assert listed(home, "--commit", "HEAD~1", cwd=code) == ["quiet"]
    assert listed(home, "--commit", "HEAD", cwd=code) == []
    assert listed(home, "--commit", git(code, "rev-parse", "HEAD~2")[:8], cwd=code) == ["told"]
    for revision in ("nope", "--all", "", "HEAD:x"):
        done = commands.shared().run(home, "sessions", "--commit", revision, cwd=code)
        assert done.code == 2, revision
        assert done.stderr.startswith("journal: no commit"), done.stderr


def test_the_digest_says_what_was_asked_done_and_left_open(home: Path) -> None:
    projects = [
        json.loads(line) for line in run(home, "digest", "--since", "1d", "--json").splitlines()
    ]
    by_name = {project["project"]: project["sessions"] for project in projects}
    (fixed,) = [one for one in by_name["billing-api"] if one["session"] == looked_at.FIXED]
    assert fixed["asked"][0].startswith("invoice totals are off")
    assert any("src/money.py" in line for line in fixed["done"])
    (waiting,) = [one for one in by_name["shop"] if one["session"] == looked_at.WAITING]
    assert waiting["open"] == ["unanswered: npm run migrate:prod"]
    text = run(home, "digest", "--since", "1d", COLUMNS="80")
    assert all(len(line) <= 80 for line in text.splitlines())
    assert run(home, "digest", "--since", "2030-01-01").startswith("Nothing since")


def test_friendly_names_mean_what_people_expect(home: Path) -> None:
    assert run(home, "ls", "--json", "--limit", "3") == run(
        home, "sessions", "--json", "--limit", "3"
    )
    assert run(home, "log", "--json", "--limit", "3") == run(home, "ls", "--json", "--limit", "3")
    assert run(home, "version") == run(home, "--version")
    assert run(home, "help") == run(home, "--help")
    assert run(home, "help", "usage") == run(home, "usage", "--help")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_sessions_and_projects(home: Path, shell: str) -> None:
    script = run(home, "completion", shell)
    assert f"_JOURNAL_COMPLETE={shell}_complete" in script

    def offered(words: str) -> str:
        env = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1),
               "_JOURNAL_COMPLETE": f"{shell}_complete", "JOURNAL_HOME": str(home)}  # fmt: skip
        if shell == "fish":
            env["COMP_CWORD"] = words.rpartition(" ")[2]
        done = subprocess.run([Path(sys.executable).with_name("journal")], capture_output=True,
                              text=True, env={**os.environ, **env})  # fmt: skip
        assert done.stderr == ""
        return done.stdout

    assert looked_at.FIXED[:6] in offered("journal show 1f2e")
    if shell == "bash":  # what is offered does not depend on the shell
        assert "sessions" in offered("journal sess")
        assert "billing-api" in offered("journal sessions --project bil")


def test_the_person_is_notified_once_for_each_wait(tmp_path: Path) -> None:
    home, said, pids = tmp_path / "home", tmp_path / "said", tmp_path / "pids"
    script = tmp_path / "notify"
    script.write_text(
        f'#!/bin/sh\nprintf "%s|%s|%s\\n" "$JOURNAL_SESSION" "$JOURNAL_PROJECT" '
        f'"$JOURNAL_QUESTION" >> {said}\necho $$ >> {pids}\nexec sleep 600\n'
    )
    script.chmod(0o700)
    home.mkdir()
    (home / "config.toml").write_text(f'[notify]\ncommand = ["{script}"]\n')
    token = "ghp_" + "a1B2" * 9
    writer = Writer(home)
    writer.tell("old", "UserPromptSubmit", 300, cwd="/code/shop", prompt="hi")
    call = {"tool_name": "Bash", "tool_input": {"command": "ls"}}
    writer.tell("old", "PermissionRequest", 200, cwd="/code/shop", **call)
    writer.tell("new", "UserPromptSubmit", 9, cwd="/code/shop", prompt="hi")
    asked = {"tool_name": "Bash", "tool_input": {"command": f"curl -H {token} x\nsecond"}}
    writer.tell("new", "PermissionRequest", 5, cwd="/code/shop", **asked)
    try:
        for _ in range(3):  # the command hangs, and no pass waits for it
            run(home, "sync")
        end = time.monotonic() + 20
        while not said.exists() or not said.read_text().endswith("\n"):
            assert time.monotonic() < end
            time.sleep(0.02)
        (line,) = said.read_text().splitlines()
        assert line.startswith("new|shop|curl -H ")
        assert line.endswith("second")
        assert token not in line
        writer = Writer(home)
        writer.tell("new", "UserPromptSubmit", 2, cwd="/code/shop", prompt="go on")
        writer.tell("new", "PermissionRequest", 0, cwd="/code/shop", **call)
        run(home, "sync")
        while said.read_text().count("\n") < 2:
            assert time.monotonic() < end + 20
            time.sleep(0.02)
    finally:
        for pid in pids.read_text().split() if pids.exists() else ():
            os.kill(int(pid), signal.SIGKILL)
