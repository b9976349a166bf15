"""`journal show`: everything of one session, and nothing that a terminal would obey."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

import recordings
from commands import program
from journal.printable import clean, one_line
from journal.settings.sources import Settings
from journal.times import to_us
from reported import NOW_US, Reader, asked, four_states, tell
from sync.pages.markdown import session_markdown
from sync.query import detail, listing
from sync.query.session_detail import Detail
from sync.store import connection

HOSTILE = "\x1b[2J\x1b]0;owned\x07[red]a\u202eb[/red] \x9b31mc\x08"


def shown(journal: Reader, *args: str) -> Any:
    return json.loads(journal("show", *args, "--json"))


def test_json_has_the_shape_of_the_interface(journal: Reader) -> None:
    recordings.write_journal(journal.home, "p-simple")
    found = shown(journal, "c3af9c")
    assert list(found)[:5] == ["session", "prompts", "observations", "summary", "events"]
    assert found["session"]["session"].startswith("c3af9c")
    assert found["session"]["state"] == "finished"
    (prompt,) = found["prompts"]
    assert prompt["text"] == "please do the simple thing"
    assert set(prompt) >= {"event_id", "at", "text"}
    assert len(found["events"]) == found["session"]["events"] == 18
    assert set(found["events"][0]) >= {"id", "at", "event", "tool"}
    events = [event["id"] for event in found["events"]]
    assert prompt["event_id"] in events
    assert [call["tool"] for call in found["observations"]] == ["Bash", "Write", "Read", "Edit"]
    for call in found["observations"]:
        assert set(call) >= {
            "event_id", "at", "tool", "tool_use_id", "ok", "input", "output", "count", "memory_id",
        }  # fmt: skip
        assert (call["ok"], call["count"]) == (True, 1)
        assert call["memory_id"] == found["session"]["memory_id"]
        assert call["event_id"] in events
    assert set(found["summary"]) == {
        "request", "investigated", "learned", "completed", "next_steps", "files_read",
        "files_edited", "source", "at",
    }  # fmt: skip


def test_input_and_output_are_as_the_agent_sent_them(journal: Reader) -> None:
    recordings.write_journal(journal.home, "p-simple")
    sent = {
        payload["tool_use_id"]: payload
        for firing in recordings.load("p-simple")
        if firing.event == "PostToolUse" and (payload := json.loads(firing.stdin))
    }
    for call in shown(journal, "c3af9c")["observations"]:
        assert call["input"] == sent[call["tool_use_id"]]["tool_input"]
        assert call["output"] == sent[call["tool_use_id"]]["tool_response"]


def test_a_failure_has_its_error_as_output(journal: Reader) -> None:
    recordings.write_journal(journal.home, "p-fail")
    failed = shown(journal, "742d29")["observations"][0]
    assert (failed["ok"], failed["output"]) == (False, "Exit code 3\nout\nerr")
    assert "failed" in journal("show", "742d29")


def call(home: Path, session: str, at: float, command: str, output: str, use: str) -> None:
    tool = {"tool_name": "Bash", "tool_use_id": use, "tool_input": {"command": command}}
    tell(home, session, "PreToolUse", at, **tool)
    tell(home, session, "PostToolUse", at - 0.1, **tool, tool_response={"stdout": output})


def test_json_has_every_call_and_the_screen_equal_ones_with_their_number(journal: Reader) -> None:
    asked(journal.home, "aaaaaa01", "test it", 100)
    for number in range(3):
        call(journal.home, "aaaaaa01", 90 - number, "pytest", "ok", f"t{number}")
    call(journal.home, "aaaaaa01", 80, "pytest", "1 failed", "t3")
    call(journal.home, "aaaaaa01", 80, "pytest", "1 failed", "t3")  # hooks installed twice
    tell(journal.home, "aaaaaa01", "PreToolUse", 70, tool_name="Bash", tool_use_id="t4",
         tool_input={"command": "pytest"})  # fmt: skip
    calls = shown(journal, "aaaaaa")["observations"]
    assert [(c["tool_use_id"], c["count"], c["ok"]) for c in calls] == [
        ("t0", 1, True), ("t1", 1, True), ("t2", 1, True), ("t3", 1, True), ("t4", 1, None),
    ]  # fmt: skip
    assert [(c["output"] or {}).get("stdout") for c in calls] == ["ok"] * 3 + ["1 failed", None]
    text = journal("show", "aaaaaa")
    assert "What was done (5)" in text
    assert [line.split()[-2:] for line in text.splitlines() if "Bash" in line] == [
        ["ok", "\u00d73"], ["pytest", "ok"], ["pytest", "unfinished"],
    ]  # fmt: skip


def test_the_text_says_who_when_what_and_how_it_ended(journal: Reader) -> None:
    four_states(journal.home)
    lines = journal("show", "aaaaaa").splitlines()
    assert lines[0].split() == ["session", "aaaaaa01", "(claude-code)"]
    assert lines[1].split() == ["project", "billing", "(/code/billing)"]
    assert lines[2].split(None, 1) == ["state", "finished, prompt_input_exit"]
    assert lines[3].endswith(", 49s ago")
    assert not any(line.startswith("memory id") for line in lines), "it was minted"
    assert lines[-2:] == [lines[-2], "           all done"] or lines[-1].strip() == "all done"
    waiting = journal("show", "dddddd")
    assert "awaiting your answer for 2h: rm -rf build" in waiting
    assert "(it only started)" in journal("show", "eeeeee")


def test_a_sub_agents_calls_are_set_in_and_it_is_listed(journal: Reader) -> None:
    recordings.write_journal(journal.home, "p-subagent")
    text = journal("show", "81c511")
    assert "  Agent   Look at README" in text
    assert "    Bash  echo from the subagent" in text
    assert "general-purpose, took 1s" in text
    assert "Last words" in text
    assert "The subagent reported back." in text


def test_prompts_of_the_agent_itself_are_marked(journal: Reader) -> None:
    asked(journal.home, "aaaaaa01", "by me", 100)
    text = "<task-notification>done</task-notification>"
    tell(journal.home, "aaaaaa01", "UserPromptSubmit", 50, prompt=text)
    out = journal("show", "aaaaaa")
    assert "(by the agent itself) <task-notification>" in out
    assert [p["by_person"] for p in shown(journal, "aaaaaa")["prompts"]] == [True, False]


def test_long_lists_are_cut_in_the_middle_and_json_has_all(journal: Reader) -> None:
    asked(journal.home, "aaaaaa01", "line\n" * 40, 4000)
    for number in range(60):
        at = 3000 - number * 10
        call(journal.home, "aaaaaa01", at, f"step {number} " + "x" * 90, "ok", f"t{number}")
        tell(journal.home, "aaaaaa01", "UserPromptSubmit", at - 5, prompt=f"go on {number}")
    text = journal("show", "aaaaaa")
    assert "What was done (60)" in text
    assert "… 20 more calls (--format markdown shows all) …" in text
    assert "… 41 more prompts" in text
    assert "… 28 more lines" in text
    assert "step 0 " in text
    assert "step 59 " in text
    assert "step 30 " not in text
    assert max(map(cell_len, text.splitlines())) <= 80
    assert len(shown(journal, "aaaaaa")["observations"]) == 60
    assert "step 30 " in journal("show", "aaaaaa", "--format", "markdown")


def test_without_a_name_it_is_the_newest_adopted_session_of_this_project(
    journal: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "src").mkdir()
    monkeypatch.chdir(tmp_path / "src")
    here = str(tmp_path / "src")
    asked(journal.home, "aaaaaa01", "older, but it waits", 100, cwd=here)
    tell(journal.home, "aaaaaa01", "PermissionRequest", 90, tool_name="T", cwd=here)
    asked(journal.home, "bbbbbb01", "newest", 50, cwd=here)
    asked(journal.home, "cccccc01", "elsewhere", 10)
    tell(journal.home, "dddddd01", "SessionStart", 5, source="startup", cwd=here)
    assert shown(journal)["session"]["session"] == "bbbbbb01"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lonely").mkdir()
    monkeypatch.chdir(tmp_path / "lonely")
    assert journal("show", code=1) == ""
    assert "no session of this project is recorded" in journal.err
    assert "journal sessions" in journal.err


def test_a_name_that_fits_none_or_several_fails_with_one_line(journal: Reader) -> None:
    asked(journal.home, "abcdef01", "one", 10)
    asked(journal.home, "abcdef02", "two", 10)
    assert journal("show", "abc", code=1) == ""
    assert journal.err.startswith("journal: 'abc' matches several sessions: abcdef01, abcdef02")
    assert journal("show", "\x1b[2Jzzz", "--json", code=1) == ""
    assert journal.err == "journal: no session zzz (journal sessions --all lists them)\n"


def test_no_foreign_text_controls_the_terminal(journal: Reader) -> None:
    asked(journal.home, "aaaaaa01", HOSTILE, 100, cwd=f"/code/{HOSTILE}")
    tool = {"tool_name": HOSTILE, "tool_use_id": "t", "tool_input": {"command": HOSTILE}}
    tell(journal.home, "aaaaaa01", "PreToolUse", 90, **tool)
    tell(journal.home, "aaaaaa01", "PreToolUse", 90, **{**tool, "tool_name": "Bash"})
    tell(journal.home, "aaaaaa01", "SubagentStart", 85, agent_id="x", agent_type=HOSTILE)
    tell(journal.home, "aaaaaa01", "Stop", 80, last_assistant_message=HOSTILE)
    tell(journal.home, "aaaaaa01", "SessionEnd", 70, reason=HOSTILE)
    for options in ([], ["--format", "markdown"]):
        out = journal("show", "aaaaaa", *options)
        assert "[red]ab[/red] c" in out.replace("\\", "")
        assert [c for c in out if not c.isprintable() and c != "\n"] == []


def read(home: Path, name: str) -> Detail:
    from journal.layout import Layout

    db = connection.open_store(Layout.at(home))
    found = detail.read(db, listing.find(db, name), Settings().sessions.adopt_on)
    db.close()
    return found


def test_markdown_shows_the_session_in_order(journal: Reader) -> None:
    recordings.write_journal(journal.home, "p-simple")
    page = journal("show", "c3af9c", "--format", "markdown")
    assert page == session_markdown(read(journal.home, "c3af9c"))
    order = [
        "# please do the simple thing", "- Session: `claude-code/c3af9c", "## Summary",
        "## What happened", "### Prompt", "<summary><b>Bash</b>", "<summary><b>Write</b>",
        "<summary><b>Read</b>", "<summary><b>Edit</b>", "### Answer",
    ]  # fmt: skip
    places = [page.index(part) for part in order]
    assert places == sorted(places)
    assert page.count("<details>") == page.count("</details>") == 4


def test_no_text_closes_its_place_on_the_page(journal: Reader) -> None:
    text = "</details>\n```\n# not a heading\n```\n<script>x</script> and `List<T>`\n\n````md\nopen"
    asked(journal.home, "aaaaaa01", text, 100)
    call(journal.home, "aaaaaa01", 90, "echo </code><b>", "```\n````\n</details>", "t")
    tell(journal.home, "aaaaaa01", "Stop", 80, last_assistant_message=text)
    tell(journal.home, "aaaaaa01", "StopFailure", 70, error="rate_limit")
    page = journal("show", "aaaaaa", "--format", "markdown")
    outside = [line for line in page.split("\n") if not line.startswith(">")]
    assert "# not a heading" not in outside
    assert "> \\</details>" in page
    assert "> \\<script>x\\</script> and `List<T>`" in page
    assert "<code>echo &lt;/code&gt;&lt;b&gt;</code>" in page
    assert "### Turn failed" in page
    assert "> rate_limit" in page
    raw = {**json.loads(journal("show", "aaaaaa", "--json"))["observations"][0]}
    assert raw["output"] == {"stdout": "```\n````\n</details>"}


def test_a_fence_is_longer_than_what_it_holds(journal: Reader) -> None:
    asked(journal.home, "aaaaaa01", "run", 100)
    tool = {"tool_name": "Bash", "tool_use_id": "t", "tool_input": {"command": "x"}}
    tell(journal.home, "aaaaaa01", "PostToolUseFailure", 90, **tool, error="````\ninner\n````")
    page = journal("show", "aaaaaa", "--format", "markdown")
    assert "`````\n````\ninner\n````\n`````" in page


@given(st.text())
def test_clean_text_holds_nothing_but_letters_and_line_ends(text: str) -> None:
    cleaned = clean(text)
    assert all(c.isprintable() or c in "\n\u200c\u200d" for c in cleaned)
    assert clean(cleaned) == cleaned
    assert "\n" not in one_line(text)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain", "plain"),
        ("two\r\nlines\rthree\u2028four", "two\nlines\nthree\nfour"),
        ("a\tb", "a    b"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b[38;2;1;2;3mred\x1b[0m", "red"),
        ("\ud800x\udfff", "x"),
        ("a\u00a0b\u200bc", "a bc"),
        ("hidden\U000e0041\U000e0101", "hidden"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
    ],
)
def test_invisible_characters_are_removed(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_times_of_several_days_have_their_date(journal: Reader) -> None:
    asked(journal.home, "aaaaaa01", "first", 3 * 86_400)
    tell(journal.home, "aaaaaa01", "UserPromptSubmit", 60, prompt="second")
    lines = journal("show", "aaaaaa").splitlines()
    first = next(line for line in lines if line.endswith("first"))
    assert first[2] == "-"
    assert to_us("2026-11-18T11:06:40Z") == NOW_US


def test_the_command_works_as_a_process(tmp_path: Path) -> None:
    recordings.write_journal(tmp_path / "home", "p-unicode")
    command = [program(), "--home", str(tmp_path / "home"), "show", "8dcd79"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["session"]["title"] == "please do the unicode thing"
    wrong = subprocess.run([*command, "--format", "pdf"], capture_output=True, text=True)
    assert (wrong.returncode, wrong.stdout) == (2, "")
