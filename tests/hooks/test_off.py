"""`journal off` and `journal on`: what happens while capture is off leaves no trace at all."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import firing
from hooks import emit
from hooks import off as marks
from installed import Installed

EVENTS = ("SessionStart", "PostToolUse", "SessionEnd")
_CODE = re.compile(r"-c '[^']*' ")  # where an older version has the path of a program


class Switch:
    """Installed hooks that are fired in a folder, and the commands that stop and resume them."""

    def __init__(self, installed: Installed) -> None:
        self.folder = installed.folder
        self.home = installed.home
        self.settings = installed.settings
        self.installed = installed
        for name in ("tmp", "user"):  # as firing.environment makes them
            (self.folder / name).mkdir()

    def journal(self, *args: str, cwd: Path | None = None, code: int = 0) -> str:
        """Run the application in a folder; its standard output."""
        where = self.installed.folder
        self.installed.folder = cwd or where
        try:
            return self.installed.journal(*args, code=code)
        finally:
            self.installed.folder = where

    def recorded(self, cwd: Path, began: Path | None = None, event: str = "PostToolUse") -> int:
        """How many records one hook in `cwd` leaves; it must exit with 0 and print nothing."""
        before = self.traces()
        env = firing.environment(self.folder)
        env |= {"CLAUDE_PROJECT_DIR": str(began)} if began else {}
        data = json.dumps({"session_id": "s-1", "cwd": str(cwd), "source": "startup"}).encode()
        (command,) = firing.commands(self.settings, event)
        fired = firing.run(command, data, env, cwd)
        assert (fired.code, fired.stdout, fired.stderr) == (0, b"", b"")
        after = self.traces()
        if after == before:
            return 0
        lines = [p.read_bytes().count(b"\n") for p in self.home.glob("days/*/*.jsonl")]
        return sum(lines) - self.counted(before)

    def traces(self) -> dict[str, bytes]:
        """Every file of the home and of the folder for temporary files, but for compiled code."""
        files = [*self.home.rglob("*"), *(self.folder / "tmp").rglob("*")]
        return {
            str(path): path.read_bytes()
            for path in files
            if path.is_file() and path.suffix != ".pyc"
        }

    def counted(self, traces: dict[str, bytes]) -> int:
        """The records of the day files among them; logs have lines, too."""
        days = str(self.home / "days")
        return sum(data.count(b"\n") for name, data in traces.items() if name.startswith(days))

    def status(self, cwd: Path | None = None) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.journal("status", "--json", cwd=cwd))["capture"]
        return found


@pytest.fixture
def switch(installed: Installed) -> Switch:
    return Switch(installed)


def git(folder: Path, *args: str) -> None:
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.com"]
    subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def project(switch: Switch) -> Path:
    folder = switch.folder / "code" / "acme"
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


@pytest.mark.parametrize("event", EVENTS)
def test_off_stops_every_hook_and_on_resumes_it(switch: Switch, event: str) -> None:
    assert switch.recorded(switch.folder, event=event) == 1
    switch.journal("sync")  # else a start of a slow machine says that a record is not yet synced
    assert "Capture is off: nothing is recorded. To resume: journal on\n" in switch.journal("off")
    assert switch.recorded(switch.folder, event=event) == 0
    assert switch.journal("on") == "Capture is on.\n"
    assert switch.recorded(switch.folder, event=event) == 1


def test_commands_of_an_older_version_with_these_programs_obey(switch: Switch) -> None:
    settings = json.loads(switch.settings.read_text())
    for group in (group for groups in settings["hooks"].values() for group in groups):
        for hook in group["hooks"]:
            hook["command"], number = _CODE.subn('"$h/hooks/run.py" ', hook["command"])
            assert number == 1
    switch.settings.write_text(json.dumps(settings))
    assert switch.recorded(switch.folder) == 1
    switch.journal("off")
    for event in EVENTS:
        assert switch.recorded(switch.folder, event=event) == 0


def test_no_watcher_is_started_while_capture_is_off(switch: Switch) -> None:
    switch.journal("off")
    (switch.home / "hooks" / "autostart").touch()
    assert switch.recorded(switch.folder, event="SessionStart") == 0
    assert not (switch.home / "watch.lock").exists()


def test_to_say_it_twice_is_not_an_error(switch: Switch) -> None:
    assert switch.journal("on") == "Capture is on already.\n"
    switch.journal("off")
    assert "off already" in switch.journal("off")
    switch.journal("on")
    switch.journal("off", "--here")
    assert "off already in" in switch.journal("off", "--here")
    assert switch.journal("on", "--here") == "Capture is on.\n"
    assert switch.journal("on", "--here") == "Capture is on already.\n"
    assert not (switch.home / "off.d").exists()


def test_off_here_means_the_project_with_its_folders_and_worktrees(
    switch: Switch, project: Path
) -> None:
    inside, outside = project / "src" / "deep", project.parent / "other"
    worktree = project.parent / "acme-fix"
    git(project, "worktree", "add", "-q", str(worktree))
    for folder in (inside, outside, worktree / "src"):
        folder.mkdir(parents=True, exist_ok=True)
    said = switch.journal("off", "--here", cwd=inside)
    assert said == f"Capture is off in {project}. To resume: journal on --here\n"
    for folder in (project, inside, worktree, worktree / "src"):
        assert [switch.recorded(folder, event=event) for event in EVENTS] == [0, 0, 0]
    for folder in (outside, project.parent, switch.folder):
        assert switch.recorded(folder) == 1
    assert switch.journal("on", "--here", cwd=worktree) == "Capture is on.\n"
    assert switch.recorded(inside) == switch.recorded(worktree) == 1


def test_a_link_to_the_project_is_the_project(switch: Switch, project: Path) -> None:
    link = switch.folder / "link"
    link.symlink_to(project)
    switch.journal("off", "--here", cwd=link)
    assert switch.recorded(project) == switch.recorded(link) == 0
    assert switch.recorded(switch.folder, began=link) == 0


def test_a_session_that_began_in_the_project_is_off_in_any_directory(
    switch: Switch, project: Path
) -> None:
    switch.journal("off", "--here", cwd=project)
    assert switch.recorded(switch.folder, began=project) == 0
    assert switch.recorded(project, began=switch.folder) == 0
    assert switch.recorded(switch.folder, began=switch.folder) == 1


def test_off_in_a_plain_folder_covers_the_repositories_below(switch: Switch, project: Path) -> None:
    switch.journal("off", "--here", cwd=project.parent)
    assert switch.recorded(project) == 0
    said = switch.journal("on", "--here", cwd=project)
    resume = f"To resume: cd {project.parent} && journal on --here\n"
    assert said == f"Capture is still off in {project.parent}. {resume}"
    assert switch.recorded(project) == 0
    assert switch.journal("on", "--here", cwd=project.parent) == "Capture is on.\n"
    assert switch.recorded(project) == 1


def test_a_folder_that_became_part_of_a_repository_can_be_resumed(
    switch: Switch, project: Path
) -> None:
    shutil.move(project / ".git", switch.folder / "moved")
    inside = project / "inside"
    inside.mkdir()
    switch.journal("off", "--here", cwd=inside)
    shutil.move(switch.folder / "moved", project / ".git")
    assert switch.recorded(inside) == 0
    assert switch.journal("on", "--here", cwd=inside) == "Capture is on.\n"
    assert switch.recorded(inside) == 1


def test_on_here_says_that_everything_is_still_off(switch: Switch, project: Path) -> None:
    switch.journal("off")
    assert "It is off everywhere, too: journal on" in switch.journal("off", "--here", cwd=project)
    said = switch.journal("on", "--here", cwd=project)
    assert said == "Capture is still off everywhere. To resume: journal on\n"
    assert switch.recorded(project) == 0
    switch.journal("off", "--here", cwd=project)
    assert switch.journal("on") == f"Capture is on.\nStill off: {project}\n"
    assert (switch.recorded(project), switch.recorded(switch.folder)) == (0, 1)


def test_a_directory_that_is_gone_is_judged_by_where_the_session_began(
    switch: Switch, project: Path
) -> None:
    switch.journal("off", "--here", cwd=project)
    (command,) = firing.commands(switch.settings, "PostToolUse")
    gone = 'mkdir gone; cd gone; rmdir ../gone; eval "$C"'
    before = switch.traces()
    env = firing.environment(switch.folder) | {"C": command, "CLAUDE_PROJECT_DIR": str(project)}
    assert firing.run(gone, b"{}", env, switch.folder).code == 0
    assert switch.traces() == before
    env["CLAUDE_PROJECT_DIR"] = ""
    assert firing.run(gone, b"{}", env, switch.folder).code == 0
    assert switch.traces() != before


def test_the_board_and_the_status_say_so(switch: Switch, project: Path) -> None:
    switch.recorded(switch.folder)
    assert switch.status() == {"off": False, "off_here": False, "folders": []}
    assert "capture" not in switch.journal().lower()
    switch.journal("off", "--here", cwd=project)
    assert switch.status(project) == {"off": False, "off_here": True, "folders": [str(project)]}
    assert switch.status() == {"off": False, "off_here": False, "folders": [str(project)]}
    here = " ".join(switch.journal(cwd=project).split())
    said = f"Capture is off in {project}. To resume: journal on --here"
    assert "".join(here.split()).endswith("".join(said.split()))  # a long path is broken
    assert "Capture is off" not in switch.journal()
    assert "on; off in: " in " ".join(switch.journal("status").split())
    switch.journal("off")
    assert switch.status()["off"] is True
    assert switch.journal().endswith("Capture is off: nothing is recorded. To resume: journal on\n")
    status = " ".join(switch.journal("status").split())
    assert "capture off: nothing is recorded. To resume: journal on; off in: " in status


def test_the_board_of_an_empty_home_says_so(switch: Switch) -> None:
    switch.journal("off")
    assert "Capture is off: nothing is recorded. To resume: journal on" in switch.journal()


@pytest.mark.parametrize("args", [("off",), ("off", "--here")])
def test_hook_programs_that_cannot_switch_off_are_reported(
    switch: Switch, args: tuple[str, ...]
) -> None:
    (switch.home / "hooks" / "off.py").unlink()
    switch.journal(*args, code=1)
    assert "the installed hooks still record (run: journal install)" in switch.journal()
    switch.journal("install", "--settings", str(switch.settings))
    assert "still record" not in switch.journal()
    assert switch.recorded(switch.folder) == 0


def test_a_home_that_cannot_be_changed_is_one_line(switch: Switch) -> None:
    (switch.home / "off.d").write_text("in the way")
    switch.journal("off", "--here", code=1)
    switch.journal("status", code=1)
    assert switch.recorded(switch.folder) == 1


def test_foreign_files_in_the_folder_of_markers_are_ignored(switch: Switch, project: Path) -> None:
    switch.journal("off", "--here", cwd=project)
    (switch.home / "off.d" / "note").write_text("to myself")
    assert switch.status()["folders"] == [str(project)]
    switch.journal("on", "--here", cwd=project)
    assert switch.recorded(project) == 1


def test_the_markers_are_private(switch: Switch) -> None:
    switch.journal("off")
    switch.journal("off", "--here")
    marker = Path(marks.marker(str(switch.home), os.path.realpath(switch.folder)))
    modes = [path.stat().st_mode & 0o777 for path in (marker, marker.parent, switch.home / "off")]
    assert modes == [0o600, 0o700, 0o600]


def test_a_path_of_any_depth_is_answered_and_no_marker_is_none(tmp_path: Path) -> None:
    assert marks.covering(str(tmp_path), "/a" * 1000) == ""
    assert marks.covering(str(tmp_path), "/a" * 20_000) == ""
    assert marks.covering(str(tmp_path), "\0\udcff\ud800") == ""
    assert not emit.is_off(str(tmp_path), "claude-code")


def test_a_marker_at_the_root_covers_everything(tmp_path: Path) -> None:
    marker = Path(marks.marker(str(tmp_path), "/"))
    marker.parent.mkdir()
    marker.touch()
    assert marks.covering(str(tmp_path), str(tmp_path / "a")) == "/"
    assert emit.is_off(str(tmp_path), "another-agent")
