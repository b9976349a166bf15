"""What killed passes leave behind is gone after the next one; what is not theirs stays."""

import os
import time
from pathlib import Path

import recordings
import stored
from journal.durable_files import remove_abandoned


def test_temporary_files_of_killed_passes_are_removed(tmp_path: Path) -> None:
    recordings.write_journal(tmp_path, "p-simple")
    stored.sync(tmp_path)
    (context,) = (tmp_path / "contexts").glob("*.tsv")
    left = [
        tmp_path / ".synced.x1y2z3w4",
        tmp_path / ".redaction.key.x1y2z3w4",
        tmp_path / ".id.4711",
        tmp_path / ".clock.x1y2z3w4",
        context.with_name(f".{context.stem}.folders.x1y2z3w4"),
        context.with_name(f".{context.name}.x1y2z3w4"),
    ]
    written_under_another_lock = tmp_path / ".remotes.json.x1y2z3w4"
    written_under_another_lock.touch()
    os.utime(written_under_another_lock, (stored.NOW_US / 1e6 - 7200,) * 2)
    mine = [tmp_path / ".gitignore", tmp_path / "synced.x", context.with_name(".mine")]
    for path in (*left, *mine):
        path.write_bytes(b"1")
    stored.sync(tmp_path)
    assert [path for path in (*left, written_under_another_lock) if path.exists()] == []
    assert [path for path in mine if not path.exists()] == []
    assert context.exists()


def test_those_of_other_locks_go_after_an_hour(tmp_path: Path) -> None:
    now = time.time()
    names = [".remotes.json.x1y2z3w4", "..begun.krln6q40", ".00000000000000001-ab.json.a_b_c_d_"]
    foreign = [tmp_path / ".note", tmp_path / "remotes.json", tmp_path / ".a.b"]
    for number, age in enumerate((3601, 3500)):
        for name in names:
            path = tmp_path / f"{name[:-1]}{number}"
            path.touch()
            os.utime(path, (now - age, now - age))
    for path in foreign:
        path.touch()
        os.utime(path, (now - 9999, now - 9999))
    remove_abandoned(tmp_path, int(now * 1e6))
    left = [tmp_path / f"{name[:-1]}1" for name in names]
    assert sorted(tmp_path.iterdir()) == sorted([*foreign, *left])
