"""The installed hooks where the home cannot be written, or what they are made of is gone."""

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import hooks
from installed import Installed
from journal.layout import Layout
from journal.setup.hook_command import Programs, base_interpreter, hook_command
from tests.hooks.test_hostile_hooks import EVENTS, MINE, SESSION, Hostile, numbers, payload

PROGRAMS = Path(hooks.__file__).parent


@pytest.fixture
def hostile(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> Hostile:
    made = Hostile(installed)
    monkeypatch.setenv("TMPDIR", made.env["TMPDIR"])  # where the syncer looks for the spool
    return made


def spooled(hostile: Hostile) -> list[str]:
    """How the files in the home's spool end."""
    folder = Layout.at(hostile.home).spool
    return sorted(path.suffix for path in folder.iterdir()) if folder.exists() else []


def fire_both(hostile: Hostile, number: int = 0) -> None:
    """One ordinary hook, then SessionStart; their payloads are numbered from `number` on."""
    for step, event in enumerate(EVENTS):
        hostile.fire(event, payload(event, number=number + step), "", **MINE)


def assert_stored(hostile: Hostile, count: int) -> list[dict[str, Any]]:
    """Payloads 0, 1, … are stored once each, nothing waits any more; the dead letters."""
    records, letters = hostile.settle()
    assert numbers(records) == list(range(count))
    assert {record["session"] for record in records} <= {SESSION}
    assert spooled(hostile) == []
    return letters


def mount(*arguments: str | Path) -> bool:
    """Whether this user may mount here, and has."""
    try:
        return subprocess.run(["mount", *arguments], capture_output=True).returncode == 0
    except OSError:
        return False


@contextmanager
def read_only(home: Path) -> Iterator[None]:
    """The home on a read-only disk; without permissions where mounting is not allowed."""
    if mount("--bind", home, home):
        try:
            assert mount("-o", "remount,bind,ro", home)
            yield
        finally:
            subprocess.run(["umount", "-l", home], check=True)
        return
    places = [home, *home.rglob("*")]
    modes = {place: place.stat().st_mode for place in places}
    if os.getuid() == 0:  # rights do not bind root; a folder that is none does
        (home / "days").rename(home / "renamed")
        (home / "days").touch()
    else:
        for place in places:
            place.chmod(modes[place] & 0o555)
    try:
        yield
    finally:
        if os.getuid() == 0:
            (home / "days").unlink()
            (home / "renamed").rename(home / "days")
        else:
            for place in places:
                place.chmod(modes[place])


@contextmanager
def small_disk(home: Path) -> Iterator[bool]:
    """A disk of its own for a home that is still empty; False if this user may not mount."""
    home.mkdir(mode=0o700)
    if not mount("-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", home):
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "-l", home], check=True)


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    assert shutil.disk_usage(path).free < 4096


def test_a_deleted_home_is_made_again(hostile: Hostile) -> None:
    shutil.rmtree(hostile.home)
    fire_both(hostile)
    assert spooled(hostile) == []
    assert assert_stored(hostile, 2) == []


