"""The list follows what happens: in the program itself, driven by Textual's own pilot."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from queue import Queue

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList, Static

import recordings
from bench_live import write_sessions
from commands import program
from hooks import emit
from journal.browse.app import Browse
from journal.browse.lookup_thread import Looking
from journal.browse.source import Found, Source
from journal.cli import run
from journal.cli.app import App
from sync.query.filters import Filters, Wanted

SESSIONS = 200
LEAVE = b"\x1b[?1049l"  # the alternate screen ends, xterm's ctlseqs
PATIENCE_SECONDS = 60.0


def tell(
    home: Path, session: str, event: str, agent: str = "claude-code", **payload: object
) -> None:
    """A record of an attended session, made now."""
    now_ns = time.time_ns()
    body = {"session_id": session, "cwd": "/code/billing", **payload}
    data = json.dumps(body).encode()
    line, _, _ = emit.record(agent, event, data, now_ns, {"CLAUDE_CODE_ENTRYPOINT": "cli"})
    name = emit.file_name(agent, session)
    recordings.append(home / "days" / emit.utc(now_ns)[:10] / f"{name}.jsonl", line)


def ask(home: Path, session: str, prompt: str) -> None:
    tell(home, session, "UserPromptSubmit", prompt=prompt)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one session that works."""
    folder = tmp_path / "home"
    ask(folder, "aaaaaa01", "the first work")
    return folder


def source(home: Path, wanted: Callable[[], Wanted] | None = None, limit: int = 0) -> Source:
    app = App()
    app.home = str(home)
    app.sync(0)
    made = Source(app, wanted, limit)
    made.changed(Found())
    return made


