"""The copy of a session's transcript: what stays when the original changes or is deleted."""

import json
import os
import random
import shutil
import signal
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import commands
import recordings
import stored
import transcript_live
import transcripts
from chance import examples
from hooks import off
from journal import cli
from journal.context import capture_gaps
from journal.layout import Layout
from journal.settings.sources import load_settings
from journal.setup import capture
from journal.times import to_us
from stored import database, rows
from sync import cycle
from sync.conditions import Pass
from sync.report import Report
from sync.transcripts import restored
from transcript_truth import Session, is_kept

NOW_US = transcripts.NOW_US
PATIENT = {"JOURNAL_SESSIONS__REAP_AFTER_HOURS": "876000"}


class Live:
    """A session with its hooks' records in a home and its transcript where the agent keeps it."""

    def __init__(self, folder: Path, session: Session) -> None:
        self.folder = folder
        self.home = folder / ".agent-journal"
        self.session = session
        self.path = session.path
        self.data = self.path.read_bytes()

    def hooks(self) -> None:
        transcript_live.write_live(self.home, self.path, self.session.copies)

    def sync(self, **more: str) -> Report:
        return sync(self.folder, **more)

    def again(self) -> None:
        """An event of the session: there is something to copy."""
        stop = {"session_id": self.session.id, "transcript_path": str(self.path)}
        line = recordings.line("Stop", stop, NOW_US * 1000)
        recordings.append(self.home / "days/2026-11-20" / "claude-code.again.jsonl", line)

    def copied(self, subagent: str = "") -> list[dict[str, Any]]:
        with closing(database(self.home)) as db:
            query = "select key from sessions where id = ?"
            key = db.execute(query, (self.session.id,)).get
            return [json.loads(line) for line in restored.lines(db, key, subagent)]


def sync(user: Path, **more: str) -> Report:
    """One pass over the home of a user."""
    layout = Layout.at(user / ".agent-journal")
    wanted = load_settings(layout, {**PATIENT, **more})
    return cycle.run(Pass(layout, wanted, NOW_US, environ={"HOME": str(user)}))


def kept(data: bytes) -> list[dict[str, Any]]:
    """What is to be kept of the whole lines of a transcript, read without any of our code."""
    records = (json.loads(line) for line in data.split(b"\n")[:-1])
    return [without_thinking(record) for record in records if is_kept(record)]


def without_thinking(record: dict[str, object]) -> dict[str, object]:
    message = record.get("message")
    if isinstance(message, dict) and isinstance(message.get("content"), list):
        content = [b for b in message["content"] if b.get("type") != "thinking"]
        return {**record, "message": {**message, "content": content}}
    return record


@pytest.fixture
def live(tmp_path: Path) -> Live:
    """A session with sub-agents."""
    history = transcripts.write_history(tmp_path / ".claude/projects", 40)
    whole = [one for one in history.sessions if not (one.torn or one.tail or one.forked)]
    return Live(tmp_path, max(whole, key=lambda one: (len(one.subagents), -one.size)))


def test_the_copy_is_what_is_kept_of_the_original(live: Live) -> None:
    live.hooks()
    live.sync()
    assert live.copied() == kept(live.data)
    assert len(live.copied()) > 10
    for subagent in live.session.subagents:
        assert live.copied(subagent.id) == kept(subagent.path.read_bytes())
    assert live.sync().copied == 0


def test_it_grows_with_the_original_and_a_line_without_its_end_waits(live: Live) -> None:
    places = random.Random(7).sample(range(len(live.data)), 12)
    live.hooks()
    for place in [*sorted(places), len(live.data)]:
        live.path.write_bytes(live.data[:place])
        live.again()
        live.sync()
        assert live.copied() == kept(live.data[:place])


def test_a_copy_of_a_file_that_grows_meanwhile_misses_nothing(live: Live) -> None:
    live.hooks()
    live.path.write_bytes(b"")
    pieces = [live.data[at : at + 90] for at in range(0, len(live.data), 90)]

    def write() -> None:
        with live.path.open("ab", buffering=0) as file:
            for piece in pieces:
                file.write(piece)
                time.sleep(0.004)

    writer = threading.Thread(target=write)
    writer.start()
    passes = 0
    while writer.is_alive():
        live.again()
        live.sync()
        passes += 1
    live.again()
    live.sync()
    assert passes > 1
    assert live.copied() == kept(live.data)


def test_transcripts_that_the_agent_deleted_stay(live: Live) -> None:
    live.hooks()
    live.sync()
    before = live.copied()
    live.path.unlink()
    shutil.rmtree(live.path.with_suffix(""), ignore_errors=True)
    live.again()
    live.sync()
    assert live.copied() == before
    (live.home / "journal.db").unlink()
    live.sync()
    assert live.copied() == before


