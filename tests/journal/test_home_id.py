"""The id of a home: made once and kept; a home that is not mounted is recognized by its absence."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hooks import emit
from journal import home_id
from journal.errors import JournalError
from journal.layout import Layout


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(emit, "TEMPORARY", str(tmp_path / "tmp"))
    return Layout.at(tmp_path / "home")


def keep(layout: Layout, unique: str) -> int:
    """A hook whose command names this id."""
    argv = ["run.py", str(layout.home), "claude-code", "Stop", f"{emit.HOME}{unique}"]
    return emit.keep(argv, b'{"session_id":"s"}')


def test_it_is_made_once_however_many_ask(layout: Layout) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: home_id.ensure(layout), range(8)))
    assert found == {layout.id}
    assert len(layout.id) == 32


def test_a_moved_home_keeps_its_id_and_knows_its_former_paths(layout: Layout) -> None:
    unique, before = home_id.ensure(layout), str(layout.home)
    moved = Layout.at(layout.home.rename(layout.home.with_name("moved")))
    assert home_id.ensure(moved) == unique
    assert moved.names() == [str(moved.home), before, str(moved.home)]


@pytest.mark.parametrize("content", [b"", b"no id\n"])
def test_a_file_without_an_id_is_replaced_if_empty_and_else_refused(
    layout: Layout, content: bytes
) -> None:
    layout.home.mkdir()
    layout.id_file.write_bytes(content)
    if not content:
        assert home_id.ensure(layout) == layout.id != ""
        return
    with pytest.raises(JournalError, match="does not contain a home id"):
        home_id.ensure(layout)
    assert layout.id_file.read_bytes() == content


def test_nothing_is_written_where_the_home_is_not_mounted(layout: Layout) -> None:
    unique = home_id.ensure(layout)
    layout.home.rename(layout.home.with_name("disk"))
    layout.home.mkdir()  # the mount point
    keep(layout, unique)
    assert list(layout.home.iterdir()) == []
    assert layout.id_in_spool() == unique
    with pytest.raises(JournalError, match="is not mounted"):
        home_id.ensure(layout)
    assert list(layout.home.iterdir()) == []
    assert home_id.ensure(layout, again=True) == unique


def test_a_deleted_home_is_made_by_the_next_hook_with_its_id(layout: Layout) -> None:
    unique = home_id.ensure(layout)
    layout.home.rename(layout.home.with_name("trash"))
    keep(layout, unique)
    assert layout.id == unique
    assert [path.name for path in layout.day_files()] == ["claude-code.s.jsonl"]
