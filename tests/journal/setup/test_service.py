"""The service: unit files that systemd understands, commands that are recorded by a false one."""

import os
import plistlib
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hooks import autostart
from journal.cli import run
from journal.errors import UsageError
from journal.layout import Layout
from journal.setup import service


class Machine:
    """A HOME with programs of its own, which write down how they were called."""

    def __init__(self, folder: Path) -> None:
        self.calls_file = folder / "calls"
        self.programs = folder / "bin"
        self.programs.mkdir()
        self.settings = folder / "settings.json"
        self.unit = folder / ".config" / "systemd" / "user" / "agent-journal.service"
        for name in ("systemctl", "launchctl"):
            self.program(name)

    def program(self, name: str, rest: str = "") -> None:
        path = self.programs / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>{self.calls_file}\n{rest}\n')
        path.chmod(0o755)

    def calls(self) -> list[str]:
        """What was called since the last look."""
        if not self.calls_file.exists():
            return []
        text = self.calls_file.read_text()
        self.calls_file.unlink()
        return text.splitlines()


@pytest.fixture
def machine(scratch_home: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(scratch_home)
    monkeypatch.setenv("PATH", f"{made.programs}:/usr/bin:/bin")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return made


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.at(tmp_path / "home")


def started(unit: Path) -> list[str]:
    """The command line of a unit file, as systemd reads it."""
    (line,) = [row for row in unit.read_text().splitlines() if row.startswith("ExecStart=")]
    return shlex.split(line.removeprefix("ExecStart=").replace("%%", "%").replace("$$", "$"))


def test_install_writes_the_unit_and_starts_it(machine: Machine, layout: Layout) -> None:
    change = service.install(layout, platform="linux")
    assert (change.path, change.outcome, change.left) == (machine.unit, "created", ())
    python = str(Path(sys.executable).absolute())
    command = [python, "-P", "-m", "journal", "--home", str(layout.home), "watch"]
    assert started(machine.unit) == command
    assert stat.S_IMODE(machine.unit.stat().st_mode) == 0o644
    lines = machine.unit.read_text().splitlines()
    assert {"Restart=on-failure", "WantedBy=default.target"} <= set(lines)
    assert f'Environment="TMPDIR={os.environ["TMPDIR"]}"' in lines
    calls = ["systemctl --user daemon-reload", "systemctl --user enable --now agent-journal"]
    assert machine.calls() == calls


def test_to_install_again_changes_nothing(machine: Machine, layout: Layout) -> None:
    service.install(layout, platform="linux")
    before = machine.unit.stat()
    machine.calls()
    assert service.install(layout, platform="linux").outcome == "unchanged"
    after = machine.unit.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert "systemctl --user enable --now agent-journal" in machine.calls()


def test_a_unit_of_another_interpreter_is_replaced_and_restarted(
    machine: Machine, layout: Layout
) -> None:
    service.install(layout, platform="linux")
    machine.unit.write_text(machine.unit.read_text().replace(sys.executable, "/old/python"))
    machine.calls()
    assert service.install(layout, platform="linux").outcome == "changed"
    assert started(machine.unit)[0] == sys.executable
    assert machine.calls()[-1] == "systemctl --user try-restart agent-journal"


def test_the_configuration_may_lie_elsewhere(
    machine: Machine, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    change = service.install(layout, platform="linux")
    expected = tmp_path / "configuration" / "systemd" / "user" / "agent-journal.service"
    assert change.path == expected
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")  # the specification: to be ignored
    assert service.install(layout, platform="linux").path == machine.unit


def test_a_dry_run_writes_and_calls_nothing(machine: Machine, layout: Layout) -> None:
    assert service.install(layout, dry_run=True, platform="linux").outcome == "created"
    assert not machine.unit.exists()
    service.install(layout, platform="linux")
    machine.calls()
    change = service.uninstall(layout, dry_run=True, platform="linux")
    assert change is not None
    assert machine.unit.exists()
    assert machine.calls() == []


def test_commands_that_failed_are_handed_back(machine: Machine, layout: Layout) -> None:
    machine.program("systemctl", "echo 'Failed to connect to bus' >&2; exit 1")
    change = service.install(layout, platform="linux")
    assert [shlex.join(command) for command in change.left] == [
        "systemctl --user daemon-reload",
        "systemctl --user enable --now agent-journal",
    ]
    assert change.reason == "systemctl: Failed to connect to bus"
    assert len(machine.calls()) == 1
    machine.program("systemctl", '[ "$2" = daemon-reload ]')
    change = service.install(layout, platform="linux")
    assert [command[2] for command in change.left] == ["enable"]
    assert change.reason == "systemctl: exit code 1"


def test_a_machine_without_systemd_gets_the_unit_all_the_same(
    machine: Machine, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(machine.programs))
    (machine.programs / "systemctl").unlink()
    change = service.install(layout, platform="linux")
    assert machine.unit.exists()
    assert (len(change.left), change.reason) == (2, "systemctl was not found")
    removal = service.uninstall(layout, platform="linux")
    assert removal is not None
    assert removal.left == (("systemctl", "--user", "disable", "--now", "agent-journal"),)
    assert not machine.unit.exists()


def test_uninstall_stops_and_removes_the_unit(machine: Machine, layout: Layout) -> None:
    service.install(layout, platform="linux")
    machine.calls()
    change = service.uninstall(layout, platform="linux")
    assert change is not None
    assert (change.outcome, change.left) == ("removed", ())
    assert not machine.unit.exists()
    calls = ["systemctl --user disable --now agent-journal", "systemctl --user daemon-reload"]
    assert machine.calls() == calls
    assert service.uninstall(layout, platform="linux") is None
    assert machine.calls() == []


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_the_service_of_another_home_is_left_alone(
    machine: Machine, layout: Layout, platform: str
) -> None:
    other = Layout(layout.home.with_name("home2"))
    service.install(other, platform=platform)
    machine.calls()
    with pytest.raises(UsageError, match="belongs to another home"):
        service.install(layout, platform=platform)
    assert service.uninstall(layout, platform=platform) is None
    assert machine.calls() == []
    assert service.uninstall(other, platform=platform) is not None


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_a_stranger_s_file_is_left_alone(machine: Machine, layout: Layout, platform: str) -> None:
    path = service.install(layout, platform=platform).path
    for stranger in (b"mine", b"\xff\x00", plistlib.dumps({"Label": "x"}), plistlib.dumps([1])):
        path.write_bytes(stranger)
        machine.calls()
        with pytest.raises(UsageError):
            service.install(layout, platform=platform)
        assert service.uninstall(layout, platform=platform) is None
        assert (path.read_bytes(), machine.calls()) == (stranger, [])


ODD = """a b'c"d%h$HOME\\né"""


def test_odd_paths_are_quoted(machine: Machine, tmp_path: Path) -> None:
    layout = Layout(tmp_path / ODD)
    service.install(layout, platform="linux")
    assert started(machine.unit)[5] == str(layout.home)
    assert service.uninstall(layout, platform="linux") is not None
    with pytest.raises(UsageError, match="cannot hold the path"):
        service.install(Layout(tmp_path / "a\nb"), platform="linux")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="asks systemd itself")
def test_systemd_finds_no_fault_with_the_unit(machine: Machine, tmp_path: Path) -> None:
    service.install(Layout(tmp_path / ODD), platform="linux")
    command = ["systemd-analyze", "verify", "--user", "--man=no", str(machine.unit)]
    env = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert "agent-journal.service" not in done.stdout + done.stderr


def test_the_command_of_the_unit_is_a_watcher(machine: Machine, tmp_path: Path) -> None:
    layout = Layout(tmp_path / ODD)
    service.install(layout, platform="linux")
    with subprocess.Popen(started(machine.unit), stdout=subprocess.PIPE, cwd="/") as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith(b"Watching")
            assert autostart.watcher(str(layout.home)) == process.pid
            process.terminate()
            assert process.wait(5) == 0
        finally:
            process.kill()


def test_macos_gets_an_agent_of_launchd(machine: Machine, layout: Layout) -> None:
    change = service.install(layout, platform="darwin")
    path = Path.home() / "Library" / "LaunchAgents" / "agent-journal.plist"
    assert (change.path, change.outcome) == (path, "created")
    values = plistlib.loads(path.read_bytes())
    assert values["ProgramArguments"][1:] == [
        "-P", "-m", "journal", "--home", str(layout.home), "watch"
    ]  # fmt: skip
    assert Path(values["ProgramArguments"][0]).is_absolute()
    assert values["RunAtLoad"] is True
    assert values["KeepAlive"] == {"SuccessfulExit": False}
    load = f"launchctl bootstrap gui/{os.getuid()} {path}"
    unload = f"launchctl bootout gui/{os.getuid()}/agent-journal"
    assert machine.calls() == [load]
    assert service.install(layout, platform="darwin").outcome == "unchanged"
    assert machine.calls() == [unload, load]
    assert service.uninstall(layout, platform="darwin") is not None
    assert machine.calls() == [unload]
    assert not path.exists()


def test_a_system_without_services_says_so(layout: Layout) -> None:
    with pytest.raises(UsageError, match="systemd"):
        service.install(layout, platform="freebsd14")
    assert service.uninstall(layout, platform="freebsd14") is None


@pytest.mark.skipif(sys.platform != "linux", reason="systemd")
def test_the_commands_install_and_take_out_hooks_and_service(
    machine: Machine, layout: Layout, capfd: pytest.CaptureFixture[str]
) -> None:
    common = ["--home", str(layout.home), "--settings", str(machine.settings)]
    assert run(["install", "--service", *common]) == 0
    assert f"service   {machine.unit} created" in capfd.readouterr().out
    assert machine.unit.exists()
    assert machine.settings.exists()
    machine.program("systemctl", "exit 1")
    assert run(["install", "--service", *common]) == 0
    out = capfd.readouterr().out
    assert "is unchanged" in out
    assert "  systemctl --user daemon-reload\n" in out
    assert "  systemctl --user enable --now agent-journal\n" in out
    assert run(["install", *common]) == 0  # without the flag the service stays as it is
    assert machine.unit.exists()
    machine.program("systemctl")
    assert run(["uninstall", *common]) == 0
    assert f"service   {machine.unit} removed" in capfd.readouterr().out
    assert not machine.unit.exists()
    machine.calls()
    assert run(["uninstall", *common]) == 0
    assert machine.calls() == []


@pytest.mark.skipif(sys.platform != "linux", reason="systemd")
def test_a_service_that_is_refused_installs_no_hooks(
    machine: Machine, layout: Layout, capfd: pytest.CaptureFixture[str]
) -> None:
    service.install(Layout(layout.home.with_name("home2")))
    common = ["--home", str(layout.home), "--settings", str(machine.settings)]
    assert run(["install", "--service", *common]) == 2
    assert "belongs to another home" in capfd.readouterr().err
    assert not machine.settings.exists()
