"""`journal resume`: back into a session, with the agent's file restored if it is missing."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import commands
import stored
import transcripts
from looked_at import Writer

SESSION = "5a5a5a5a-0001-4000-8000-000000000001"


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A project, and an agent that says what it was started with."""
    folder = tmp_path / "my code"
    folder.mkdir()
    agent = tmp_path / "bin" / "claude"
    agent.parent.mkdir()
    agent.write_text('#!/bin/sh\nprintf "%s\\n" "$$" "$PWD" "$@"\nexit 7\n')
    agent.chmod(0o755)
    return folder


def run(home: Path, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [commands.program(), "--home", str(home), *args]
    path = f"{home.parent / 'bin'}:/usr/bin:/bin"
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(Path(__file__).parents[3]), **environ}
    return subprocess.run(command, capture_output=True, text=True, env=env, cwd=home.parent)


def prompt(home: Path, cwd: Path | str, session: str = SESSION, agent: str = "claude-code") -> None:
    writer = Writer(home)
    writer.tell(session, "UserPromptSubmit", 60, agent, cwd=str(cwd), prompt="fix the rounding")


def test_the_agent_takes_its_place(tmp_path: Path, code: Path) -> None:
    prompt(tmp_path / "home", code)
    transcript(tmp_path, code)
    command = [
        sys.executable,
        "-m",
        "journal",
        "--home",
        str(tmp_path / "home"),
        "resume",
        SESSION[:6],
    ]
    env = {**os.environ, "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        out, _ = process.communicate()
    assert out.splitlines() == [str(process.pid), str(code), "--resume", SESSION]
    assert process.returncode == 7


def transcript(home: Path, code: Path) -> Path:
    """The agent's own file of the session."""
    path = home / ".claude/projects" / transcripts.folder_name(str(code)) / f"{SESSION}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("as the agent wrote it\n")
    return path


def test_print_is_one_line_for_any_shell(tmp_path: Path, code: Path) -> None:
    prompt(tmp_path / "home", code)
    done = run(tmp_path / "home", "resume", SESSION, "--print")
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    for shell in ("sh", "bash"):
        line = done.stdout.replace("claude", f"{tmp_path}/bin/claude")
        shown = subprocess.run([shell, "-c", line], capture_output=True, text=True)
        assert shown.stdout.splitlines()[1:] == [str(code), "--resume", SESSION]
    assert not (tmp_path / ".claude").exists()


@pytest.mark.parametrize(
    ("session", "cwd", "agent", "said"),
    [
        (SESSION, "/nowhere/at/all", "claude-code", "is not on this machine: /nowhere/at/all"),
        ("--dangerous", "/tmp", "claude-code", "cannot be resumed"),
        ("a b; rm", "/tmp", "claude-code", "cannot be resumed"),
        (SESSION, "/tmp/x\ny", "claude-code", "cannot be resumed"),
        (SESSION, "/tmp", "some-agent", "cannot be resumed"),
    ],
)
def test_a_session_that_cannot_be_resumed_is_reported(
    tmp_path: Path, code: Path, session: str, cwd: str, agent: str, said: str
) -> None:
    prompt(tmp_path / "home", cwd, session, agent)
    done = run(tmp_path / "home", "resume", "--", session)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_only_a_deleted_transcript_is_restored(tmp_path: Path) -> None:
    """The recorded session with a sub-agent, imported, deleted, resumed."""
    root = tmp_path / ".claude/projects"
    cwd = tmp_path / "work"
    cwd.mkdir()
    folder = root / transcripts.folder_name(str(cwd))
    folder.mkdir(parents=True)
    (source,) = transcripts.recorded("p-subagent")[:1]
    for path in (source, *source.with_suffix("").rglob("*.jsonl")):
        into = folder / path.relative_to(source.parent)
        into.parent.mkdir(parents=True, exist_ok=True)
        into.write_bytes(path.read_bytes().replace(b"/home/dev/code/p-subagent", str(cwd).encode()))
    home = tmp_path / "home"
    env = {"HOME": str(tmp_path)}
    assert run(home, "import", str(root), **env).returncode == 0
    before = {path: path.read_bytes() for path in folder.rglob("*.jsonl")}
    assert len(before) > 1
    agent = tmp_path / "bin" / "claude"
    agent.parent.mkdir()
    agent.write_text("#!/bin/sh\nexit 0\n")
    agent.chmod(0o755)
    for path in before:
        path.unlink()
    done = run(home, "resume", source.stem, **env)
    assert done.returncode == 0, done.stderr
    after = {path: path.read_bytes() for path in folder.rglob("*.jsonl")}
    assert after.keys() == before.keys()
    for path, data in before.items():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert ids(after[path]) <= ids(data)
        assert ids(after[path])
    assert "restored " in done.stderr
    main = folder / source.name
    main.unlink()
    main.symlink_to(tmp_path / "gone")
    done = run(home, "resume", source.stem, **env)
    assert (done.returncode, "restored " in done.stderr) == (0, False)
    assert main.is_symlink()
    assert not (tmp_path / "gone").exists()


def ids(data: bytes) -> set[str]:
    lines = (json.loads(line) for line in data.splitlines())
    return {line["uuid"] for line in lines if "uuid" in line}


def test_without_a_copy_nothing_is_started(tmp_path: Path, code: Path) -> None:
    prompt(tmp_path / "home", code)
    done = run(tmp_path / "home", "resume", SESSION, HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "no copy" in done.stderr
    assert stored.rows(tmp_path / "home", "select count(*) from events") == [(1,)]
