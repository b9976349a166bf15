"""Installing into real settings files of a scratch HOME, and running what was installed."""

import json
import os
import shutil
import stat
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hooks
import recordings
from journal.agents import AGENTS
from journal.cli import run
from journal.errors import JournalError, UsageError
from journal.layout import Layout
from journal.setup import programs, settings_file, settings_writing
from journal.setup.agent_versions import agent_versions
from journal.setup.hook_command import base_interpreter, is_ours
from journal.setup.install import install, throw_away, uninstall

NOW_US = 1_795_000_000_000_000
ALL = tuple(AGENTS["claude-code"].setup.events)
FOREIGN: dict[str, Any] = {
    "model": "opus",
    "hooks": {
        "PreToolUse": [
            {"matcher": "Bash", "hooks": [{"type": "command", "command": "guard", "timeout": 3}]}
        ],
        "Elicitation": [{"hooks": [{"type": "command", "command": "ask"}]}],
    },
    "permissions": {"allow": ["Bash(ls:*)"], "deny": []},
    "größe": 1.0,
    "big": 12345678901234567890,
}


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A HOME of its own with an agent of a version that knows every event."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("CLAUDE_CONFIG_DIR", "JOURNAL_HOME", "JOURNAL_DISABLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PATH", f"{home}/bin:/usr/bin:/bin")
    claude(home / "bin", "2.1.329 (Claude Code)")
    return home


def claude(folder: Path, version: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "claude").write_text(f"#!/bin/sh\necho '{version}'\n")
    (folder / "claude").chmod(0o755)


@pytest.fixture
def layout(scratch: Path) -> Layout:
    return Layout.at()


@pytest.fixture
def settings(scratch: Path) -> Path:
    path = scratch / ".claude" / "settings.json"
    path.parent.mkdir()
    path.write_text(json.dumps(FOREIGN, indent=2, ensure_ascii=False) + "\n")
    path.chmod(0o640)
    return path


def put(layout: Layout, path: Path | None = None, **more: Any) -> Any:
    return install(layout, "claude-code", path, **{"durable": False, "now_us": NOW_US} | more)


def take(layout: Layout, path: Path | None = None, **more: Any) -> Any:
    return uninstall(layout, "claude-code", path, **{"now_us": NOW_US} | more)


def read(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_bytes())
    return values


def ours(path: Path, home: Path | None = None) -> list[str]:
    return [event for event, _ in settings_file.commands(read(path), home)]


