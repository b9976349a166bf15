"""Every finding of the doctor is provoked once, found, and repaired where that is safe."""

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
from rich.cells import cell_len

import firing
import recordings
import reported
import stored
from hooks import autostart, emit
from installed import Installed
from journal import cli
from journal.doctor import activity, canary, home
from journal.layout import Layout
from journal.record import own_facts
from journal.times import DAY_US
from sync.checkup import canary as flight
from sync.conditions import Pass
from sync.store.locks import locked
from tests.journal.doctor.patients import Patient

HOUR_SECONDS = 3600


def everything(home: Path) -> dict[str, Any]:
    """Every row of every table, every journal file, and what is prepared for sessions."""
    names = [
        row[0] for row in stored.rows(home, "select name from sqlite_schema where type='table'")
    ]
    shadows = ("full_text_", "sqlite_", "cursors")
    tables = [name for name in names if not name.startswith(shadows) and name != "full_text"]
    rows: dict[str, Any] = {
        name: sorted(stored.rows(home, f"select * from {name}")) for name in tables
    }
    rows["texts"] = stored.rows(home, "select rowid from full_text")
    rows["cursors"] = stored.rows(home, "select path, offset from cursors order by path")
    files = [*(home / "days").rglob("*"), *(home / "contexts").iterdir(), home / "synced"]
    rows["files"] = {str(path): path.read_bytes() for path in files if path.is_file()}
    return rows


def test_a_healthy_installation_is_all_right(patient: Patient) -> None:
    found = patient.doctor()
    assert {one["status"] for one in found} == {"ok"}
    assert [one["check"] for one in found] == [
        "home", "rights", "disk", "settings", "agent", "hooks", "agents", "recall", "capture",
        "transcripts", "watcher", "database", "spool", "backlog", "refused", "redaction", "remote",
        "memory", "clock", "activity", "canary",
    ]  # fmt: skip
    assert set(found[0]) == {"check", "status", "message", "hint", "fixed"}
    assert "Notification hook" in found[-1]["message"]
    assert patient.run("doctor").endswith("No problems.\n")


def test_the_canary_leaves_no_trace(patient: Patient) -> None:
    patient.run("sync")  # sessions of three days ago are given their ends
    patient.run("sync")
    before = everything(patient.home)
    patient.doctor()
    assert everything(patient.home) == before
    total = sum(path.stat().st_size for path in (patient.home / "days").rglob("*.jsonl"))
    assert int((patient.home / "synced").read_text()) <= total
    assert not list((patient.user / "tmp").rglob("*.jsonl"))
    stored.check(patient.home)


