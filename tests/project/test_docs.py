"""Every command and every block of the documents is run, parsed or checked."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import commands
import recordings
from journal.layout import Layout
from journal.settings.sources import load_settings
from places import DATA, ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ON_A_SERVER = {"sql", "console"}  # tests/sync/team_archive/test_archive_doc.py runs them
SHOWN = {"text", "mermaid"}  # pictures and output


def blocks(page: Path, *kinds: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(page.read_text()) if kind in kinds]


def pages_with(*kinds: str) -> list[object]:
    return [pytest.param(page, id=page.stem) for page in PAGES if blocks(page, *kinds)]


def _a_home_with_sessions(user: Path) -> None:
    """The sessions that the pages name: a recording with its transcript, and the demo's day."""
    home, project = user / ".agent-journal", user / "code" / "billing-api"
    project.mkdir(parents=True)
    for name, line in recordings.records("i-exit"):
        recordings.append(home / "days" / name, _moved(line, "/home/dev/code/i-exit", user))
    for path in sorted((DATA / "day").glob("*.jsonl")):
        for name, line in recordings.as_records(recordings.read(path)):
            here = _moved(line, "/home/dev/code/billing-api", project)
            recordings.append(home / "days" / name, here)
    for path in (home, *home.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    (transcript,) = (DATA / "transcripts" / "-home-dev-code-i-exit").glob("*.jsonl")
    projects = user / ".claude" / "projects" / "-home-dev-code-i-exit"
    projects.mkdir(parents=True)
    shutil.copy(transcript, projects)


def _moved(line: bytes, recorded_at: str, folder: Path) -> bytes:
    line = line.replace(recorded_at.encode(), str(folder).encode())
    return line.replace(b"/home/dev/.claude", b"%s/.claude" % str(folder).encode())


@pytest.mark.parametrize("page", pages_with("sh"))
def test_the_commands_of_a_page_work_one_after_another(page: Path, scratch_home: Path) -> None:
    _a_home_with_sessions(scratch_home)
    programs = Path(sys.executable).parent
    env = {
        "HOME": str(scratch_home),
        "PATH": f"{commands.shared().programs}:{programs}:/usr/bin:/bin",
        "TMPDIR": str(scratch_home),
    }
    dry = f"make --dry-run --directory {ROOT} "  # CI runs them; here: that there is such a recipe
    # The transcript is copied before a page exports anything.
    subprocess.run(["journal", "sync"], env=env, cwd=scratch_home, check=True, capture_output=True)
    for line in "".join(blocks(page, "sh")).replace("make ", dry).splitlines():
        if line.startswith("pipx "):
            continue  # test_packaging.py installs the wheel
        done = subprocess.run(
            ["/bin/sh", "-c", line], env=env, cwd=scratch_home, capture_output=True, text=True
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("page", pages_with("json"))
def test_the_json_of_a_page_is_json(page: Path) -> None:
    for block in blocks(page, "json"):
        for line in block.splitlines():
            json.loads(line)


@pytest.mark.parametrize("page", pages_with("toml"))
def test_the_settings_of_a_page_are_settings(page: Path, tmp_path: Path) -> None:
    for block in blocks(page, "toml"):
        (tmp_path / "config.toml").write_text(block)
        assert tomllib.loads(block)
        load_settings(Layout.at(tmp_path), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_only_blocks_that_are_tested_and_links_that_lead_somewhere(page: Path) -> None:
    kinds = {kind for kind, _ in BLOCK.findall(page.read_text())}
    assert kinds <= {"sh", "json", "toml"} | SHOWN | ON_A_SERVER
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_of_the_project_that_a_page_names_are_there(page: Path) -> None:
    said = re.sub(r"^```text\n.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    named = re.findall(r"\b(?:hooks|journal|sync|tests)/[\w/]+\.py", said)
    assert [name for name in named if not (ROOT / name).exists()] == []


def anchors(page: Path) -> set[str]:
    """The fragments of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_link_to_a_heading_finds_it(page: Path) -> None:
    for target, heading in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text()):
        assert heading in anchors(page.parent / target if target else page), (target, heading)
