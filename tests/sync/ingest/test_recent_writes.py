"""A few newest files show whether hooks have written anything."""

import os
from pathlib import Path

import recordings
from journal.layout import Layout
from sync.ingest.recent_writes import FILES, Newest


def test_the_newest_files_show_every_change_by_hooks(tmp_path: Path) -> None:
    days = tmp_path / "days"
    newest = Newest(Layout.at(tmp_path))
    assert not newest.changed()

    def is_noticed(name: str) -> bool:
        recordings.append(days / name, b"{}\n")
        changed = newest.changed()
        newest.changed()  # a directory that was listed in the very moment is listed again
        return changed and not newest.changed()

    assert is_noticed("2026-11-18/a.jsonl")
    assert is_noticed("2026-11-18/a.jsonl")
    assert is_noticed("2026-11-18/b.jsonl")
    assert is_noticed("2026-11-19/a.jsonl")
    assert is_noticed("2026-11-18/a.jsonl")
    (days / "2026-11-18/b.jsonl").unlink()
    assert newest.changed()
    for number in range(2 * FILES):
        recordings.append(days / f"2026-11-19/{number:04d}.jsonl", b"{}\n")
        os.utime(days / f"2026-11-19/{number:04d}.jsonl", (number, number))
    assert newest.changed()
    assert is_noticed(f"2026-11-19/{2 * FILES - 1:04d}.jsonl")
