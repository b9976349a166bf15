"""`journal sessions --live` in a real terminal: what changes is seen, and it leaves no trace."""

import os
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

import recordings
import stored
from bench_live import write_sessions
from hooks import emit
from journal.cli.app import App
from journal.cli.screen.follow import Follower
from journal.layout import Layout
from live_screen import CTRL_C, CTRL_Z, LEAVE, TMUX, PtyScreen, Screen, TmuxScreen, command
from sync.ingest.recent_writes import FILES, Newest

SESSIONS = 10_000
needs_tmux = pytest.mark.skipif(TMUX is None, reason="tmux is not installed")


def tell(home: Path, session: str, event: str, **payload: object) -> None:
    """A record of an attended session, made now."""
    now_ns = time.time_ns()
    body = {"session_id": session, "cwd": "/code/billing", **payload}
    line = recordings.line(event, body, now_ns, CLAUDE_CODE_ENTRYPOINT="cli")
    name = emit.file_name("claude-code", session)
    recordings.append(home / "days" / emit.utc(now_ns)[:10] / f"{name}.jsonl", line)


def ask(home: Path, session: str, prompt: str) -> None:
    tell(home, session, "UserPromptSubmit", prompt=prompt)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one session that works."""
    folder = tmp_path / "home"
    ask(folder, "aaaaaa01", "the first work")
    return folder


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with ten thousand sessions."""
    folder = tmp_path_factory.mktemp("many") / "home"
    write_sessions(folder, SESSIONS, time.time_ns(), files=False)
    assert stored.sync(folder).stored == SESSIONS
    stored.arrive_when_recorded(folder)  # the pass above had a clock of its own
    return folder


@pytest.fixture
def watcher(home: Path) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-m", "journal", "--home", str(home), "watch"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline().startswith("Watching")
        yield running
        running.send_signal(signal.SIGCONT)
        running.terminate()


def started(home: Path, columns: int, rows: int) -> "TmuxScreen | PtyScreen":
    return TmuxScreen(home, columns, rows) if TMUX else PtyScreen(home, columns, rows)


def follows(screen: Screen, home: Path, session: str) -> None:
    """A change comes to the screen."""
    ask(home, session, f"news of {session}")
    screen.wait_for(f"news of {session}")


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
def test_ten_thousand_sessions_fill_the_screen_and_a_change_comes_first(
    many: Path, columns: int, rows: int
) -> None:
    with started(many, columns, rows) as screen:
        lines = screen.wait_for("up to date")
        assert len(lines) == rows
        working = int(lines[0].split()[4].replace(",", ""))
        assert lines[0] == f"live  0 awaiting · {working:,} working · 0 idle · 0 finished"
        assert working >= SESSIONS
        assert lines[1].split() == ["ID", "STATE", "PROJECT", "TITLE", "AGE"] or columns >= 100
        assert lines[-2] == f"… and {working - (rows - 4):,} more"
        assert re.fullmatch(r"last record (now|\d+[smh] ago) · up to date · q leaves", lines[-1])
        assert max(map(cell_len, lines)) <= columns
        session = f"{columns}-new"
        ask(many, session, "please look here")
        tell(many, session, "PermissionRequest", tool_name="Bash", tool_input={"command": "rm -r"})
        lines = screen.wait_for("please look here")
        screen.wait_for("1 awaiting")
        lines = screen.wait_for("asks: rm -r")
        assert lines[2].startswith(session[:6])
        tell(many, session, "Stop")
        tell(many, session, "UserPromptSubmit", prompt="go on")
        lines = screen.wait_for("0 awaiting")
        assert len(lines) == rows


def test_the_tool_that_runs_and_the_sub_agents_are_shown(home: Path) -> None:
    with PtyScreen(home, 80, 24) as screen:
        screen.wait_for("the first work")
        call = {"tool_name": "Read", "tool_use_id": "t1"}
        tell(home, "aaaaaa01", "PreToolUse", tool_input={"file_path": "/code/billing/a.py"}, **call)
        screen.wait_for("runs: Read a.py")
        for child in ("c1", "c2"):
            tell(home, "aaaaaa01", "SubagentStart", agent_id=child, agent_type="general-purpose")
        screen.wait_for("runs: Read a.py · 2 sub-agents")
        tell(home, "aaaaaa01", "PostToolUse", **call)
        tell(home, "aaaaaa01", "SubagentStop", agent_id="c1")
        screen.wait_until(
            lambda lines: any(line.strip() == "runs: 1 sub-agent" for line in lines), "1 sub-agent"
        )
        tell(home, "aaaaaa01", "SubagentStop", agent_id="c2")
        tell(home, "aaaaaa01", "Stop")
        assert not any("runs:" in line for line in screen.wait_for("1 idle"))