def snapshot(folder: Path) -> dict[str, Any]:
    return {
        str(path): (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in folder.rglob("*")
    }


def test_install_registers_every_event_once_and_synchronously(layout: Layout) -> None:
    report = put(layout)
    path = Path.home() / ".claude" / "settings.json"
    assert (report.settings, report.outcome, report.events) == (path, "created", ALL)
    assert (report.backup, report.warnings) == (None, ())
    for event, groups in read(path)["hooks"].items():
        [entry] = groups[0].pop("hooks")
        assert groups == [{}]
        assert (entry.pop("type"), is_ours(entry.pop("command"), layout.home)) == ("command", True)
        assert entry == {"timeout": 10 if event in ("SessionStart", "SessionEnd") else 5}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_foreign_keys_and_hooks_survive_in_their_order(layout: Layout, settings: Path) -> None:
    report = put(layout)
    values = read(settings)
    assert (report.outcome, tuple(values)) == ("changed", tuple(FOREIGN))
    for event, groups in FOREIGN["hooks"].items():
        assert values["hooks"][event][: len(groups)] == groups
    assert {**values, "hooks": None} == {**FOREIGN, "hooks": None}
    assert b'"gr\xc3\xb6\xc3\x9fe": 1.0,\n  "big": 12345678901234567890' in settings.read_bytes()
    assert stat.S_IMODE(settings.stat().st_mode) == 0o640


def test_the_backup_is_what_was_there(layout: Layout, settings: Path) -> None:
    before = settings.read_bytes()
    backup = put(layout).backup
    assert backup.read_bytes() == before
    assert stat.S_IMODE(backup.stat().st_mode) == 0o640
    assert backup.name == "settings.json.agent-journal-backup-20261118T110640.000000Z"
    take(layout)
    assert len(list(settings.parent.iterdir())) == 3  # of the same moment, and both are kept


def test_a_second_install_writes_nothing(layout: Layout, settings: Path) -> None:
    put(layout)
    before = snapshot(Path.home())
    report = put(layout, now_us=NOW_US + 10**9)
    assert (report.outcome, report.events, report.programs, report.backup) == (
        "unchanged",
        (),
        (),
        None,
    )
    assert snapshot(Path.home()) == before


def test_a_dry_run_writes_nothing_and_says_the_same(layout: Layout, settings: Path) -> None:
    before = snapshot(Path.home())
    planned = put(layout, dry_run=True)
    assert snapshot(Path.home()) == before
    done = put(layout)
    assert (planned.outcome, planned.events, planned.programs) == (
        done.outcome,
        done.events,
        done.programs,
    )
    before = snapshot(Path.home())
    assert take(layout, dry_run=True).events == done.events
    assert snapshot(Path.home()) == before


STYLES: dict[str, Callable[[Any], str]] = {
    "two": lambda values: json.dumps(values, indent=2),
    "four and newline": lambda values: json.dumps(values, indent=4, ensure_ascii=False) + "\n",
    "tab": lambda values: json.dumps(values, indent="\t") + "\n\n",
    "one line": json.dumps,
    "compact": lambda values: json.dumps(values, separators=(",", ":")),
    "windows": lambda values: (json.dumps(values, indent=2) + "\n").replace("\n", "\r\n"),
    "mark": lambda values: "\ufeff" + json.dumps(values, indent=2),
    "edited": lambda values: json.dumps(values, indent=2).replace('"deny": []', '"deny" : [ ]'),
}


@pytest.mark.parametrize("style", STYLES)
def test_uninstall_restores_the_bytes(layout: Layout, settings: Path, style: str) -> None:
    before = STYLES[style](FOREIGN).encode()
    settings.write_bytes(before)
    put(layout)
    assert set(ours(settings)) == set(ALL)
    take(layout)
    assert settings.read_bytes() == before


@pytest.mark.parametrize(
    ("style", "head", "tail"),
    [
        ("two", b'{\n  "model"', b"\n}"),
        ("four and newline", b'{\n    "model"', b"\n}\n"),
        ("tab", b'{\n\t"model"', b"\n}\n\n"),
        ("windows", b'{\r\n  "model"', b"\r\n}\r\n"),
        ("mark", b'\xef\xbb\xbf{\n  "model"', b"\n}"),
    ],
)
def test_the_style_of_the_file_is_kept(
    layout: Layout, settings: Path, style: str, head: bytes, tail: bytes
) -> None:
    settings.write_bytes(STYLES[style](FOREIGN).encode())
    put(layout)
    data = settings.read_bytes()
    assert data.startswith(head)
    assert data.endswith(tail)
    assert data.count(b"\n") == data.count(b"\r\n") or style != "windows"


def test_later_changes_by_others_survive_uninstall(layout: Layout, settings: Path) -> None:
    put(layout)
    values = read(settings)
    values["hooks"]["Stop"][0]["hooks"].append({"type": "command", "command": "theirs"})
    values["hooks"]["Notification"][0]["matcher"] = "permission_prompt"
    values["model"] = "sonnet"
    settings.write_text(json.dumps(values, indent=2))
    report = put(layout)  # ours is wanted for every notification, so it moves out of the matcher
    assert report.events == ("Notification",)
    take(layout)
    expected = json.loads(json.dumps(FOREIGN))
    expected["hooks"]["Stop"] = [{"hooks": [{"type": "command", "command": "theirs"}]}]
    expected["model"] = "sonnet"
    assert read(settings) == expected


def test_uninstall_removes_the_file_that_it_made(layout: Layout) -> None:
    path = put(layout).settings
    take(layout)
    assert list(path.parent.iterdir()) == []
    elsewhere = layout.home / "dotfile"
    elsewhere.write_text("")
    path.symlink_to(elsewhere)
    elsewhere.write_text('{"hooks": {}}')
    put(layout)
    for backup in path.parent.glob("*backup*"):
        backup.unlink()
    take(layout)
    assert elsewhere.read_bytes() == b"{}"


def test_uninstall_of_what_is_not_installed_touches_nothing(layout: Layout, settings: Path) -> None:
    before = snapshot(Path.home())
    report = take(layout)
    assert (report.events, report.backup) == ((), None)
    take(layout, settings.with_name("none.json"))
    assert snapshot(Path.home()) == before


def test_uninstall_removes_the_programs_and_never_the_journal(layout: Layout) -> None:
    put(layout)
    day = layout.days / "2026-11-18"
    day.mkdir(parents=True)
    (day / "claude-code.s.jsonl").write_text("{}\n")
    (layout.hooks / "__pycache__").mkdir()
    (layout.hooks / "__pycache__" / "emit.cpython-311.pyc").write_bytes(b"")
    take(layout)
    assert sorted(path.name for path in layout.home.rglob("*")) == [
        "2026-11-18",
        "claude-code.s.jsonl",
        "days",
        "id",
    ]


def test_another_home_takes_the_place_of_the_first(tmp_path: Path, settings: Path) -> None:
    first, second = Layout(tmp_path / "a"), Layout(tmp_path / "b")
    before = settings.read_bytes()
    put(first)
    report = put(second)
    assert (report.replaced, set(report.events)) == ((str(first.home),), set(ALL))
    assert ours(settings, first.home) == []
    assert sorted(ours(settings)) == sorted(ours(settings, second.home)) == sorted(ALL)
    assert take(first).homes == (str(second.home),)
    assert settings.read_bytes() == before


def test_an_older_command_is_replaced_where_it_is(layout: Layout, settings: Path) -> None:
    put(layout)
    values = read(settings)
    stop = values["hooks"]["Stop"][0]["hooks"]
    current = stop[0]["command"]
    stop[0] = {
        "type": "command",
        "command": current.replace("python3", "python2"),
        "async": True,
    }
    stop.insert(0, {"type": "command", "command": "before"})
    stop.append({"type": "command", "command": current})  # twice would record twice
    settings.write_text(json.dumps(values))
    assert put(layout).events == ("Stop",)
    assert read(settings)["hooks"]["Stop"] == [
        {
            "hooks": [
                {"type": "command", "command": "before"},
                {"type": "command", "command": current, "timeout": 5},
            ]
        }
    ]


def test_durable_hooks_say_so_and_can_be_changed_back(layout: Layout) -> None:
    path = put(layout, durable=True).settings
    assert all(" durable " in command for _, command in settings_file.commands(read(path)))
    assert put(layout).events == ALL
    assert not any(" durable " in command for _, command in settings_file.commands(read(path)))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "line 1, column 1"),
        (b'{\n  "a": 1,\n}', "line 3, column 1"),
        (b"{} // a comment", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"hooks": []}', '"hooks" is not an object'),
        (b'{"hooks": null}', '"hooks" is not an object'),
        (b'{"hooks": {"Stop": {}}}', '"hooks.Stop" is not a list'),
        (b'{"a": 1, "a": 2}', "'a' is twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": "\xff"}', "byte 8 is not UTF-8"),
        (b"[" * 100_000, "cannot|can be kept"),
    ],
)
def test_settings_that_cannot_be_kept_are_refused_untouched(
    layout: Layout, settings: Path, text: bytes, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.write_bytes(text)
    before = snapshot(Path.home())
    for command in ("install", "uninstall"):
        assert run([command]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert str(settings) in error
    with pytest.raises(UsageError, match=reason):
        put(layout)
    assert snapshot(Path.home()) == before


def test_settings_that_are_not_a_file_are_refused(layout: Layout, settings: Path) -> None:
    settings.unlink()
    os.mkfifo(settings)
    with pytest.raises(UsageError, match="not a regular file"):
        put(layout)
    assert not layout.home.exists()


def test_a_symlink_is_followed_and_stays(layout: Layout, settings: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles" / "claude.json"
    target.parent.mkdir()
    settings.rename(target)
    settings.symlink_to("../../dotfiles/claude.json")
    before = target.read_bytes()
    put(layout)
    assert settings.is_symlink()
    assert set(ours(target)) == set(ALL)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    take(layout)
    assert settings.is_symlink()
    assert target.read_bytes() == before
    assert [path.name for path in target.parent.iterdir()] == ["claude.json"]


def test_a_dangling_symlink_gets_its_target(layout: Layout, tmp_path: Path) -> None:
    path = Path.home() / ".claude" / "settings.json"
    path.parent.mkdir()
    path.symlink_to(tmp_path / "later.json")
    put(layout)
    assert path.is_symlink()
    assert set(ours(tmp_path / "later.json")) == set(ALL)


def test_a_file_that_changes_under_our_hands_is_not_overwritten(settings: Path) -> None:
    document = settings_file.load(settings)
    settings.write_text('{"newer": true}')
    with pytest.raises(JournalError, match="changed by another program"):
        settings_writing.write(document, {"ours": 1}, NOW_US)
    assert read(settings) == {"newer": True}


def test_the_option_beats_the_variable_which_beats_the_default(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "config"))
    assert put(layout).settings == tmp_path / "config" / "settings.json"
    assert put(layout, tmp_path / "own.json").settings == tmp_path / "own.json"
    assert not (Path.home() / ".claude").exists()


def test_the_programs_are_copied_privately_and_refreshed(layout: Layout) -> None:
    umask = os.umask(0)
    try:
        put(layout)
    finally:
        os.umask(umask)
    names = {path.name for path in Path(hooks.__file__).parent.glob("*.py")} | {"application"}
    assert {path.name for path in layout.hooks.iterdir()} == names
    assert {stat.S_IMODE(path.stat().st_mode) for path in layout.hooks.iterdir()} == {0o600}
    assert stat.S_IMODE(layout.hooks.stat().st_mode) == 0o700
    assert (layout.hooks / "application").read_text() == f"{sys.executable}\n"
    assert programs.stale(layout) == ()
    (layout.hooks / "emit.py").write_text("old")
    (layout.hooks / "run.py").unlink()
    assert programs.stale(layout) == ("emit.py", "run.py")
    report = put(layout)
    assert (report.outcome, report.programs) == ("unchanged", ("emit.py", "run.py"))
    assert programs.stale(layout) == ()


def test_the_installed_hooks_record_a_whole_session(layout: Layout, settings: Path) -> None:
    put(layout)
    commands = dict(settings_file.commands(read(settings)))
    firings = [firing for firing in recordings.load("p-simple") if firing.event in commands]
    assert {"SessionStart", "PreToolUse", "Stop", "SessionEnd"} <= {f.event for f in firings}
    for firing in firings:
        done = subprocess.run(
            ["/bin/sh", "-c", commands[firing.event]],
            input=firing.stdin,
            capture_output=True,
            env={**os.environ, **firing.env},
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout == b"" or firing.event == "SessionStart"
    lines = [line for path in layout.day_files() for line in path.read_bytes().splitlines()]
    assert [json.loads(line)["event"] for line in lines] == [f.event for f in firings]


def test_hooks_outlive_uninstalling_the_application(layout: Layout, settings: Path) -> None:
    """Running sessions keep the commands that they have read."""
    put(layout)
    command = dict(settings_file.commands(read(settings)))["Stop"]
    take(layout)
    gone = command.replace(str(Path(hooks.__file__).parent), "/gone/hooks")
    for text in (command, gone):
        done = subprocess.run(["/bin/sh", "-c", text], input=b'{"a":1}', capture_output=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert len(list(layout.day_files())) == 1
    assert [path.read_bytes() for path in layout.spool.iterdir()] == [b'{"a":1}']


def test_only_names_that_every_installed_version_accepts_are_registered(
    layout: Layout, settings: Path
) -> None:
    claude(Path.home() / "bin", "2.1.332")
    put(layout)
    assert set(ours(settings)) == {*ALL, "PreSkillShellCommand"}
    claude(Path.home() / "bin", "2.1.331")
    put(layout)
    claude(Path.home() / ".claude" / "local", "2.1.76 (Claude Code)")
    report = put(layout)
    assert set(ours(settings)) == set(ALL) - {"StopFailure"}
    assert report.events == ("StopFailure",)
    [warning] = report.warnings
    assert "claude 2.1.76 knows no StopFailure" in warning
    claude(Path.home() / ".claude" / "local", "2.0.46 (Claude Code)")
    put(layout)
    assert set(ALL) - set(ours(settings)) == {"PostToolUseFailure", "PostCompact", "StopFailure"}


def test_a_version_counts_once_and_a_broken_agent_not_at_all(scratch: Path) -> None:
    (scratch / ".local" / "bin").mkdir(parents=True)
    (scratch / ".local" / "bin" / "claude").symlink_to(scratch / "bin" / "claude")
    assert agent_versions() == ((2, 1, 329),)
    claude(scratch / ".claude" / "local", "no version")
    assert agent_versions() == ((2, 1, 329),)
    claude(scratch / "bin", "2.1.9")
    (scratch / ".claude" / "local" / "claude").write_text("#!/no/such/shell\n")
    assert agent_versions() == ((2, 1, 9),)


def test_without_an_agent_all_are_registered_and_it_is_reported(
    layout: Layout, scratch: Path
) -> None:
    shutil.rmtree(scratch / "bin")
    report = put(layout)
    assert report.events == ALL
    assert "claude was not found" in report.warnings[0]


def test_switched_off_hooks_are_pointed_out(layout: Layout, settings: Path) -> None:
    settings.write_text('{"disableAllHooks": true}')
    [warning] = put(layout).warnings
    assert "disableAllHooks" in warning


def test_an_unknown_agent_is_refused_with_what_is_known(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["install", "emacs"]) == 2
    assert (
        "unknown agent 'emacs' (known: claude-code, codex, copilot-cli" in capsys.readouterr().err
    )
    assert run(["uninstall", "emacs"]) == 2
    assert list(Path.home().iterdir()) == [Path.home() / "bin"]


@pytest.mark.parametrize(
    ("prefix", "command"),
    [
        ("/home/u/.cache/uv/archive-v0/abc", "uv tool install agent-journal"),
        ("/home/u/.cache/uv/builds-v0/.tmpX", "uv tool install agent-journal"),
        ("/srv/uvcache/environments-v2/x", "uv tool install agent-journal"),
        ("/home/u/.local/pipx/.cache/1a2b", "pipx install agent-journal"),
        ("/home/u/.cache/pipx/1a2b", "pipx install agent-journal"),
        ("/Users/u/Library/Caches/pipx/1a2b", "pipx install agent-journal"),
        ("/home/u/.local/share/uv/tools/agent-journal", ""),
        ("/home/u/.local/pipx/venvs/agent-journal", ""),
        ("/home/u/.local/share/pipx/venvs/agent-journal", ""),
        ("/home/u/code/archive-v0", ""),
        ("/tmp/demo/venv", ""),
        ("/usr", ""),
    ],
)
def test_throw_away_environments_are_known_by_their_place(prefix: str, command: str) -> None:
    assert throw_away(prefix) == command


def test_a_throw_away_environment_is_refused_with_the_right_command(tmp_path: Path) -> None:
    prefix = tmp_path / ".cache" / "uv" / "archive-v0" / "x1"
    venv.create(prefix, symlinks=True)
    root = Path(hooks.__file__).parent.parent
    packages = [path for path in sys.path if path.endswith("-packages")]
    done = subprocess.run(
        [prefix / "bin" / "python", "-m", "journal", "install"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *packages])},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "run: uv tool install agent-journal, then: journal install" in done.stderr
    assert not (Path.home() / ".claude").exists()
    assert not (Path.home() / ".agent-journal").exists()


def test_the_commands_say_what_they_did(
    settings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "own home"
    assert run(["install", "--dry-run", "--home", str(home)]) == 0
    assert "would be changed" in capsys.readouterr().out
    assert not home.exists()
    assert run(["--home", str(home), "install"]) == 0
    said = capsys.readouterr().out
    [backup] = settings.parent.glob("*backup*")
    for part in (
        f"{settings} changed: {len(ALL)} hooks set",
        str(backup),
        str(home),
        str(base_interpreter()),
        "Nothing leaves this machine unless you configure a remote.",
        "Next: ",
    ):
        assert part in said
    assert run(["install", "--home", str(home)]) == 0
    assert "Already installed: nothing to change" in capsys.readouterr().out
    assert run(["uninstall", "--home", str(home)]) == 0
    said = capsys.readouterr().out
    assert f"{len(ALL)} hooks removed" in said
    assert f"What was recorded stays in {home}." in said
    assert run(["uninstall", "--home", str(home)]) == 0
    assert "Not installed" in capsys.readouterr().out


def test_the_durable_setting_is_taken_from_the_configuration(
    layout: Layout, settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout.home.mkdir()
    layout.config.write_text("[capture]\ndurable = true\n")
    assert run(["install"]) == 0
    assert all(" durable " in text for _, text in settings_file.commands(read(settings)))


def test_a_home_that_cannot_be_made_leaves_the_settings_alone(
    settings: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    before = settings.read_bytes()
    with pytest.raises(JournalError):
        put(Layout(tmp_path / "file" / "home"))
    assert settings.read_bytes() == before


_handlers = st.lists(
    st.fixed_dictionaries({"type": st.just("command"), "command": st.text()}), min_size=1
)
_groups = st.lists(
    st.fixed_dictionaries({"hooks": _handlers}, optional={"matcher": st.text()}) | st.integers(),
    min_size=1,
)
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
_values = st.dictionaries(st.text().filter(lambda key: key != "hooks"), _json).flatmap(
    lambda rest: st.fixed_dictionaries(
        {key: st.just(value) for key, value in rest.items()},
        optional={"hooks": st.dictionaries(st.sampled_from(ALL) | st.text(), _groups, min_size=1)},
    )
)


@given(_values)
def test_uninstall_restores_every_other_setting(values: dict[str, Any]) -> None:
    home = Path("/some/home")
    entry = AGENTS["claude-code"].setup.hooks.entry
    wanted = {
        event: entry(event, f"/hooks/run.py agent-journal-$(id -u)/{key}")
        for event in ALL
        if (key := Layout(home).spool.name)
    }
    document = settings_file.Document(Path("x"), None, values)
    installed = settings_file.merged(values, wanted)
    assert len(settings_file.commands(installed, home)) == len(ALL)
    assert settings_file.merged(installed, wanted) == installed
    assert document.render(settings_file.without(installed)) == document.render(values)
    assert json.loads(document.render(values)) == values


def test_programs_stay_while_the_persons_own_settings_run_them(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "journal"]
    other = tmp_path / "other.json"
    for args in (["install"], ["install", "--settings", str(other)]):
        subprocess.run([*command, *args], check=True, capture_output=True)
    programs = Path("~/.agent-journal/hooks").expanduser()
    subprocess.run(
        [*command, "uninstall", "--settings", str(other)], check=True, capture_output=True
    )
    assert (programs / "run.py").exists()
    subprocess.run([*command, "uninstall"], check=True, capture_output=True)
    assert not (programs / "run.py").exists()
