"""What git itself is asked at SessionStart: whether a repository contains one of some commits."""

import gc
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hooks.git_look import contained
from places import ROOT
from repositories import commit, git, repository

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def found(repo: Path, *commits: str) -> str:
    return contained(str(repo), str(repo / ".git"), list(commits))


def script(folder: Path, lines: str) -> Path:
    """An executable shell script named git."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "git"
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_first_commit_that_is_there_is_named(tmp_path: Path) -> None:
    repo, other = repository(tmp_path / "tool"), repository(tmp_path / "other")
    ours, theirs = git(repo, "rev-parse", "HEAD"), git(other, "rev-parse", "HEAD")
    tree = git(repo, "rev-parse", "HEAD^{tree}")
    assert found(repo, theirs, tree, ours) == ours
    assert found(repo, theirs, tree, "HEAD", "--help", "") == ""
    assert found(repo) == ""


@pytest.mark.parametrize("options", [("--shared",), ("--no-local",), ("--depth=1", "--no-local")])
def test_only_objects_of_its_own_count(tmp_path: Path, options: tuple[str, ...]) -> None:
    repo = repository(tmp_path / "tool")
    head = commit(repo, "two")
    git(tmp_path, "clone", "--quiet", *options, str(repo), str(tmp_path / "copy"))
    assert found(tmp_path / "copy", head) == ("" if options == ("--shared",) else head)
    (tmp_path / "copy" / ".git" / "objects").rename(tmp_path / "objects")
    (tmp_path / "copy" / ".git" / "objects").symlink_to(repo / ".git" / "objects")
    assert found(tmp_path / "copy", head) == ""


@needs_root
@pytest.mark.parametrize("path", [".git", ".git/objects"])
def test_git_is_not_run_in_the_repository_of_another_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    repo = repository(tmp_path / "tool")
    script(tmp_path / "bin", f"touch '{tmp_path}/ran'; echo {'0' * 40} commit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    assert found(repo, "0" * 40) == "0" * 40
    (tmp_path / "ran").unlink()
    os.chown(repo / path, 12345, 12345)
    assert found(repo, "0" * 40) == ""
    assert not (tmp_path / "ran").exists()


def test_a_partial_clone_runs_no_program_of_its_configuration(tmp_path: Path) -> None:
    repo = repository(tmp_path / "tool")
    root, marker = git(repo, "rev-parse", "HEAD"), tmp_path / "ran"
    commit(repo, "two")
    (repo / ".git" / "objects" / root[:2] / root[2:]).unlink()
    evil = script(tmp_path / "evil", f"touch '{marker}'")
    settings = {
        "core.repositoryFormatVersion": "1",
        "core.fsmonitor": str(evil),
        "core.sshCommand": str(evil),
        "extensions.partialClone": "origin",
        "remote.origin.url": f"{tmp_path}/elsewhere",
        "remote.origin.promisor": "true",
        "remote.origin.uploadpack": str(evil),
    }
    for name, value in settings.items():
        git(repo, "config", name, value)
    assert found(repo, root) == ""
    assert not marker.exists()
    command = ["git", "-C", str(repo), "cat-file", "-p", root]
    subprocess.run(command, capture_output=True)
    assert marker.exists(), "git without our bounds should have run it: the test proves nothing"


def test_the_environment_of_git_does_not_come_from_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo, other = repository(tmp_path / "tool"), repository(tmp_path / "other")
    theirs = git(other, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    assert found(repo, theirs) == ""
    assert not (tmp_path / "trace").exists()


def test_a_git_in_the_repository_is_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = repository(tmp_path / "tool")
    head = git(repo, "rev-parse", "HEAD")
    script(repo, f"touch '{tmp_path}/ran'")
    monkeypatch.setenv("PATH", f".::{os.environ['PATH']}")
    monkeypatch.chdir(repo)
    assert found(repo, head) == head
    assert not (tmp_path / "ran").exists()


def test_a_git_that_takes_too_long_is_killed_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = repository(tmp_path / "tool")
    os.mkfifo(tmp_path / "alive")
    script(
        tmp_path / "slow",
        f"echo $$ > '{tmp_path}/pid'; (exec sleep 60 > '{tmp_path}/alive') & wait",
    )
    monkeypatch.setenv("PATH", f"{tmp_path}/slow:{os.environ['PATH']}")
    reader = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert found(repo, "0" * 40) == ""
        os.set_blocking(reader, True)
        assert os.read(reader, 1) == b""  # everybody who could write is gone
    finally:
        os.close(reader)
    assert not (tmp_path / "pid").exists() or not is_there(int((tmp_path / "pid").read_text()))


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def open_fds() -> set[str]:
    gc.collect()  # what earlier tests have left for the collector is not ours
    return {path.name for path in Path("/dev/fd").iterdir()}


@pytest.mark.parametrize(
    "lines",
    [
        "exit 1",
        "yes 0123456789",
        "echo fatal: no idea",
        f"echo {'0' * 40} commit 1; exit 3",
        "exec 1>&-; sleep 60",
        "kill -9 $$",
    ],
)
def test_a_git_that_misbehaves_has_found_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str
) -> None:
    repo = repository(tmp_path / "tool")
    script(tmp_path / "odd", lines)
    monkeypatch.setenv("PATH", f"{tmp_path}/odd:{os.environ['PATH']}")
    before = open_fds()
    assert found(repo, "0" * 40) == ""
    assert open_fds() <= before


def test_an_agent_that_ignores_its_children_gets_the_same_answer(tmp_path: Path) -> None:
    repo = repository(tmp_path / "tool")
    head = git(repo, "rev-parse", "HEAD")
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom hooks.git_look import contained\n"
    code += f"print(contained({str(repo)!r}, {str(repo / '.git')!r}, [{head!r}]))"
    code = f"import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n{code}"
    command = [sys.executable, "-I", "-B", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{head}\n", "")
