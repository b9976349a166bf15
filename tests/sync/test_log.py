"""The daily log: one line for each pass that did something or failed, for thirty days."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

import recordings
import stored
from journal import cli
from journal.errors import BusyError, JournalError
from journal.layout import Layout
from journal.times import DAY_US, day_of
from sync import daily_log
from sync.report import Report
from sync.store.locks import locked

NOW_US = stored.NOW_US


def lines(home: Path) -> list[dict[str, Any]]:
    """Every line of every log, in order."""
    files = sorted(home.glob("logs/*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_bytes().splitlines()]


def journal(home: Path, *args: str) -> int:
    return cli.run(["--home", str(home), *args])


def entry(at_us: int, kind: str = "watch", error: Exception | None = None) -> daily_log.Entry:
    report = None if error else Report(read=3, stored=2, duplicate=1)
    return daily_log.Entry(kind, at_us, 0.25, report, error)


def test_a_pass_that_did_something_is_one_line(tmp_path: Path) -> None:
    recordings.write_journal(tmp_path, "p-simple")
    recordings.append(tmp_path / "days/2026-11-18/claude-code.x.jsonl", b"garbage\n")
    assert journal(tmp_path, "sync") == 0
    (line,) = lines(tmp_path)
    assert line.pop("at")[:2] == "20"
    assert line.pop("seconds") >= 0
    number = line["records"]["stored"]
    assert number > 5
    assert line == {
        "pid": os.getpid(),
        "pass": "sync",
        "records": {
            "read": number + 1,
            "stored": number,
            "duplicate": 0,
            "rejected": 1,
            "excluded": 0,
            "copied": 0,
        },
        "sessions": 1,
        "adopted": 1,
        "ended": 0,
        "memory_ids": 1,
        "packed": 0,
        "error": None,
    }
    (path,) = (tmp_path / "logs").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_pass_with_nothing_new_writes_nothing(tmp_path: Path) -> None:
    recordings.write_journal(tmp_path, "p-simple")
    for _ in range(3):
        assert journal(tmp_path, "sync") == 0
    assert len(lines(tmp_path)) == 1


def test_a_catch_up_is_named_as_such(tmp_path: Path) -> None:
    recordings.write_journal(tmp_path, "p-simple")
    assert journal(tmp_path, "sessions") == 0
    assert [line["pass"] for line in lines(tmp_path)] == ["catch_up"]


def test_a_rebuild_is_one_line(tmp_path: Path) -> None:
    recordings.write_journal(tmp_path, "p-simple")
    assert journal(tmp_path, "sync") == 0
    assert journal(tmp_path, "sync", "--rebuild") == 0
    first, second = lines(tmp_path)
    assert second["pass"] == "rebuild"
    events = first["records"]["stored"]
    assert second["rebuilt"] == {"events": events, "taken_over": 0, "lost": ""}


def test_a_failed_pass_says_why(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"no database at all " * 100)
    for _ in range(2):
        assert journal(tmp_path, "sync") == 1
    first, second = lines(tmp_path)
    assert first["error"]["class"] == "DamagedStoreError"
    assert "journal.db is damaged" in first["error"]["message"]
    assert set(first["records"].values()) == {0}
    assert second["error"] == first["error"]


def test_a_pass_that_never_began_writes_nothing(tmp_path: Path) -> None:
    with locked(tmp_path / "sync.lock", lambda: False):
        assert journal(tmp_path, "sync", "--wait", "0") == BusyError.exit_code
    assert lines(tmp_path) == []


def test_a_bug_is_logged_and_still_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("sync.views.derive.refresh", fail)
    assert journal(tmp_path, "sync") == 1
    assert "unexpected ZeroDivisionError: a bug" in capsys.readouterr().err
    assert lines(tmp_path)[0]["error"] == {"class": "ZeroDivisionError", "message": "a bug"}


def test_a_watcher_does_not_repeat_itself(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path)
    for at in range(5):
        daily_log.write(layout, entry(NOW_US + at, error=JournalError("the disk is full")))
    daily_log.write(layout, entry(NOW_US + 5, error=JournalError("something else")))
    daily_log.write(layout, entry(NOW_US + 6))
    daily_log.write(layout, entry(NOW_US + 7))
    daily_log.write(layout, entry(NOW_US + 8, error=JournalError("the disk is full")))
    said = [(line["error"] or {"message": None})["message"] for line in lines(tmp_path)]
    assert said == ["the disk is full", "something else", None, None, "the disk is full"]


@pytest.mark.parametrize("tail", [b"", b"\n", b"garbage\n", b'{"cut o', b"[1]\n", b"\xff\n"])
def test_a_log_that_was_cut_off_is_written_on(tmp_path: Path, tail: bytes) -> None:
    layout = Layout.at(tmp_path)
    recordings.append(layout.logs / f"{day_of(NOW_US)}.jsonl", tail)
    daily_log.write(layout, entry(NOW_US, error=JournalError("x")))
    path = layout.logs / f"{day_of(NOW_US)}.jsonl"
    last = path.read_bytes().splitlines()[-1]
    assert json.loads(last)["error"] == {"class": "JournalError", "message": "x"}


def test_a_new_day_removes_what_is_older_than_thirty_days(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path)
    layout.logs.mkdir()
    names = [f"{day_of(NOW_US - ago * DAY_US)}.jsonl" for ago in (60, 31, 30, 29, 1)]
    mine = ["notes.txt", "2020-01-01.txt", "1999.jsonl"]
    for name in (*names, *mine):
        (layout.logs / name).touch()
    daily_log.write(layout, entry(NOW_US))
    today = f"{day_of(NOW_US)}.jsonl"
    assert {path.name for path in layout.logs.iterdir()} == {*names[2:], *mine, today}
    (layout.logs / names[0]).touch()
    daily_log.write(layout, entry(NOW_US))
    assert (layout.logs / names[0]).exists()  # looked for once a day
    assert len(lines(tmp_path)) == 2


def test_a_log_that_cannot_be_written_is_reported_and_fails_no_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recordings.write_journal(tmp_path, "p-simple")
    (tmp_path / "logs").write_text("a file")
    assert journal(tmp_path, "sync") == 0
    out, err = capsys.readouterr()
    assert "stored" in out
    assert err.startswith("journal: the daily log is not written: ")
    assert err.count("\n") == 1
    assert len(stored.exported(tmp_path)) > 5
