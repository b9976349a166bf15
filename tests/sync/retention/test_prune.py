"""Retention deletes exactly what is due, with all that belongs to it, with any interruption."""

import gzip
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

import recordings
import stored
from chance import THOROUGH
from commands import Commands
from hooks import emit
from journal.layout import Layout
from journal.record import own_facts, record
from journal.settings.sources import load_settings
from journal.times import DAY_US, SECOND_US, to_us
from sync import cycle
from sync.conditions import Pass
from sync.report import Report
from sync.retention import prune_packs, prune_plan
from tests.sync.views.test_tombstones import check

DAY = "2026-11-18"
LAST_US = to_us(DAY) + 12 * 3_600 * SECOND_US  # of the sessions here
LIMIT_US = LAST_US + 30 * DAY_US  # exactly on the threshold
WORD = "platypus"


def configure(home: Path, retention: str, more: str = "") -> None:
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(f"{more}\n[retention]\n{retention}\n")


def sync(home: Path, now_us: int, **more: Any) -> Report:
    """A pass at that time; what is new in it came into the home when it was recorded."""
    layout, settings = Layout.at(home), load_settings(Layout.at(home), {})
    report = cycle.run(Pass(layout, settings, now_us, prune=True, **more))
    stored.arrive_when_recorded(home)
    if report.stored and not report.pruned:
        again = cycle.run(Pass(layout, settings, now_us, prune=True))
        report.pruned, report.ended = again.pruned, report.ended + again.ended
    return report


def tell(home: Path, session: str, event: str, at_us: int, **payload: object) -> None:
    body = {"session_id": session, "cwd": f"/code/{session}", **payload}
    line = recordings.line(event, body, at_us * 1000, CLAUDE_CODE_ENTRYPOINT="cli")
    name = f"{emit.utc(at_us * 1000)[:10]}/{emit.file_name('claude-code', session)}.jsonl"
    recordings.append(home / "days" / name, line)
    settle(home)


def settle(home: Path) -> None:
    for path in home.glob("days/*/*.jsonl"):
        written_ns = to_us(path.parent.name) * 1000
        os.utime(path, ns=(written_ns, written_ns))


def session(home: Path, name: str, last_us: int = LAST_US, *, ends: bool = True) -> None:
    """A session with a prompt, a tool and an end, the last of it at that moment."""
    call = {"tool_name": "Bash", "tool_use_id": "t", "tool_input": {"command": "true"}}
    tell(home, name, "UserPromptSubmit", last_us - 3 * SECOND_US, prompt=f"{WORD} of {name}")
    tell(home, name, "PostToolUse", last_us - 2 * SECOND_US, **call, tool_response=WORD * 2_000)
    tell(home, name, "Stop", last_us - SECOND_US, last_assistant_message=f"done {name}")
    tell(home, name, "SessionEnd" if ends else "Stop", last_us, reason="other")


def names(home: Path) -> list[str]:
    return [name for (name,) in stored.rows(home, "select id from sessions order by 1")]


def pin(home: Path, name: str) -> None:
    own_facts.append(Layout.at(home), "Pin", ("claude-code", name), {}, LAST_US * 1000)
    settle(home)


def test_a_session_goes_when_it_is_older_than_the_limit(tmp_path: Path) -> None:
    configure(tmp_path, "sessions_days = 30")
    session(tmp_path, "due")
    session(tmp_path, "young", LAST_US + SECOND_US)
    session(tmp_path, "pinned")
    pin(tmp_path, "pinned")
    assert not sync(tmp_path, LIMIT_US).pruned  # exactly on the threshold it stays
    assert names(tmp_path) == ["due", "pinned", "young"]
    pruned = sync(tmp_path, LIMIT_US + SECOND_US).pruned
    assert [grave.session for grave in pruned.sessions] == ["due"]
    assert names(tmp_path) == ["pinned", "young"]
    check(tmp_path)
    again = sync(tmp_path, LIMIT_US + SECOND_US)
    assert not again.pruned
    assert (again.read, again.rejected) == (0, 0)
    assert names(tmp_path) == ["pinned", "young"]


def test_an_open_session_that_is_older_than_everything_goes_in_one_pass(tmp_path: Path) -> None:
    configure(tmp_path, "sessions_days = 30")
    session(tmp_path, "zombie", LAST_US - DAY_US, ends=False)
    report = sync(tmp_path, LIMIT_US)
    assert (report.ended, len(report.pruned.sessions)) == (1, 1)
    assert names(tmp_path) == []
    check(tmp_path)


