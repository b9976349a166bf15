"""What the tests share: a scratch HOME for everybody, and homes with the hooks installed."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def scratch_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees the person's own home, journal, agent or temporary files."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "tmp").mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
    for name in ("JOURNAL_HOME", "JOURNAL_DISABLE", "CLAUDE_CONFIG_DIR", "CLAUDE_CODE_SESSION_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JOURNAL_CAPTURE__AUTOSTART", "false")  # no process outlives its test
    return folder


class Installed:
    """A scratch folder with the hooks installed into a settings file of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.settings = folder / "settings.json"
        self.journal("install", "--settings", str(self.settings))

    def journal(self, *args: str, code: int = 0) -> str:
        """Run the application; its standard output."""
        command = [sys.executable, "-m", "journal", "--home", str(self.home), *args]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder)
        assert done.returncode == code, (args, done.returncode, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stdout


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path)
