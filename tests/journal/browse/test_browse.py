"""`journal browse` in a real terminal: list, filter, search, read, go back in, quit."""

import os
from pathlib import Path

import pytest

import looked_at
import stored
from tmux_screen import TMUX, TmuxScreen

pytestmark = pytest.mark.skipif(TMUX is None, reason="tmux is not installed")
ESCAPE, DOWN = b"\x1b", b"\x1b[B"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home, and an agent that says that it was started."""
    folder = tmp_path_factory.mktemp("browse")
    looked_at.write(folder / "home", folder / "code")
    (folder / "code/billing-api").mkdir(parents=True)
    agent = folder / "bin/claude"
    agent.parent.mkdir()
    agent.write_text('#!/bin/sh\necho "agent in $PWD: $*"\nexit 5\n')
    agent.chmod(0o755)
    stored.sync_now(folder / "home")
    return folder / "home"


@pytest.fixture(autouse=True)
def patient(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_SESSIONS__REAP_AFTER_HOURS", "876000")
    monkeypatch.setenv("PATH", f"{home.parent}/bin:{os.environ['PATH']}")
    projects = home.parent / ".claude/projects/x"
    projects.mkdir(parents=True, exist_ok=True)
    monkeypatch.setenv("HOME", str(home.parent))


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50)])
def test_list_filter_search_read_and_quit(home: Path, columns: int, rows: int) -> None:
    with TmuxScreen(home, columns, rows, "browse") as screen:
        lines = screen.wait_for("286 sessions")
        assert all(len(line) <= columns for line in lines)
        assert any("Move the checkout" in line for line in lines[:6])
        screen.wait_for("npm run migrate:prod")
        screen.press(b"s")
        screen.wait_for("state:awaiting")
        screen.wait_for("2 sessions")
        screen.press(ESCAPE)
        screen.wait_for("286 sessions")
        screen.press(b"/half a cent")  # at once, as on a slow line
        screen.wait_until(lambda ls: "half a cent" in ls[0] and "place" in ls[1], "places")
        screen.press(b"\r")
        screen.press(b"\r")
        screen.wait_for(looked_at.FIXED[:18])
        screen.wait_for("pytest tests/test_money.py")
        screen.press(b"d")
        screen.wait_for("file.content")
        screen.press(b"G")
        screen.wait_for("Committed as")
        screen.press(ESCAPE)
        screen.wait_until(lambda ls: "half a cent" in ls[0], "the list")
        screen.press(b"q")
        lines = screen.wait_for("left=0")
        assert not screen.alternate
        assert any(line.startswith("ready:") for line in lines)


def test_a_session_that_is_not_there_says_why(home: Path) -> None:
    with TmuxScreen(home, 80, 24, "browse", "state:sleeping") as screen:
        screen.wait_for("is not a state")
        screen.press(ESCAPE)
        screen.wait_for("286 sessions")
        screen.press(b"q")
        screen.wait_for("left=0")


def test_r_goes_back_into_the_session(home: Path) -> None:
    from transcripts import folder_name

    cwd = f"{home.parent}/code/billing-api"
    folder = home.parent / ".claude/projects" / folder_name(cwd)
    folder.mkdir(parents=True)
    (folder / f"{looked_at.FIXED}.jsonl").write_text("{}\n")
    with TmuxScreen(home, 80, 24, "browse", "state:finished", "project:billing-api") as screen:
        screen.wait_for("invoice totals")
        screen.press(b"r")
        screen.wait_for("left=5")
        reported = "".join(screen.lines())
        assert f"agent in {cwd}: --resume {looked_at.FIXED}" in reported
