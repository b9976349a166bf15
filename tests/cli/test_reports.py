"""What commands report: one form of errors, the log, what a prune deletes, what the agent lost."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import commands
import stored
from journal.layout import Layout
from journal.setup import lost_records
from reported import Reader, asked


def as_process(home: Path, *args: str, **more: object) -> "subprocess.CompletedProcess[str]":
    command = [commands.program(), "--home", str(home), *args]
    env = {**os.environ, "HOME": str(home.parent), **more.pop("env", {})}  # type: ignore[dict-item]
    return subprocess.run(command, capture_output=True, text=True, env=env, **more)  # type: ignore[call-overload,no-any-return]


@pytest.fixture
def home(journal: Reader) -> Path:
    for number in range(3):
        asked(journal.home, f"aaaaaa0{number}", f"rounding {number}", 60 * 86_400 + number)
    journal("sync")
    return journal.home


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["sesions"], "journal: no such command 'sesions' (did you mean 'sessions'?)"),
        (["sessions", "--limit", "x"], "journal: invalid value for '--limit': "),
        (
            ["show", "a", "b"],
            "journal: got unexpected extra argument (b) (see: journal show --help)",
        ),
        (["sync", "--wait", "nan"], "journal: invalid value for '--wait': 'nan' is not a number"),
        (["sessions", "--since", "2 weeks"], "journal: cannot read '2 weeks' as a time (try 2h"),
    ],
)
def test_wrong_usage_is_one_line_of_the_same_form(
    journal: Reader, args: list[str], said: str
) -> None:
    assert journal(*args, code=2) == ""
    assert journal.err.startswith(said)
    assert journal.err.count("\n") == 1


def test_a_group_without_its_subcommand_shows_its_help(home: Path) -> None:
    done = as_process(home, "archive")
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: ")
    assert "\n  share " in done.stderr


def test_numbers_beyond_64_bits_mean_all_there_is(home: Path, journal: Reader) -> None:
    most = str(2**63)
    assert len(journal("sessions", "--json", "--limit", most).splitlines()) == 3
    assert journal("search", "rounding", "--limit", most)


def test_outputs_that_are_not_files(home: Path, tmp_path: Path) -> None:
    whole = as_process(home, "export").stdout
    done = as_process(home, "export", "--output", "-", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, whole, "")
    assert not (tmp_path / "-").exists()
    if Path("/dev/full").exists():
        with Path("/dev/full").open("w") as full:
            command = [sys.executable, "-m", "journal", "--home", str(home), "sessions"]
            ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
        assert ended.returncode == 1
        assert ended.stderr.startswith("journal: cannot write the output: No space left")


def test_words_that_are_not_utf8_are_looked_for_in_any_locale(journal: Reader) -> None:
    git = '{"key":"größe","name":"größe","top":"/w"}'
    asked(journal.home, "aaaaaa07", "grün", 60, git=git, cwd="/w")
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = as_process(journal.home, "search", "grün", "--json", env=ascii_only)
    assert (done.stderr, done.stdout.count("\n")) == ("", 2), "the prompt and the summary"
    journal("show", "\udcff", code=1)
    assert journal.err.startswith("journal: no session \ufffd")


def test_the_log_is_shown_by_level(home: Path, journal: Reader) -> None:
    assert "stored" in journal("logs")
    assert journal("logs", "--level", "error") == "No line of the log matches.\n"
    line = json.loads(journal("logs", "--json").splitlines()[0])
    assert line["records"]["stored"] > 0


def test_steps_are_explained(home: Path) -> None:
    assert "pass (sync): store what is new" in as_process(home, "sync", "--verbose").stderr
    command = [sys.executable, "-m", "journal", "--home", str(home), "sync"]
    env = {**os.environ, "JOURNAL_LOG": "debug"}
    assert b"pass (sync)" in subprocess.run(command, capture_output=True, env=env).stderr


def test_a_dry_run_lists_exactly_what_a_prune_deletes(home: Path, journal: Reader) -> None:
    at_once = json.loads(journal("prune", "--max-age", "30", "--dry-run", "--json"))
    assert at_once["sessions"] == [], "old ones that have only just come in"
    stored.arrive_when_recorded(home)
    planned = json.loads(journal("prune", "--max-age", "30", "--dry-run", "--json"))
    assert len(planned["sessions"]) == 3, "also those whose end was not inferred yet"
    done = json.loads(journal("prune", "--max-age", "30", "--json"))
    assert done["sessions"] == planned["sessions"]
    assert len(list((home / "days").rglob("journal.*"))) == 1, "one file of tombstones"


def test_a_session_from_before_1970_is_reported_like_others(journal: Reader) -> None:
    asked(journal.home, "aaaaaa09", "an ancient question", 60)
    (path,) = journal.home.glob("days/*/*")
    path.write_text(re.sub(r'"at":"\d{4}', '"at":"1965', path.read_text()))
    path.parent.rename(path.parents[1] / f"1965{path.parent.name[4:]}")
    one = json.loads(journal("sessions", "--all", "--json"))
    assert one["last_active_at"].startswith("196")
    assert journal("export", "aaaaaa09").count("\n") == journal("export").count("\n") == 2
    assert journal("search", "ancient", "--until", "1970-01-01", "--json").count("\n") == 2
    journal("sync", "--rebuild")
    assert json.loads(journal("sessions", "--all", "--json")) == one


def test_pieces_for_another_remote_are_told_apart(
    home: Path, journal: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = 'kind = "mindspring"\nurl = "http://127.0.0.1:9"\nworkspace = "w"\ntoken_env = "T"\n'
    monkeypatch.setenv("T", "token")
    (home / "config.toml").write_text(f"[remote]\n{server}min_interval_seconds = 0\n")
    assert "3 waiting in retry/." in journal("sync")
    folder = home.parent / "nas"
    folder.mkdir()
    (home / "config.toml").write_text(f'[remote]\nkind = "folder"\npath = "{folder}"\n')
    assert "waiting in retry/ (3 for another remote)." in journal("replay", "--all")


def test_status_counts_records_that_could_not_be_written(home: Path, journal: Reader) -> None:
    layout = Layout(home)
    lost_records.reserve(layout)
    code = (
        "import sys, os; from hooks import emit; "
        "emit.append = emit.spool = lambda *a: (_ for _ in ()).throw(OSError(28, 'full')); "
        "emit.keep(['', sys.argv[1], 'claude-code', 'Stop'], b'{}')"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code, str(home)], check=True)
    assert lost_records.read(layout).number == 2
    assert (home / "lost").stat().st_size == len(lost_records.NOTHING)
    assert "2 records could not be written" in " ".join(journal("status").split())


def test_a_moved_clock_is_reported_and_prune_waits_for_yes(home: Path, journal: Reader) -> None:
    seen = json.loads((home / "clock").read_bytes())
    seen["trusted"][2] -= 10 * 86_400 * 1_000_000  # ten days passed, by the clock alone
    seen["seen_us"] = seen["trusted"][2]
    (home / "clock").write_bytes(json.dumps(seen).encode())
    said = "the clock went forward by 10 days since the last sync"
    assert said in journal("status")
    journal("sync")
    assert f"{said} (nothing is deleted by age for 24 hours" in journal.err
    assert len(journal("sessions", "--json").splitlines()) == 3
    journal("prune", "--max-age", "30", code=1)
    assert journal.err.startswith(f"journal: nothing is deleted: {said}")
    assert journal.err.count("\n") == 1
    stored.arrive_when_recorded(home)
    assert "Deleted 3 sessions" in journal("prune", "--max-age", "30", "--yes")
    assert said not in journal("status")
