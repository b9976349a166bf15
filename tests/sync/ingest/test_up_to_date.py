"""A search runs a pass only if something may be new, and always finds what is new."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest

import commands
import forked
import recordings
import sync
from hooks import emit
from journal import cli
from journal.cli import app
from journal.layout import Layout


def add(
    home: Path, session: str, text: str, folder: str = "days/2026-11-18", **environ: str
) -> Path:
    """One prompt at a terminal; a process that is named in `environ` has made it now."""
    payload = {"session_id": session, "cwd": "/code/shop", "prompt": text}
    environ["CLAUDE_CODE_ENTRYPOINT"] = "cli"
    now_ns = time.time_ns() if len(environ) > 1 else recordings.START_NS
    line = recordings.line("UserPromptSubmit", payload, now_ns, **environ)
    path = home / folder / f"claude-code.{session}.jsonl"
    recordings.append(path, line)
    return path


def search(home: Path, *options: str, **environ: str) -> tuple[set[str], bool, int]:
    """The sessions that are found, whether that took a pass, and the exit code."""
    out, passed = home.parent / "out", home.parent / "passed"
    passed.unlink(missing_ok=True)

    def work() -> None:
        for name in ("cycle", "ingesting"):  # a search that needs a pass loads it
            sys.modules.pop(f"sync.{name}", None)
            vars(sync).pop(name, None)
        os.environ.update(environ)
        del os.environ["JOURNAL_CAPTURE__AUTOSTART"]
        app.CATCH_UP_SECONDS = 60  # a machine under load may take longer than a person waits
        with out.open("w") as sys.stdout:
            code = cli.run(["--home", str(home), "search", "word", "--json", *options])
        if "sync.cycle" in sys.modules:
            passed.touch()
        os._exit(code)

    code = forked.run(work)
    found = {json.loads(line)["session"] for line in out.read_text().splitlines()}
    return found, passed.exists(), code


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which nothing is new."""
    add(tmp_path, "first", "a word")
    is_quiet(tmp_path)
    assert search(tmp_path) == ({"first"}, False, 0)
    return tmp_path


def is_quiet(home: Path) -> None:
    """A search loads no pass any more; on a busy machine the pass of one does not reach its end."""
    assert any(not search(home)[1] for _ in range(20))


def test_new_records_are_found_at_once_and_then_no_pass_runs(home: Path) -> None:
    path = add(home, "second", "a word")
    assert search(home)[:1] == ({"first", "second"},)
    is_quiet(home)
    add(home, "second", "another word")  # the same file grows
    assert search(home)[1]
    is_quiet(home)
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data.replace(b"another word", b"a third word"))  # replaced, of the same size
    assert search(home)[1]


def test_records_in_the_spool_are_found(home: Path) -> None:
    spool = Path(emit.spool_folder(str(home)))
    spool.mkdir(parents=True, mode=0o700)
    spool.parent.chmod(0o700)
    payload = {"session_id": "spooled", "cwd": "/code/shop", "prompt": "the word"}
    line = recordings.line("UserPromptSubmit", payload, CLAUDE_CODE_ENTRYPOINT="cli")
    (spool / "claude-code.spooled.0001.jsonl").write_bytes(line)
    assert search(home)[0] == {"first", "spooled"}


def test_records_that_another_process_synced_need_no_pass(home: Path) -> None:
    add(home, "second", "a word")
    assert commands.shared().run(home, "sync").code == 0
    assert search(home) == ({"first", "second"}, False, 0)


def test_a_changed_configuration_is_read(home: Path) -> None:
    config = home / "config.toml"
    config.write_text('[sessions]\nadopt_on = ["planned"]\n')
    assert search(home)[0] == set()
    sessions, passed, code = search(home)
    assert (sessions, passed, code) == (set(), False, 0)  # what hints need is
    config.write_text("[sessions]\nadopt = 1\n")
    assert search(home)[2] == 2
    config.unlink()
    assert search(home)[0] == {"first"}
    adopt = {"JOURNAL_SESSIONS__ADOPT_ON": '["planned"]'}
    assert search(home, **adopt)[0] == set()
    assert search(home, JOURNAL_SESSIONS__ADOPT_ON="nonsense")[2] == 2


def test_an_unreadable_note_is_ignored(home: Path) -> None:
    note = Layout.at(home).up_to_date
    whole = note.read_bytes()
    for broken in (b"", b"[]", b'{"of":1}', whole[:-9], whole.replace(b'"views":', b'"views":9')):
        note.write_bytes(broken)
        sessions, passed, code = search(home)
        assert (sessions, code) == ({"first"}, 0)
        assert passed
        assert note.read_bytes() == whole


def test_a_pass_runs_for_an_end_where_it_matters(home: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as agent:
        add(home, "works", "a word", CLAUDE_PID=str(agent.pid))
        is_quiet(home)
        assert search(home, "--state", "working") == ({"works"}, False, 0)
        agent.kill()
    assert search(home)[:2] == ({"first", "works"}, False)
    assert search(home, "--state", "working") == (set(), True, 0)


def test_views_of_another_version_are_made_again(home: Path) -> None:
    db = apsw.Connection(str(home / "journal.db"))
    db.execute("update view_version set version = 1")
    db.close()
    assert search(home)[1]
    is_quiet(home)
    assert search(home)[0] == {"first"}


def test_a_home_that_is_damaged_says_so(home: Path) -> None:
    path = home / "journal.db"
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    path.write_bytes(b"no database" * 1000)
    assert search(home)[2] == 1