def test_it_fits_any_size_of_the_window(home: Path) -> None:
    for number in range(40):
        ask(home, f"{number:06x}ff", f"work {number}")
    with PtyScreen(home, 80, 24, COLUMNS="200", LINES="5") as screen:
        assert len(screen.wait_for("more")) == 24
        for columns, rows in ((120, 40), (60, 10), (30, 3), (8, 2), (1, 1), (80, 24)):
            screen.resize(columns, rows)
            lines = screen.wait_until(
                lambda lines: (
                    len(lines) == rows  # noqa: B023 - called before the next one
                    and max(map(cell_len, lines)) <= columns  # noqa: B023
                    and lines != [""]
                ),
                f"{columns}x{rows}",
            )
        assert lines[-1].endswith("q leaves")


@needs_tmux
def test_a_window_of_tmux_is_followed_when_it_is_resized(home: Path) -> None:
    with TmuxScreen(home, 80, 24) as screen:
        assert len(screen.wait_for("q leaves")) == 24
        for rows in (40, 12):
            screen.resize(100, rows)
            lines = screen.wait_until(
                lambda lines: (
                    len(lines) == rows  # noqa: B023 - called before the next one
                    and lines[0].startswith("live ")
                    and lines[-1].endswith("q leaves")
                ),
                f"{rows} rows",
            )
            assert "the first work" in lines[2]
            assert screen.alternate


@pytest.mark.parametrize("way", ["q", "ctrl-c", "SIGINT", "SIGTERM"])
def test_it_leaves_with_exit_code_0_and_the_terminal_as_it_was(home: Path, way: str) -> None:
    with PtyScreen(home, 80, 24) as screen:
        screen.wait_for("q leaves")
        assert termios.tcgetattr(screen.slave)[3] != screen.before[3]
        if way.startswith("SIG"):
            screen.signal(signal.Signals[way])
        else:
            screen.press({"q": b"q", "ctrl-c": CTRL_C}[way])
        assert screen.code() == 0
        assert termios.tcgetattr(screen.slave) == screen.before
        end = screen.written[-40:]
        assert b"\x1b[?25h" in end
        assert end.rstrip(b"^C").endswith(LEAVE)


@needs_tmux
def test_ctrl_z_gives_the_terminal_back_and_fg_brings_the_list_again(home: Path) -> None:
    with TmuxScreen(home, 80, 24) as screen:
        screen.wait_for("the first work")
        screen.press(CTRL_Z)
        screen.wait_until(lambda lines: lines[-1] == "ready:", "the shell")
        assert not screen.alternate
        screen.type("stty -a | grep -o -- '-icanon' || echo as before")
        screen.wait_until(lambda lines: "as before" in lines, "the terminal's modes")
        ask(home, "bbbbbb01", "while it was stopped")
        screen.type("fg")
        screen.wait_for("while it was stopped")
        assert screen.alternate
        screen.press(b"q")
        lines = screen.wait_for("ready:fg")
        assert not any("live  " in line for line in lines)
        screen.type("")
        assert not screen.alternate


def test_it_follows_what_a_watcher_syncs(home: Path, watcher: subprocess.Popen[str]) -> None:
    with PtyScreen(home, 80, 24) as screen:
        screen.wait_for("the first work")
        follows(screen, home, "bbbbbb01")
        screen.wait_for("up to date")
    logged = b"".join(path.read_bytes() for path in (home / "logs").glob("*.jsonl"))
    assert logged.count(b'"pass":"watch"') >= 1


def test_a_watcher_that_hangs_is_not_waited_for(home: Path, watcher: subprocess.Popen[str]) -> None:
    with PtyScreen(home, 80, 24) as screen:
        screen.wait_for("the first work")
        watcher.send_signal(signal.SIGSTOP)
        follows(screen, home, "bbbbbb01")


def test_a_database_that_is_rebuilt_is_followed_too(home: Path) -> None:
    with PtyScreen(home, 80, 24) as screen:
        screen.wait_for("the first work")
        argv = [sys.executable, "-m", "journal", "--home", str(home), "sync", "--rebuild"]
        subprocess.run(argv, check=True, capture_output=True)
        follows(screen, home, "bbbbbb01")


