"""`show`, `search`, `sessions`, `context` and `export` say the same, from whichever sources."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import agreement
import conversations
import recordings
import stored
import transcript_reader
import transcripts
from reported import reader


@pytest.mark.parametrize("source", ["hooks", "lines", "both"])
def test_commands_agree_on_every_recording(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    source: str,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("JOURNAL_SESSIONS__REAP_AFTER_HOURS", "876000")
    run = reader(tmp_path, capsys, monkeypatch)
    for name in conversations.NAMES:
        whole = conversations.load(name)
        of_source = {"hooks": whole.hooks, "lines": whole.lines, "both": whole.hooks + whole.lines}
        for one in of_source[source]:
            recordings.append(run.home / "days" / one.file, one.data)
    if source != "lines":
        for name in recordings.NAMES:
            recordings.write_journal(run.home, name)
    if source != "hooks":
        shutil.copytree(transcripts.FOLDER, tmp_path / ".claude/projects")
        run("import")
    stored.sync(run.home)
    shown = {one["session"]["session"]: one for one in agreement.check(run)}
    counted = _of_hooks() if source == "hooks" else _of_transcripts()
    assert {session: _numbers(detail) for session, detail in shown.items()} == counted


def test_commands_agree_on_prompts_that_only_the_queue_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = reader(tmp_path, capsys, monkeypatch)
    queued = [one for one in conversations.load("queue").lines if b'"enqueue"' in one.data]
    for one in queued:
        recordings.append(run.home / "days" / one.file, one.data)
    stored.sync(run.home)
    (shown,) = agreement.check(run)
    assert len(shown["prompts"]) == len(queued) > 0


def _numbers(detail: dict[str, Any]) -> tuple[int, int, int]:
    """Prompts of a person, calls, and failed calls and turns."""
    prompts = sum(one["by_person"] for one in detail["prompts"])
    failed = [one for one in detail["observations"] if one["ok"] is False]
    failed += [one for one in detail["answers"] if one["failed"]]
    return prompts, len(detail["observations"]), len(failed)


def _of_transcripts() -> dict[str, tuple[int, int, int]]:
    """By other code than the product's."""
    found = {}
    for path in [*transcripts.FOLDER.glob("*/*.jsonl"), *conversations.FOLDER.rglob("*-*.jsonl")]:
        inner = path.with_suffix("").glob("subagents/*.jsonl")
        counts = transcript_reader.count(path, inner)
        found[path.stem] = counts.prompts, counts.calls, counts.failures
    return {session: counts for session, counts in found.items() if len(session) == 36}


def _of_hooks() -> dict[str, tuple[int, int, int]]:
    """By the payloads of their recordings."""
    fired = [json.loads(line) for name in recordings.NAMES for _, line in recordings.records(name)]
    fired += [json.loads(one.data) for name in conversations.NAMES for one in _hooks(name)]
    found = {one["session"]: (0, 0, 0) for one in fired}
    for session in found:
        own = [one for one in fired if one["session"] == session]
        prompts = [one for one in own if one["event"] == "UserPromptSubmit"]
        calls = {one["payload"].get("tool_use_id", "") for one in own} - {""}
        failed = sum(one["event"] in ("PostToolUseFailure", "StopFailure") for one in own)
        found[session] = len(prompts), len(calls), failed
    return found


def _hooks(name: str) -> list[conversations.Reported]:
    return conversations.load(name).hooks
