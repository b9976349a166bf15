"""Packing that is killed, or meets hooks that write: nothing is lost, nothing is there twice."""

import itertools
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import forked
import recordings
import stored
from chance import THOROUGH
from hooks.local_pass import unsynced
from journal.record import record
from sync.retention import packing
from tests.sync.retention.test_pack import (
    DAY,
    FILE,
    STAYS_US,
    day_lines,
    ids,
    letters,
    own_line,
    pack_file,
    packed,
    prompt_line,
    settle,
    sync,
    write,
)

MOMENTS = [("fsync", 1), ("fsync", 2), ("fsync", 3), ("fsync", 4), ("replace", 1), ("rename", 1)]


@pytest.mark.parametrize("late_by", ["before", "after"])
@pytest.mark.parametrize(("step", "at"), MOMENTS)
def test_a_hook_that_has_the_file_open_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, at: int, late_by: str
) -> None:
    """It opened the file before the day was renamed and writes at some moment of the packing."""
    first, late = prompt_line(1), prompt_line(2)
    write(tmp_path, first)
    sync(tmp_path, STAYS_US)
    real, count = getattr(os, step), 0
    with (tmp_path / "days" / FILE).open("ab", buffering=0) as file:

        def wrapped(*args: object, **more: object) -> None:
            nonlocal count
            count += 1
            if count == at and late_by == "before":
                file.write(late)
            real(*args, **more)
            if count == at and late_by == "after":
                file.write(late)

        monkeypatch.setattr(os, step, wrapped)
        sync(tmp_path)
        monkeypatch.undo()
    assert count >= at
    for _ in range(2):
        settle(tmp_path)
        sync(tmp_path)
    assert ids(packed(tmp_path)) == ids([first, late])
    assert ids(stored.exported(tmp_path)) == ids([first, late])
    assert day_lines(tmp_path) == []
    assert letters(tmp_path) == []


def test_a_line_written_while_the_file_is_being_unlinked_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, late = prompt_line(1), prompt_line(2)
    write(tmp_path, first)
    sync(tmp_path, STAYS_US)
    real = os.unlink
    with (tmp_path / "days" / FILE).open("ab", buffering=0) as file:

        def unlink(path: Path, **more: int) -> None:
            if Path(path).name == Path(FILE).name:
                file.write(late)
            real(path, **more)

        monkeypatch.setattr(os, "unlink", unlink)
        sync(tmp_path)
        monkeypatch.undo()
    assert (tmp_path / "days" / FILE).read_bytes() == late
    settle(tmp_path)
    assert sync(tmp_path).stored == 1
    assert ids(packed(tmp_path)) == ids([first, late])


STEPS = (
    "mkdir",
    "fsync",
    "rename",
    "replace",
    "unlink",
    "rmdir",
    "writev",
    "write",
    "link",
    "pread",
)


def sync_and_die(home: Path, limit: int) -> None:
    """A pass that kills its process at a counted step."""
    steps = itertools.count(1)

    def counted(step: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **more: Any) -> Any:
            if next(steps) == limit:
                os.kill(os.getpid(), signal.SIGKILL)
            return step(*args, **more)

        return run

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))
    sync(home)


def prepare_first(home: Path) -> list[bytes]:
    lines = [*(prompt_line(number) for number in range(4)), own_line()]
    write(home, *lines[:3])
    write(home, *lines[3:], name=f"{DAY}/claude-code.t.jsonl")
    sync(home, STAYS_US)
    return lines


def prepare_merge(home: Path) -> list[bytes]:
    lines = prepare_first(home)
    sync(home)
    late = prompt_line(9)
    write(home, late, lines[1])
    sync(home, STAYS_US)
    return [*lines, late]


def prepare_late(home: Path) -> list[bytes]:
    """A pass was killed when the day was renamed, and a hook wrote to one of its files then."""
    lines = prepare_first(home)
    real = os.rename

    def rename(*args: Path) -> None:
        real(*args)
        raise KeyboardInterrupt

    os.rename = rename  # type: ignore[assignment]
    try:
        with pytest.raises(KeyboardInterrupt):
            sync(home)
    finally:
        os.rename = real
    late = prompt_line(9)
    recordings.append(home / "days" / f"{DAY}.packed" / Path(FILE).name, late)
    return [*lines, late]


@pytest.mark.parametrize("prepare", [prepare_first, prepare_merge, prepare_late])
def test_a_pass_killed_at_any_step_is_finished_by_the_next_one(
    tmp_path: Path, prepare: Callable[[Path], list[bytes]]
) -> None:
    for limit in range(1, 200, 1 if THOROUGH else 4):
        home = tmp_path / str(limit)
        lines = prepare(home)
        before = stored.views(home)
        code = forked.run(partial(sync_and_die, home, limit))
        assert code in (0, -signal.SIGKILL)

        held = {record.parse(line).id for line in (*packed(home), *day_lines(home))}
        assert held == set(ids(lines)), limit
        assert stored.views(home) == before
        write(home, prompt_line(50), name="2026-11-25/claude-code.new.jsonl")
        assert unsynced(str(home), 0)[0], limit  # to a hook the journal is never synced

        settle(home)
        sync(home)
        settle(home)
        sync(home)
        assert sorted(ids(packed(home))) == sorted(set(ids(lines))), limit
        assert [path.name for path in (home / "days").iterdir()] == ["2026-11-25"]
        assert [path.name for path in (home / "packs").iterdir()] == [f"{DAY}.jsonl.gz"]
        assert not unsynced(str(home), 0)[0]
        assert len(stored.exported(home)) == len(lines)  # without the own one, with the new one
        assert letters(home) == []
        stored.check(home)
        if code == 0:
            assert limit > 5
            return
    raise AssertionError("the pass never came to its end")


def test_a_day_left_under_its_packed_name_without_its_database_goes_back_to_the_journal(
    tmp_path: Path,
) -> None:
    lines = [prompt_line(1), prompt_line(2)]
    write(tmp_path, *lines)
    sync(tmp_path, STAYS_US)
    (tmp_path / "days" / DAY).rename(tmp_path / "days" / f"{DAY}.packed")
    for path in tmp_path.glob("journal.db*"):
        path.unlink()
    for _ in range(2):
        sync(tmp_path)
        settle(tmp_path)
    assert ids(packed(tmp_path)) == ids(lines)
    assert ids(stored.exported(tmp_path)) == ids(lines)
    assert list((tmp_path / "days").iterdir()) == []


def test_a_day_left_under_its_packed_name_whose_pack_is_gone_goes_back_to_the_journal(
    tmp_path: Path,
) -> None:
    lines = prepare_late(tmp_path)
    pack_file(tmp_path).unlink()
    for _ in range(2):
        sync(tmp_path)
        settle(tmp_path)
    assert sorted(ids(packed(tmp_path))) == sorted(ids(lines))


def test_a_file_that_shrinks_while_it_is_packed_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = prompt_line(1), prompt_line(2)
    write(tmp_path, first, second)
    sync(tmp_path, STAYS_US)
    real = os.pread

    def pread(fd: int, size: int, offset: int) -> bytes:
        os.truncate(tmp_path / "days" / FILE, len(first))
        return real(fd, size, offset)

    monkeypatch.setattr(os, "pread", pread)
    assert sync(tmp_path).packed == packing.Packed()
    monkeypatch.undo()
    assert not (tmp_path / "packs").exists()
    assert (tmp_path / "days" / FILE).exists()
