"""Transcripts that no hook named are found, and those that were read are not read again."""

import codecs
import json
import os
from pathlib import Path

import pytest

import opencode_database
import recordings
from journal.layout import Layout
from journal.settings.sources import load_settings
from journal.setup import registered
from stored import rows
from sync import cycle
from sync.checkup.earlier_sessions import not_imported, note_import
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
    saved = WHOLE.replace("\n", "\r\n")  # as some editors save it
    place(user).write_bytes(codecs.BOM_UTF8 + saved.encode())
    assert sync(user).copied == 2
    assert prompts(user) == 1
    with place(user).open("a") as file:
        file.write(line("user", "u3", "continue"))
    assert sync(user).copied == 1
    assert prompts(user) == 2
    assert sync(user).copied == 0
    assert sync(user).copied == 0  # the files of the last pass: none is compared
    read_ns = place(user).stat().st_mtime_ns
    with place(user).open("a") as file:
        file.write(line("user", "u4", "and once more"))
    os.utime(place(user), ns=(read_ns, read_ns))  # in the moment of the reading, for the clock
    assert sync(user).copied == 1
    assert prompts(user) == 3


@pytest.mark.parametrize("hooked", [False, True])
def test_a_linked_folder_is_followed_each_file_once(user: Path, hooked: bool) -> None:
    elsewhere = user / "disk/shop"
    elsewhere.mkdir(parents=True)
    (elsewhere / place(user).name).write_text(WHOLE)
    for name in ("-srv-one", "-srv-two"):
        (user / ".claude/projects" / name).symlink_to(elsewhere)
    (user / ".claude/projects/-loop").symlink_to(user / ".claude/projects")
    if hooked:
        path = user / ".claude/projects/-srv-two" / place(user).name
        payload = {"session_id": SESSION, "cwd": "/srv/shop", "transcript_path": str(path)}
        record = recordings.line("SessionEnd", payload, CLAUDE_CODE_ENTRYPOINT="cli")
        recordings.append(user / ".agent-journal/days/2026-11-18/claude-code.s.jsonl", record)
    assert sync(user).copied == 2
    assert prompts(user) == 1
    assert sync(user).copied == 0


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


def test_transcripts_from_before_the_installation_wait_for_an_import(user: Path) -> None:
    place(user).write_text(WHOLE)
    os.utime(place(user), (900_000_000, 900_000_000))
    sync(user)
    layout = Layout.at(user / ".agent-journal")
    db = connection.open_store(layout)
    environ = {"HOME": str(user)}
    found = discovery.compare(db, layout, (), environ)
    db.close()
    assert [one.session for one in found.older] == [SESSION]
    assert not found.grown


def test_half_a_line_at_the_end_is_not_read_in_every_pass(user: Path) -> None:
    place(user).write_text(WHOLE + '{"type": "user", "uu')
    assert sync(user).copied == 2
    layout = Layout.at(user / ".agent-journal")
    db = connection.open_store(layout)
    environ = {"HOME": str(user)}
    found = discovery.compare(db, layout, (), environ)
    db.close()
    assert not found.grown


def test_a_hook_may_name_transcripts_of_the_folder_with_our_hooks(user: Path) -> None:
    """The watcher was started with another CLAUDE_CONFIG_DIR than the session has."""
    other = user / "second"
    reported = other / f"projects/-srv-shop/{SESSION}.jsonl"
    reported.parent.mkdir(parents=True)
    reported.write_text(WHOLE)
    layout = Layout.at(user / ".agent-journal")
    payload = {"session_id": SESSION, "cwd": "/srv/shop", "transcript_path": str(reported)}
    record = recordings.line("SessionEnd", payload, CLAUDE_CODE_ENTRYPOINT="cli")
    recordings.append(layout.days / "2026-11-18/claude-code.s.jsonl", record)
    registered.note(layout, "claude-code", other / "settings.json", ("SessionEnd",))
    assert sync(user, follow=False).copied == 2


def test_every_folder_with_our_hooks_is_followed(user: Path) -> None:
    """Of three with hooks and one that never had some, whichever this process names."""
    layout = Layout.at(user / ".agent-journal")
    for number, name in enumerate((".claude", "second", "third", "other")):
        path = user / f"{name}/projects/-srv-shop/{number}{SESSION[1:]}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(WHOLE.replace(SESSION, path.stem))
        if name != "other":
            registered.note(layout, "claude-code", user / name / "settings.json", ("Stop",))
            (user / name / "settings.json").write_text(f'{{"hooks": "{layout.home}"}}')
    assert sync(user, CLAUDE_CONFIG_DIR=str(user / "other")).copied == 6
    registered.remove(layout, "claude-code", user / "second/settings.json")
    left = registered.read(layout, "claude-code")
    assert left is not None
    assert left.files == (f"{user}/third/settings.json", f"{user}/.claude/settings.json")


OLD = 1_000_000_000 - 3600
KEPT = {
    "claude-code": f".claude/projects/-srv-shop/{SESSION}.jsonl",
    "codex": f".codex/sessions/2026/11/18/rollout-2026-11-18T10-00-00-{SESSION}.jsonl",
    "copilot-cli": f".copilot/session-state/{SESSION}/events.jsonl",
    "qwen-code": f".qwen/projects/-srv-shop/chats/{SESSION}.jsonl",
    "gemini-cli": f".gemini/tmp/shop/chats/session-2026-11-18T10-00-{SESSION[:8]}.jsonl",
}


@pytest.mark.parametrize("agent", KEPT)
def test_earlier_sessions_of_each_agent_are_reported_until_they_are_imported(
    user: Path, monkeypatch: pytest.MonkeyPatch, agent: str
) -> None:
    monkeypatch.setenv("HOME", str(user))
    layout = Layout.at(user / ".agent-journal")
    assert not_imported(layout, ()) == ""
    path = user / KEPT[agent]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(WHOLE)
    os.utime(path, (OLD, OLD))
    assert not_imported(layout, ()) == "1 earlier session is not imported"
    note_import(layout)
    assert not_imported(layout, ()) == ""


def test_all_sessions_of_one_database_count(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(user))
    layout = Layout.at(user / ".agent-journal")
    path = user / ".local/share/opencode/opencode.db"
    path.parent.mkdir(parents=True)
    rows = [{"table": "session", "id": f"ses_{number}", "parent_id": None} for number in range(3)]
    rows += [{"table": "session", "id": "ses_child", "parent_id": "ses_0"}]
    columns = dict.fromkeys(("slug", "directory", "title", "version"), "x")
    times = {"project_id": "p", "time_created": 1, "time_updated": 2}
    db = opencode_database.make(path, [])
    for row in rows:
        opencode_database.put(db, {**row, **columns, **times})
    db.commit()
    db.close()
    os.utime(path, (OLD, OLD))
    said = not_imported(layout, ())
    assert said == "3 earlier sessions are not imported"
