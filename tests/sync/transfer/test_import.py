"""Import: the history of other machines, once and complete, from all the forms that it comes in."""

import codecs
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import forked
import recordings
import stored
from chance import measures_memory
from commands import program
from journal import cli
from journal.durable_files import append_line
from journal.layout import Layout
from journal.record import record
from journal.settings.sources import load_settings
from killed_pass import Moments
from sync.ingest import appending
from sync.ingest.dead_letters import entries
from sync.ingest.foreign_lines import lines
from sync.remote import folder_files
from sync.store.locks import locked
from sync.transfer import importing, sources
from tests.sync.ingest.test_ingest import HOSTILE, record_line

HOUR_NS = 3_600_000_000_000
A, B = ("i-exit", "p-simple"), ("i-clear", "p-unicode")


def sync(home: Path) -> None:
    assert cli.run(["--home", str(home), "sync"]) == 0


def make_home(home: Path, names: tuple[str, ...], remote: Path | None = None) -> list[bytes]:
    """A home with these recordings, an hour apart, synced; its lines."""
    home.mkdir()
    if remote is not None:
        settings = f'[remote]\nkind = "folder"\npath = "{remote}"\nmin_interval_seconds = 0\n'
        (home / "config.toml").write_text(settings)
    for number, name in enumerate(names):
        recordings.write_journal(home, name, recordings.START_NS + number * HOUR_NS)
    host = b'"host":"' + os.uname().nodename.encode() + b'"'
    for path in (home / "days").rglob("*.jsonl"):
        path.write_bytes(path.read_bytes().replace(host, b'"host":"%s"' % home.name.encode()))
    sync(home)
    return day_lines(home)


def imports(capsys: pytest.CaptureFixture[str], home: Path, *args: object, code: int = 0) -> Any:
    """The report of the command, with what it said on stderr under `messages`."""
    capsys.readouterr()
    done = cli.run(["--home", str(home), "import", "--json", *map(str, args)])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    assert done == code, said
    return {**(json.loads(said.out) if said.out else {}), "messages": said.err}


def refused(capsys: pytest.CaptureFixture[str], home: Path, path: Path, code: int) -> str:
    """What is said of a path that cannot be imported; nothing was written."""
    messages = imports(capsys, home, path, code=code)
    assert list(messages) == ["messages"]
    assert not home.exists()
    assert messages["messages"].count("\n") == 1
    return str(messages["messages"])


def day_files(home: Path) -> list[Path]:
    """The files of all days but those in which the journal speaks of itself."""
    return [path for path in (home / "days").rglob("*.jsonl") if path.name[:8] != "journal."]


def day_lines(home: Path) -> list[bytes]:
    """Every line of these files."""
    files = day_files(home)
    return [line for path in files for line in path.read_bytes().splitlines(keepends=True)]


def tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder but the daily logs."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "logs")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def own(home: Path) -> Counter[str]:
    return Counter(name for (name,) in stored.rows(home, "select name from own_facts"))


@pytest.fixture
def nas(tmp_path: Path) -> Path:
    """A remote folder that two machines of different names have written to."""
    folder = tmp_path / "nas"
    folder.mkdir()
    node = folder_files.host_name(os.uname().nodename)
    for host, names in (("host-a", A), ("host-b", B)):
        make_home(tmp_path / host, names, folder)
        (folder / node).rename(folder / host)
    return folder


@pytest.fixture
def both(nas: Path, tmp_path: Path) -> Path:
    """A home in which everything of both was captured."""
    for name in ("host-a", "host-b"):
        for path in (tmp_path / name / "days").rglob("claude-code.*"):
            place = tmp_path / "both" / path.relative_to(tmp_path / name)
            recordings.append(place, path.read_bytes())
    sync(tmp_path / "both")
    return tmp_path / "both"