def test_a_session_that_is_not_over_stays(tmp_path: Path) -> None:
    configure(tmp_path, "sessions_days = 1", "[sessions]\nreap_after_hours = 100000")
    session(tmp_path, "open", ends=False)
    assert not sync(tmp_path, LIMIT_US).pruned
    assert names(tmp_path) == ["open"]


def test_unsynced_records_keep_their_session(tmp_path: Path) -> None:
    configure(tmp_path, "sessions_days = 30")
    session(tmp_path, "due")
    sync(tmp_path, LAST_US)
    layout = Layout.at(tmp_path)
    recordings.append(tmp_path / "days" / DAY / "claude-code.due.jsonl", b"{")
    db = stored.database(tmp_path)
    made = prune_plan.plan(db, layout, load_settings(layout, {}), LIMIT_US + 1, {})
    db.close()
    assert made.sessions == ()
    assert made.kept == ("1 old session is kept: not everything in the journal has been read",)


def test_sessions_that_the_remote_has_not_acknowledged_are_kept(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "remote"
    settings = f'[remote]\nkind = "folder"\npath = "{folder}"\nmin_interval_seconds = 0'
    configure(home, "sessions_days = 30\nevents_days = 20", settings)
    session(home, "due")
    session(home, "young", LAST_US + 10 * DAY_US)
    tell(home, "unseen", "SessionEnd", LAST_US, reason="other")  # never shown, never sent
    pruned = sync(home, LIMIT_US + 1).pruned
    assert [grave.session for grave in pruned.sessions] == ["unseen"]
    assert (pruned.events, names(home)) == (0, ["due", "young"])
    assert pruned.kept == ("2 old sessions are kept: the remote has not acknowledged everything",)
    folder.mkdir()
    commands = Commands()
    try:
        assert commands.run(home, "sync").code == 0
    finally:
        commands.close()
    assert sync(home, LIMIT_US + 1).stored == 0
    assert names(home) in (["young"], [])  # the command's own clock may have pruned more
    check(home)


def test_bodies_go_and_views_stay(tmp_path: Path) -> None:
    configure(tmp_path, "events_days = 30\njournal_days = 0")
    session(tmp_path, "old")
    session(tmp_path, "young", LAST_US + 10 * DAY_US)
    sync(tmp_path, LAST_US)
    before = stored.views(tmp_path)
    report = sync(tmp_path, LIMIT_US)
    assert report.pruned.events == 3  # the last one lies on the threshold
    assert sync(tmp_path, LIMIT_US + 1).pruned.events == 1
    assert not sync(tmp_path, LIMIT_US + 1).pruned
    query = "select count(*) from events where body is null and raw = 2"
    assert stored.rows(tmp_path, query) == [(4,)]
    after = stored.views(tmp_path)
    for name in ("sessions", "items", "steps", "summaries"):
        assert after[name] == before[name], name
    assert stored.rows(tmp_path, "select count(distinct seq) from body_uses") == [(1,)]
    check(tmp_path)


def test_frozen_views_are_advanced_and_never_folded_again(tmp_path: Path) -> None:
    configure(tmp_path, "events_days = 30\njournal_days = 0")
    session(tmp_path, "old")
    sync(tmp_path, LAST_US)
    sync(tmp_path, LIMIT_US + 1)
    query = "select title, status, events, prompts from session_states"
    assert stored.rows(tmp_path, query) == [(f"{WORD} of old", "finished", 4, 1)]
    tell(tmp_path, "old", "Notification", LAST_US - 90 * SECOND_US, message="late")
    sync(tmp_path, LIMIT_US + 2)  # a late record comes after the others, and restores nothing
    assert stored.rows(tmp_path, query) == [(f"{WORD} of old", "finished", 5, 1)]
    tell(tmp_path, "old", "SessionStart", LIMIT_US, source="resume")
    tell(tmp_path, "old", "UserPromptSubmit", LIMIT_US + 1, prompt="again")
    report = sync(tmp_path, LIMIT_US + 3)
    assert (report.stored, report.rejected) == (2, 0)
    assert stored.rows(tmp_path, query) == [(f"{WORD} of old", "working", 7, 2)]
    db = apsw.Connection(str(tmp_path / "journal.db"))
    db.execute("update view_version set version = 1")
    db.close()
    sync(tmp_path, LIMIT_US + 4)
    assert stored.rows(tmp_path, query) == [(f"{WORD} of old", "working", 7, 2)]
    for path in (tmp_path / "days" / DAY).glob("claude*"):  # to be read again
        path.with_suffix(".new").write_bytes(path.read_bytes())
        path.with_suffix(".new").rename(path)
    assert sync(tmp_path, LIMIT_US + 5).rejected == 0  # what was removed contradicts nothing


def days_of(home: Path) -> list[str]:
    return sorted(path.name[:10] for path in home.glob("packs/*.gz"))


def packed_names(home: Path) -> set[tuple[str, str]]:
    lines = b"".join(gzip.decompress(path.read_bytes()) for path in home.glob("packs/*.gz"))
    found = map(record.parse, lines.splitlines())
    return {(one.event, one.session) for one in found}


def test_a_pack_goes_with_the_last_of_its_sessions(tmp_path: Path) -> None:
    configure(tmp_path, "sessions_days = 30\njournal_days = 7")
    session(tmp_path, "first")
    session(tmp_path, "second", LAST_US + 3_600 * SECOND_US)
    session(tmp_path, "other", LAST_US + 20 * DAY_US)
    sync(tmp_path, LAST_US + 9 * DAY_US)
    assert days_of(tmp_path) == [DAY]
    sync(tmp_path, LIMIT_US + SECOND_US)
    assert names(tmp_path) == ["other", "second"]
    assert days_of(tmp_path)[0] == DAY
    report = sync(tmp_path, LIMIT_US + DAY_US)
    assert (report.pruned.days, names(tmp_path)) == ((DAY,), ["other"])
    assert not list(tmp_path.glob(f"packs/{DAY}*"))
    check(tmp_path)


def test_tombstones_outlive_their_packs_while_older_ones_are_there(tmp_path: Path) -> None:
    configure(tmp_path, "sessions_days = 30\njournal_days = 7")
    session(tmp_path, "pinned")
    session(tmp_path, "gone")
    pin(tmp_path, "pinned")
    sync(tmp_path, LIMIT_US + SECOND_US)
    buried = emit.utc((LIMIT_US + SECOND_US) * 1000)[:10]
    session(tmp_path, "later", to_us(buried) + 3_600 * SECOND_US)
    for days in (10, 45, 46, 47):
        sync(tmp_path, LIMIT_US + days * DAY_US)
    assert names(tmp_path) == ["pinned"]
    assert days_of(tmp_path) == [DAY, "tombstones"]  # the packs that brought them are gone
    assert ("Forget", "gone") in packed_names(tmp_path)
    assert ("UserPromptSubmit", "later") not in packed_names(tmp_path)
    for path in tmp_path.glob("journal.db*"):
        path.unlink()
    report = sync(tmp_path, LIMIT_US + 48 * DAY_US)
    assert report.rebuilt
    assert names(tmp_path) == ["pinned"]
    check(tmp_path)


def test_a_pack_that_had_to_stay_is_not_read_again_that_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, "sessions_days = 30\njournal_days = 7")
    session(tmp_path, "gone")
    bind = record.new_fact("MemoryId", "never begun", {"agent": "claude-code"}, LAST_US * 1000)
    recordings.append(tmp_path / "days" / DAY / "journal.x.jsonl", record.dump(bind))
    settle(tmp_path)
    sync(tmp_path, LIMIT_US + SECOND_US)
    sync(tmp_path, LIMIT_US + 2 * SECOND_US)
    assert days_of(tmp_path) == [DAY]
    read: list[Path] = []
    real = prune_packs.read_pack

    def counted(path: Path) -> Iterator[bytes]:
        read.append(path)
        return real(path)

    monkeypatch.setattr(prune_packs, "read_pack", counted)
    sync(tmp_path, LIMIT_US + 3 * SECOND_US)
    assert read == []
    sync(tmp_path, LIMIT_US + 2 * DAY_US)
    assert [path.name[:10] for path in read] == [DAY]


