"""Which project a session belongs to; to name a remote is not enough to get its context."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import recordings
import stored
from chance import examples
from hooks import emit
from hooks.belonging import folders_file
from stored import rows

REMOTE = "git:git.example/team/shop"
HOME = "a" * 32
COMMIT, OTHER = "1" * 40, "2" * 40


def record(home: Path, session: str, second: int, project: str, folder: str, **git: Any) -> None:
    """One prompt of a session in a repository."""
    at_ns = recordings.START_NS + second * 10**9
    body = {"session_id": session, "cwd": folder, "prompt": f"work {second}"}
    line = recordings.line("UserPromptSubmit", body, at_ns, CLAUDE_CODE_ENTRYPOINT="cli")
    header, _, rest = line.partition(b',"payload":')
    fields = {"key": project, "top": folder, "folder": f"{folder}/.git", **git}
    own = (home / "id").read_text().split()[0] if (home / "id").exists() else HOME
    more = json.dumps({"home": own, "git": fields})[1:-1].encode()
    line = header + b"," + more + b',"payload":' + rest
    recordings.append(home / f"days/2026-11-18/claude-code.{session}.jsonl", line)


def projects(home: Path) -> dict[str, str]:
    return dict(rows(home, "select id, project from session_states"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose project of the remote has one folder."""
    stored.sync(tmp_path)
    record(tmp_path, "first", 0, REMOTE, "/code/shop", head=COMMIT)
    stored.sync(tmp_path)
    return tmp_path


def test_the_first_folder_of_a_remote_belongs_to_it(home: Path) -> None:
    assert projects(home) == {"first": REMOTE}
    said = Path(folders_file(str(home), REMOTE)).read_text().split("\n")
    assert f"+{emit.fingerprint('/code/shop/.git')}" in said
    assert f"c{COMMIT}" in said


def test_a_folder_that_only_claims_the_remote_is_a_project_of_its_own(home: Path) -> None:
    record(home, "claims", 10, REMOTE, "/tmp/unpacked", head=OTHER)
    stored.sync(home)
    key = projects(home)["claims"]
    assert key.startswith("repo:")
    assert key.endswith(":/tmp/unpacked/.git")
    assert f"c{OTHER}" not in Path(folders_file(str(home), REMOTE)).read_text().split("\n")


def test_a_folder_that_shows_a_commit_belongs_from_then_on(home: Path) -> None:
    record(home, "claims", 10, REMOTE, "/code/clone", head=OTHER)
    stored.sync(home)
    record(home, "shows", 20, REMOTE, "/code/clone", head=OTHER, shown=COMMIT)
    stored.sync(home)
    record(home, "later", 30, REMOTE, "/code/clone", head=OTHER)
    stored.sync(home)
    found = projects(home)
    assert (found["shows"], found["later"]) == (REMOTE, REMOTE)


FOLDERS = st.sampled_from(["/code/shop", "/code/clone", "/tmp/unpacked"])


@given(st.lists(st.tuples(FOLDERS, st.booleans()), min_size=1, max_size=5), st.randoms())
@settings(
    max_examples=examples(6),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_only_the_first_folder_and_those_that_showed_a_commit_belong(
    tmp_path_factory: pytest.TempPathFactory, reported: list[tuple[str, bool]], chance: Any
) -> None:
    home = tmp_path_factory.mktemp("home")
    stored.sync(home)
    first, shown = reported[0][0], set[str]()
    for number, (folder, shows) in enumerate(reported):
        more = {"shown": COMMIT} if shows else {}
        shown |= {folder} if shows else set()
        record(home, f"s{number}", number, REMOTE, folder, head=COMMIT, **more)
        if chance.random() < 0.5 or number == 0:
            stored.sync(home)
    stored.sync(home)
    for number, (folder, shows) in enumerate(reported):
        key = projects(home)[f"s{number}"]
        if folder == first or shows:
            assert key == REMOTE
        elif folder not in shown:
            assert key.startswith("repo:")
