"""`journal import` of the agent's own transcripts: over a hundred sessions, exactly counted."""

import json
import os
import pty
import shutil
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import commands
import conversations
import transcript_live
import transcript_reader
import transcripts
from chance import THOROUGH
from commands import program
from journal import cli
from journal.agents import TRANSCRIPT
from stored import database, rows
from sync.query import detail, listing
from transcript_reader import Counts
from transcript_truth import History, Session, is_kept

NOTHING = Counts(0, 0, 0, 0, 0, (0, 0, 0, 0))


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[History, Path, dict[str, object]]:
    """More than a hundred transcripts, imported by the installed program into a new home."""
    user = tmp_path_factory.mktemp("imported")
    history = transcripts.write_history(user / ".claude/projects", 1000 if THOROUGH else 120)
    report = journal(user, "import", "--json")
    return history, user, json.loads(report)


def journal(user: Path, *args: str, code: int = 0) -> str:
    """Run the program as a user whose home is this; its standard output."""
    environ = {"HOME": str(user), "JOURNAL_SESSIONS__REAP_AFTER_HOURS": "876000"}
    done = commands.shared().run(home_of(user), *args, environ=environ)
    assert done.code == code, (args, done.code, done.stderr)
    return done.stdout


def marked(one: Session) -> bool:
    """Whether the lines that a fork took over say so themselves."""
    return bool(one.forked) and one.how != "cli"


def home_of(user: Path) -> Path:
    return user / ".agent-journal"


def test_counts_are_exact(imported: tuple[History, Path, dict[str, object]]) -> None:
    history, user, report = imported
    sessions = history.sessions
    assert report["files"] == sum(len(one.files) for one in sessions)
    assert report["records"] == sum(one.kept for one in sessions)
    assert report["rejected"] == sum(one.torn + (one.tail > 0) for one in sessions)
    assert report["imported"] == sum(one.kept - one.twice for one in sessions)
    home = home_of(user)
    assert dict(rows(home, "select id, prompts from session_states")) == {
        one.id: sum(not (prompt.copied and marked(one)) for prompt in one.prompts)
        for one in sessions
        if one.lines
    }
    query = """
        select s.id, o.name, o.tool, case o.ok when 1 then 'ok' when 0 then 'failed'
          else 'none' end from items o join sessions s on s.key = o.session
        where o.kind = 'call' order by 1, 2
    """
    assert rows(home, query) == sorted(
        (one.id, call.id, call.tool, call.ended) for one in sessions for call in one.calls
    )


def test_each_session_has_the_numbers_that_other_code_counts(
    imported: tuple[History, Path, dict[str, object]],
) -> None:
    history, user, _ = imported
    found = numbers(home_of(user))
    for one in history.sessions:
        counted = transcript_reader.count(one.path, [inner.path for inner in one.subagents])
        assert (one.id, found.get(one.id, NOTHING)) == (one.id, counted)


def test_real_transcripts_have_the_numbers_that_other_code_counts(tmp_path: Path) -> None:
    """All that were recorded, see the README of each folder."""
    projects = tmp_path / ".claude/projects"
    shutil.copytree(transcripts.FOLDER, projects)
    for name in conversations.NAMES:
        shutil.copytree(conversations.FOLDER / name / "transcripts", projects / name)
    journal(tmp_path, "import")
    found = numbers(home_of(tmp_path))
    paths = sorted(projects.glob("*/*.jsonl"))
    assert len(paths) == len(found) == 18
    for path in paths:
        inner = path.with_suffix("").glob("subagents/*.jsonl")
        assert (path, found[path.stem]) == (path, transcript_reader.count(path, inner))


def numbers(home: Path) -> dict[str, Counts]:
    """What the journal shows of each session."""
    query = """
        select s.id,
          sum(o.kind = 'prompt' and o.author is not 'machine'),
          sum(o.kind = 'answer' and not o.failed),
          sum(o.kind = 'call'), sum(o.failed or o.ok is 0),
          count(distinct nullif(o.subagent, ''))
        from sessions s join items o on o.session = s.key group by 1
    """
    used = """
        select s.id, sum(input), sum(output), sum(cache_read), sum(cache_write)
        from sessions s join usage u on u.session = s.key group by 1
    """
    tokens = {session: tuple(sums) for session, *sums in rows(home, used)}
    return {
        session: Counts(*counts, tokens.get(session, NOTHING.tokens))
        for session, *counts in rows(home, query)
    }


def test_answers_and_tokens_are_those_of_the_transcripts(
    imported: tuple[History, Path, dict[str, object]],
) -> None:
    history, user, _ = imported
    query = """
        select s.id, substr(u.message, 1, instr(u.message, '/') - 1), u.output, u.input
        from usage u join sessions s on s.key = u.session
    """
    assert {row[:2]: row[2:] for row in rows(home_of(user), query)} == {
        (one.id, used.message): (used.tokens.output, used.tokens.input)
        for one in history.sessions
        for used in one.used
    }
    for one in some(history):
        reported = json.loads(journal(user, "show", one.id, "--json"))
        answers = [a.text for a in one.answers if not a.agent]
        assert sorted(a["text"] for a in reported["answers"] if not a["failed"]) == sorted(answers)
        asked = [p["text"] for p in reported["prompts"] if p["by_person"]]
        assert [text.removesuffix("\n[image image/png]") for text in asked] == [
            prompt.text for prompt in one.prompts
        ]
        assert reported["tokens"]["messages"] == len({used.message for used in one.used})


