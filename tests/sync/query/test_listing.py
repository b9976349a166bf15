"""`journal sessions`: awaiting sessions come first, and filters mean what they say."""

import json
import os
import re
import subprocess
from pathlib import Path

import apsw
import pytest

import recordings
import stored
from commands import program
from journal.errors import JournalError
from journal.layout import Layout
from journal.settings.sources import Settings
from reported import NOW_US, Reader, asked, four_states, tell
from sync.query import listing
from sync.query.filters import Filters

ADOPT_ON = Settings().sessions.adopt_on
SHOWN = listing.Wanted(Filters(adopt_on=ADOPT_ON))
KEYS = [
    "session", "memory_id", "agent", "project", "cwd", "state", "adopted", "pinned", "title",
    "started_at", "last_active_at", "ended_at", "end_reason", "events", "prompts",
]  # fmt: skip


def ids(out: str) -> list[str]:
    """The sessions of JSON lines."""
    return [json.loads(line)["session"] for line in out.splitlines()]


def first_words(out: str) -> list[str]:
    return [line.split()[0] for line in out.splitlines() if line[:1] != " "]


def test_awaiting_sessions_come_first_then_working_idle_finished(journal: Reader) -> None:
    four_states(journal.home)
    out = journal("sessions")
    assert first_words(out) == ["ID", "dddddd", "cccccc", "bbbbbb", "aaaaaa"]
    waiting = out.splitlines()[1:3]
    assert "awaiting 2h" in waiting[0]
    assert waiting[1].strip() == "asks: rm -rf build"


def test_within_a_state_the_newest_activity_comes_first(journal: Reader) -> None:
    for number, ago in enumerate((50, 10, 90)):
        asked(journal.home, f"{number}0000001", "work", ago)
    assert ids(journal("sessions", "--json")) == ["10000001", "00000001", "20000001"]


def test_json_has_the_keys_of_the_interface_first_and_nothing_else_on_stdout(
    journal: Reader,
) -> None:
    four_states(journal.home)
    rows = [json.loads(line) for line in journal("sessions", "--json").splitlines()]
    assert [list(row)[: len(KEYS)] for row in rows] == [KEYS] * 4
    done = rows[-1]
    assert done["state"] == "finished"
    assert done["end_reason"] == "prompt_input_exit"
    assert done["ended_at"] == "2026-11-18T11:05:51.000000Z"
    assert (done["events"], done["prompts"], done["title"]) == (4, 1, "finished work")
    assert (done["pinned"], done["adopted"]) == (False, True)
    assert re.fullmatch("[0-9a-f-]{36}", done["memory_id"])
    waiting = rows[0]
    assert waiting["waiting_since"] == "2026-11-18T08:37:40.000000Z"
    assert (waiting["ended_at"], waiting["end_reason"]) == (None, None)


def test_sessions_that_only_started_show_with_all_and_are_marked(journal: Reader) -> None:
    four_states(journal.home)
    assert "eeeeee" not in journal("sessions")
    out = journal("sessions", "--all")
    assert "(only started)" in next(line for line in out.splitlines() if "eeeeee" in line)
    marked = [json.loads(line) for line in journal("sessions", "--all", "--json").splitlines()]
    assert [row["session"] for row in marked if not row["adopted"]] == ["eeeeee01"]


def test_an_empty_list_says_what_is_hidden(journal: Reader) -> None:
    tell(journal.home, "eeeeee01", "SessionStart", 30, source="startup")
    assert (
        journal("sessions")
        == "No session matches (1 only started and did nothing: --all shows it).\n"
    )
    assert journal("sessions", "--json") == ""
    assert journal("sessions", "--state", "working") == "No session matches.\n"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--state", "idle"], ["bbbbbb01"]),
        (["--agent", "codex"], []),
        (["--agent", "claude-code", "--state", "working"], ["cccccc01"]),
        (["--project", "SHOP"], ["bbbbbb01"]),
        (["--project", "path:HOME:/code/shop"], ["bbbbbb01"]),
        (["--project", "/code/shop"], ["bbbbbb01"]),
        (["--project", "/code/sho"], []),
        (["--project", "/code", "--state", "idle"], ["bbbbbb01"]),
        (["--since", "15m"], ["bbbbbb01", "aaaaaa01"]),
        (["--since", "2026-11-18T11:05:00Z"], ["aaaaaa01"]),
        (["--since", "3d", "--limit", "1"], ["dddddd01"]),
        (["--branch", "main"], []),
        (["--limit", "0", "--since", "2w"], ["dddddd01", "cccccc01", "bbbbbb01", "aaaaaa01"]),
    ],
)
def test_filters_narrow_the_list(journal: Reader, options: list[str], found: list[str]) -> None:
    four_states(journal.home)
    journal("sync")
    home = Layout(journal.home).id
    options = [one.replace("HOME", home) for one in options]
    assert ids(journal("sessions", "--json", *options)) == found


