"""What the tests share: a scratch HOME for everybody, and homes with the hooks installed."""

import os
import time
from pathlib import Path

import hypothesis
import pytest

from chance import examples
from installed import Installed
from places import FIXTURES, ROOT, STORMS

hypothesis.settings.register_profile("run", max_examples=examples(), deadline=None)
hypothesis.settings.load_profile("run")

# What programs that tests start import.
SHARED = os.pathsep.join(map(str, (ROOT, FIXTURES, STORMS)))


def pytest_report_header() -> str:
    """The day on which the tests believe to be."""
    return f"today: {time.strftime('%Y-%m-%d')}"


@pytest.fixture(autouse=True)
def scratch_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees the person's own home, journal, agent or temporary files."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "tmp").mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
    monkeypatch.setenv("PYTHONPATH", SHARED)
    for name in ("JOURNAL_HOME", "JOURNAL_DISABLE", "CLAUDE_CONFIG_DIR", "CLAUDE_CODE_SESSION_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JOURNAL_CAPTURE__AUTOSTART", "false")  # no process outlives its test
    return folder


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path)
