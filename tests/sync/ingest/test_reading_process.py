"""A backlog that another process reads: the same rows, whichever of the two processes dies."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import forked
import recordings
import stored
from journal.layout import Layout
from journal.redaction.key import load_key
from sync.ingest import journal_reader, reading_process
from sync.ingest.dead_letters import entries
from tests.sync.ingest.test_ingest import record_line

SESSIONS, RECORDS = 4, 30
DAY = "days/2026-11-18"


def backlog(home: Path) -> None:
    """Records of some sessions; in each a torn line, a secret, and one record twice."""
    for session in range(SESSIONS):
        name = f"s{session}"
        lines = [record_line(100 * session + n, session_id=name) for n in range(RECORDS)]
        secret = record_line(100 * session + 99, session_id=name, more="password=hunter2hunter2X9")
        data = [*lines, b'{"v":1,"id":"torn"\n', secret, lines[0]]
        recordings.append(home / DAY / f"claude-code.{name}.jsonl", b"".join(data))


def synced(home: Path, in_the_other: Callable[[int], None]) -> int:
    """How a pass ends; in the other process this is called before each batch, with its number."""
    send = reading_process._send

    def sent(items: Iterator[Any], memory: int, theirs: int) -> None:
        (home / "other").write_text(str(os.getpid()))
        numbered = enumerate(items)
        send((in_the_other(number) or item for number, item in numbered), memory, theirs)

    def work() -> None:
        journal_reader.BATCH_RECORDS = RECORDS
        reading_process.WORTH_BYTES = 1
        reading_process._send = sent
        stored.sync(home)

    return forked.run(work)


def check(home: Path, alone: Path) -> None:
    assert stored.views(home) == stored.views(alone)
    assert stored.exported(home) == stored.exported(alone)
    assert not [line for line in stored.exported(home) if b"hunter2X9" in line]
    letters = [sorted(e["path"] for e in entries(Layout.at(one))) for one in (home, alone)]
    assert [len(found) for found in letters] == [SESSIONS, SESSIONS]
    assert stored.sync(home).read == 0


def is_over(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("dies", ["neither", "the reader", "the writer"])
def test_what_another_process_reads_is_stored_once(tmp_path: Path, dies: str) -> None:
    backlog(tmp_path / "alone")
    load_key(Layout.at(tmp_path / "alone").redaction_key)  # both redact alike
    shutil.copytree(tmp_path / "alone", tmp_path / "both")
    stored.sync(tmp_path / "alone")

    def die(number: int) -> None:
        if number == 2 and dies != "neither":
            os.kill(os.getppid() if dies == "the writer" else os.getpid(), signal.SIGKILL)

    code = synced(tmp_path / "both", die)
    assert code == (-signal.SIGKILL if dies == "the writer" else 0)
    if dies == "the writer":
        stored.sync(tmp_path / "both")  # the lock is free at once
    check(tmp_path / "both", tmp_path / "alone")
    process = int((tmp_path / "both/other").read_text())
    while not is_over(process):
        time.sleep(0.01)