def test_a_canary_that_a_killed_run_left_is_shown_nowhere_and_removed_later(
    patient: Patient,
) -> None:
    patient.run("sync")  # sessions of three days ago are given their ends
    patient.run("sync")
    before = everything(patient.home)
    (command,) = firing.commands(patient.settings, "Notification")
    left = canary.make({"Notification": command})
    assert left is not None
    assert canary.send(left, os.environ).problem == ""
    shown = patient.run("sessions", "--json")
    assert canary.PREFIX not in shown + patient.run("context") + patient.run()
    patient.doctor()
    assert flight.is_stored(patient.layout, left.session)  # it may be that of another run
    who = ("claude-code", left.session)
    own_facts.append(patient.layout, "Pin", who, {}, time.time_ns())
    patient.run("sync")
    for path in (patient.home / "days").rglob("*journal-doctor*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    later_us = time.time_ns() // 1000 + 2 * flight.LEFT_US
    flight.remove(patient.layout, "unknown", later_us, lambda: False)
    assert everything(patient.home) == before


def test_the_text_fits_80_columns_and_ascii_terminals(patient: Patient) -> None:
    (patient.home / "days").chmod(0o755)
    out = patient.run("doctor")
    assert max(map(cell_len, out.splitlines())) <= 80
    assert "✓ home" in out
    assert "! rights" in out
    assert out.endswith("1 warning. To repair what is safe to repair: journal doctor --fix\n")
    command = [sys.executable, "-m", "journal", "--home", str(patient.home), "doctor"]
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert "+ home" in done.stdout
    assert done.stdout.isascii()


def test_nothing_is_installed_and_nothing_is_made(
    scratch_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = scratch_home / "none"
    for arguments in (["doctor"], ["doctor", "--fix"]):
        assert cli.run(["--home", str(target), *arguments]) == 1
        said = capsys.readouterr().out
        assert "does not exist" in " ".join(said.split())
        assert "no hook of this home" in said
        assert "not sent: no hook of this home is installed" in " ".join(said.split())
    assert not target.exists()
    assert not (scratch_home / ".claude").exists()


def test_a_home_of_another_user_a_file_or_a_link(patient: Patient, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    (one,) = home.look_at_home(Layout(file))
    assert (one.status, "is not a folder" in one.message) == ("error", True)
    if os.getuid() == 0:
        os.chown(patient.home / "days", 12345, 12345)
        patient.finds("rights", "error", "not owned by you: days")
        os.chown(patient.home, 12345, 12345)
        patient.finds("home", "error", "belongs to another user")


def test_a_home_that_may_not_be_written(patient: Patient) -> None:
    patient.home.chmod(0o500)
    if os.access(patient.home, os.W_OK):
        pytest.skip("who runs this may write everywhere")
    patient.finds("home", "error", "cannot be written")
    patient.is_fixed("home", "set the rights")


def test_rights_are_found_and_set(patient: Patient) -> None:
    stored.sync(patient.home)
    (patient.home / "days").chmod(0o755)
    (patient.home / "journal.db").chmod(0o644)
    one = patient.finds("rights", "warning", "journal.db")
    assert "days" in one["message"]
    patient.home.chmod(0o755)
    patient.finds("rights", "error", "the home itself")
    patient.is_fixed("rights", "set the rights of 3 paths")
    assert stat.S_IMODE(patient.home.stat().st_mode) == 0o700
    assert stat.S_IMODE((patient.home / "journal.db").stat().st_mode) == 0o600


def test_links_and_strange_files(patient: Patient, tmp_path: Path) -> None:
    (day,) = (patient.home / "days").iterdir()
    (day / "claude-code.x.jsonl").symlink_to(tmp_path / "nothing")
    patient.configure("")
    patient.layout.config.rename(tmp_path / "config.toml")
    patient.layout.config.symlink_to(tmp_path / "config.toml")  # people do that
    os.mkfifo(patient.home / "days" / "fifo", 0o600)
    one = patient.finds("rights", "warning", "symbolic links")
    assert "config.toml" not in one["message"]
    patient.finds("rights", "warning", "not regular files: days/fifo")


def test_a_key_that_is_too_short(patient: Patient) -> None:
    patient.layout.redaction_key.write_bytes(b"short")
    patient.layout.redaction_key.chmod(0o600)
    patient.finds("home", "error", "too short for a key")


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ("size=8m", "error", "nearly full"),
        ("size=200m", "warning", "has little room"),
        ("size=900m,nr_inodes=2", "error", "has no room for more files"),
        ("size=900m", "ok", "MB free"),
    ],
)
def test_room_on_the_disk(
    disks: Callable[[str], Path], options: str, status: str, words: str
) -> None:
    folder = disks(options)
    if "inodes" in options:
        (folder / "last").touch()
    (one,) = home.look_at_disk(Layout(folder / "home"))
    assert (one.status, words in one.message) == (status, True), one


def test_a_read_only_disk(disks: Callable[[str], Path]) -> None:
    folder = disks("size=900m")
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    (one,) = home.look_at_home(Layout(folder))
    assert (one.status, "read-only" in one.message, one.repair) == ("error", True, None)


def test_a_bad_configuration_is_found_and_nothing_is_synced_with_it(patient: Patient) -> None:
    patient.configure("[remote]\nkind = 'pigeon'\n")
    reported.tell(patient.home, "aaaaaa01", "Stop", 0, now_us=patient.reported_us)
    patient.finds("settings", "error", "remote.kind")
    found = patient.doctor("--fix", code=1)
    assert found[-1]["message"].startswith("not sent: nothing may be stored while the settings")
    assert not [one for one in found if one["fixed"]]
    assert stored.rows(patient.home, "select count(*) from events") == [(15,)]


def test_capture_that_is_off(patient: Patient) -> None:
    patient.run("off")
    patient.finds("capture", "warning", "nothing is recorded")
    patient.finds("canary", "warning", "set to record nothing")
    patient.run("on")
    patient.run("off", "--here")
    patient.finds("capture", "warning", "off in")
    patient.finds("canary", "ok", "found, and removed")


def test_a_watcher_that_runs_was_killed_or_is_elsewhere(patient: Patient) -> None:
    lock = patient.home / autostart.LOCK
    lock.write_text("99999999\n")
    lock.chmod(0o600)
    one = patient.finds("watcher", "ok", "process 99999999 has ended")
    assert one["message"].startswith("not running")
    with locked(lock, lambda: False):
        lock.write_text("99999999\n")
        patient.finds("watcher", "ok", "cannot be seen from here")
    command = [sys.executable, "-m", "journal", "--home", str(patient.home), "watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"Watching")
        try:
            patient.finds("watcher", "ok", f"runs, process {process.pid}")
            patient.finds("canary", "ok", "found, and removed")  # also if the watcher stores it
        finally:
            process.terminate()


@pytest.mark.parametrize("content", [b"no database, " * 500, None])
def test_a_damaged_database_is_rebuilt(patient: Patient, content: bytes | None) -> None:
    stored.sync(patient.home)
    path = patient.layout.database
    data = path.read_bytes()
    path.write_bytes(content or data[:8192] + b"\xff" * 4096 + data[12288:])
    patient.finds("database", "error", "")
    if content:  # its content is unknown
        found = patient.doctor("--fix", code=1)
        (one,) = [f for f in found if f["check"] == "database"]
        assert "--yes" in one["hint"]
        assert path.read_bytes() == content
        patient.run("sync", "--rebuild", "--yes")
    else:
        patient.is_fixed("database", "rebuilt")
    assert stored.rows(patient.home, "select count(*) from events") == [(15,)]


def test_a_database_that_is_gone_while_days_are_packed(patient: Patient) -> None:
    stored.sync(patient.home)
    for path in (patient.home / "days").rglob("*.jsonl"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    patient.run("sync")
    late = time.time_ns() // 1000 + 30 * DAY_US
    from journal.settings.sources import load_settings
    from sync import cycle

    cycle.run(Pass(patient.layout, load_settings(patient.layout, {}), late))
    patient.layout.database.unlink()
    patient.is_fixed("database", "rebuilt")


def test_databases_of_others(patient: Patient) -> None:
    stored.sync(patient.home)
    db = apsw.Connection(str(patient.layout.database))
    db.pragma("user_version", 99)
    patient.finds("database", "error", "schema 99")
    db.pragma("application_id", 7)
    db.close()
    patient.finds("database", "error", "not a journal's database")


def test_records_that_wait_long_are_reported(patient: Patient) -> None:
    reported.tell(patient.home, "aaaaaa01", "Stop", 0)
    patient.finds("backlog", "warning", "not synced, the oldest from")
    reported.tell(
        patient.home, "aaaaaa01", "Stop", 0
    )  # the canary's pass has taken the other one in
    patient.is_fixed("backlog", "synced 1 record")


def test_records_in_the_spool_and_a_spool_of_others(patient: Patient) -> None:
    def keep() -> None:
        now_ns, data = time.time_ns(), b'{"session_id":"s"}'
        line, session, unique = emit.record("claude-code", "Stop", data, now_ns, {})
        emit.spool(str(patient.home), emit.file_name("claude-code", session), line, unique)

    keep()
    patient.finds("spool", "warning", "1 record in")
    keep()
    patient.is_fixed("spool", "synced 1 record")
    patient.layout.spool.chmod(0o755)
    patient.finds("spool", "error", "not a private folder of yours")


def test_refused_lines_binds_and_pieces_are_found(patient: Patient) -> None:
    recordings.append(patient.home / "days/2026-11-18/claude-code.x.jsonl", b"no record\n")
    for number in range(2):
        payload = {"memory_id": f"m{number}"}
        now_ns = recordings.START_NS + number
        own_facts.append(patient.layout, "MemoryId", ("claude-code", "s"), payload, now_ns)
    stored.sync(patient.home)
    patient.layout.dead.mkdir(exist_ok=True)
    (patient.layout.dead / "piece-00000000000000001-0123456789abcdef.jsonl").write_text("{}\n")
    patient.finds("refused", "warning", "1 line could not be read")
    patient.finds("refused", "warning", "1 bind of memory ids refused")
    patient.finds("refused", "warning", "1 piece for the remote given up")


def transcript(patient: Patient, ago_seconds: float, folder: str = "-code-billing") -> Path:
    """A transcript that the agent wrote so long ago."""
    path = patient.user / ".claude" / "projects" / folder / "0123.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time.time() - ago_seconds,) * 2)
    return path


def age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def test_the_agent_ran_and_nothing_was_recorded(patient: Patient) -> None:
    transcript(patient, 2 * HOUR_SECONDS)
    for path in (patient.home / "days").rglob("*.jsonl"):
        age(path, 80 * HOUR_SECONDS)
    patient.finds("activity", "ok", "every session Claude ran was recorded")
    patient.finds("activity", "warning", "1 earlier session is not imported")  # hooks came later
    age(patient.layout.hooks / "run.py", 100 * HOUR_SECONDS)
    one = patient.finds("activity", "error", "Claude ran 2h ago, the last record is from 3d ago")
    assert "--bare" in one["hint"]
    board = " ".join(patient.run().split())
    assert "Claude ran 2h ago, no record (journal doctor) · up to date · last event " in board
    patient.run("off", "--here")  # that may be the project
    assert "Claude ran" not in patient.run()
    patient.run("on", "--here")
    reported.tell(patient.home, "new", "Stop", 0)
    assert "Claude ran" not in patient.run()
    assert patient.doctor()[-2]["status"] == "ok"


def test_a_transcript_that_cannot_be_copied_is_named(patient: Patient) -> None:
    """Status and board count it; one that is found elsewhere by its session is copied."""
    outside = patient.user / "elsewhere" / "far.jsonl"
    outside.parent.mkdir()
    outside.touch()
    for session, path in (("gone", patient.user / ".claude/projects/-p/gone.jsonl"),
                          ("far", outside)):  # fmt: skip
        reported.tell(patient.home, session, "UserPromptSubmit", 2, prompt="do it",
                      now_us=time.time_ns() // 1000)  # fmt: skip
        reported.tell(patient.home, session, "PreToolUse", 1, tool_name="Bash",
                      tool_use_id=session, now_us=time.time_ns() // 1000)  # fmt: skip
        reported.tell(patient.home, session, "SessionEnd", 0, transcript_path=str(path),
                      now_us=time.time_ns() // 1000)  # fmt: skip
    stored.sync_now(patient.home)
    patient.finds("activity", "warning", "the transcript of gone was not copied: ")
    patient.finds("activity", "warning", f"{outside} is outside the agent's folders")
    assert "2 transcripts are not copied (journal doctor)" in " ".join(patient.run().split())
    assert "2 transcripts are not copied" in patient.run("status")


def test_nothing_was_ever_recorded_although_the_agent_ran(installed: Installed) -> None:
    user = Path(os.environ["HOME"])
    path = user / ".claude" / "projects" / "-code" / "1.jsonl"
    path.parent.mkdir(parents=True)
    path.touch()
    age(installed.home / "hooks" / "run.py", 100 * HOUR_SECONDS)
    out = installed.journal()
    assert out.startswith(f"Nothing is recorded yet in {installed.home}: Claude ran now, no record")


def test_the_transcripts_of_our_own_models_are_not_the_persons_work(patient: Patient) -> None:
    own = "".join(char if char.isalnum() else "-" for char in str(patient.home))
    transcript(patient, 0, own)
    age(patient.layout.hooks / "run.py", 100 * HOUR_SECONDS)
    for path in (patient.home / "days").rglob("*.jsonl"):
        age(path, 80 * HOUR_SECONDS)
    config = patient.settings.parent
    assert activity.unrecorded(patient.layout, config, None) is None
    transcript(patient, 0)
    assert activity.unrecorded(patient.layout, config, None) is not None


def test_a_quick_look_at_transcripts_is_bounded(patient: Patient) -> None:
    age(patient.layout.hooks / "run.py", 1000 * HOUR_SECONDS)
    for path in (patient.home / "days").rglob("*.jsonl"):
        age(path, 900 * HOUR_SECONDS)
    for number in range(30):
        newest = transcript(patient, 800 * HOUR_SECONDS - number, f"-p{number}")
        age(newest.parent, 800 * HOUR_SECONDS - number)
    age(transcript(patient, 0, "-p0").parent, 800 * HOUR_SECONDS)
    config = patient.settings.parent
    few = activity.unrecorded(patient.layout, config, None, 20)
    every = activity.unrecorded(patient.layout, config, None)
    assert few is not None
    assert every is not None
    assert few.ran_us < every.ran_us


def test_a_canary_that_does_not_arrive(patient: Patient) -> None:
    hooks = patient.values()["hooks"]
    command = hooks["Notification"][0]["hooks"][0]["command"]
    ends: list[tuple[str, str]] = [
        ("exit 0; ", "was not recorded"),
        ("exit 2; ", "exit code 2"),
        ("echo hello; ", "printed: hello"),
    ]
    for before, words in ends:
        hooks["Notification"][0]["hooks"][0]["command"] = before + command
        patient.change(hooks=hooks)
        patient.finds("canary", "error", words)


def test_a_canary_while_another_sync_runs(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("journal.cli.setup.doctor_canary.WAIT_SECONDS", 0.1)
    with locked(patient.layout.sync_lock, lambda: False):
        patient.finds("canary", "warning", "another sync is running")


def test_hooks_that_would_leave_a_session_are_not_tried(patient: Patient) -> None:
    hooks = {"PreToolUse": patient.values()["hooks"]["PreToolUse"]}
    patient.change(hooks=hooks)
    one = patient.doctor(code=1)[-1]
    assert (one["status"], "leave a test session" in one["message"]) == ("warning", True)


def test_another_settings_file_can_be_named(installed: Installed) -> None:
    out = installed.journal("doctor", "--json", "--settings", str(installed.settings))
    assert json.loads(out.splitlines()[-1])["status"] == "ok"


def test_the_hooks_of_other_agents(patient: Patient) -> None:
    (patient.user / ".gemini").mkdir()
    patient.finds("agents", "ok", "Gemini CLI: not installed (to record it: journal install")
    patient.run("install", "gemini-cli", "copilot-cli")
    found = patient.doctor()
    assert {one["status"] for one in found} == {"ok"}
    flown = [one["message"] for one in found if one["check"] == "canary"]
    assert [text.partition(":")[0] for text in flown[1:]] == ["Copilot CLI", "Gemini CLI"]
    path = patient.user / ".gemini" / "settings.json"
    values = json.loads(path.read_text())
    del values["hooks"]["AfterTool"]
    path.write_text(json.dumps({**values, "hooksConfig": {"enabled": False}}))
    patient.finds("agents", "error", "Gemini CLI: hooksConfig.enabled is false")
    patient.finds("agents", "error", "not as this version installs them: AfterTool")
    path.write_text(json.dumps(values))
    patient.finds("agents", "ok", "Gemini CLI: installed again", "--fix")
    path.write_text("// mine")
    patient.finds("agents", "warning", "Gemini CLI: ")


def test_without_claude_code_nothing_of_it_is_wrong(patient: Patient) -> None:
    patient.run("install", "copilot-cli")
    shutil.rmtree(patient.settings.parent)
    found = patient.doctor()
    assert {one["status"] for one in found} == {"ok"}
    assert not {"hooks", "agent", "transcripts"} & {one["check"] for one in found}