def test_a_home_whose_disk_is_not_mounted_is_not_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "disk").mkdir()
    hostile = Hostile(Installed(tmp_path / "disk"))
    (tmp_path / "tmp").mkdir()
    hostile.env["TMPDIR"] = str(tmp_path / "tmp")
    monkeypatch.setenv("TMPDIR", hostile.env["TMPDIR"])
    kept = {event: hostile.command(event) for event in EVENTS}
    hostile.folder = tmp_path
    (tmp_path / "disk").rename(tmp_path / "elsewhere")
    for number, event in enumerate(EVENTS):
        hostile.fire(event, payload(event, number=number), kept[event], **MINE)
    assert not (tmp_path / "disk").exists()
    assert spooled(hostile) == [".jsonl"] * 2
    (tmp_path / "elsewhere").rename(tmp_path / "disk")
    assert assert_stored(hostile, 2) == []


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ("", "file"),
        ("", "loop"),
        ("days", "file"),
        ("days/*", "pipe"),
        ("days/*/*.jsonl", "folder"),
        ("days/*/*.jsonl", "loop"),
        ("days/*/*.jsonl", "pipe"),
    ],
)
def test_a_home_that_is_something_else_leaves_records_in_the_spool(
    hostile: Hostile, part: str, kind: str
) -> None:
    (hostile.home / "synced").write_text(str(10**9))  # the first start has nothing to sync
    fire_both(hostile)
    (path,) = hostile.home.glob(part) if part else [hostile.home]
    away = hostile.folder / "away"
    path.rename(away)
    match kind:
        case "file":
            path.touch()
        case "folder":
            path.mkdir()
        case "loop":
            path.symlink_to(path)
        case "pipe":
            os.mkfifo(path)
    fire_both(hostile, 2)
    assert spooled(hostile) == [".jsonl"] * 2
    if kind == "folder":
        path.rmdir()
    else:
        path.unlink()
    away.rename(path)
    assert assert_stored(hostile, 4) == []


@pytest.mark.parametrize("full", [False, True], ids=["home", "spool"])
def test_files_of_hooks_are_private_under_any_umask(hostile: Hostile, full: bool) -> None:
    if full:
        (hostile.home / "days").touch(mode=0o600)  # no folder
    for event in EVENTS:
        hostile.fire(event, payload(event), f"umask 000; {hostile.command(event)}")
    made = [*hostile.home.rglob("*"), *Path(hostile.env["TMPDIR"]).rglob("*")]
    records = [path for path in made if path.suffix == ".jsonl" and path.parent.name != "logs"]
    assert len(records) == (2 if full else 1)
    assert [path for path in made if stat.S_IMODE(path.lstat().st_mode) & 0o077] == []
    if full:
        (hostile.home / "days").unlink()
    assert len(hostile.settle()[0]) == 2


@pytest.mark.parametrize("begun", [False, True], ids=["new", "in use"])
def test_a_read_only_home_leaves_records_in_the_spool(hostile: Hostile, begun: bool) -> None:
    (hostile.home / "days").mkdir(mode=0o700)
    if begun:
        fire_both(hostile, 2)
    with read_only(hostile.home):
        fire_both(hostile)
        assert spooled(hostile) == [".jsonl"] * 2
    assert assert_stored(hostile, 4 if begun else 2) == []


def test_a_full_disk_leaves_records_in_the_spool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "home") as mounted:
        hostile = Hostile(Installed(tmp_path))
        monkeypatch.setenv("TMPDIR", hostile.env["TMPDIR"])
        fire_both(hostile)
        large = payload("PostToolUse", number=2, text="x" * 20_000)
        hostile.fire("PostToolUse", large, "", **MINE)
        limit = ""
        if mounted:
            fill(tmp_path / "home" / "ballast")
        else:  # a limit that the file of this session has passed, and those in the spool have not
            limit = "ulimit -f 8; "
        for number in range(3, 40):
            stdin = payload("PostToolUse", number=number, text="y" * 1_000)
            hostile.fire("PostToolUse", stdin, limit + hostile.command("PostToolUse"), **MINE)
        start = payload("SessionStart", number=40)
        hostile.fire("SessionStart", start, limit + hostile.command("SessionStart"), **MINE)
        assert set(spooled(hostile)) == {".jsonl"}
        (tmp_path / "home" / "ballast").unlink(missing_ok=True)
        torn = {letter["reason"] for letter in assert_stored(hostile, 41)}
        assert torn <= {"cut off", "no payload"}


def test_a_record_that_the_disk_cuts_off_is_whole_in_the_spool(hostile: Hostile) -> None:
    fire_both(hostile)
    for number in range(2, 8):  # 6 kB each; the limit is 8 kB or 16 kB, as the shell counts
        event = EVENTS[number == 7]
        stdin = payload(event, number=number, text="y" * 6_000)
        hostile.fire(event, stdin, f"ulimit -f 16; {hostile.command(event)}", **MINE)
    assert len(spooled(hostile)) >= 3
    (letter,) = assert_stored(hostile, 8)
    assert letter["reason"] == "cut off"


