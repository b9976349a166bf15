"""The installed command, run by real shells as the agent runs it: stdin is a socketpair."""

import json
import os
import shlex
import shutil
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import pytest

import hooks
from chance import THOROUGH
from firing import CLOCK
from hooks import emit
from journal.errors import UsageError
from journal.layout import Layout
from journal.setup.hook_command import (
    Programs,
    base_interpreter,
    constant_command,
    hook_command,
    hook_script,
    is_ours,
    script_file,
)

# /bin/sh as the agent starts it, and the two shells that it usually is.
SHELLS = ["/bin/sh"] + [
    shell
    for shell in ("/bin/dash", "/bin/bash")
    if Path(shell).exists() and (shell == "/bin/bash" or not Path("/bin/sh").samefile(shell))
]
SESSION = "5b0c9c7e-1111-4222-8333-444455556666"
PAYLOAD = b'{"session_id":"%s","text":"a\xe2\x80\xa8b"}\n' % SESSION.encode()
PROGRAMS = Path(hooks.__file__).parent


class Place(NamedTuple):
    """A scratch home with the programs in it, a packaged copy next to it, a temporary folder."""

    home: Path
    packaged: Path
    temporary: Path

    @property
    def spool(self) -> Path:
        key = Path(emit.spool_folder(str(self.home))).name
        return self.temporary / f"agent-journal-{os.getuid()}" / key

    def command(
        self, event: str = "Stop", python: Path | None = None, durable: bool = False
    ) -> str:
        python = python or base_interpreter()
        programs = Programs(Layout(self.home), python, self.packaged, durable)
        return hook_command(programs, "claude-code", event)

    def records(self) -> list[bytes]:
        files = sorted(self.home.glob("days/*/*.jsonl"))
        return [line for path in files for line in path.read_bytes().split(b"\n") if line]

    def kept(self) -> list[Path]:
        return sorted(self.spool.iterdir()) if self.spool.exists() else []


# Plain paths are those of all other tests of the hooks.
PATHS = {"odd": 'it\'s "odd" $HOME `id`;\\ ü', **({"plain": "plain"} if THOROUGH else {})}


@pytest.fixture(params=PATHS.values(), ids=PATHS.keys())
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    root = tmp_path / request.param
    made = Place(root / "home", root / "packaged" / "hooks", root / "tmp")
    made.temporary.mkdir(parents=True)
    for folder in (made.home / "hooks", made.packaged):
        folder.mkdir(parents=True)
        for program in PROGRAMS.glob("*.py"):
            shutil.copy(program, folder)
    return made


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def fire(
    shell: str, command: str, place: Place, stdin: bytes = PAYLOAD, **env: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the command with the agent's end of a socketpair closed after stdin."""
    ours, theirs = socket.socketpair()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(place.temporary),  # bash reads ~/.bashrc when its stdin is a socket
        "TMPDIR": str(place.temporary),
        "CLAUDE_CODE_SESSION_ID": SESSION,
        **CLOCK,
        **env,
    }
    with ours, theirs:

        def feed() -> None:
            try:
                ours.sendall(stdin)
                ours.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # a hook that does not read its stdin

        thread = threading.Thread(target=feed)
        thread.start()
        done = subprocess.run(
            [shell, "-c", command],
            stdin=theirs.fileno(),
            capture_output=True,
            env=environ,
            timeout=30,
        )
        theirs.close()
        ours.close()
        thread.join()
    return done


def assert_silent(done: subprocess.CompletedProcess[bytes]) -> None:
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def remove_both(place: Place) -> None:
    shutil.rmtree(place.home)
    shutil.rmtree(place.packaged)


def test_a_hook_leaves_one_record_in_the_home(shell: str, place: Place) -> None:
    assert_silent(fire(shell, place.command(), place))
    [line] = place.records()
    record = json.loads(line)
    assert (record["agent"], record["event"], record["session"]) == (
        "claude-code",
        "Stop",
        SESSION,
    )
    assert line.endswith(b'"payload":' + PAYLOAD.strip() + b"}")
    assert place.kept() == []


def test_compiled_files_in_the_home_are_private(shell: str, place: Place) -> None:
    fire(shell, f"umask 022; {place.command()}", place)
    cache = place.home / "hooks" / "__pycache__"
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert stat.S_IMODE((place.home / "days").stat().st_mode) == 0o700


def test_a_durable_hook_gets_its_option(shell: str, place: Place) -> None:
    (place.home / "hooks" / "emit.py").write_text(
        "import sys; open(sys.argv[1] + '/seen', 'w').write('|'.join(sys.argv[2:]))\nmain = print"
    )
    assert_silent(fire(shell, place.command(durable=True), place))
    seen = (place.home / "seen").read_text()
    assert seen.rpartition("|shell=")[0] == "claude-code|Stop|durable"


