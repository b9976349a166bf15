"""The loop, end to end: recordings through the installed hooks, to the next one's context."""

import json
import time
from pathlib import Path

import pytest

import firing
import recordings
from chance import THOROUGH
from installed import Installed


def replay(installed: Installed, name: str) -> list[recordings.Firing]:
    """Fire a recording through the installed commands; the firings that had a hook."""
    fired = []
    for one in recordings.load(name):
        for done in firing.fire(installed.settings, one, installed.folder):
            fired.append(one)
            assert (done.code, done.stderr) == (0, b"")
            assert done.stdout == b"" or one.event == "SessionStart"
    return fired


def exported(installed: Installed) -> list[dict[str, object]]:
    return [json.loads(line) for line in installed.journal("export").split("\n") if line]


def start(installed: Installed, name: str, source: str = "startup") -> str:
    """The context that another session of a recording's project is given; "" for none."""
    cwd = f"/home/dev/code/{name}"
    payload = {"session_id": "the-next-one", "cwd": cwd, "source": source}
    data = json.dumps(payload).encode() + b"\n"
    env = {"CLAUDE_CODE_SESSION_ID": "the-next-one", "CLAUDE_CODE_ENTRYPOINT": "cli"}
    one = recordings.Firing("SessionStart", 0, env, data)
    (done,) = firing.fire(installed.settings, one, installed.folder)
    assert (done.code, done.stderr) == (0, b"")
    if not done.stdout:
        return ""
    output = json.loads(done.stdout)["hookSpecificOutput"]
    assert output["hookEventName"] == "SessionStart"
    context = str(output["additionalContext"])
    if "not yet synced" in context:  # the machine was too slow for the pass of the hook itself
        installed.journal("sync")
        return start(installed, name, source)
    return context


def listed(installed: Installed) -> dict[str, dict[str, object]]:
    lines = installed.journal("sessions", "--json", "--all").split("\n")
    return {row["session"]: row for row in map(json.loads, filter(None, lines))}


@pytest.mark.parametrize("name", recordings.NAMES)
def test_every_payload_is_in_the_export_once_and_equal(installed: Installed, name: str) -> None:
    fired = replay(installed, name)
    assert len(fired) >= 3
    report = json.loads(installed.journal("sync", "--json"))
    resumes = sum(b'"source":"resume"' in one.stdin for one in fired)
    # A resume has synced what was there before it, if the machine was quick enough.
    assert resumes or report["records"]["stored"] == len(fired)
    assert (report["records"]["duplicate"], report["records"]["rejected"]) == (0, 0)
    records = exported(installed)
    assert sorted(json.dumps(r["payload"], sort_keys=True) for r in records) == sorted(
        json.dumps(json.loads(one.stdin), sort_keys=True) for one in fired
    )
    assert [r["event"] for r in records] == [one.event for one in fired]
    assert {r["host"] for r in records} != {None}
    assert [r["pid"] for r in records] == [int(one.env["CLAUDE_PID"]) for one in fired]


EXPECTED = {
    "i-clear": ("A short answer without any tool.", "please", None),
    "i-compact": ("A short answer without any tool.", "please", "notes.txt"),
    "i-exit": ("All done: wrote notes.txt and read it back.", "please", "notes.txt"),
    "p-resume": ("All done: wrote notes.txt and read it back.", "please do", "notes.txt"),
    "p-simple": ("All done: wrote notes.txt and read it back.", "please do", "notes.txt"),
}


@pytest.mark.parametrize("name", EXPECTED if THOROUGH else ["i-clear", "i-compact", "p-resume"])
def test_the_next_session_gets_prompt_edits_and_last_words(installed: Installed, name: str) -> None:
    replay(installed, name)
    words, prompt, edited = EXPECTED[name]
    context = start(installed, name)
    assert words in context
    assert f'"{prompt}' in context
    assert edited is None or f"edited   {edited}" in context
    for project, source in (("another-project", "startup"), (name, "clear"), (name, "compact")):
        installed.journal("sync")  # else each start runs a pass of its own, as the first one did
        assert start(installed, project, source) == ""


@pytest.mark.parametrize("name", ["p-unicode", "p-subagent", "p-sigkill"])
def test_a_headless_session_that_changed_nothing_is_not_in_the_context(
    installed: Installed, name: str
) -> None:
    replay(installed, name)
    installed.journal("sync")
    assert start(installed, name) == ""


