"""What killed passes leave behind is gone after the next one; what is not theirs stays."""

from pathlib import Path

import recordings
import stored


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
    mine = [tmp_path / ".gitignore", tmp_path / "synced.x", context.with_name(".mine")]
    for path in (*left, *mine):
        path.write_bytes(b"1")
    stored.sync(tmp_path)
    assert [path for path in left if path.exists()] == []
    assert [path for path in mine if not path.exists()] == []
    assert context.exists()