def test_a_deleted_home_is_served_by_the_packaged_programs(shell: str, place: Place) -> None:
    shutil.rmtree(place.home)
    assert_silent(fire(shell, place.command(), place))
    assert len(place.records()) == 1


def test_a_removed_application_does_not_disturb_the_home(shell: str, place: Place) -> None:
    shutil.rmtree(place.packaged)
    assert_silent(fire(shell, place.command(), place))
    assert len(place.records()) == 1


@pytest.mark.parametrize("event", ["Stop", "SessionStart"])
def test_with_both_programs_gone_the_shell_keeps_stdin(
    shell: str, place: Place, event: str
) -> None:
    remove_both(place)
    assert_silent(fire(shell, place.command(event), place))
    [kept] = place.kept()
    assert kept.read_bytes() == PAYLOAD
    assert kept.name.split(".")[:3] == ["claude-code", event, SESSION]
    assert kept.suffix == ".raw"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    for folder in (place.spool, place.spool.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not place.home.exists()


@pytest.mark.parametrize("event", ["Stop", "SessionStart"])
def test_with_the_interpreter_gone_the_shell_keeps_stdin(
    shell: str, place: Place, event: str
) -> None:
    gone = place.temporary / "no python"
    assert_silent(fire(shell, place.command(event, gone), place))
    assert [path.read_bytes() for path in place.kept()] == [PAYLOAD]


def test_with_a_module_gone_the_shell_keeps_stdin(shell: str, place: Place) -> None:
    (place.home / "hooks" / "emit.py").unlink()
    assert_silent(fire(shell, place.command(), place))
    assert [path.read_bytes() for path in place.kept()] == [PAYLOAD]


def test_an_interpreter_that_dies_of_a_signal_is_silent(shell: str, place: Place) -> None:
    (place.home / "hooks" / "start.py").write_text("import os; os.kill(os.getpid(), 9)")
    assert_silent(fire(shell, place.command("SessionStart"), place))
    assert [path.read_bytes() for path in place.kept()] == [PAYLOAD]


def test_a_megabyte_is_kept_whole(shell: str, place: Place) -> None:
    remove_both(place)
    big = b'{"x":"' + b"y" * (3 << 20) + b'"}'
    assert_silent(fire(shell, place.command(), place, big))
    assert [path.read_bytes() for path in place.kept()] == [big]


def test_hooks_at_the_same_moment_keep_a_file_each(shell: str, place: Place) -> None:
    remove_both(place)
    command = place.command()
    threads = [threading.Thread(target=fire, args=(shell, command, place)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.read_bytes() for path in place.kept()] == [PAYLOAD] * 8


def test_a_pid_that_comes_again_overwrites_nothing(shell: str, place: Place) -> None:
    remove_both(place)
    # A subshell has its parent's pid as $$: both hooks would choose the same name.
    again = f"( {place.command()} ); sleep 1; printf other | ( {place.command()} )"
    assert_silent(fire(shell, again, place))
    assert sorted(path.read_bytes() for path in place.kept()) == sorted([PAYLOAD, b"other"])


def test_nothing_on_stdin_leaves_a_record_or_no_file_at_all(shell: str, place: Place) -> None:
    assert_silent(fire(shell, place.command(), place, b""))
    assert [json.loads(line)["payload"] for line in place.records()] == [None]
    remove_both(place)
    assert_silent(fire(shell, place.command(), place, b""))
    assert place.kept() == []


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_descriptors_do_no_harm(shell: str, place: Place, closed: str) -> None:
    wrapped = f"{shell} -c '{{ eval \"$C\"; }} {closed}'; echo $?"
    done = fire(shell, wrapped, place, C=place.command())
    assert (done.stdout, done.stderr) == (b"0\n", b"")
    expected = None if "<" in closed else json.loads(PAYLOAD)
    assert [json.loads(line)["payload"] for line in place.records()] == [expected]
    remove_both(place)
    done = fire(shell, wrapped, place, C=place.command())
    assert (done.stdout, done.stderr) == (b"0\n", b"")
    assert [path.read_bytes() for path in place.kept()] == ([] if "<" in closed else [PAYLOAD])


@pytest.mark.parametrize("gone", [False, True])
def test_disabled_hooks_return_at_once(shell: str, place: Place, gone: bool) -> None:
    if gone:
        remove_both(place)
    assert_silent(fire(shell, place.command(), place, JOURNAL_DISABLE="1"))
    assert place.records() == []
    assert place.kept() == []


@pytest.mark.parametrize("event", ["Stop", "SessionStart"])
@pytest.mark.parametrize("gone", [False, True])
def test_a_hook_records_nothing_while_capture_is_off(
    shell: str, place: Place, event: str, gone: bool
) -> None:
    if gone:
        shutil.rmtree(place.home / "hooks")
        shutil.rmtree(place.packaged)
    (place.home / "off").touch()
    assert_silent(fire(shell, place.command(event), place))
    assert (place.records(), place.kept()) == ([], [])
    (place.home / "off").unlink()
    fire(shell, place.command(event), place)
    assert len(place.records() + place.kept()) == 1


def test_programs_of_an_older_version_go_on_recording(shell: str, place: Place) -> None:
    (place.home / "hooks" / "off.py").unlink()
    assert_silent(fire(shell, place.command(), place))
    assert (len(place.records()), place.kept()) == (1, [])


def test_without_the_module_that_knows_what_is_off_the_shell_keeps_stdin(
    shell: str, place: Place
) -> None:
    (place.home / "hooks" / "off.py").unlink()
    (place.home / "off.d").mkdir()
    assert_silent(fire(shell, place.command(), place))
    assert [path.read_bytes() for path in place.kept()] == [PAYLOAD]


@pytest.mark.parametrize("level", ["outer", "inner"])
@pytest.mark.parametrize("trap", ["link", "open", "file", "foreign"])
def test_a_spool_that_is_not_private_is_left_alone(
    shell: str, place: Place, level: str, trap: str
) -> None:
    if trap == "foreign" and os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    remove_both(place)
    target = place.spool if level == "inner" else place.spool.parent
    target.parent.mkdir(mode=0o700, exist_ok=True)
    elsewhere = place.temporary / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    if trap == "link":
        target.symlink_to(elsewhere)
    elif trap == "file":
        target.write_text("")
    else:
        target.mkdir()
        target.chmod(0o770 if trap == "open" else 0o700)
        if trap == "foreign":
            os.chown(target, 12345, 12345)
    before = sorted(place.temporary.rglob("*"))
    assert_silent(fire(shell, place.command(), place))
    assert sorted(place.temporary.rglob("*")) == before
    assert list(elsewhere.iterdir()) == []


def test_without_any_place_to_write_it_is_still_silent(shell: str, place: Place) -> None:
    remove_both(place)
    assert_silent(fire(shell, place.command(), place, TMPDIR="/dev/null/none"))


@pytest.mark.parametrize("session", ["../../evil", "a/b", "a b", "$(id)", "x" * 300, "", "a\nb"])
def test_a_session_id_cannot_leave_the_spool(shell: str, place: Place, session: str) -> None:
    remove_both(place)
    assert_silent(fire(shell, place.command(), place, CLAUDE_CODE_SESSION_ID=session))
    assert [path.name.split(".")[2] for path in place.kept()] == ["unknown"]


@pytest.mark.parametrize("path", [None, "", "/nowhere", "."])
def test_an_odd_path_does_not_stop_the_shell(
    shell: str, place: Place, path: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove_both(place)
    trap = place.temporary / "cat"
    trap.write_text("#!/bin/sh\necho trapped\n")
    trap.chmod(0o755)
    monkeypatch.chdir(place.temporary)
    command = f"unset PATH; {place.command()}" if path is None else place.command()
    odd = {} if path is None else {"PATH": path}
    assert_silent(fire(shell, command, place, PAYLOAD, **odd))
    assert [kept.read_bytes() for kept in place.kept()] == [PAYLOAD]


@pytest.mark.parametrize("options", ["-e", "-u", "-C", "-eu", "-f"])
def test_options_of_the_shell_do_not_matter(shell: str, place: Place, options: str) -> None:
    assert_silent(fire(shell, f"set {options}; {place.command()}", place))
    assert len(place.records()) == 1
    remove_both(place)
    for _ in range(2):  # the second finds the folders made
        assert_silent(fire(shell, f"set {options}; {place.command()}", place))
    assert len(place.kept()) == 2


def test_an_emitter_killed_after_it_read_leaves_no_empty_file(shell: str, place: Place) -> None:
    (place.home / "hooks" / "emit.py").write_text(
        "import os, sys; sys.stdin.read(); os.kill(os.getpid(), 15)"
    )
    assert_silent(fire(shell, place.command(), place))
    assert place.kept() == []


def test_only_sessionstart_may_speak(shell: str, place: Place) -> None:
    for name in ("emit.py", "start.py"):
        (place.home / "hooks" / name).write_text(
            "import sys\ndef main(*_): print('out'); print('e', file=sys.stderr)"
        )
    assert_silent(fire(shell, place.command("PreToolUse"), place))
    done = fire(shell, place.command("SessionStart"), place)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"out\n", b"")


def test_an_agent_without_variables_keeps_its_stdin_under_an_unknown_session(
    shell: str, place: Place
) -> None:
    remove_both(place)
    programs = Programs(Layout(place.home), base_interpreter(), place.packaged, False)
    command = hook_command(programs, "other-agent", "turn_end")
    assert_silent(fire(shell, command, place))
    assert [path.name.split(".")[:3] for path in place.kept()] == [
        ["other-agent", "turn_end", "unknown"]
    ]


def test_the_shell_and_the_emitter_agree_on_the_spool(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(place.temporary))
    assert Layout(place.home).spool == place.spool
    remove_both(place)
    fire("/bin/sh", place.command(), place)
    assert len(list(Layout(place.home).spool.iterdir())) == 1


def test_ours_are_recognised_by_home_with_any_interpreter(tmp_path: Path) -> None:
    homes = [tmp_path / "j", tmp_path / "x" / "j"]
    for home in homes:
        programs = Programs(Layout(home), Path("/gone/python3.9"), Path("/old/hooks"), True)
        for command in (
            hook_command(programs, "claude-code", "Stop"),
            constant_command(Layout(home), "codex", "Stop"),
        ):
            assert is_ours(command)
            assert [is_ours(command, other) for other in homes] == [
                home == other for other in homes
            ]
    for foreign in (
        "",
        "echo agent-journal-",
        "python ~/hooks/run.py",
        "/agent-journal/hooks/run.py",
    ):
        assert not is_ours(foreign)


def test_a_path_that_settings_cannot_hold_is_refused() -> None:
    home = Path(os.fsdecode(b"/home/\xff"))
    with pytest.raises(UsageError, match="not UTF-8"):
        hook_command(Programs(Layout(home), Path("/p"), Path("/h"), False), "claude-code", "Stop")


def test_names_cannot_carry_shell(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a name"):
        hook_command(Programs(Layout(tmp_path), Path("/p"), Path("/h"), False), "a;b", "Stop")


def scripted(place: Place, python: Path | None = None) -> str:
    """The constant command of an agent, with its script in the home."""
    programs = Programs(
        Layout(place.home), python or base_interpreter(), place.packaged, durable=False
    )
    script_file(Layout(place.home), "codex").write_text(hook_script(programs, "codex"))
    return constant_command(Layout(place.home), "codex", "Stop")


def test_a_constant_command_names_the_agent_s_process(shell: str, place: Place) -> None:
    command = scripted(place)
    assert_silent(fire(shell, command, place))
    [record] = map(json.loads, place.records())
    assert (record["agent"], record["event"], record["pid"]) == ("codex", "Stop", os.getpid())
    assert scripted(place, Path("/another/python3.14")) == command


@pytest.mark.parametrize("gone", ["python", "programs", "script", "home"])
def test_a_constant_command_blocks_nothing(shell: str, place: Place, gone: str) -> None:
    command = scripted(place, Path("/gone/python3") if gone == "python" else None)
    if gone == "programs":
        (place.home / "hooks" / "run.py").unlink()
        shutil.rmtree(place.packaged)
    elif gone == "script":
        script_file(Layout(place.home), "codex").unlink()
    elif gone == "home":
        remove_both(place)
    assert_silent(fire(shell, command, place))
    kept = [path.read_bytes() for path in place.kept()]
    assert kept == ([PAYLOAD] if gone in ("python", "programs") else [])  # the others have no text


def test_ctrl_c_in_the_agent_s_terminal_costs_no_record(shell: str, place: Place) -> None:
    slow = "import os, signal, time; os.killpg(0, signal.SIGINT); os.killpg(0, signal.SIGHUP)\n"
    program = place.home / "hooks" / "emit.py"
    program.write_text(slow + program.read_text())
    command = f"setsid {shell} -c {shlex.quote(place.command())}"
    assert_silent(fire(shell, command, place))
    assert len(place.records()) == 1


def test_the_base_interpreter_lies_outside_the_environment() -> None:
    python = base_interpreter()
    assert python.is_absolute()
    assert sys.prefix == sys.base_prefix or not python.is_relative_to(sys.prefix)
    reported = subprocess.run(
        [python, "-I", "-S", "-c", "import sys; print(sys.prefix)"], capture_output=True
    )
    assert os.path.realpath(reported.stdout.decode().strip()) == os.path.realpath(sys.base_prefix)
