"""Transcripts that no hook named are found, and those that were read are not read again."""

import json
import os
from pathlib import Path

import pytest

from journal.layout import Layout
from journal.settings.sources import load_settings
from stored import rows
from sync import cycle
from sync.conditions import Pass
from sync.report import Report
from sync.store import connection
from sync.transcripts import discovery

SESSION = "0a190000-0000-4000-8000-000000000001"
NOW_US = 1_795_050_000_000_000


def line(kind: str, uuid: str, content: object, **more: object) -> str:
    """One line of a transcript."""
    record = {
        "type": kind, "uuid": uuid, "parentUuid": None, "sessionId": SESSION, "cwd": "/srv/shop",
        "timestamp": "2026-11-20T10:00:01.000Z", "entrypoint": "cli",
        "message": {"role": kind, "content": content, **more},
    }  # fmt: skip
    return json.dumps(record) + "\n"


WHOLE = line("user", "u1", "Route the kowari") + line(
    "assistant", "u2", [{"type": "text", "text": "Routed."}], id="m1", stop_reason="end_turn"
)


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """A person with Claude Code's folder and an installed home, an hour old."""
    (tmp_path / ".claude/projects/-srv-shop").mkdir(parents=True)
    hooks = tmp_path / ".agent-journal/hooks"
    hooks.mkdir(parents=True)
    (hooks / "run.py").write_text("")
    os.utime(hooks / "run.py", (1_000_000_000, 1_000_000_000))
    return tmp_path


def sync(user: Path, follow: bool = True, **more: str) -> Report:
    layout = Layout.at(user / ".agent-journal")
    environ = {"HOME": str(user), "JOURNAL_SESSIONS__REAP_AFTER_HOURS": "876000", **more}
    settings = load_settings(layout, environ)
    return cycle.run(Pass(layout, settings, NOW_US, environ=environ, follow=follow))


def prompts(user: Path) -> int:
    return int(rows(user / ".agent-journal", "select sum(prompts) from session_states")[0][0] or 0)


def place(user: Path) -> Path:
    return user / f".claude/projects/-srv-shop/{SESSION}.jsonl"


def test_a_session_without_hooks_is_followed_as_it_grows(user: Path) -> None:
    place(user).write_text(WHOLE)
    assert sync(user).copied == 2
    assert prompts(user) == 1
    with place(user).open("a") as file:
        file.write(line("user", "u3", "continue"))
    assert sync(user).copied == 1
    assert prompts(user) == 2
    assert sync(user).copied == 0


def test_a_linked_folder_is_followed_each_file_once(user: Path) -> None:
    elsewhere = user / "disk/shop"
    elsewhere.mkdir(parents=True)
    (elsewhere / place(user).name).write_text(WHOLE)
    for name in ("-srv-one", "-srv-two"):
        (user / ".claude/projects" / name).symlink_to(elsewhere)
    (user / ".claude/projects/-loop").symlink_to(user / ".claude/projects")
    assert sync(user).copied == 2
    assert prompts(user) == 1


@pytest.mark.parametrize("why", ["setting", "settings file", "uninstalled", "older", "pass"])
def test_nothing_is_followed_that_the_person_does_not_want(user: Path, why: str) -> None:
    place(user).write_text(WHOLE)
    environ = {}
    if why == "setting":
        environ = {"JOURNAL_CAPTURE__FOLLOW": "false"}
    elif why == "settings file":
        (user / ".claude/settings.json").write_text('{"disableAllHooks": true}')
    elif why == "uninstalled":
        (user / ".agent-journal/hooks/run.py").unlink()
    elif why == "older":
        os.utime(place(user), (900_000_000, 900_000_000))
    assert sync(user, follow=why != "pass", **environ).copied == 0


def test_what_is_older_than_the_installation_waits_for_an_import(user: Path) -> None:
    place(user).write_text(WHOLE)
    os.utime(place(user), (900_000_000, 900_000_000))
    sync(user)
    layout = Layout.at(user / ".agent-journal")
    db = connection.open_store(layout)
    environ = {"HOME": str(user)}
    found = discovery.compare(db, layout, load_settings(layout, environ), environ)
    db.close()
    assert [one.session for one in found.older] == [SESSION]
    assert not found.grown


def test_half_a_line_at_the_end_is_not_read_in_every_pass(user: Path) -> None:
    place(user).write_text(WHOLE + '{"type": "user", "uu')
    assert sync(user).copied == 2
    layout = Layout.at(user / ".agent-journal")
    db = connection.open_store(layout)
    environ = {"HOME": str(user)}
    found = discovery.compare(db, layout, load_settings(layout, environ), environ)
    db.close()
    assert not found.grown