def test_old_copies_and_unused_contexts_go(tmp_path: Path) -> None:
    configure(tmp_path, "sessions_days = 30")
    session(tmp_path, "due")
    for name, age in (("journal.db.backup-v1", 30 * DAY_US + 1), ("journal.db.backup-v2", DAY_US)):
        (tmp_path / name).write_text("x" * 100)
        at_ns = (LIMIT_US - age) * 1000
        os.utime(tmp_path / name, ns=(at_ns, at_ns))
    sync(tmp_path, LIMIT_US)
    assert not (tmp_path / "journal.db.backup-v1").exists()
    assert (tmp_path / "journal.db.backup-v2").exists()
    assert len(list((tmp_path / "contexts").glob("*.tsv"))) == 1
    sync(tmp_path, LIMIT_US + 1)
    sync(tmp_path, LIMIT_US + 2)
    assert list((tmp_path / "contexts").glob("*.tsv")) == []


def test_it_is_done_once_an_hour(tmp_path: Path) -> None:
    configure(tmp_path, "sessions_days = 30")
    session(tmp_path, "due")
    layout = Layout.at(tmp_path)

    def plain(now_us: int) -> int:
        settings = load_settings(layout, {})
        return len(cycle.run(Pass(layout, settings, now_us)).pruned.sessions)

    assert plain(LAST_US) == 0  # it arrives
    assert plain(LIMIT_US) == 0
    assert plain(LIMIT_US + 3_599 * SECOND_US) == 0
    assert plain(LIMIT_US + 3_600 * SECOND_US) == 1


