"""`journal forget`: no byte of a session is left anywhere in the home, and nothing else is lost."""

import gzip
import hashlib
import json
import os
import shutil
import signal
import time
from contextlib import closing
from pathlib import Path

import pytest

import recordings
import stored
from archived import AGENT, ENVIRON, config
from chance import THOROUGH
from commands import Commands
from hooks import emit
from journal.errors import BusyError
from journal.layout import Layout
from journal.record import own_facts, record
from journal.settings.sources import load_settings
from sync.delivery import dead_pieces, retry_format, retry_queue
from sync.forgetting import forget, scrub
from sync.forgetting.traces import Traces
from sync.remote.contract import Piece
from sync.store import connection
from sync.store.locks import locked
from sync.views.tombstones import Grave
from tests.sync.views.test_tombstones import check

GONE, STAYS = "7f3a91aa-0001-4000-8000-000000000001", "c20b44bb-0002-4000-8000-000000000002"
MARKER = "zebra-quartz-4711"
DAYS_AGO = 10 * 86_400


def line(session: str, event: str, ago_seconds: float, **payload: object) -> bytes:
    now_ns = time.time_ns() - int(ago_seconds * 1e9)
    environ = {**ENVIRON, "CLAUDE_CODE_SESSION_ID": session}
    data = json.dumps({"session_id": session, "cwd": "/code/x", **payload}).encode()
    return emit.record(AGENT, event, data, now_ns, environ)[0]


def write(home: Path, session: str, data: bytes, ago_seconds: float = 0) -> None:
    """Append lines to the file of a session, also lines of other sessions."""
    now_ns = time.time_ns() - int(ago_seconds * 1e9)
    name = f"{emit.file_name(AGENT, session)}.jsonl"
    path = home / "days" / emit.utc(now_ns)[:10] / name
    recordings.append(path, data)
    if ago_seconds:
        os.utime(path, ns=(now_ns, now_ns))


def turn(session: str, ago_seconds: float, text: str, times: int = 2_000) -> bytes:
    call = {"tool_use_id": f"t{ago_seconds}", "tool_name": "Bash", "tool_input": {"command": text}}
    return b"".join(
        (
            line(session, "UserPromptSubmit", ago_seconds, prompt=text),
            line(session, "PreToolUse", ago_seconds - 1, **call),
            line(session, "PostToolUse", ago_seconds - 2, **call, tool_response=text * times),
            line(session, "Stop", ago_seconds - 3, last_assistant_message=text),
        )
    )


def furnish(home: Path, commands: Commands) -> None:
    """A home with both sessions in every place where a session can be."""
    home.mkdir()
    folder = home.parent / f"{home.name}-remote"
    folder.mkdir()
    (home / "config.toml").write_text(config("folder", str(folder), "min_interval_seconds = 0"))
    for session, text in ((GONE, MARKER), (STAYS, "harmless words")):
        write(home, session, turn(session, DAYS_AGO, text), DAYS_AGO)
        write(home, session, turn(session, 5_000, text))
    write(home, STAYS, line(GONE, "UserPromptSubmit", 4_000, prompt=f"in another file {MARKER}"))
    write(home, GONE, line(STAYS, "UserPromptSubmit", 3_900, prompt="a guest in another file"))
    write(home, GONE, b'{"v":1,"id":"torn %s\n' % MARKER.encode())
    layout, who = Layout.at(home), (AGENT, GONE)
    own_facts.append(layout, "Summary", who, {"summary": {"request": MARKER}}, time.time_ns())
    own_facts.append(layout, "MemoryId", who, {"memory_id": f"mem-{MARKER}"}, time.time_ns())
    own_facts.append(layout, "MemoryId", who, {"memory_id": f"late-{MARKER}"}, time.time_ns())
    own_facts.append(layout, "Pin", (AGENT, STAYS), {}, time.time_ns())
    assert commands.run(home, "sync").code == 0
    assert commands.run(home, "sync").code == 0
    assert list(home.glob("packs/*.gz"))
    (home / "journal.db.backup-v3").write_text(MARKER)
    (home / "journal.db.damaged-20261121T000000").write_text(MARKER)
    emit.make_folder(str(layout.spool.parent))
    emit.make_folder(str(layout.spool))
    (layout.spool / f"{emit.file_name(AGENT, GONE)}.0.part").write_text(MARKER)
    emit.spool(str(home), emit.file_name(AGENT, GONE), line(GONE, "Stop", 1, more=MARKER), "1")
    _pieces(home)
    log = json.dumps({"error": {"message": f"cannot read claude-code.{GONE}.jsonl {MARKER}"}})
    (home / "logs" / "2026-11-01.jsonl").write_text(log + '\n{"kept": true}\n')


