"""What the tests share: a scratch HOME for everybody, and homes with the hooks installed."""

import gc
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import certifi
import hypothesis
import pytest

import made_databases
from chance import THOROUGH, examples
from hooks import emit
from installed import Installed
from places import FIXTURES, ROOT, STORMS

if TYPE_CHECKING:
    from commands import Commands
    from reported import Reader

# The same examples in each `make test`; `make storm` looks for others.
hypothesis.settings.register_profile(
    "run", max_examples=examples(), deadline=None, derandomize=not THOROUGH
)
hypothesis.settings.load_profile("run")

# What programs that tests start import.
SHARED = os.pathsep.join(map(str, (ROOT, FIXTURES, STORMS)))


def pytest_configure() -> None:
    """Prepare each process that runs tests."""
    gc.disable()  # while tests are collected, nothing becomes garbage
    made_databases.copy()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a background job of a shell
        signal.signal(signal.SIGINT, signal.default_int_handler)  # tests send it to their children


def pytest_report_header() -> str:
    """The day on which the tests believe to be."""
    return f"today: {time.strftime('%Y-%m-%d')}"


def pytest_collection_finish() -> None:
    """Leave what was loaded out of all collections of garbage to come."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove the notes that hooks of tests have left in /tmp: each pass of a syncer reads them."""
    if hasattr(session.config, "workerinput"):
        return  # another worker may still need them
    for path in Path(emit.spool_root(emit.TEMPORARY)).glob("*.*"):
        if path.is_file() and b"/pytest-of-" in path.read_bytes():
            path.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One trusted certificate. Each HTTP client reads the file, and reads a hundred for 30 ms."""
    end = "-----END CERTIFICATE-----\n"
    path = tmp_path_factory.mktemp("trusted") / "certificates.pem"
    path.write_text(certifi.contents().partition(end)[0] + end)
    return path


@pytest.fixture(autouse=True)
def scratch_home(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, certificates: Path
) -> Path:
    """No test sees the person's own home, journal, agent or temporary files."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "tmp").mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
    monkeypatch.setenv("PYTHONPATH", SHARED)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates))
    for name in ("JOURNAL_HOME", "JOURNAL_DISABLE", "CLAUDE_CONFIG_DIR", "CLAUDE_CODE_SESSION_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JOURNAL_CAPTURE__AUTOSTART", "false")  # no process outlives its test
    return folder


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path)


@pytest.fixture
def journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> "Reader":
    """A reader of a home that does not exist yet, on a screen of 80 columns."""
    import reported

    return reported.reader(tmp_path, capsys, monkeypatch)


@pytest.fixture(scope="session")
def commands() -> "Commands":
    """Runs commands in processes that have the program loaded."""
    from commands import shared

    return shared()


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts small disks, with the options of mount(8); only root can have them."""
    made: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"disk{len(made)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"mode=700,{options}", "tmpfs", str(folder)]
        if os.getuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
            pytest.skip("needs the right to mount")
        made.append(folder)
        return folder

    yield mount
    for folder in made:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
