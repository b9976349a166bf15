"""The wheel: its content, and that it works without a checkout."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import firing
import recordings
from chance import THOROUGH
from places import ROOT


def run(*command: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder))
    run(*build, str(ROOT), cwd=folder)
    (made,) = folder.glob("*.whl")
    return made


def test_the_wheel_holds_the_three_packages_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"journal", "sync", "hooks"}
    files = (path for top in tops for path in (ROOT / top).rglob("*") if path.is_file())
    # Other tests compile meanwhile: a file there may have the name that it has while it is written.
    sources = {str(p.relative_to(ROOT)) for p in files if p.parent.name != "__pycache__"}
    assert sources
    assert sources <= set(names)


def install(wheel: Path, folder: Path) -> Path:
    """An environment that holds the wheel and what it names; its interpreter."""
    python = folder / "env" / "bin" / "python"
    run(sys.executable, "-m", "venv", str(folder / "env"), cwd=folder)
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, str(wheel), cwd=folder)
    return python


@pytest.mark.skipif(not THOROUGH, reason="pip loads all dependencies: .ci/run does it, THOROUGH=1")
def test_the_wheel_works_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    python = install(wheel, tmp_path)
    env = firing.environment(tmp_path)
    for name in ("journal", "agent-journal"):
        assert "Every day" in run(str(python.with_name(name)), "--help", cwd=tmp_path, env=env)
    journal = (str(python.with_name("journal")), "--home", str(tmp_path / "home"))
    settings = tmp_path / "settings.json"
    run(*journal, "install", "--settings", str(settings), cwd=tmp_path, env=env)
    firings = recordings.load("i-exit")
    for one in firings:
        for done in firing.fire(settings, one, tmp_path):
            assert (done.code, done.stderr) == (0, b"")
    report = json.loads(run(*journal, "sync", "--json", cwd=tmp_path, env=env))
    assert report["records"]["stored"] == 12
    start = firings[0]._replace(stdin=firings[0].stdin.replace(b"4b3b179a", b"00000000"))
    (done,) = firing.fire(settings, start, tmp_path)
    assert b"notes.txt" in done.stdout