def _pieces(home: Path) -> None:
    """A piece that waits and one that was given up, of each session."""
    for session, text in ((GONE, MARKER), (STAYS, "harmless words")):
        for number in (7, 8):
            body = text.encode()
            piece = Piece(
                AGENT, session, "elsewhere", number, text, time.time_ns() // 1000,
                hashlib.sha256(body).hexdigest(), body,
            )  # fmt: skip
            made = retry_format.Waiting.of(piece, "folder /elsewhere", ("0" * 32,))
            path = retry_queue.write_new(home / "retry", made)
            if number == 8:
                dead_pieces.bury(path, home / "dead", made, text, time.time_ns() // 1000)


def holders(home: Path) -> list[str]:
    """The files of the home and its spool that hold the marker, packs unpacked."""
    spool = Layout.at(home).spool
    found = []
    for path in sorted(p for top in (home, spool) for p in top.rglob("*") if p.is_file()):
        data = path.read_bytes()
        data += gzip.decompress(data) if path.suffix == ".gz" else b""
        if MARKER.encode() in data or MARKER.partition("-")[0].encode() in data:
            found.append(path.name)
    return found


def records_of(home: Path, session: str) -> dict[str, object]:
    """All that the database and the journal hold of a session."""
    exported = [one for one in stored.exported(home) if json.loads(one)["session"] == session]
    found: dict[str, object] = {"exported": exported}
    for name in ("items", "steps", "summaries", "sessions"):
        found[name] = [row for row in stored.views(home)[name] if session in row]
    query = "select name from own_facts where session = ? and name not in ('Receipt')"
    found["own"] = sorted(stored.rows(home, query, session))
    lines = b"".join(path.read_bytes() for path in home.glob("days/*/*.jsonl"))
    lines += b"".join(gzip.decompress(path.read_bytes()) for path in home.glob("packs/*.gz"))
    records = [record.read_line(one).record for one in lines.split(b"\n")]
    found["lines"] = sorted(one.id for one in records if one and one.session == session)
    return found


def test_no_byte_of_a_forgotten_session_is_left(tmp_path: Path, commands: Commands) -> None:
    home = tmp_path / "home"
    furnish(home, commands)
    places = {Path(name).suffix or name for name in holders(home)}
    assert {".jsonl", ".gz", ".db", ".json", ".tsv", ".backup-v3", ".part"} <= places
    of_session = """
        select b.data from blocks b join events e on e.seq >= b.key and e.seq < b.key + b.events
        join sessions s on s.key = e.session where s.id = ? and e.name = 'Stop' limit 1
    """
    ((blob,),) = stored.rows(home, of_session, GONE)
    assert blob in (home / "journal.db").read_bytes()
    before = records_of(home, STAYS)
    done = commands.run(home, "forget", GONE[:6], "--yes")
    assert done.code == 0, done.stderr
    assert "Deleted:" in done.stdout
    assert "journal.db.backup-v3" in done.stdout
    assert "folder" in done.stdout
    assert "delete them there" in done.stdout
    for again in ((), ("sync",), ("sync", "--rebuild"), ("sync",)):
        if again:
            assert commands.run(home, *again).code == 0
        assert holders(home) == []
        assert records_of(home, STAYS) == before
        assert blob not in (home / "journal.db").read_bytes()
        names = stored.rows(home, "select name from own_facts where session = ?", GONE)
        assert names == [("Forget",)]
        check(home)
    logs = (home / "logs" / "2026-11-01.jsonl").read_text()
    assert logs == '{"kept": true}\n'
    assert len(list((home / "retry").glob("*.json"))) == 1
    assert len(list((home / "dead").glob("piece-*"))) == 1
    assert commands.run(home, "search", "harmless").stdout.count("harmless") > 0
    assert MARKER not in commands.run(home, "search", "zebra").stdout


def test_a_database_that_is_lost_does_not_bring_it_back(tmp_path: Path, commands: Commands) -> None:
    home = tmp_path / "home"
    furnish(home, commands)
    assert commands.run(home, "forget", GONE, "--yes").code == 0
    for path in home.glob("journal.db*"):
        path.unlink()
    assert commands.run(home, "sync", "--rebuild").code == 0
    assert stored.rows(home, "select id from sessions") == [(STAYS,)]
    assert holders(home) == []


def test_a_session_that_goes_on_is_captured_from_then_on(
    tmp_path: Path, commands: Commands
) -> None:
    home = tmp_path / "home"
    furnish(home, commands)
    first = stored.rows(home, "select max(number) from pieces where session = ?", GONE)[0][0]
    assert commands.run(home, "forget", GONE, "--yes").code == 0
    write(home, GONE, turn(GONE, -10, "it goes on"))
    assert commands.run(home, "sync").code == 0
    query = "select title, events from session_states where id = ?"
    assert stored.rows(home, query, GONE) == [("it goes on", 4)]
    query = "select min(number) from pieces where session = ?"
    assert stored.rows(home, query, GONE)[0][0] > first  # no number that the remote knows
    assert holders(home) == []
    check(home)


def test_it_asks_first(tmp_path: Path, commands: Commands) -> None:
    home = tmp_path / "home"
    write(home, GONE, turn(GONE, 5_000, MARKER))
    done = commands.run(home, "forget", GONE)
    assert done.code == 2
    assert "--yes" in done.stderr
    assert GONE[:6] in done.stderr
    assert stored.rows(home, "select count(*) from events") == [(4,)]
    assert stored.rows(home, "select count(*) from own_facts where name = 'Forget'") == [(0,)]


def test_who_is_not_there_cannot_be_forgotten(tmp_path: Path, commands: Commands) -> None:
    home = tmp_path / "home"
    assert commands.run(home, "forget", "unknown", "--yes").code == 1
    write(home, GONE, turn(GONE, 5_000, MARKER))
    done = commands.run(home, "forget", "unknown", "--yes")
    assert done.code == 1
    assert "no session unknown" in done.stderr


def test_forgetting_again_finds_nothing_more(tmp_path: Path, commands: Commands) -> None:
    home = tmp_path / "home"
    furnish(home, commands)
    assert commands.run(home, "forget", GONE, "--yes").code == 0
    done = commands.run(home, "forget", GONE[:8], "--yes")
    assert (done.code, done.stdout) == (0, "Nothing of it was left to delete.\n")


def test_a_kill_at_any_moment_is_made_good_by_the_next_call(
    tmp_path: Path, commands: Commands
) -> None:
    original = tmp_path / "original"
    furnish(original, commands)
    before = records_of(original, STAYS)
    killed = 0
    for dies_at in range(20, 440, 14 if THOROUGH else 28):
        home = tmp_path / str(dies_at)
        shutil.copytree(original, home)
        done = commands.run(home, "forget", GONE, "--yes", dies_at=dies_at)
        assert done.code in (0, -signal.SIGKILL), done.stderr
        killed += done.code != 0
        done = commands.run(home, "forget", GONE, "--yes")
        assert done.code == 0, done.stderr
        assert holders(home) == [], dies_at
        assert records_of(home, STAYS) == before, dies_at
        assert not list(home.glob("days/*/*.forgotten"))
        check(home)
    assert killed > (20 if THOROUGH else 9)


def test_late_lines_of_a_replaced_file_are_kept(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path)
    write(tmp_path, STAYS, turn(STAYS, 5_000, "stays") + turn(GONE, 5_000, MARKER))
    stored.sync(tmp_path)
    (path,) = tmp_path.glob("days/*/*.jsonl")
    now_us = time.time_ns() // 1000
    late, gone = line(STAYS, "Stop", 0, more="late"), line(GONE, "Stop", 9, more=MARKER)
    with closing(connection.open_store(layout)) as db, path.open("ab", buffering=0) as hook:
        work = scrub.Scrub(db, layout, Traces(Grave(AGENT, GONE, now_us)))
        work.days()
        hook.write(gone + late)
        work.finish()
    assert work.lines == 4
    assert path.read_bytes().endswith(late)
    assert MARKER.encode() not in path.read_bytes()
    assert not list(tmp_path.glob("days/*/*.forgotten"))
    report = stored.sync(tmp_path)
    assert (report.read, report.stored, report.duplicate) == (1, 1, 0)  # under its old cursor


def test_a_late_line_before_a_kill_is_kept(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path)
    write(tmp_path, STAYS, turn(STAYS, 5_000, "stays") + turn(GONE, 5_000, MARKER))
    stored.sync(tmp_path)
    (path,) = tmp_path.glob("days/*/*.jsonl")
    late = line(STAYS, "Stop", 0, more="late")
    traces = Traces(Grave(AGENT, GONE, time.time_ns() // 1000))
    with closing(connection.open_store(layout)) as db, path.open("ab", buffering=0) as hook:
        scrub.Scrub(db, layout, traces).days()  # and then it is killed
        hook.write(late)
        again = scrub.Scrub(db, layout, traces)
        again.days()
        again.finish()
    assert path.read_bytes().endswith(late)
    assert path.read_bytes().count(b"\n") == 5
    assert not list(tmp_path.glob("days/*/*.forgotten"))


def test_nothing_is_changed_while_something_is_sent(tmp_path: Path) -> None:
    home = tmp_path / "home"
    write(home, GONE, turn(GONE, 5_000, MARKER))
    layout = Layout.at(home)
    order = forget.Order(layout, load_settings(layout, {}), time.time_ns(), lambda: False)
    stored.sync(home)
    with locked(layout.deliver_lock, lambda: False), pytest.raises(BusyError):
        forget.forget(order, AGENT, GONE)
    assert stored.rows(home, "select count(*) from events") == [(4,)]
    assert not list(home.glob("days/*/journal.*"))
