"""The remote's history: old sessions removed from it, and whole sessions sent to it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import archived
from archived import Reported
from commands import Commands, shared
from mindspring_server import Server

DAY_SECONDS = 86_400.0
SECRET = "ghp_" + "Zx9Yw8Vu7T" * 4


@pytest.fixture
def reported(tmp_path: Path) -> Reported:
    home = tmp_path / "home"
    home.mkdir()
    return Reported(home)


@pytest.fixture
def commands() -> Commands:
    return shared()


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


def pieces(folder: Path) -> list[str]:
    """The sessions of the pieces that lie in a folder."""
    return sorted(path.name.split(".")[1] for path in folder.rglob("*.jsonl"))


def test_old_sessions_are_removed_from_a_folder_and_not_sent_again(
    reported: Reported, tmp_path: Path, commands: Commands
) -> None:
    remote = tmp_path / "remote"
    remote.mkdir()
    text = archived.config("folder", str(remote), rest="[retention]\nsessions_days = 30\n")
    (reported.home / "config.toml").write_text(text)
    for session, days in (("old", 40), ("pinned", 40), ("new", 10)):
        reported.turn(session, late_seconds=days * DAY_SECONDS)
    assert commands.run(reported.home, "sync", "--json").json["remote"]["sent"] == 3
    commands.run(reported.home, "pin", "pinned")
    before = pieces(remote)
    assert set(before) == {"new", "old", "pinned"}
    planned = commands.run(reported.home, "prune", "--remote", "--dry-run", "--json").json
    assert (planned["dry_run"], planned["sessions"], planned["pieces"]) == (True, ["old"], 1)
    assert pieces(remote) == before
    said = commands.run(reported.home, "prune", "--remote").stdout
    assert said.startswith("Deleted in the remote: 1 piece, 1 session")
    assert set(pieces(remote)) == {"new", "pinned"}
    assert commands.run(reported.home, "sync", "--json").json["remote"]["sent"] == 0
    assert "Nothing is due." in commands.run(reported.home, "prune", "--remote").stdout
    older = commands.run(reported.home, "prune", "--remote", "--max-age", "5", "--json").json
    assert older["sessions"] == ["new"]


def test_a_remote_that_cannot_delete_says_so(reported: Reported, commands: Commands) -> None:
    text = archived.config("mindspring", "http://127.0.0.1:9", archived.QUICK)
    (reported.home / "config.toml").write_text(text)
    reported.turn("one")
    done = commands.run(reported.home, "prune", "--remote", "--max-age", "1")
    assert done.code == 2
    assert done.stderr.startswith("journal: cannot delete in ")
    assert done.stderr.count("\n") == 1


def test_the_whole_session_is_sent_redacted_if_that_is_wanted(
    reported: Reported, server: Server, commands: Commands
) -> None:
    remote = archived.QUICK + "\nraw = true"
    (reported.home / "config.toml").write_text(archived.config("mindspring", server.url, remote))
    reported.turn("one", more=f" with {SECRET}", calls=3)
    assert commands.run(reported.home, "sync", "--json").json["remote"]["sent"] == 1
    records = [json.loads(text) for text in archived.said(server.state)]
    assert [record["id"] for record in records] == reported.ids
    assert [record["event"] for record in records] == [
        "UserPromptSubmit", "PostToolUse", "PostToolUse", "PostToolUse", "Stop",
    ]  # fmt: skip
    assert "[redacted:" in records[0]["payload"]["prompt"]
    assert SECRET not in "".join(archived.said(server.state))
    assert commands.run(reported.home, "sync", "--json").json["remote"]["sent"] == 0