class Shown:
    """What is on the screen of the program."""

    def __init__(self, program: Browse, pilot: Pilot[object]) -> None:
        self._program, self.pilot = program, pilot

    @property
    def text(self) -> str:
        """The heading, the rows of the list, the footer."""
        rows = self._program.query_one(OptionList).options
        return "\n".join(
            [self.of("counted"), *map(str, (r.prompt for r in rows)), self.of("footer")]
        )

    @property
    def at(self) -> int | None:
        """The row of the cursor."""
        return self._program.query_one(OptionList).highlighted

    def of(self, name: str) -> str:
        return str(self._program.query_one(f"#{name}", Static).content)

    async def has(self, *wanted: str) -> str:
        """Wait until all of this is shown."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not all(text in self.text for text in wanted):
            assert time.monotonic() < end, f"{wanted} never came:\n{self.text}"
            await self.pilot.pause(0.02)
        return self.text


def follow(source: Source, steps: Callable[[Shown], Awaitable[None]]) -> None:
    """Run the program on a screen of 80x24, do the steps, leave with Ctrl-C."""

    async def program_runs() -> None:
        program = Browse(source)
        async with program.run_test(size=(80, 24)) as pilot:
            await steps(Shown(program, pilot))
            await pilot.press("ctrl+c")
        assert program.return_code == 0

    asyncio.run(program_runs())


def test_new_questions_and_running_tools_appear_on_the_screen(home: Path) -> None:
    async def steps(shown: Shown) -> None:
        await shown.has("1 session \u00b7 0 awaiting \u00b7 1 working", "up to date")
        call = {"tool_name": "Read", "tool_use_id": "t1"}
        tell(home, "aaaaaa01", "PreToolUse", tool_input={"file_path": "/code/billing/a.py"}, **call)
        tell(home, "aaaaaa01", "SubagentStart", agent_id="c1", agent_type="general-purpose")
        tell(home, "aaaaaa01", "SubagentStart", agent_id="c2", agent_type="general-purpose")
        await shown.has("runs: Read a.py \u00b7 2 sub-agents")
        ask(home, "bbbbbb01", "please look here")
        tell(home, "bbbbbb01", "PermissionRequest", tool_name="Bash", tool_input={"command": "rm"})
        text = await shown.has("1 awaiting \u00b7 1 working", "asks: rm", "last record")
        assert text.index("please look here") < text.index("the first work")
        for columns in (40, 80):
            await shown.pilot.resize_terminal(columns, 24)
            await shown.pilot.pause()
            assert (len(shown.of("heads")) < 40) == (columns == 40)
        assert shown.at == 0  # the first row shows what is new
        assert "AGENT" not in shown.of("heads")
        await shown.pilot.press("down")
        call = {"tool_name": "Bash", "tool_input": {"command": "one more"}}
        tell(home, "cccccc01", "PreToolUse", "codex", **call)
        await shown.has("(no prompt)", "codex")
        assert shown.at == 2  # any other cursor stays on its session
        assert "AGENT" in shown.of("heads")  # there is more than one

    follow(source(home), steps)


def test_an_error_that_was_not_expected_ends_the_program(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, error = source(home), ValueError("not expected")

    def find(_: str) -> Found:
        raise error

    monkeypatch.setattr(made, "find", find)

    async def program_runs() -> None:
        program = Browse(made)
        async with program.run_test() as pilot:
            while program.return_value is None:
                await pilot.pause(0.02)
        assert program.return_value is error

    asyncio.run(program_runs())


def test_a_missing_database_is_shown_and_opened_again(home: Path) -> None:
    async def steps(shown: Shown) -> None:
        await shown.has("the first work", "up to date")
        (home / "journal.db").rename(home / "away")
        await shown.has("the first work", "journal.db is gone (run: journal sync)")
        (home / "away").rename(home / "journal.db")
        ask(home, "bbbbbb01", "news")
        assert "is gone" not in await shown.has("news", "up to date")
        argv = [program(), "--home", str(home), "sync", "--rebuild"]
        await asyncio.to_thread(subprocess.run, argv, check=True, capture_output=True)
        ask(home, "cccccc01", "after the rebuild")
        await shown.has("after the rebuild", "3 working")

    follow(source(home), steps)


def test_filters_and_the_limit_hold_while_it_follows(home: Path) -> None:
    tell(home, "bbbbbb01", "SessionStart", source="startup")
    filters = Filters(adopt_on=("PreToolUse", "attended_prompt"), state="idle")

    async def steps(shown: Shown) -> None:
        await shown.has("No session matches.")
        for number in range(3):
            ask(home, f"cccccc0{number}", f"another {number}")
            tell(home, f"cccccc0{number}", "Stop")
        text = await shown.has("3 sessions", "0 working \u00b7 3 idle", "1 listed")
        assert "the first work" not in text
        await shown.pilot.press("slash", *"agent:codex")
        await shown.has("No session matches.")

    follow(source(home, lambda: Wanted(filters), limit=1), steps)


def test_the_heading_and_the_footer_are_of_one_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    made = source(home)
    write_sessions(home, SESSIONS, time.time_ns())
    monkeypatch.setattr("sync.ingest.journal_reader.BATCH_RECORDS", SESSIONS // 5)
    monkeypatch.setattr("journal.cli.follow.CATCH_UP_SECONDS", 0.0)  # a pass syncs one batch
    found, pieces = Found(), 0
    while found.unsynced_bytes or not found.states:
        while not made.changed(found):
            time.sleep(0.01)
        found = made.find("")
        total = sum(found.states.values())
        assert found.unsynced_bytes or total == SESSIONS
        pieces += 0 < total < SESSIONS
    assert pieces
    made.close()


def test_while_nothing_happens_the_database_is_asked_one_thing(home: Path) -> None:
    made = source(home)
    while made.changed(found := made.find("")):
        pass
    asked: list[str] = []
    made._follower.database().trace_v2(1, lambda event: asked.append(str(event["sql"])))
    for _ in range(5):
        assert not made.changed(found)
    assert asked == ['pragma "data_version"'] * 5
    ask(home, "bbbbbb01", "another")
    assert made.changed(found)
    made.close()


def test_a_question_is_answered_that_comes_just_as_a_wait_ends(home: Path) -> None:
    class Wait(threading.Event):
        """The first wait is over before the question comes."""

        def wait(self, timeout: float | None = None) -> bool:
            if not waits:
                waits.append(0)
                looking.ask("work")
                return False
            return super().wait(timeout)

    waits: list[int] = []
    answers: Queue[str] = Queue()
    looking = Looking(source(home), "", lambda text, _: answers.put(text))
    looking._asked = Wait()
    looking.start()
    while answers.get(timeout=PATIENCE_SECONDS) != "work":
        pass
    looking.close()


@pytest.mark.parametrize("way", [b"q", signal.SIGTERM])
def test_it_leaves_the_terminal_as_it_was(home: Path, way: bytes | signal.Signals) -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    argv = [sys.executable, "-m", "journal", "--home", str(home), "sessions", "--live"]
    with subprocess.Popen(
        argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color"},
    ) as running:  # fmt: skip
        written = b""
        while b"up to date" not in written:
            written += os.read(master, 1 << 16)
        if isinstance(way, bytes):
            os.write(master, way)
        else:
            running.send_signal(way)
        while LEAVE not in written:
            written += os.read(master, 1 << 16)
        assert running.wait(PATIENCE_SECONDS) == 0
    assert termios.tcgetattr(slave) == before
    os.close(slave)
    os.close(master)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "the list needs a terminal"),
        (["--json"], "--live and --json cannot be combined"),
        (["--archive"], "--live and --archive cannot be combined"),
    ],
)
def test_without_a_terminal_or_with_json_it_is_wrong_usage(
    home: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--home", str(home), "sessions", "--live", *options]) == 2
    reported = capsys.readouterr()
    assert reported.out == ""
    assert said in reported.err
    assert len(reported.err.splitlines()) == 1
