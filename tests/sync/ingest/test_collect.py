"""Records that hooks kept in the spool are moved to the home once, with any interruption."""

import json
import os
import time
from pathlib import Path

import pytest

import recordings
import stored
from hooks import emit
from journal.layout import Layout
from sync.ingest.dead_letters import entries

PAYLOAD = {"session_id": "s", "prompt": "kept elsewhere"}


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def spool_record(home: Path) -> bytes:
    """What the emitter does when the home cannot be written."""
    line, session, unique = emit.record(
        "claude-code", "UserPromptSubmit", json.dumps(PAYLOAD).encode(), recordings.START_NS, {}
    )
    emit.spool(str(home), emit.file_name("claude-code", session), line, unique)
    return line


def spooled(home: Path) -> list[str]:
    return sorted(path.name for path in Layout.at(home).spool.iterdir())


def test_a_spooled_record_is_moved_to_its_day(home: Path) -> None:
    line = spool_record(home)
    assert stored.sync(home).stored == 1
    assert spooled(home) == []
    assert (home / "days/2026-11-18/claude-code.s.jsonl").read_bytes() == line
    assert stored.sync(home).read == 0


def test_a_record_that_was_taken_twice_is_stored_once(home: Path) -> None:
    line = spool_record(home)
    stored.sync(home)
    recordings.append(Layout.at(home).spool / "claude-code.s.again.jsonl", line)
    report = stored.sync(home)
    assert (report.stored, report.duplicate) == (0, 1)


def test_stdin_that_the_shell_kept_becomes_a_record_with_a_stable_id(home: Path) -> None:
    spool_record(home)
    raw = Layout.at(home).spool / "claude-code.Stop.s.4711.raw"
    for _ in range(2):
        raw.write_bytes(b'{"session_id":"s","last_assistant_message":"bye"}\n')
        os.utime(raw, (1_795_000_100, 1_795_000_100))
        stored.sync(home)
    lines = [json.loads(line) for line in stored.exported(home)]
    assert [line["event"] for line in lines] == ["UserPromptSubmit", "Stop"]
    assert lines[1]["payload"]["last_assistant_message"] == "bye"
    assert lines[1]["at"] == "2026-11-18T11:08:20.000000Z"
    assert spooled(home) == []


def test_raw_bytes_of_an_unknown_session_go_to_the_one_that_the_name_says(home: Path) -> None:
    spool_record(home)
    (Layout.at(home).spool / "claude-code.Stop.s.4711.raw").write_bytes(b"no json")
    stored.sync(home)
    assert stored.rows(home, "select agent, id from sessions") == [("claude-code", "s")]


def test_a_shell_that_knew_no_session_leaves_it_to_the_payload(home: Path) -> None:
    spool_record(home)
    raw = Layout.at(home).spool / "claude-code.Stop.unknown.4711-1795000000.raw"
    raw.write_bytes(b'{"session_id":"s"}')
    stored.sync(home)
    assert {path.name for path in home.glob("days/*/*")} == {"claude-code.s.jsonl"}


def test_an_abandoned_part_is_buried_and_a_young_one_waits(home: Path) -> None:
    spool_record(home)
    part = Layout.at(home).spool / "claude-code.s.x.part"
    part.write_bytes(b'{"v":1,"id":"half')
    os.utime(part, (time.time() + 1e6, time.time() + 1e6))
    stored.sync(home)
    assert spooled(home) == [part.name]
    os.utime(part, (1, 1))
    stored.sync(home)
    assert spooled(home) == []
    (letter,) = entries(Layout.at(home))
    assert letter["text"] == '{"v":1,"id":"half'


@pytest.mark.parametrize("fault", ["link", "open to others"])
def test_a_spool_that_others_could_write_is_left_alone(
    home: Path, temporary: Path, fault: str
) -> None:
    spool_record(home)
    folder = Layout.at(home).spool
    if fault == "link":
        folder.rename(temporary / "moved")
        folder.symlink_to(temporary / "moved")
    else:
        folder.chmod(0o777)
    assert stored.sync(home).stored == 0
    assert len(spooled(home)) == 1


def test_foreign_things_in_the_spool_stay_there(home: Path) -> None:
    spool_record(home)
    folder = Layout.at(home).spool
    os.mkfifo(folder / "claude-code.s.f.jsonl")
    (folder / "folder.jsonl").mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / "garbage.jsonl").write_bytes(b"not a record")
    assert stored.sync(home).stored == 1
    assert len(spooled(home)) == 3
    assert [letter["text"] for letter in entries(Layout.at(home))] == ["not a record"]