@pytest.mark.parametrize("gone", [False, True], ids=["emitter", "shell"])
def test_a_piece_that_no_disk_accepts_goes_to_dead(hostile: Hostile, gone: bool) -> None:
    fire_both(hostile)
    if gone:
        (hostile.home / "hooks" / "emit.py").write_text("raise SystemExit(1)")
    text = "".join(f"{number} " for number in range(8_000))
    for event in EVENTS:
        command = f"ulimit -f 16; {hostile.command(event)}"
        hostile.fire(event, payload(event, text=text), command, **MINE)
    assert spooled(hostile) == [".part"] * 2
    for path in Layout.at(hostile.home).spool.iterdir():
        os.utime(path, (1, 1))  # a hook that still runs has a younger one
    (hostile.home / "hooks" / "emit.py").write_bytes((PROGRAMS / "emit.py").read_bytes())
    fire_both(hostile, 2)  # closes the torn line
    letters = assert_stored(hostile, 4)
    assert len(letters) == (2 if gone else 3)
    assert all(letter["reason"] and "0 1 2 3 4 " in letter["text"] for letter in letters)


@pytest.mark.parametrize("home", ["whole", "without programs", "gone"])
@pytest.mark.parametrize("event", EVENTS)
def test_with_any_program_missing_the_payload_is_stored(
    hostile: Hostile, home: str, event: str
) -> None:
    if home == "gone":
        shutil.rmtree(hostile.home)
    elif home == "without programs":
        shutil.rmtree(hostile.home / "hooks")
    packaged = hostile.folder / "packaged" / "hooks"
    shutil.copytree(PROGRAMS, packaged, ignore=shutil.ignore_patterns("__pycache__"))
    raw = 0
    for number, (package, python) in enumerate(product((True, False), repeat=2)):
        programs = Programs(
            Layout.at(hostile.home),
            base_interpreter() if python else Path("/nowhere/python3"),
            packaged if package else Path("/nowhere/hooks"),
            durable=False,
        )
        command = hook_command(programs, "claude-code", event)
        # A start from `compact` gets no context, and so collects nothing.
        hostile.fire(event, payload(event, number=number, source="compact"), command, **MINE)
        raw += not python or (home != "whole" and not package)
        assert spooled(hostile) == [".raw"] * raw
    assert raw == (2 if home == "whole" else 3)
    assert assert_stored(hostile, 4) == []


def test_without_its_environment_the_home_s_programs_still_record(hostile: Hostile) -> None:
    (hostile.home / "hooks" / "application").write_text("/nowhere/bin/python\n")
    other = "5b0c9c7e-2222-4222-8333-444455556666"  # a start does not wait for its own records
    hostile.fire(EVENTS[0], payload(EVENTS[0], number=0, session_id=other), "")
    said = hostile.fire("SessionStart", payload("SessionStart", number=1), "", **MINE).stdout
    assert json.loads(said)["systemMessage"].startswith("agent-journal: could not sync")
    records, letters = hostile.settle()
    assert (numbers(records), letters) == ([0, 1], [])


def test_an_agent_that_still_knows_uninstalled_hooks_is_served(
    hostile: Hostile, installed: Installed
) -> None:
    known = [(event, hostile.command(event)) for event in EVENTS]
    installed.journal("uninstall", "--settings", str(hostile.settings))
    for number, (event, command) in enumerate(known):
        hostile.fire(event, payload(event, number=number), command, **MINE)
    assert assert_stored(hostile, 2) == []


def test_modules_that_a_full_disk_left_compiled_in_part_stop_no_hook(hostile: Hostile) -> None:
    for number, (limit, event) in enumerate(product(("ulimit -f 10; ", ""), EVENTS)):
        command = limit + hostile.command(event)
        hostile.fire(event, payload(event, number=number), command, **MINE)
        assert spooled(hostile) == []
    assert assert_stored(hostile, 4) == []