def test_a_third_machine_imports_all_sessions_of_two_from_their_folder(
    nas: Path, both: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "third"
    report = imports(capsys, home, nas)
    expected = stored.views(both)
    assert stored.views(home) == expected
    count = len(expected["events"])
    assert count == len(stored.exported(home)) > 20
    assert report["messages"] == ""
    assert (report["imported"], report["known"], report["records"]) == (count, 0, count)
    assert (report["rejected"], report["left_out"]) == (0, 0)
    assert report["sessions"] == len(expected["sessions"]) >= 4
    assert report["files"] == len(list(nas.glob("*/*.jsonl")))
    stored.check(home)


def test_importing_twice_changes_nothing(
    nas: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "third"
    first = imports(capsys, home, nas)
    views, days, facts = stored.views(home), tree(home / "days"), own(home)
    again = imports(capsys, home, nas, nas / "host-a", nas)
    assert (again["imported"], again["sessions"]) == (0, 0)
    assert (again["known"], again["files"]) == (first["imported"], first["files"])
    assert (stored.views(home), tree(home / "days"), own(home)) == (views, days, facts)


@pytest.mark.parametrize("part", ["", "host-a", "host-b/*"])
def test_sessions_imported_from_a_folder_are_not_sent_back_to_it(
    nas: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], part: str
) -> None:
    home = tmp_path / "third"
    make_home(home, (), nas)
    assert imports(capsys, home, *below(nas, part))["imported"] > 0
    assert own(home)["Receipt"] > 0
    before = tree(nas)
    for _ in range(2):
        sync(home)
    assert tree(nas) == before
    assert list((home / "retry").glob("*")) == []
    assert stored.rows(home, "select count(*) from archive_work") == [(0,)]
    line = record_line(1, cwd="/x").replace(b'"entrypoint":null', b'"entrypoint":"cli"')
    recordings.append(home / "days/2026-11-18/claude-code.s.jsonl", line)
    sync(home)
    (new,) = tree(nas).keys() - before.keys()
    assert json.loads((nas / new).read_bytes())["session"] == "s"


def test_a_folder_that_becomes_the_remote_later_gets_nothing_back_either(
    nas: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, before = tmp_path / "third", tree(nas)
    imports(capsys, home, nas)
    shutil.copy(tmp_path / "host-a" / "config.toml", home)
    sync(home)
    assert tree(nas) == before


def test_a_pass_behind_each_record_sends_nothing_back(
    nas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, before, appended = tmp_path / "third", tree(nas), []
    make_home(home, (), nas)

    def append_and_pass(path: Path, line: bytes, end: bytes) -> None:
        append_line(path, line, end)
        sync(home)
        appended.append(path)

    monkeypatch.setattr("sync.ingest.appending._BATCH_RECORDS", 1)
    monkeypatch.setattr("sync.ingest.appending.append_line", append_and_pass)
    assert cli.run(["--home", str(home), "import", str(nas)]) == 0
    sync(home)
    assert len(appended) == len(stored.exported(home)) > 20
    assert tree(nas) == before


def test_a_machine_that_lost_everything_gets_its_history_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nas, home = tmp_path / "nas", tmp_path / "home"
    nas.mkdir()
    make_home(home, A, nas)
    views, before = stored.views(home), tree(nas)
    shutil.rmtree(home)
    make_home(home, (), nas)
    assert imports(capsys, home, nas)["imported"] == len(views["events"])
    assert stored.views(home) == views
    sync(home)
    assert tree(nas) == before


def test_a_session_that_went_on_before_the_import_loses_no_piece(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The new home's first piece has the number of the old one's, and waits while that is read."""
    nas, home = tmp_path / "nas", tmp_path / "home"
    nas.mkdir()
    old = make_home(home, ("p-simple",), nas)
    shutil.rmtree(home)
    make_home(home, (), nas)
    place = tmp_path / "elsewhere"
    nas.rename(place)
    session = json.loads(old[0])["session"]
    more = recordings.line(
        "UserPromptSubmit", {"session_id": session, "prompt": "and on"},
        recordings.START_NS + HOUR_NS,
    ).replace(b'"entrypoint":null', b'"entrypoint":"cli"')  # fmt: skip
    recordings.append(home / f"days/2026-11-18/claude-code.{session}.jsonl", more)
    sync(home)
    assert len(list((home / "retry").glob("*"))) == 1
    place.rename(nas)
    imports(capsys, home, nas)
    assert cli.run(["--home", str(home), "replay", "--all"]) == 0
    there = [path.read_bytes() for path in sources_of(nas)]
    ids = sorted(json.loads(line)["id"] for part in there for line in part.splitlines())
    assert ids == sorted(json.loads(line)["id"] for line in [*old, more])
    assert list((home / "retry").glob("*")) == []


def sources_of(path: Path) -> list[Path]:
    return [source.path for source in sources.find([path]).sources]


def test_a_machine_that_imports_its_own_folder_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nas, home = tmp_path / "nas", tmp_path / "home"
    nas.mkdir()
    make_home(home, A, nas)
    before, facts = tree(home / "days"), own(home)
    report = imports(capsys, home, nas)
    assert (report["imported"], report["known"]) == (0, len(stored.exported(home)))
    assert (tree(home / "days"), own(home)) == (before, facts)


def test_a_damaged_piece_is_reported_and_gets_no_receipt(
    nas: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = sources_of(nas)[0]
    whole = first.read_bytes()
    first.write_bytes(whole[:-40])
    home = tmp_path / "third"
    report = imports(capsys, home, first, code=1)
    assert (
        "is not complete, or damaged: its content is not what its name says" in report["messages"]
    )
    count = whole.count(b"\n")
    assert (report["imported"], report["rejected"]) == (count - 1, 0)  # the last may yet arrive
    assert own(home)["Receipt"] == 0
    first.write_bytes(whole)
    assert imports(capsys, home, first)["imported"] == 1
    assert own(home)["Receipt"] == 1


FACTS = ("MemoryId", "Pin", "Unpin", "Summary")
LEFT_OUT = ("Receipt", "Rejection", "Forget", "ModelCall", "ModelFailure", "Unheard")


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A home with recordings and every kind of fact of the journal's own."""
    home = tmp_path / "home"
    (line, *_) = make_home(home, A)
    session = json.loads(line)["session"]
    for number, name in enumerate((*FACTS, *LEFT_OUT)):
        payload = {"agent": "claude-code", "memory_id": "mem-1", "summary": {"request": "r"}}
        fact = record.new_fact(name, session, payload, recordings.START_NS + number)
        place = home / f"days/2026-11-18/journal.{session}.jsonl"
        recordings.append(place, record.dump(fact))
    sync(home)
    return home


def export(home: Path) -> bytes:
    path = home.parent / "export.out"
    assert cli.run(["--home", str(home), "export", "--output", str(path)]) == 0
    return path.read_bytes()


@pytest.mark.parametrize("packed", [False, True])
def test_an_export_gives_the_same_rows_and_the_same_export(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], packed: bool
) -> None:
    path, home = tmp_path / ("a.jsonl.gz" if packed else "a.jsonl"), tmp_path / "other"
    data = export(exported)
    path.write_bytes(gzip.compress(data) if packed else data)
    report = imports(capsys, home, path)
    assert report["left_out"] == 0
    assert report["imported"] == len(stored.exported(exported)) + len(FACTS)
    assert own(home) == Counter(FACTS)
    assert stored.views(home) == stored.views(exported)
    ids = "select agent, session, memory_id from memory_ids order by 1, 2"
    assert stored.rows(home, ids) == stored.rows(exported, ids)
    assert export(home) == data


def below(folder: Path, pattern: str) -> list[Path]:
    """The paths that a shell makes of a pattern."""
    return sorted(folder.glob(pattern)) if pattern else [folder]


PLACES = {"home": "", "days": "days", "a day": "days/2026-11-18", "a file": "days/2026-11-18/*"}


@pytest.mark.parametrize("place", PLACES)
def test_the_days_of_another_machine_give_the_same_rows(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    home = tmp_path / "other"
    report = imports(capsys, home, *below(exported, PLACES[place]))
    assert report["left_out"] == len(LEFT_OUT)
    assert stored.views(home) == stored.views(exported)
    assert sorted(day_lines(home)) == sorted(day_lines(exported))


@pytest.mark.parametrize("place", ["", "packs", "packs/*"])
def test_the_packs_of_another_machine_give_the_same_rows(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    for path in (exported / "days").rglob("*.jsonl"):
        os.utime(path, (1, 1))
    (exported / "config.toml").write_text("[retention]\njournal_days = 1\n")
    sync(exported)
    assert day_lines(exported) == []
    home = tmp_path / "other"
    assert imports(capsys, home, *below(exported, place))["left_out"] == len(LEFT_OUT)
    assert stored.views(home) == stored.views(exported)


def test_a_damaged_pack_is_reported_and_what_can_be_read_is_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = [record_line(number, x=os.urandom(900).hex()) for number in range(200)]
    pack = tmp_path / "old/packs/2026-11-18.jsonl.gz"
    pack.parent.mkdir(parents=True)
    whole = gzip.compress(b"".join(made))
    pack.write_bytes(whole[: len(whole) // 2])
    home = tmp_path / "home"
    report = imports(capsys, home, tmp_path / "old", code=1)
    assert f"cannot read {pack} to its end" in report["messages"]
    assert 20 < report["imported"] < 200
    assert len(stored.exported(home)) == report["imported"]
    pack.write_bytes(whole)
    assert imports(capsys, home, tmp_path / "old")["imported"] == 200 - report["imported"]


def test_an_imported_record_is_in_the_file_that_its_hook_would_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, home = tmp_path / "a.jsonl", tmp_path / "home"
    evil = record_line(1).replace(b'"agent":"claude-code"', b'"agent":"../../../evil"')
    old = record_line(2).replace(b'"at":"2026', b'"at":"0001')
    long = record_line(3).replace(b'"agent":"claude-code"', b'"agent":"' + b"x" * 128 + b'"')
    long = long.replace(b'"session":"s"', b'"session":"' + b"y" * 4000 + b'"')
    zone = record_line(4).replace(b"Z", b"-14:00", 1)
    path.write_bytes(evil + old + long + zone)
    assert imports(capsys, home, path)["imported"] == 4
    names = sorted(str(path.relative_to(home / "days")) for path in day_files(home))
    assert names == [
        "0001-11-18/claude-code.s.jsonl",
        "2026-11-18/_________evil.s.jsonl",
        f"2026-11-18/{'x' * 64}.{'y' * 128}.jsonl",
        "2026-11-19/claude-code.s.jsonl",
    ]
    assert stored.rows(home, "select count(*) from events") == [(4,)]
    assert imports(capsys, home, path)["known"] == 4
    assert sorted(tmp_path.iterdir()) == [path, home]


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_line_is_named_and_its_neighbours_are_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    path, home = tmp_path / "a.jsonl", tmp_path / "home"
    path.write_bytes(record_line(1) + HOSTILE[kind] + b"\n" + record_line(2))
    report = imports(capsys, home, path)
    glued = kind == "bom"
    assert (report["imported"], report["rejected"]) == (2 + glued, 1)
    assert f"{path}:2: " in report["messages"]
    (letter,) = entries(Layout.at(home))
    assert letter["path"] == str(path)
    assert letter["offset"] == len(record_line(1))
    assert str(letter["reason"]) in report["messages"]
    views, days = stored.views(home), tree(home / "days")
    again = imports(capsys, home, path)
    assert (again["imported"], again["rejected"]) == (0, 1)
    assert len(list(entries(Layout.at(home)))) == 1
    assert (stored.views(home), tree(home / "days")) == (views, days)


def test_import_accepts_what_ingest_accepts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torn, line = record_line(7)[:99], record_line(8)
    bad = record_line(9, x=1).replace(b'"x": 1', b'"x": NaN')[:-1]
    parts = [record_line(1), torn, line, bad, record_line(10), b"\n", torn, line[:-2], b"\n"]
    parts += [kind + b"\n" for kind in HOSTILE.values()]
    parts += [b"  \n", b"\r\n", record_line(11)[:-1] + b"\r\n", record_line(12)[:-1]]
    path, home, other = tmp_path / "a.jsonl", tmp_path / "home", tmp_path / "other"
    path.write_bytes(codecs.BOM_UTF8 + b"".join(parts))  # as some editors save it
    report = imports(capsys, home, path)
    recordings.append(other / "days/2026-11-18/claude-code.s.jsonl", b"".join(parts) + b"\n")
    capsys.readouterr()
    assert cli.run(["--home", str(other), "sync", "--json"]) == 0
    taken = json.loads(capsys.readouterr().out)["records"]
    assert stored.views(home) == stored.views(other)
    assert (report["imported"], report["rejected"]) == (taken["stored"], taken["rejected"])
    texts = [
        sorted((letter.get("text", ""), letter["reason"]) for letter in entries(Layout.at(one)))
        for one in (home, other)
    ]
    assert texts[0] == texts[1]


def test_a_time_beyond_the_calendar_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.jsonl"
    early = record_line(1).replace(b'"at":"2026-11-18', b'"at":"0001-01-01')
    path.write_bytes(record_line(2) + early.replace(b"Z", b"+14:00", 1))
    report = imports(capsys, tmp_path / "home", path)
    assert (report["imported"], report["rejected"]) == (1, 1)


def test_five_bad_lines_are_shown_and_the_others_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(record_line(1) + b"".join(b"bad \x1b[31m%d\n" % n for n in range(9)))
    report = imports(capsys, tmp_path / "home", path)
    messages = report["messages"].splitlines()
    assert [line.split(": ")[1] for line in messages[:5]] == [f"{path}:{n}" for n in range(2, 7)]
    assert messages[5:] == ["journal: 4 more parts of these files refused"]
    assert report["rejected"] == 9


def test_a_line_beyond_all_bounds_is_refused_by_its_beginning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.ingest.foreign_lines.MAX_LINE_BYTES", 3 << 20)
    path, home = tmp_path / "a.jsonl.gz", tmp_path / "home"
    long = record_line(7, x="y" * (9 << 20))
    path.write_bytes(gzip.compress(record_line(1) + long + record_line(2)))
    report = imports(capsys, home, path)
    assert (report["imported"], report["rejected"]) == (2, 1)
    assert f"{path}:2: a line of {len(long)} bytes; this is its beginning" in report["messages"]
    (letter,) = entries(Layout.at(home))
    assert letter["bytes"] == 1 << 16


def test_a_secret_reaches_no_byte_of_the_database_nor_the_dead(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "ghp_" + "a1B2c3D4e5" * 4
    path, home = tmp_path / "a.jsonl", tmp_path / "home"
    path.write_bytes(record_line(1, key=secret) + b"torn " + secret.encode() + b"\n")
    assert imports(capsys, home, path)["imported"] == 1
    for place in (*home.glob("journal.db*"), *home.rglob("dead/*")):
        assert secret.encode() not in place.read_bytes()
    assert b"[redacted:" in stored.exported(home)[0]


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(
    nas: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(record_line(1) + b"bad\n")
    home = tmp_path / "none"
    dry = imports(capsys, home, "--dry-run", nas, bad)
    assert not home.exists()
    before = tree(tmp_path / "host-a")
    known = imports(capsys, tmp_path / "host-a", "--dry-run", nas, bad)
    assert tree(tmp_path / "host-a") == before
    done = imports(capsys, home, nas, bad)
    assert {**dry, "seconds": 0, "dry_run": False} == {**done, "seconds": 0}
    assert known["known"] == len(day_lines(tmp_path / "host-a"))
    assert known["imported"] == done["imported"] - known["known"]


def test_the_report_for_people_is_one_line(
    nas: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, bad = tmp_path / "third", tmp_path / "bad.jsonl"
    bad.write_bytes(record_line(1) + b"bad\n")

    def messages(*args: object) -> str:
        capsys.readouterr()
        assert cli.run(["--home", str(home), "import", *map(str, args)]) == 0
        return capsys.readouterr().out

    assert (
        messages("--dry-run", bad) == "Would import 1 record of 1 session from 1 file: 1 refused.\n"
    )
    first = re.sub(r"[\d.]+ s\b", "0.1 s", messages(bad))
    said = "Imported 1 record of 1 session from 1 file in 0.1 s: 1 refused, kept in dead/.\n"
    assert first == said
    again = re.sub(r"[\d.]+ s\b", "0.1 s", messages(bad))
    said = "Nothing new in 1 file (0.1 s): 1 record known already, 1 refused, kept in dead/.\n"
    assert again == said
    assert messages(nas).count("\n") == 1


def test_a_path_that_is_not_there_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    messages = refused(capsys, home, tmp_path / "no\nwhere", 2)
    assert messages.startswith(f"journal: {tmp_path}/no where does not exist (name a remote folder")
    os.mkfifo(tmp_path / "pipe")
    assert "neither a file nor a directory" in refused(capsys, home, tmp_path / "pipe", 2)


@pytest.mark.parametrize("content", [b"hello\n", b'{"a":1}\n' * 30, b"\0" * 100, b"\x1f\x8bno"])
def test_a_foreign_file_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    path, home = tmp_path / "data.jsonl", tmp_path / "home"
    path.write_bytes(content)
    messages = refused(capsys, home, path, 1)
    assert str(path) in messages
    (tmp_path / "folder").mkdir()
    assert "nothing in " in refused(capsys, home, tmp_path / "folder", 1)


def test_a_foreign_file_among_records_is_passed_over_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.jsonl").write_bytes(record_line(1))
    (folder / "b.jsonl").write_bytes(b"hello\n")
    (folder / "c.txt").write_bytes(record_line(2))
    (folder / "d.jsonl").mkdir()
    os.mkfifo(folder / "e.jsonl")
    (folder / "f.jsonl").symlink_to(folder / "f.jsonl")
    (folder / "g.jsonl.gz").write_bytes(b"\x1f\x8bno")
    report = imports(capsys, tmp_path / "home", folder, code=1)
    assert (report["imported"], report["files"], report["rejected"]) == (1, 2, 0)
    said = report["messages"].splitlines()
    assert said[0] == f"journal: {folder}/b.jsonl contains no journal records"
    assert said[1].startswith(f"journal: cannot read {folder}/g.jsonl.gz to its end: ")
    assert len(said) == 2


def test_an_empty_remote_folder_and_an_empty_home_hold_nothing_new(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nas, old = tmp_path / "nas", tmp_path / "old"
    nas.mkdir()
    folder_files.make_marker(nas, "0" * 32, 0)
    (old / "days").mkdir(parents=True)
    (tmp_path / "empty.jsonl").touch()
    report = imports(capsys, tmp_path / "home", nas, old, old / "days", tmp_path / "empty.jsonl")
    assert (report["files"], report["records"], report["messages"]) == (1, 0, "")


TRANSCRIPT = {
    "sessionId": "5f2f", "uuid": "a1", "parentUuid": None, "type": "user", "cwd": "/x",
    "message": {"role": "user", "content": "hello"},
}  # fmt: skip


@pytest.mark.parametrize(
    "place",
    [".claude/projects/-x/5f2f.jsonl", ".claude/projects/-x", ".claude/projects", ".claude"],
)
def test_transcripts_are_found_under_every_kind_of_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    folder = tmp_path / ".claude/projects/-x"
    folder.mkdir(parents=True)
    (folder / "5f2f.jsonl").write_text(json.dumps(TRANSCRIPT) + "\n")
    (tmp_path / ".claude/history.jsonl").write_text('{"display":"hi"}\n')
    report = imports(capsys, tmp_path / "home", tmp_path / place)
    assert (report["files"], report["imported"], report["sessions"]) == (1, 1, 1)


def test_another_import_or_a_long_pass_is_waited_for_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, home = tmp_path / "a.jsonl", tmp_path / "home"
    path.write_bytes(record_line(1))
    monkeypatch.setattr("journal.cli.setup.import_.WAIT_SECONDS", 0.1)
    for name in ("import.lock", "sync.lock"):
        with locked(home / name, lambda: False):
            messages = imports(capsys, home, path, code=75)["messages"]
            assert "is running" in messages
    assert imports(capsys, home, path)["imported"] == 1


def test_an_import_that_is_killed_and_begun_again_is_one_import(
    nas: Path,
    both: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "third"
    make_home(home, (), nas)
    before, moment, code = tree(nas), 30, -signal.SIGKILL
    kills = 0
    monkeypatch.setattr(appending, "_BATCH_RECORDS", 7)

    def work() -> None:
        Moments(moment)
        assert cli.run(["--home", str(home), "import", str(nas)]) == 0

    while code == -signal.SIGKILL:
        code = forked.run(work)
        assert code in (0, -signal.SIGKILL)
        moment, kills = moment + 25, kills + 1
    assert kills > 5
    imports(capsys, home, nas)
    assert stored.views(home) == stored.views(both)
    ids = Counter(json.loads(line)["id"] for line in day_lines(home))
    assert set(ids.values()) == {1}
    assert list(entries(Layout.at(home))) == []
    assert own(home)["Receipt"] == len(sources_of(nas))
    sync(home)
    assert tree(nas) == before


def test_records_appended_before_a_kill_are_known_to_the_next_import(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, home = tmp_path / "a.jsonl", tmp_path / "home"
    path.write_bytes(b"".join(record_line(number) for number in range(3)))
    made = path.read_bytes().splitlines(keepends=True)
    day = home / "days/2026-11-18/claude-code.s.jsonl"
    recordings.append(day, made[0] + made[1][:60])  # killed in the middle of a line
    report = imports(capsys, home, path)
    assert (report["imported"], report["known"]) == (2, 1)
    assert len(stored.exported(home)) == 3
    assert [letter["text"] for letter in entries(Layout.at(home))] == [made[1][:60].decode()]


@measures_memory
def test_a_large_file_costs_little_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, home = tmp_path / "a.jsonl.gz", tmp_path / "home"
    with gzip.open(path, "wb", 1) as file:
        for number in range(8_000):
            file.write(record_line(number, x=f"{number} " * 1_000))
    size = sum(len(line.data) for line in lines(path))
    layout = Layout.at(home)
    home.mkdir()
    found = sources.find([path]).sources
    order = importing.Order(
        layout, load_settings(layout, {}), found, lambda: recordings.START_NS, lambda: None,
        lambda: None,
    )  # fmt: skip
    importing.run(order)  # loads what is loaded at first use
    shutil.rmtree(home / "days")
    tracemalloc.start()
    assert importing.run(order).imported == 8_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 38 << 20
    assert peak < 34 << 20


def test_forgotten_sessions_are_not_imported_again(tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "all.jsonl"
    recordings.write_journal(home, "p-simple")
    recordings.write_journal(home, "i-exit")
    command = [program(), "--home", str(home)]
    subprocess.run([*command, "export", "--output", str(out)], check=True, capture_output=True)
    forget = [*command, "forget", "--yes", "c3af9ce9"]
    subprocess.run(forget, check=True, capture_output=True)
    before = {path: path.read_bytes() for path in home.glob("days/*/*")}
    done = subprocess.run([*command, "import", "--json", str(out)], capture_output=True, text=True)
    assert json.loads(done.stdout)["imported"] == 0
    assert {path: path.read_bytes() for path in home.glob("days/*/*")} == before
