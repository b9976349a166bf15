"""An empty home, for the tests of settings."""

from pathlib import Path

import pytest

from journal.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    home = tmp_path / "home"
    home.mkdir()
    return Layout.at(home)