@pytest.mark.parametrize("bad", ["2x", "soon", "", "2026-13-01", "99999999999999999999d"])
def test_an_invalid_time_is_wrong_usage_with_a_hint(journal: Reader, bad: str) -> None:
    four_states(journal.home)
    assert journal("sessions", "--since", bad, code=2) == ""
    assert "as a time (try 2h, 3d" in journal.err
    assert len(journal.err.splitlines()) == 1


@pytest.mark.parametrize("options", [["--state", "dead"], ["--limit", "-1"], ["--nothing"]])
def test_options_that_mean_nothing_are_wrong_usage(journal: Reader, options: list[str]) -> None:
    four_states(journal.home)
    journal("sessions", *options, code=2)
    assert "Traceback" not in journal.err


def repository(folder: Path) -> Path:
    """A repository with a remote and a branch, as far as anybody reads it."""
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/fix/rounding\n")
    (folder / ".git" / "config").write_text(
        '[remote "origin"]\n\turl = git@example.org:acme/bill\n'
    )
    return folder


def test_here_is_this_project_in_any_folder_also_without_a_recorded_start(
    journal: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = repository(tmp_path / "bill")
    (top / "src").mkdir()
    (tmp_path / "bill-2").mkdir()
    ours = '{"key":"git:example.org/acme/bill","name":"bill","top":"/elsewhere","branch":"main"}'
    other = '{"key":"git:example.org/acme/vendored","name":"vendored","top":"/x","branch":"main"}'
    asked(journal.home, "aaaaaa01", "another clone", 10, git=ours, cwd="/elsewhere")
    asked(journal.home, "bbbbbb01", "start not seen", 20, cwd=str(top / "src"))
    asked(journal.home, "cccccc01", "a submodule", 30, cwd=str(top / "sub"), git=other)
    asked(journal.home, "dddddd01", "a neighbour", 40, cwd=str(tmp_path / "bill-2"))
    monkeypatch.chdir(top / "src")
    assert ids(journal("sessions", "--json", "--here")) == ["aaaaaa01", "bbbbbb01"]
    assert ids(journal("sessions", "--json", "--here", "--branch", "main")) == ["aaaaaa01"]
    monkeypatch.chdir(tmp_path)
    assert ids(journal("sessions", "--json", "--project", "./bill")) == ["aaaaaa01", "bbbbbb01"]
    assert ids(journal("sessions", "--json", "--project", "bill")) == ["aaaaaa01"]


def test_a_long_list_ends_with_the_number_of_the_others(journal: Reader) -> None:
    for number in range(23):
        asked(journal.home, f"{number:06x}ab", "work", 10 + number)
    lines = journal("sessions").splitlines()
    assert len(lines) == 1 + 20 + 1
    assert lines[-1] == "… and 3 more (--limit 0 shows all)"
    assert len(journal("sessions", "--limit", "0").splitlines()) == 1 + 23
    assert len(ids(journal("sessions", "--json"))) == 23


@pytest.mark.parametrize("columns", [80, 60, 120])
def test_no_line_is_wider_than_the_screen(
    journal: Reader, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    from rich.cells import cell_len

    monkeypatch.setenv("COLUMNS", str(columns))
    four_states(journal.home)
    git = (
        '{"key":"git:h/p","name":"a-very-long-project-name-indeed","branch":"fix/long-branch-name"}'
    )
    asked(journal.home, "ffffff01", "漢字" * 80, 10, git=git)
    tell(journal.home, "ffffff01", "PermissionRequest", 5, tool_name="T", message="漢字" * 80)
    out = journal("sessions")
    assert max(map(cell_len, out.splitlines())) <= columns
    assert ("fix/long-branch-name" in out) is (columns >= 100)


def test_in_a_pipe_titles_are_whole(journal: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS")
    title = " ".join(["find me in a pipe"] * 6)
    asked(journal.home, "aaaaaa01", title, 10)
    assert title in journal("sessions")


def test_text_of_a_stranger_reaches_the_screen_as_letters_only(journal: Reader) -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07[red]a\u202eb[/red] \x9b31mc\r\x08d"
    asked(journal.home, "\x1b[5mab\u202ecd", hostile, 10, cwd="/code/\x1b[31mred")
    out = journal("sessions")
    assert "[red]ab[/red] c d" in out
    assert all(char.isprintable() or char == "\n" for char in out)


def test_a_short_id_is_as_long_as_it_must_be(journal: Reader) -> None:
    for name in ("abcdef01-1", "abcdef01-2", "fedcba-1"):
        asked(journal.home, name, "work", 10)
    rows = [json.loads(line) for line in journal("sessions", "--json").splitlines()]
    assert {row["short_id"] for row in rows} == {"abcdef01-1", "abcdef01-2", "fedcba"}
    for row in rows:
        found = json.loads(journal("show", row["short_id"], "--json"))
        assert found["session"]["session"] == row["session"]


def steps(home: Path) -> list[tuple[str, int]]:
    """The statements of a list, with the steps of SQLite's machine that each took."""
    db = apsw.Connection(str(home / "journal.db"))
    taken: list[tuple[str, int]] = []

    def note(done: dict[str, object]) -> None:
        status = done["stmt_status"]
        assert isinstance(status, dict)
        taken.append((str(done["sql"]), status["SQLITE_STMTSTATUS_VM_STEP"]))

    db.trace_v2(apsw.SQLITE_TRACE_PROFILE, note)
    keys = listing.page(db, SHOWN, 20)
    assert len(list(listing.read(db, keys, ADOPT_ON))) == 5
    assert listing.count(db, SHOWN) == 5
    db.close()
    return taken


def test_a_flood_of_start_and_stop_sessions_costs_a_list_nothing(tmp_path: Path) -> None:
    for number in range(5):
        asked(tmp_path, f"0{number}000000", "work", 10 + number)
    tell(tmp_path, "e00000000", "SessionStart", 10, source="startup")
    stored.sync(tmp_path)
    before = steps(tmp_path)
    for number in range(367):
        at_ns = recordings.START_NS + number * 1_000_000
        payload = {"session_id": f"f{number:08x}", "cwd": "/code/billing", "source": "startup"}
        end = {**payload, "reason": "other"}
        lines = recordings.line("SessionStart", payload, at_ns)
        lines += recordings.line("SessionEnd", end, at_ns + 1000)
        recordings.append(tmp_path / "days" / "2026-11-18" / "claude-code.flood.jsonl", lines)
    stored.sync(tmp_path)
    assert stored.rows(tmp_path, "select count(*) from session_states") == [(373,)]
    assert steps(tmp_path) == before


def test_a_session_is_found_by_its_id_a_prefix_or_its_agent(tmp_path: Path) -> None:
    for name in ("abc-1", "abc-2", "abc", "a%_"):
        asked(tmp_path, name, "work", 10)
    line = recordings.line("Turn", {}).replace(b'"claude-code"', b'"codex"')
    line = line.replace(b'"session":"unknown"', b'"session":"abc"')
    recordings.append(tmp_path / "days" / "2026-11-18" / "codex.abc.jsonl", line)
    stored.sync(tmp_path)
    db = stored.database(tmp_path)

    def name(wanted: str) -> tuple[str, str]:
        row = db.execute(
            "select agent, id from session_states where session = ?", (listing.find(db, wanted),)
        )
        ((agent, found),) = row.fetchall()
        return str(agent), str(found)

    assert name("abc-2") == ("claude-code", "abc-2")
    assert name("codex/abc") == ("codex", "abc")
    assert name("codex/a") == ("codex", "abc")
    assert name("a%") == ("claude-code", "a%_")
    for wanted in ("claude-code/abc-", "abc-"):
        with pytest.raises(JournalError, match="matches several sessions: abc-1, abc-2"):
            name(wanted)
    with pytest.raises(JournalError, match="claude-code/abc, codex/abc"):
        name("abc")
    for unknown in ("", "zzz", "codex/zzz", "/", "claude-code/", "_"):
        with pytest.raises(JournalError, match="no session"):
            name(unknown)
    db.close()


def test_the_command_works_as_a_process(tmp_path: Path) -> None:
    four_states(tmp_path / "home")
    command = [program(), "--home", str(tmp_path / "home"), "sessions"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True)
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 4)
    closed = subprocess.run(
        ["sh", "-c", '"$@" | true', "sh", *command], capture_output=True, text=True,
        env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip
    assert (closed.returncode, closed.stderr) == (0, "")


def test_a_home_with_nothing_in_it_is_reported_and_not_made(journal: Reader) -> None:
    assert journal("sessions", code=1) == ""
    assert "nothing is recorded yet" in journal.err
    assert not journal.home.exists()


def test_the_clock_of_the_tests_is_the_one_of_the_records() -> None:
    assert NOW_US * 1000 == recordings.START_NS
