"""A database knows which packs it has read: records that an older one lacks are read again."""

import os
import shutil
from pathlib import Path

import pytest

import recordings
import stored
from stored import rows
from tests.sync.retention.test_pack import DAY, pack_file, prompt_line, sync, write

EARLIER = "2026-11-17"


def prompts(home: Path) -> int:
    return int(rows(home, "select coalesce(sum(prompts), 0) from session_states")[0][0])


def known(home: Path) -> set[str]:
    return {name for (name,) in rows(home, "select name from held_packs")}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """One day is packed, and the database of that moment is kept in `backup`."""
    home = tmp_path / "home"
    write(home, prompt_line(1), name=f"{EARLIER}/claude-code.s.jsonl")
    assert sync(home).packed.days
    assert known(home) == {f"{EARLIER}.jsonl.gz"}
    shutil.copytree(home, tmp_path / "backup", ignore=shutil.ignore_patterns("days", "packs"))
    write(home, prompt_line(2), prompt_line(3))
    assert sync(home).packed.days
    assert prompts(home) == 3
    return home


def put_back(home: Path) -> None:
    for path in home.glob("journal.db*"):
        path.unlink()
    for path in (home.parent / "backup").glob("journal.db*"):
        shutil.copy(path, home)


def test_an_older_database_reads_the_packs_that_were_made_since(home: Path) -> None:
    before = stored.views(home)
    put_back(home)
    assert prompts(home) == 1
    assert sync(home).stored == 2
    assert stored.views(home) == before
    assert known(home) == {f"{day}.jsonl.gz" for day in (EARLIER, DAY)}
    assert sync(home).stored == 0


def test_a_pack_is_read_when_it_changes_and_not_when_it_is_touched(home: Path) -> None:
    other = home.parent / "other"
    write(other, prompt_line(2), prompt_line(3), prompt_line(4))
    shutil.copy(home / "redaction.key", other)
    assert sync(other).packed.days
    os.utime(pack_file(home), (1, 1))
    assert sync(home).stored == 0
    shutil.copy(pack_file(other), pack_file(home))
    sync(home)
    assert prompts(home) >= 4
    assert sync(home).stored == 0


def test_missing_packs_are_not_listed_any_more(home: Path) -> None:
    pack_file(home, EARLIER).unlink()
    sync(home)
    assert known(home) == {f"{DAY}.jsonl.gz"}
    assert prompts(home) == 3  # the database still has them


def test_a_damaged_pack_is_named_once_and_keeps_nothing_from_being_read(home: Path) -> None:
    path = pack_file(home)
    put_back(home)
    path.write_bytes(path.read_bytes()[:-20])
    recordings.append(home / f"days/{DAY}/claude-code.t.jsonl", prompt_line(9))
    report = sync(home)
    assert any(str(path) in problem for problem in map(str, report.problems))
    assert prompts(home) >= 2