def test_a_headless_session_with_a_failed_command_is_in_the_context(installed: Installed) -> None:
    replay(installed, "p-fail")
    installed.journal("sync")
    assert "exit 3: failed (exit 3)" in start(installed, "p-fail")


def test_the_recorded_starts_after_clear_and_compaction_print_nothing(installed: Installed) -> None:
    replay(installed, "i-exit")
    for name in ("i-clear", "i-compact"):
        for one in recordings.load(name):
            if b'"source":"clear"' in one.stdin or b'"source":"compact"' in one.stdin:
                moved = one._replace(stdin=one.stdin.replace(name.encode(), b"i-exit"))
                (done,) = firing.fire(installed.settings, moved, installed.folder)
                assert (done.code, done.stdout, done.stderr) == (0, b"", b"")


def test_a_resumed_session_is_one_session_and_does_not_get_its_own_past(
    installed: Installed,
) -> None:
    resumed = next(one for one in recordings.load("p-resume") if b'"source":"resume"' in one.stdin)
    replay(installed, "p-resume")
    installed.journal("sync")
    (session,) = listed(installed).values()
    assert session["prompts"] == 2
    (done,) = firing.fire(installed.settings, resumed, installed.folder)
    assert done.stdout == b""


@pytest.mark.parametrize(
    ("name", "states", "reasons"),
    [
        ("p-simple", ["finished"], ["other"]),
        ("p-fail", ["finished"], ["other"]),
        ("p-sigkill", ["finished"], ["process_gone"]),
        ("i-exit", ["finished"], ["prompt_input_exit"]),
        ("i-clear", ["finished", "finished"], ["clear", "prompt_input_exit"]),
        ("p-subagent", ["finished"], ["other"]),
    ],
)
def test_the_sessions_end_as_they_did(
    installed: Installed, name: str, states: list[str], reasons: list[str | None]
) -> None:
    replay(installed, name)
    installed.journal("sync")
    rows = sorted(listed(installed).values(), key=lambda row: str(row["started_at"]))
    assert [row["state"] for row in rows] == states
    assert [row["end_reason"] for row in rows] == reasons


def test_a_failing_tool_is_an_observation_that_is_not_ok(installed: Installed) -> None:
    replay(installed, "p-fail")
    (session,) = listed(installed)
    shown = json.loads(installed.journal("show", session, "--json"))
    assert [(o["tool"], o["ok"]) for o in shown["observations"]] == [
        ("Bash", False),
        ("Read", False),
    ]
    assert "Exit code 3" in shown["observations"][0]["output"]
    assert [p["text"] for p in shown["prompts"]] == ["please do the fail thing"]


def test_a_session_start_with_nothing_to_sync_opens_no_database(installed: Installed) -> None:
    replay(installed, "i-exit")
    installed.journal("sync")
    for path in installed.home.glob("journal.db*"):
        path.unlink()
    assert "All done" in start(installed, "i-exit")
    assert not (installed.home / "journal.db").exists()


def test_a_secret_is_in_no_byte_that_is_shown_or_stored(installed: Installed) -> None:
    secret = "ghp_" + "Zx9Yw8Vu7T" * 4
    for one in recordings.load("i-exit"):
        stdin = one.stdin.replace(b"All done", b"All done with " + secret.encode())
        firing.fire(installed.settings, one._replace(stdin=stdin), installed.folder)
    context = start(installed, "i-exit")
    assert "[redacted:" in context
    shown = [installed.journal(*args) for args in (["export"], ["sessions"], ["search", "done"])]
    assert secret not in context + "".join(shown)
    for path in installed.home.rglob("*"):
        if path.is_file() and "days" not in path.parts:
            assert secret.encode() not in path.read_bytes(), path


def test_hooks_are_quick_no_matter_what_waits(installed: Installed, tmp_path: Path) -> None:
    """No timed test: a bound so wide that only a hook that waits for something can miss it."""
    replay(installed, "i-exit")
    one = recordings.load("i-exit")[1]
    started = time.monotonic()
    for _ in range(5):
        firing.fire(installed.settings, one, installed.folder)
    assert time.monotonic() - started < 30