def test_a_dry_run_says_what_would_go_and_deletes_nothing(
    tmp_path: Path, commands: Commands
) -> None:
    configure(tmp_path, "sessions_days = 30")
    session(tmp_path, "due", LAST_US - 400 * DAY_US)
    imported = commands.run(tmp_path, "prune", "--dry-run", "--json").json
    assert imported["sessions"] == []  # it has just arrived, however old it is
    stored.arrive_when_recorded(tmp_path)
    first = commands.run(tmp_path, "prune", "--dry-run", "--json").json
    assert first["dry_run"] is True
    assert (first["sessions"], first["events"], first["days"]) == (["due"], 0, [])
    assert first["bytes"] > 0
    assert names(tmp_path) == ["due"]
    assert "Would delete 1 session" in commands.run(tmp_path, "prune", "--dry-run").stdout
    done = commands.run(tmp_path, "prune", "--json").json
    assert (done["dry_run"], done["sessions"]) == (False, ["due"])
    assert commands.run(tmp_path, "prune").stdout == "Nothing is due.\n"
    assert commands.run(tmp_path, "sync", "--json").json["sessions"]["deleted"] == 0


def test_the_file_shrinks(tmp_path: Path) -> None:
    configure(tmp_path, "sessions_days = 30")
    for number in range(3):
        tell(
            tmp_path, "due", "UserPromptSubmit", LAST_US - number, prompt=os.urandom(100_000).hex()
        )
    tell(tmp_path, "due", "SessionEnd", LAST_US, reason="other")
    sync(tmp_path, LIMIT_US)
    full = (tmp_path / "journal.db").stat().st_size
    sync(tmp_path, LIMIT_US + 1)
    assert (tmp_path / "journal.db").stat().st_size < full - 300_000


def test_a_kill_at_any_moment_is_made_good_by_the_next_call(
    tmp_path: Path, commands: Commands
) -> None:
    killed = 0
    for dies_at in range(20, 420, 23 if THOROUGH else 46):
        home = tmp_path / str(dies_at)
        configure(home, "sessions_days = 30\njournal_days = 7")
        for number in range(3):
            session(home, f"due-{number}", LAST_US - 400 * DAY_US)
        session(home, "pinned", LAST_US - 401 * DAY_US)
        pin(home, "pinned")
        sync(home, LAST_US - 380 * DAY_US)
        assert names(home) == ["due-0", "due-1", "due-2", "pinned"]
        done = commands.run(home, "prune", dies_at=dies_at)
        assert done.code in (0, -signal.SIGKILL), done.stderr
        killed += done.code != 0
        assert commands.run(home, "prune").code == 0
        assert names(home) == ["pinned"]
        check(home)
        assert json.loads(commands.run(home, "prune", "--json").stdout)["sessions"] == []
        assert commands.run(home, "sync", "--rebuild").code == 0
        assert names(home) == ["pinned"]
    assert killed > (5 if THOROUGH else 2)