def some(history: History) -> list[Session]:
    """Sessions of every kind."""
    ordinary = [one for one in history.sessions if one.lines > 10]
    with_subagents = next(one for one in ordinary if one.subagents)
    resumed = next(one for one in ordinary if one.resumed)
    return [ordinary[0], with_subagents, resumed, next(one for one in ordinary if one.torn)]


def test_every_needle_is_found_and_nothing_forbidden(
    imported: tuple[History, Path, dict[str, object]],
) -> None:
    history, user, _ = imported
    kinds: dict[str, str] = {}
    for word, needle in history.needles.items():
        if kinds.setdefault(needle.kind, word) != word:
            continue
        found = [json.loads(line) for line in journal(user, "search", "--json", word).splitlines()]
        assert needle.session in {hit["session"] for hit in found}, (word, needle)
    assert len(kinds) >= 8
    for word in history.forbidden[:5]:
        assert journal(user, "search", "--json", word) == "", word


def test_a_silent_session_is_finished(
    imported: tuple[History, Path, dict[str, object]],
) -> None:
    _, user, _ = imported
    query = "select distinct status, end_reason from session_states"
    assert rows(home_of(user), query) == [("finished", "imported")]


def test_a_second_import_changes_nothing(
    imported: tuple[History, Path, dict[str, object]],
) -> None:
    history, user, first = imported
    before = rows(home_of(user), "select count(*), max(seq) from events")
    report = json.loads(journal(user, "import", "--json", str(history.root)))
    assert (report["imported"], report["known"]) == (0, 0)
    assert report["unchanged"] == report["files"]
    report = json.loads(journal(user, "import", "--verify", "--json", str(history.root)))
    assert (report["imported"], report["known"]) == (0, first["records"])
    assert rows(home_of(user), "select count(*), max(seq) from events") == before


def test_a_session_that_was_captured_live_stays_one_session(tmp_path: Path) -> None:
    history = transcripts.write_history(tmp_path / "made/projects", 27)
    user = tmp_path / "user"
    home = home_of(user)
    live = [one for one in history.sessions if one.lines > 3 and not one.torn and not one.tail]
    for one in live:
        transcript_live.write_live(home, one.path, one.copies)
    journal(user, "sync")
    before = {one.id: shown(user, one) for one in live}
    journal(user, "import", str(history.root))
    names = rows(home, "select distinct name from events e join sessions s on s.key = e.session")
    assert (TRANSCRIPT,) in names
    for one in live:
        after = shown(user, one)
        known_better = {"events": 0, "branch": ""}  # by the transcript
        assert after["session"] | known_better == before[one.id]["session"] | known_better
        assert after["prompts"][: len(before[one.id]["prompts"])]
        ours = [prompt.text for prompt in one.prompts if not prompt.copied]
        assert sorted(
            p["text"] for p in after["prompts"] if p["by_person"] and not p["inherited"]
        ) == sorted(ours)
        assert len(after["events"]) >= len(before[one.id]["events"])
        query = """
            select count(*) from items o join sessions s on s.key = o.session
            where s.id = ? and o.kind = 'call'
        """
        assert rows(home, query, one.id) == [(len(one.calls),)]


def shown(user: Path, one: Session) -> dict[str, Any]:
    """What journal show --json prints."""
    with closing(database(home_of(user))) as db:
        return detail.read(db, listing.find(db, one.id), ()).json()


def test_the_copy_is_exported_as_the_agent_would_have_written_it(
    imported: tuple[History, Path, dict[str, object]],
) -> None:
    history, user, _ = imported
    one = next(one for one in history.sessions if one.lines > 10 and not one.torn and not one.tail)
    lines = journal(user, "export", one.id, "--format", "transcript").split("\n")[:-1]
    original = [json.loads(line) for line in one.path.read_bytes().split(b"\n")[:-1]]
    ids = [record["uuid"] for record in original if is_kept(record) and "uuid" in record]
    assert [fields["uuid"] for line in lines if "uuid" in (fields := json.loads(line))] == ids
    journal(user, "export", "--format", "transcript", code=2)


def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path: Path) -> None:
    user = tmp_path / "user"
    history = transcripts.write_history(user / ".claude/projects", 30)
    would = json.loads(journal(user, "import", "--dry-run", "--json"))
    assert not home_of(user).exists()
    done = json.loads(journal(user, "import", "--json"))
    for key in ("files", "records", "imported", "sessions", "rejected"):
        assert would[key] == done[key], key
    assert done["sessions"] == sum(one.lines > 0 for one in history.sessions)
    shutil.rmtree(history.root)
    assert "no transcripts" not in journal(user, "sessions", "--all")


def test_without_transcripts_one_line_says_where_they_were_looked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["--home", str(tmp_path / "home"), "import"]) == 1
    reported = capsys.readouterr().err
    assert "no transcripts of any agent in " in reported
    assert "journal import PATH" in reported
    assert reported.count("\n") == 1


@pytest.mark.parametrize(("answer", "imported"), [("\n", True), ("n\n", False)])
def test_install_offers_the_import_at_a_terminal(
    tmp_path: Path, answer: str, imported: bool
) -> None:
    history = transcripts.write_history(tmp_path / ".claude/projects", 8)
    ours, theirs = pty.openpty()
    environ = {**os.environ, "HOME": str(tmp_path)}
    with subprocess.Popen(
        [program(), "install"],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environ,
    ) as process:  # fmt: skip
        os.close(theirs)
        os.write(ours, answer.encode())
        said = b""
        while chunk := _read(ours):
            said += chunk
    os.close(ours)
    assert process.returncode == 0
    assert f"Found {len(history.sessions)} earlier sessions (1 MB)".encode() in said
    assert (home_of(tmp_path) / "journal.db").exists() is imported


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 65536)
    except OSError:  # the terminal's other end is closed
        return b""
