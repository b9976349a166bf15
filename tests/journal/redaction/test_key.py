"""The key of an installation: made once, private, and refused if it is short."""

import multiprocessing
import os
from pathlib import Path

import pytest

from journal.errors import JournalError
from journal.layout import Layout
from journal.redaction.key import load_key


def test_the_key_is_made_once_with_mode_0600(tmp_path: Path) -> None:
    path = Layout.at(tmp_path / "home").redaction_key
    old = os.umask(0)
    try:
        key = load_key(path)
    finally:
        os.umask(old)
    assert len(key) == 32
    assert load_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_processes_that_come_at_once_get_the_same_key(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(4) as pool:
        for number in range(10):
            paths = [tmp_path / f"home{number}" / "redaction.key"] * 4
            assert len(set(pool.map(load_key, paths, chunksize=1))) == 1


def test_a_short_key_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "redaction.key"
    path.write_bytes(b"short")
    with pytest.raises(JournalError, match="too short"):
        load_key(path)


def test_a_key_that_cannot_be_read_or_made_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot read"):
        load_key(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="cannot"):
        load_key(tmp_path / "file" / "redaction.key")
