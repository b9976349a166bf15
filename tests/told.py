"""Sessions made up for the tests of the commands that read."""

import os
from pathlib import Path
from typing import Any

import pytest
import recordings

from hooks import emit
from journal import cli
from journal.cli.app import App

NOW_US = 1_795_000_000_000_000  # 2026-11-18T11:06:40Z
HOST = os.uname().nodename


def tell(home: Path, session: str, event: str, ago_seconds: float, **payload: Any) -> None:
    """Write one record of an attended session, made so long before NOW_US."""
    git = payload.pop("git", None)
    now_ns = NOW_US * 1000 - int(ago_seconds * 1e9)
    body = {"session_id": session, "cwd": "/code/billing", **payload}
    line = recordings.line(event, body, now_ns, CLAUDE_CODE_ENTRYPOINT="cli")
    if git is not None:
        header, _, rest = line.partition(b',"payload":')
        line = header + b',"git":' + git.encode() + b',"payload":' + rest
    name = emit.file_name("claude-code", session)
    recordings.append(home / "days" / emit.utc(now_ns)[:10] / f"{name}.jsonl", line)


def asked(home: Path, session: str, prompt: str, ago_seconds: float, **payload: Any) -> None:
    """A session whose turn runs: it was started and asked something."""
    tell(home, session, "SessionStart", ago_seconds + 1, source="startup", **payload)
    payload.pop("git", None)
    tell(home, session, "UserPromptSubmit", ago_seconds, prompt=prompt, **payload)


def four_states(home: Path) -> None:
    """One session in each state; the longer its id's letter is back, the more it wants people."""
    asked(home, "aaaaaa01", "finished work", 60)
    tell(home, "aaaaaa01", "Stop", 50, last_assistant_message="all done")
    tell(home, "aaaaaa01", "SessionEnd", 49, reason="prompt_input_exit")
    asked(home, "bbbbbb01", "idle work", 600, cwd="/code/shop")
    tell(home, "bbbbbb01", "Stop", 500, cwd="/code/shop")
    asked(home, "cccccc01", "working on it", 7200)
    asked(home, "dddddd01", "waits for me", 9000)
    call = {"tool_name": "Bash", "tool_input": {"command": "rm -rf build"}}
    tell(home, "dddddd01", "PreToolUse", 8990, tool_use_id="t1", **call)
    tell(home, "dddddd01", "PermissionRequest", 8940, **call)
    tell(home, "eeeeee01", "SessionStart", 30, source="startup")
    tell(home, "eeeeee01", "SessionEnd", 29, reason="other")


class Reader:
    """Runs commands in this process, at NOW_US, on a home."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self._capsys = capsys
        self.err = ""

    def __call__(self, *args: str, code: int = 0) -> str:
        """What a command prints; `err` holds what it says on stderr."""
        self._capsys.readouterr()
        assert cli.run(["--home", str(self.home), *args]) == code
        said = self._capsys.readouterr()
        self.err = said.err
        return said.out


def reader(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Reader:
    """A reader of a home that does not exist yet, on a screen of 80 columns."""
    monkeypatch.setattr(App, "now_us", property(lambda self: NOW_US))
    monkeypatch.setenv("COLUMNS", "80")
    return Reader(folder / "home", capsys)
