"""Thousands of headless sessions that only start and stop are not listed and cost nothing."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

import recordings
import stored
from chance import THOROUGH
from hooks import emit
from reported import NOW_US, Reader, asked, four_states

FLOOD = 1203 if THOROUGH else 403
PROJECT = "/code/billing"  # of the flood, and of what people did
OF_FILES = " from cursors"  # a row for each file of the journal, the flood's too


def headless(home: Path, session: str, event: str, ago_seconds: float, **payload: object) -> None:
    """A record of a headless session, in a file of its own."""
    now_ns = NOW_US * 1000 - int(ago_seconds * 1e9)
    body = {"session_id": session, "cwd": PROJECT, **payload}
    line = recordings.line(event, body, now_ns, CLAUDE_CODE_ENTRYPOINT="sdk-cli")
    name = emit.file_name("claude-code", session)
    recordings.append(home / "days" / emit.utc(now_ns)[:10] / f"{name}.jsonl", line)


def flood(home: Path) -> None:
    """The newest sessions of all: they started and stopped within the last minute."""
    for number in range(FLOOD):
        session = f"e{number:07x}-f100d"  # between others: ids are compared
        headless(home, session, "SessionStart", 40 + number / 1000, source="startup")
        headless(home, session, "SessionEnd", 20 + number / 1000, reason="other")


@contextmanager
def steps() -> Iterator[list[tuple[str, int]]]:
    """The statements of this process, with the steps of SQLite's machine that each took."""
    taken: list[tuple[str, int]] = []

    def note(done: dict[str, object]) -> None:
        status = done["stmt_status"]
        assert isinstance(status, dict)
        sql = " ".join(str(done["sql"]).split())
        taken.append((sql, status["SQLITE_STMTSTATUS_VM_STEP"]))

    def watch(db: apsw.Connection) -> None:
        db.trace_v2(apsw.SQLITE_TRACE_PROFILE, note)

    apsw.connection_hooks.append(watch)
    yield taken
    apsw.connection_hooks.remove(watch)


def looked(journal: Reader, *args: str) -> tuple[str, list[tuple[str, int]]]:
    """What a command prints, and what it asked the database."""
    with steps() as taken:
        out = journal(*args)
    assert taken
    return out, [step for step in taken if not step[0].endswith(OF_FILES)]


def test_lists_show_and_cost_the_same_as_without_the_flood(journal: Reader) -> None:
    commands = [
        ("sessions",),
        ("sessions", "--json"),
        ("sessions", "--project", PROJECT, "--since", "1h"),
        ("context", "--project", PROJECT),
    ]
    four_states(journal.home)
    stored.sync(journal.home)
    stored.arrive_when_recorded(journal.home)  # else the first command puts the arrivals right
    journal("sessions")  # notes that all is synced
    before = [looked(journal, *command) for command in commands]
    flood(journal.home)
    assert stored.sync(journal.home).stored == 2 * FLOOD
    stored.arrive_when_recorded(journal.home)
    journal("sessions")
    assert [looked(journal, *command) for command in commands] == before


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that holds the flood, synced."""
    home = tmp_path_factory.mktemp("flooded") / "home"
    flood(home)
    stored.sync(home)
    return home


def test_none_is_shown_and_all_events_are_kept(flooded: Path, journal: Reader) -> None:
    shutil.copytree(flooded, journal.home)
    assert stored.rows(journal.home, "select count(*) from events") == [(2 * FLOOD,)]
    said = f"({FLOOD:,} only started and did nothing: --all shows it)"
    assert said in journal("sessions")
    assert journal("sessions", "--json") == ""
    assert len(journal("sessions", "--json", "--all").splitlines()) == FLOOD
    counts = json.loads(journal("status", "--json"))
    assert (counts["store"]["events"], counts["sessions"]["not_adopted"]) == (2 * FLOOD, FLOOD)
    assert sum(counts["sessions"].values()) == FLOOD
    journal("context", "--project", PROJECT)
    assert "has no context" in journal.err
    stored.check(journal.home)


def test_one_of_them_gets_a_tool_and_appears_with_its_earlier_events(
    flooded: Path, journal: Reader
) -> None:
    shutil.copytree(flooded, journal.home)
    asked(journal.home, "aaaaaa01", "work", 60)
    one = "e0000007-f100d"
    headless(journal.home, one, "UserPromptSubmit", 30, prompt="headless work")
    stored.sync(journal.home)
    assert one[:8] not in journal("sessions")
    call = {"tool_name": "Write", "tool_use_id": "t1", "tool_input": {"file_path": "/code/b.py"}}
    headless(journal.home, one, "SessionStart", 9, source="resume")
    headless(journal.home, one, "PreToolUse", 8, **call)
    shown = [json.loads(line) for line in journal("sessions", "--json").splitlines()]
    assert [(row["session"], row["state"]) for row in shown] == [
        (one, "working"), ("aaaaaa01", "working"),
    ]  # fmt: skip
    assert (shown[0]["title"], shown[0]["events"], shown[0]["prompts"]) == ("headless work", 5, 1)
    assert shown[0]["tool"] == "Write"
    events = json.loads(journal("show", one, "--json"))["events"]
    assert [event["event"] for event in events] == [
        "SessionStart", "UserPromptSubmit", "SessionEnd", "SessionStart", "PreToolUse",
    ]  # fmt: skip
    headless(journal.home, one, "PostToolUse", 7, **call)
    headless(journal.home, one, "Stop", 6)
    assert "headless work" in journal("context", "--project", PROJECT)
