"""A home, or everything, on a disk that stalls: the agent gets its hook back, and the record stays.

The limits of the hook are shorter here, in the home's own copy of the program.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import firing
import stored
from installed import Installed
from places import FIXTURES

PAYLOAD = b'{"session_id":"s","prompt":"look at the parser","source":"startup"}'
SHORT = {"HOME_SECONDS = 2.0": "HOME_SECONDS = 0.3", "SPOOL_SECONDS = 1.0": "SPOOL_SECONDS = 0.2"}


def install(folder: Path) -> Installed:
    """Installed hooks that wait for the disk, but not for long."""
    installed = Installed(folder)
    program = installed.home / "hooks" / "emit.py"
    text = program.read_text()
    for limit, shorter in SHORT.items():
        assert limit in text
        text = text.replace(limit, shorter)
    program.write_text(text)
    subprocess.run([sys.executable, "-m", "compileall", "-q", program.parent], check=True)
    return installed


def fire(installed: Installed, event: str, *options: str, **env: str) -> None:
    """One hook, which must end well and be silent."""
    (command,) = firing.commands(installed.settings, event)
    command = command.replace(f" {event} ", f" {event} {' '.join(options)} ")
    assert "sleep(2)" in command
    command = command.replace("sleep(2)", "sleep(.3)")
    environ = firing.environment(installed.folder) | env
    fired = firing.run(command, PAYLOAD, environ, installed.folder)
    assert (fired.code, fired.stdout, fired.stderr) == (0, b"", b"")


def spooled(installed: Installed) -> list[Path]:
    return [
        path for path in installed.folder.glob("tmp/*/*/*") if path.suffix in (".jsonl", ".raw")
    ]


@pytest.fixture(scope="module")
def stall(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which a disk stalls."""
    library = tmp_path_factory.mktemp("stalled") / "stalled_disk.so"
    compiler = shutil.which("cc")
    if compiler is None or not Path("/proc/self/fd").exists():
        pytest.skip("needs a C compiler and Linux")
    source = str(FIXTURES / "stalled_disk.c")
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), source, "-ldl"]
    subprocess.run(command, check=True)
    before = os.environ.get("LD_PRELOAD")
    return {"LD_PRELOAD": f"{library}:{before}" if before else str(library)}


@pytest.mark.parametrize("call", ["open", "write", "fsync"])
def test_a_home_whose_disk_stalls_costs_no_record(
    tmp_path: Path, stall: dict[str, str], call: str
) -> None:
    installed = install(tmp_path)
    stalled = {"STALLED_FOLDER": str(installed.home / "days"), "STALLED_CALLS": call}
    event = "SessionStart" if call == "open" else "Stop"
    fire(installed, event, "durable", **stall, **stalled)
    assert len(spooled(installed)) == 1
    # What waits for fsync is in the home already: the same record.
    in_home = [path.stat().st_size > 0 for path in installed.home.glob("days/*/*.jsonl")]
    assert in_home == {"open": [], "write": [False], "fsync": [True]}[call]
    stored.sync(installed.home)
    assert len(stored.exported(installed.home)) == 1


@pytest.mark.parametrize("event", ["Stop", "SessionStart"])
def test_a_home_that_answers_nothing_at_all_costs_no_record(
    tmp_path: Path, stall: dict[str, str], event: str
) -> None:
    installed = install(tmp_path)
    fire(installed, event, **stall, STALLED_FOLDER=str(installed.home), STALLED_CALLS="look")
    assert [path.read_bytes() for path in spooled(installed)] == [PAYLOAD]
    stored.sync(installed.home)
    [record] = map(json.loads, stored.exported(installed.home))
    assert (record["event"], record["session"]) == (event, "s")


def test_where_the_spool_stalls_too_the_hook_ends_all_the_same(
    tmp_path: Path, stall: dict[str, str]
) -> None:
    installed = install(tmp_path)
    fire(installed, "Stop", **stall, STALLED_FOLDER=str(tmp_path), STALLED_CALLS="open")
    assert spooled(installed) == []


@pytest.fixture
def freezing(tmp_path: Path) -> Iterator[Path]:
    """A disk that can be frozen; only root can have one."""
    folder, image = tmp_path / "disk", tmp_path / "image"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(32 << 20)
    make = [["mkfs.ext4", "-q", str(image)], ["mount", "-o", "loop", str(image), str(folder)]]
    tools = all(shutil.which(tool) for tool in ("mkfs.ext4", "fsfreeze", "mount"))
    if os.getuid() != 0 or not tools:
        pytest.skip("needs root and a disk that can be frozen")
    if any(subprocess.run(command, capture_output=True).returncode != 0 for command in make):
        pytest.skip("needs the right to mount")
    yield folder
    subprocess.run(["fsfreeze", "--unfreeze", str(folder)], capture_output=True)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    image.unlink()


def test_a_frozen_disk_holds_no_hook_and_the_late_record_is_the_same(
    tmp_path: Path, freezing: Path
) -> None:
    installed = install(tmp_path)
    shutil.move(installed.home, freezing / "home")
    installed.home.symlink_to(freezing / "home")
    fire(installed, "UserPromptSubmit")
    subprocess.run(["fsfreeze", "--freeze", str(freezing)], check=True)
    for event in ("Stop", "SessionStart"):
        fire(installed, event)
    assert len(spooled(installed)) == 2
    subprocess.run(["fsfreeze", "--unfreeze", str(freezing)], check=True)
    fire(installed, "SessionEnd")
    stored.sync(installed.home)
    events = [json.loads(line)["event"] for line in stored.exported(installed.home)]
    assert sorted(events) == ["SessionEnd", "SessionStart", "Stop", "UserPromptSubmit"]
