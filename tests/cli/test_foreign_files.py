"""Files of other programs, of every type and with any name, wherever the home keeps its own."""

import json
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hooks import emit
from journal.layout import Layout
from places import DATA
from reported import Reader, asked


def litter(folder: Path, ending: str) -> None:
    """One of each type, with this ending of its name."""
    folder.mkdir(mode=0o700, exist_ok=True)
    os.mkfifo(folder / f"fifo{ending}")
    os.mkfifo(folder / f"2026-11-20{ending}")
    (folder / f"folder{ending}").mkdir()
    (folder / f"loop{ending}").symlink_to(f"loop{ending}")
    (folder / f"endless{ending}").symlink_to("/dev/zero")
    (folder / f"empty{ending}").touch()
    (folder / f"two\nlines{ending}").write_text("x")
    (folder / f"binary{ending}").write_bytes(bytes(range(256)) * 4)
    with open(os.fsencode(folder) + b"/not-utf8-\xff" + ending.encode(), "wb") as file:  # noqa: PTH123
        file.write(b"no json\n")
    with socket.socket(socket.AF_UNIX) as one:
        place = os.open(folder, os.O_RDONLY)
        one.bind(f"/proc/self/fd/{place}/socket{ending}")
        os.close(place)


def found(journal: Reader) -> list[dict[str, str]]:
    return [json.loads(line) for line in journal("sessions", "--all", "--json").splitlines()]


@pytest.fixture(autouse=True)
def _nothing_waits_for_a_fifo() -> Iterator[None]:
    signal.alarm(60)
    yield
    signal.alarm(0)


def test_foreign_files_of_every_type_stop_nothing(
    journal: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    asked(journal.home, "aaaaaa01", "the first question", 7200)
    journal("sync")
    layout = Layout.at(journal.home)
    spool = Path(emit.open_spool(str(journal.home), layout.id))
    endings = {"packs": ".jsonl.gz", "retry": ".json", "dead": ".jsonl", "contexts": ".md"}
    for name, ending in {**endings, "logs": ".jsonl", "days": ""}.items():
        litter(journal.home / name, ending)
    litter(next(path for path in layout.days.iterdir() if path.is_dir()), ".jsonl")
    for ending in (".jsonl", ".raw", ".part"):
        litter(spool, ending)
    old = tmp_path / "history"
    litter(old, ".jsonl")
    named = os.fsdecode(os.fsencode(old) + b"/\xff.jsonl")
    shutil.copy(next((DATA / "transcripts").rglob("*.jsonl")), named)
    asked(journal.home, "aaaaaa02", "the second question", 60)
    journal("sync")
    for command in ("sessions", "status", "logs", "context", "prune --dry-run", "replay"):
        journal(*command.split())
    journal("import", str(old))
    assert journal("import", named).startswith("Imported ")
    journal("forget", "aaaaaa01", "--yes")
    journal("sync", "--rebuild")
    sessions = [one["session"] for one in found(journal)]
    assert "aaaaaa02" in sessions
    assert len(set(sessions) - {"unknown"}) == 2, "and the imported one"
    assert "second" in journal("search", "question")