def test_a_backlog_is_synced_piece_by_piece_on_the_screen(tmp_path: Path) -> None:
    home = tmp_path / "home"
    write_sessions(home, SESSIONS, time.time_ns(), files=False)
    with PtyScreen(home, 80, 24) as screen:
        assert "MB not synced · q leaves" in screen.wait_for("live  ")[-1]
        lines = screen.wait_for("up to date", 60)
        assert lines[0] == f"live  0 awaiting · {SESSIONS:,} working · 0 idle · 0 finished"


def test_what_cannot_be_read_is_shown_and_tried_again(home: Path) -> None:
    with PtyScreen(home, 120, 24) as screen:
        screen.wait_for("the first work")
        (home / "journal.db").rename(home / "away")
        lines = screen.wait_for("journal.db is gone (run: journal sync)")
        assert any("the first work" in line for line in lines)
        (home / "away").rename(home / "journal.db")
        screen.wait_until(lambda lines: lines[-1].startswith("last record"), "a sound footer")
        follows(screen, home, "bbbbbb01")


def test_filters_and_the_limit_hold_while_it_runs(home: Path) -> None:
    ask(home, "bbbbbb01", "another")
    tell(home, "bbbbbb01", "Stop")
    with PtyScreen(home, 80, 24, "--state", "working", "--limit", "1") as screen:
        lines = screen.wait_for("the first work")
        assert lines[0] == "live  0 awaiting · 1 working · 0 idle · 0 finished"
        follows(screen, home, "cccccc01")
        lines = screen.wait_for("… and 1 more")
        assert not any("another" in line for line in lines)


def test_an_empty_list_waits_for_its_first_session(tmp_path: Path) -> None:
    home = tmp_path / "home"
    tell(home, "aaaaaa01", "SessionStart", source="startup")
    with PtyScreen(home, 80, 24) as screen:
        assert screen.wait_for("No session matches.")[-1].startswith("last record never")
        follows(screen, home, "aaaaaa01")


@pytest.mark.parametrize(
    ("options", "said"),
    [([], "--live needs a terminal"), (["--json"], "--live and --json do not go together")],
)
def test_without_a_terminal_or_with_json_it_is_wrong_usage(
    home: Path, options: list[str], said: str
) -> None:
    done = subprocess.run(command(home, *options), capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "(" in done.stderr  # the hint


def test_a_terminal_that_cannot_move_its_cursor_is_told_so(home: Path) -> None:
    with PtyScreen(home, 80, 24, TERM="dumb") as screen:
        screen.wait_for("needs a terminal that can move its cursor")
        screen.wait_until(lambda _: screen.ended, "its end")


def test_while_nothing_happens_the_database_is_asked_one_thing(home: Path) -> None:
    app = App()
    app.home = str(home)
    app.sync(0)
    follower = Follower(app)
    assert follower.changed()
    follower.count_unsynced()
    asked: list[str] = []
    follower.database().trace_v2(1, lambda event: asked.append(str(event["sql"])))
    for _ in range(5):
        assert not follower.changed()
        follower.count_unsynced()
    assert asked == ['pragma "data_version"'] * 5
    ask(home, "bbbbbb01", "another")
    assert follower.changed()
    follower.close()


def test_the_newest_files_decide_no_matter_what_hooks_do(tmp_path: Path) -> None:
    days = tmp_path / "days"
    newest = Newest(Layout.at(tmp_path))
    assert not newest.changed()

    def told(name: str) -> bool:
        recordings.append(days / name, b"{}\n")
        changed = newest.changed()
        newest.changed()  # a directory that was listed in the very moment is listed again
        return changed and not newest.changed()

    assert told("2026-11-18/a.jsonl")
    assert told("2026-11-18/a.jsonl")
    assert told("2026-11-18/b.jsonl")
    assert told("2026-11-19/a.jsonl")
    assert told("2026-11-18/a.jsonl")
    (days / "2026-11-18/b.jsonl").unlink()
    assert newest.changed()
    for number in range(2 * FILES):
        recordings.append(days / f"2026-11-19/{number:04d}.jsonl", b"{}\n")
        os.utime(days / f"2026-11-19/{number:04d}.jsonl", (number, number))
    assert newest.changed()
    assert told(f"2026-11-19/{2 * FILES - 1:04d}.jsonl")