def test_a_truncated_or_replaced_original_adds_what_is_new(live: Live) -> None:
    live.hooks()
    live.sync()
    before = live.copied()
    lines = live.data.splitlines(keepends=True)
    live.path.write_bytes(b"".join(lines[: len(lines) // 2]))
    live.again()
    live.sync()
    assert live.copied() == before
    new = {
        "type": "user", "uuid": "new", "sessionId": live.session.id, "cwd": "/x",
        "timestamp": "2026-11-20T09:00:00.000Z", "message": {"content": "once more"},
    }  # fmt: skip
    other = live.path.with_suffix(".new")
    other.write_bytes(live.data + json.dumps(new).encode() + b"\n")
    other.replace(live.path)
    live.again()
    live.sync()
    assert live.copied() == [*before, new]
    assert len(rows(live.home, "select id from events")) == len(
        rows(live.home, "select distinct id from events")
    )


def test_a_copy_that_is_killed_anywhere_is_finished_by_the_next(live: Live) -> None:
    live.hooks()
    environ = {**PATIENT, "HOME": str(live.folder)}
    killed, moment = 0, 1
    while True:
        done = commands.shared().run(live.home, "sync", dies_at=moment, environ=environ)
        if done.code != -signal.SIGKILL:
            assert done.code == 0, done.stderr
            break
        killed += 1
        moment += 7
    assert killed > 5
    assert live.copied() == kept(live.data)
    ids = rows(live.home, "select id from events where name = 'Transcript'")
    lines = [
        line for path in live.home.glob("days/*/*.jsonl") for line in path.read_bytes().split(b"\n")
    ]
    copies = [line for line in lines if b'"event":"Transcript"' in line]
    assert len(copies) == len(ids)  # nothing was appended twice


def test_of_a_line_that_is_too_long_the_beginning_is_kept_and_its_neighbours_whole(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.ingest.line_reader.CHUNK_BYTES", 4_000)
    monkeypatch.setattr("sync.ingest.line_reader.MAX_LINE_BYTES", 100_000)
    lines = live.data.splitlines(keepends=True)
    long = json.dumps({"type": "user", "uuid": "long", "text": "x" * 200_000}).encode() + b"\n"
    live.hooks()
    live.path.write_bytes(b"".join([*lines[:5], long, *lines[5:]]))
    report = live.sync()
    assert report.rejected == 1
    assert live.copied() == kept(live.data)
    (letter,) = (live.home / "dead").iterdir()
    assert f"a line of {len(long)} bytes; this is its beginning" in letter.read_text()


@pytest.mark.parametrize(
    "how", ["outside", "parent", "fifo", "other name", "another host", "folder"]
)
def test_a_path_that_is_not_the_agents_own_is_not_read(live: Live, how: str) -> None:
    secret = live.folder / "elsewhere" / "secret.jsonl"
    secret.parent.mkdir()
    secret.write_bytes(live.data)
    inside = live.path.parent / "named.jsonl"
    host = os.uname().nodename
    match how:
        case "outside":
            inside = secret
        case "parent":
            inside = live.path.parent / "../../../elsewhere/secret.jsonl"
            assert inside.exists()
        case "fifo":
            os.mkfifo(inside)
        case "other name":
            inside = live.path.parent / "named.txt"
            inside.write_bytes(live.data)
        case "another host":
            inside.write_bytes(live.data)
            host = "elsewhere"
        case "folder":
            inside.mkdir()
    stop = {"session_id": live.session.id, "transcript_path": str(inside)}
    line = recordings.line("Stop", stop, NOW_US * 1000)
    made = json.loads(line)
    line = line.replace(json.dumps(made["host"]).encode(), json.dumps(host).encode(), 1)
    recordings.append(live.home / "days/2026-11-20/claude-code.x.jsonl", line)
    assert live.sync().copied == 0
    assert live.copied() == []


def test_nothing_is_copied_while_the_settings_switch_all_hooks_off(live: Live) -> None:
    live.hooks()
    whole = len(live.data)
    live.path.write_bytes(live.data[: whole // 2])
    assert live.sync().copied > 0
    settings = live.folder / ".claude" / "settings.json"
    settings.write_text('{"disableAllHooks": true}')
    live.path.write_bytes(live.data)
    live.again()
    assert live.sync().copied == 0
    assert live.copied() == kept(live.data[: whole // 2])


def test_more_roots_may_be_named(live: Live) -> None:
    elsewhere = live.folder / "kept elsewhere"
    shutil.copytree(live.path.parent, elsewhere)
    stop = {"session_id": live.session.id, "transcript_path": str(elsewhere / live.path.name)}
    line = recordings.line("Stop", stop, NOW_US * 1000)
    recordings.append(live.home / "days/2026-11-20/claude-code.x.jsonl", line)
    assert live.sync().copied == 0
    report = live.sync(JOURNAL_CAPTURE__TRANSCRIPT_ROOTS=json.dumps([str(elsewhere)]))
    assert report.copied > 0  # the session goes on, so its file is looked at again
    assert live.copied() == kept(live.data)


def at_us(record: dict[str, Any]) -> int:
    return to_us(str(record["timestamp"]))


@pytest.mark.parametrize("where", ["everywhere", "here", "elsewhere"])
@pytest.mark.parametrize("still_off", [True, False])
def test_lines_from_while_capture_was_off_are_not_copied(
    live: Live, where: str, still_off: bool
) -> None:
    records = [json.loads(line) for line in live.data.split(b"\n")[:-1]]
    times = sorted(at_us(record) for record in records if "timestamp" in record)
    from_us, until_us = times[len(times) // 3], times[2 * len(times) // 3]
    layout = Layout.at(live.home)
    folder = live.folder / "elsewhere" if where == "elsewhere" else Path(live.session.cwd)
    if where == "everywhere":
        capture.stop(layout)
        marker = live.home / "off"
    else:
        marker = Path(off.marker(str(live.home), capture.stop_here(layout, str(folder))))
    os.utime(marker, ns=(from_us * 1000, from_us * 1000))
    if still_off:
        until_us = times[-1] + 1
    elif where == "everywhere":
        capture.resume(layout, until_us)
    else:
        capture.resume_here(layout, str(folder), until_us)
    live.hooks()
    live.sync()
    silent = {
        record["uuid"]
        for record in records
        if "uuid" in record and where != "elsewhere" and from_us <= at_us(record) < until_us
    }
    assert silent or where == "elsewhere"
    expected = [r for r in kept(live.data) if r.get("uuid") not in silent]
    found = [r for r in live.copied() if "uuid" in r]
    assert found == [r for r in expected if "uuid" in r]


def test_off_that_is_reported_twice_counts_from_the_first_time(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path)
    capture.stop(layout)
    os.utime(tmp_path / "off", ns=(5_000_000, 5_000_000))
    capture.stop(layout)
    capture.resume(layout, 9_000)
    recordings.append(tmp_path / "off.log", b'{"folder":"torn\n')
    silences = capture_gaps.read(layout)
    assert [silences.cover("/x", at) for at in (4_999, 5_000, 8_999, 9_000)] == [
        False, True, True, False,
    ]  # fmt: skip


def test_sessions_of_models_that_the_journal_asked_are_not_imported(live: Live) -> None:
    home = os.path.realpath(live.home)
    data = live.data.replace(json.dumps(live.session.cwd).encode(), json.dumps(home).encode())
    live.path.write_bytes(data)
    live.hooks()
    live.sync()
    assert [r for r in live.copied() if r.get("cwd") == home] == []


def test_a_forgotten_copy_is_gone_and_not_made_again(live: Live) -> None:
    live.hooks()
    live.sync()
    words = [answer.text[:40].encode() for answer in live.session.answers if len(answer.text) > 20]
    assert cli.run(["--home", str(live.home), "forget", live.session.id, "--yes"]) == 0
    live.again()
    live.sync()
    for path in (path for path in live.home.rglob("*") if path.is_file()):
        data = path.read_bytes()
        assert not [word for word in words if word in data], path
    with closing(database(live.home)) as db:
        key = db.execute("select key from sessions where id = ?", (live.session.id,)).get
        assert words
        assert list(restored.lines(db, key)) == []


STEPS = st.lists(st.sampled_from(("hook", "hooks", "grow", "sync", "lose")), max_size=14)


@settings(max_examples=examples(25), deadline=None, derandomize=True)
@given(st.sampled_from(("p-subagent", "p-fail", "i-compact", "p-resume")), STEPS, st.randoms())
def test_in_any_order_of_hooks_and_transcript_the_views_are_the_same(
    name: str, steps: list[str], chance: random.Random
) -> None:
    original = transcripts.recorded(name)[0]
    whole = original.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        fired = transcript_live.write_live(Path(folder), original)
    found = []
    for order in (["hooks", "sync", "grow"], steps):
        with tempfile.TemporaryDirectory() as folder:
            user = Path(folder)
            path = user / ".claude/projects" / original.parent.name / original.name
            shutil.copytree(original.parent, path.parent)
            home, reached = user / ".agent-journal", 0
            path.write_bytes(b"")
            lines = [line.replace(bytes(original), bytes(path)) for line in fired]
            day = home / "days/2026-11-21/claude-code.x.jsonl"
            recordings.append(day, lines.pop(0))
            end = lines.pop()  # of the session: by then the agent has written all
            for step in order:
                if step in ("hook", "hooks"):
                    number = len(lines) if step == "hooks" else 1
                    recordings.append(day, b"".join(lines[:number]))
                    del lines[:number]
                elif step == "grow":
                    reached = min(len(whole), reached + chance.randrange(1, len(whole)))
                    path.write_bytes(whole[:reached])
                elif step == "lose":
                    (home / "journal.db").unlink(missing_ok=True)
                else:
                    sync(user)
            path.write_bytes(whole)
            recordings.append(day, b"".join([*lines, end]))
            sync(user)
            stored.check(home)
            found.append(stored.views(home))
    assert found[0] == found[1]
