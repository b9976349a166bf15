"""The views for other programs: docs/sql.md is run with Python's own SQLite, texts live as long
as what they are of.
"""

import json
import re
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import commands
import recordings
import reported
import stored
from places import DATA, ROOT

PAGE = (ROOT / "docs" / "sql.md").read_text()
QUESTIONS = re.findall(r"^([A-Z][^\n]+\?)\n\n```sql\n(.*?)```$", PAGE, re.MULTILINE | re.DOTALL)
NAMES = ("v_sessions", "v_prompts", "v_answers", "v_tool_calls", "v_files", "v_usage")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day of a project, and a session with its transcript."""
    home = tmp_path_factory.mktemp("sql") / "home"
    for path in sorted((DATA / "day").glob("*.jsonl")):
        for name, line in recordings.as_records(recordings.read(path)):
            recordings.append(home / "days" / name, line)
    recordings.write_journal(home, "i-exit")
    projects = home.parent / "projects"
    shutil.copytree(DATA / "transcripts", projects)
    assert commands.shared().run(home, "import", str(projects)).code == 0
    return home


def read(home: Path, query: str, *values: Any) -> list[Any]:
    """As another program does, with Python's own SQLite."""
    db = sqlite3.connect(f"file:{home / 'journal.db'}?mode=ro", uri=True)
    try:
        return db.execute(query, values).fetchall()
    finally:
        db.close()


def test_ten_questions_have_answers(home: Path) -> None:
    assert len(QUESTIONS) == 10
    empty = []
    for question, query in QUESTIONS:
        now = read(home, query.replace("strftime('%Y-%m-%d', 'now')", "'2026-11-01'"))
        if not now:
            empty.append(question)
    assert empty == []


def test_the_page_names_every_column(home: Path) -> None:
    db = sqlite3.connect(f"file:{home / 'journal.db'}?mode=ro", uri=True)
    for name in NAMES:
        columns = [row[1] for row in db.execute(f"pragma table_info({name})")]
        (row,) = re.findall(rf"^\| `{name}` \|[^|]*\|([^|]*)\|$", PAGE, re.MULTILINE)
        assert sorted(re.findall(r"`(\w+)`", row)) == sorted(columns)
    db.close()


def test_the_views_say_what_show_says(home: Path) -> None:
    for (session,) in read(home, "select session from v_sessions where adopted"):
        shown = json.loads(commands.shared().run(home, "show", session, "--json").stdout)
        for view, key in (("v_prompts", "prompts"), ("v_answers", "answers")):
            query = (
                f"select event_id, at, coalesce(text, '') from {view} where session = ? order by 1"
            )
            told_of = sorted((p["event_id"], p["at"], p["text"]) for p in shown[key])
            assert read(home, query, session) == told_of
        query = "select event_id, tool, ok from v_tool_calls where session = ? order by 1"
        calls = [(o["event_id"], o["tool"], o["ok"]) for o in shown["observations"]]
        assert read(home, query, session) == sorted(calls, key=lambda call: call[0])


def test_texts_go_with_what_they_are_of(tmp_path: Path) -> None:
    home = tmp_path / "home"
    reported.asked(home, "aaaaaa01", "a narwhal", 1000, now_us=stored.NOW_US)
    call = {"tool_name": "Bash", "tool_input": {"command": "echo narwhal"}, "tool_use_id": "t1"}
    reported.tell(home, "aaaaaa01", "PostToolUse", 900, now_us=stored.NOW_US, **call)
    stored.sync(home)
    query = "select text from item_texts order by 1"
    assert read(home, query) == [("a narwhal",), ("echo narwhal",)]
    reported.tell(home, "aaaaaa01", "PreToolUse", 910, now_us=stored.NOW_US, **call)
    stored.sync(home)
    assert read(home, query) == [("a narwhal",), ("echo narwhal",)]
    assert commands.shared().run(home, "forget", "aaaaaa01", "--yes").code == 0
    assert read(home, query) == []
