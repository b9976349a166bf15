"""`journal redact --rescan`: the current rules applied to everything stored, in every place."""

import base64
import gzip
import hashlib
import json
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import stored
from archived import AGENT, config, heads
from commands import Commands, Done
from journal.layout import Layout
from journal.record import own_facts
from journal.redaction.version import RULES_VERSION
from journal.session.texts import KINDS
from sync.delivery import dead_pieces, retry_format, retry_queue
from sync.remote.contract import Piece
from sync.retention import pack_file
from sync.store import states
from sync.store.locks import locked
from tests.sync.forgetting import test_forget
from tests.sync.forgetting.test_forget import DAYS_AGO, line, write
from tests.sync.views.test_tombstones import check, facts_of

WORD = "ACME-20261121"
RULES = '[redact]\npatterns = ["ACME-[0-9]{8}"]\n'
ONE, TWO, NONE = (f"{letter * 8}-0001-4000-8000-00000000000{letter}" for letter in "123")
MOMENTS = (150, 260, 360, 430)  # of a rescan and the pass before it, about 480 in all
PERSON = "an old friend of the family"  # in what no rule ever finds


def turn(session: str, ago_seconds: float, text: str) -> bytes:
    """A prompt, a call that gives back a large value, an answer."""
    return test_forget.turn(session, ago_seconds, text, times=200)


def furnish(home: Path, commands: Commands) -> None:
    """A home with the word in every place, redacted by rules that do not know it."""
    home.mkdir()
    text = f"use {WORD} for {PERSON}"
    missing = config("folder", str(home.parent / "unmounted"), "min_interval_seconds = 0")
    (home / "config.toml").write_text(missing)
    write(home, ONE, turn(ONE, DAYS_AGO, text), DAYS_AGO)
    write(home, ONE, turn(ONE, 5_000, text))
    write(home, TWO, turn(TWO, 4_900, f'{{"nested":"{WORD}"}}'))
    write(home, NONE, turn(NONE, 4_800, "harmless words"))
    torn = f'{{"v":1,"id":"torn {WORD}'.encode()
    write(home, NONE, torn + b"\n" + torn + b"\xff\n")
    layout = Layout.at(home)
    summary = {"summary": {"request": f"asked for {WORD}"}}
    own_facts.append(layout, "Summary", (AGENT, TWO), summary, time.time_ns())
    for name in ("mem-1", "mem-2 " + WORD):
        own_facts.append(layout, "MemoryId", (AGENT, TWO), {"memory_id": name}, time.time_ns())
    assert commands.run(home, "sync").code == 0
    assert commands.run(home, "sync").code == 0
    for number in (7, 8):
        path = retry_queue.write_new(layout.retry, piece(ONE, number, text))
        if number == 8:
            dead_pieces.bury(path, layout.dead, retry_queue.read(path), f"because of {WORD}", 1)
    (home / "journal.db.backup-v3").write_text(WORD)
    log = json.dumps({"error": {"message": f"cannot read {WORD}"}})
    (home / "logs" / "2026-11-01.jsonl").write_text(f'{log}\n{{"kept": true}}\n')
    (home / "retry" / ".piece.json.1").write_text(WORD)


def piece(session: str, number: int, text: str) -> retry_format.Waiting:
    body = json.dumps([{"id": "x", "messages": [text]}]).encode()
    made = Piece(
        AGENT, session, "elsewhere", number, f"titled {text}", time.time_ns() // 1000,
        hashlib.sha256(body).hexdigest(), body,
    )  # fmt: skip
    return retry_format.Waiting.of(made, "folder /elsewhere", ("0" * 32,))


def holders(home: Path, word: str = WORD) -> list[str]:
    """Every file but the raw days that holds the word, in any of the ways in which it may be."""
    shapes = [word.encode(), word.lower().encode()]
    shapes += [base64.b64encode(b" " * n + word.encode())[4:-4] for n in range(3)]
    found = []
    for path in sorted(home.rglob("*")):
        if not path.is_file() or path.is_relative_to(home / "days"):
            continue
        data = path.read_bytes()
        if path.suffix == ".gz":
            data += gzip.decompress(data)
        if any(shape in data for shape in shapes):
            found.append(str(path.relative_to(home)))
    return [*found, *_packed(home, word.encode()), *_indexed(home, word)]


def _packed(home: Path, word: bytes) -> Iterator[str]:
    """What SQLite keeps compressed."""
    for text in stored.packed_texts(home):
        if word in text:
            yield text.decode(errors="replace")[:200]


def _indexed(home: Path, word: str) -> list[str]:
    query = "select rowid from full_text where full_text match ?"
    return [f"text {row}" for (row,) in stored.rows(home, query, f'"{word}"')]


def rescan(commands: Commands, home: Path, *args: str, **more: int) -> Done:
    return commands.run(home, "redact", "--rescan", *args, **more)


def change_rules(home: Path, rules: str = RULES) -> None:
    with (home / "config.toml").open("a") as file:
        file.write(rules)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> Path:
    home = tmp_path_factory.mktemp("original") / "home"
    furnish(home, commands)
    change_rules(home)
    return home


@pytest.fixture
def home(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "home")


def test_nothing_of_what_new_rules_find_is_left_anywhere(
    home: Path, tmp_path: Path, commands: Commands
) -> None:
    kinds = {Path(name.partition(" ")[0]).suffix or name for name in holders(home)}
    assert {".jsonl", ".json", ".gz", ".db", ".tsv", ".backup-v3", ".1"} <= kinds
    ((blob,),) = stored.rows(home, "select body from events where name = 'Stop' limit 1")
    dry = rescan(commands, home, "--dry-run", "--json").json
    done = rescan(commands, home, "--json").json
    assert holders(home) == []
    assert blob not in (home / "journal.db").read_bytes()
    same = ("looked_at", "changed", "rules", "packs", "retry", "dead", "logs", "copies")
    assert {key: done[key] for key in same} == {key: dry[key] for key in same}
    # 12 events, 2 own facts, 2 dead letters; outputs hold it many times.
    assert (done["changed"], set(done["rules"])) == (16, {"user"})
    assert done["packs"] == len(list(home.glob("packs/*.gz"))) > 0
    assert (done["dead"], done["logs"], done["copies"]) == (3, 1, ["journal.db.backup-v3"])
    assert done["retry"] == len(heads(home)) - 1  # all but that of the harmless session
    check(home)
    again = tmp_path / "again"
    again.mkdir()
    for name in ("config.toml", "redaction.key"):
        shutil.copy(home / name, again / name)
    shutil.copytree(home / "days", again / "days")
    for path in home.glob("packs/*.gz"):
        day = again / "days" / path.name[:10]
        day.mkdir()
        (day / "claude-code.x.jsonl").write_bytes(gzip.decompress(path.read_bytes()))
    assert commands.run(again, "sync").code == 0
    assert facts_of(home) == facts_of(again)  # as if the rules had never been others
    assert PERSON in commands.run(home, "show", ONE).stdout


def test_a_rescan_again_finds_nothing_and_changes_nothing(home: Path, commands: Commands) -> None:
    first = rescan(commands, home)
    assert re.search(r"Checked \d+ records in .* s: [\d,]+ secrets in 16 of them", first.stdout)
    assert "\n  user  " in first.stdout
    assert max(map(len, first.stdout.splitlines())) <= 80
    before = {path: path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}
    again = rescan(commands, home)
    assert again.stdout.endswith(" s: nothing more to redact.\n")
    found = rescan(commands, home, "--json").json
    assert (found["changed"], found["rules"], found["retry"], found["dead"]) == (0, {}, 0, 0)
    own_files = ("-wal", "-shm", ".lock", "/pruned")
    changed = [str(p) for p, data in before.items() if p.exists() and p.read_bytes() != data]
    assert [name for name in changed if not name.endswith(own_files)] in (
        [],
        [f"{home}/journal.db"],
    )
    rules = stored.rows(home, "select * from redactions")
    assert [row[0] for row in rules] == [1]
    assert rules[0][1].startswith(f"{RULES_VERSION}-")


def test_a_dry_run_changes_nothing(home: Path, commands: Commands) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in _files(home)}
    done = rescan(commands, home, "--dry-run")
    assert "Nothing was changed." in done.stdout
    assert "Would remove old copies: journal.db.backup-v3." in done.stdout
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in _files(home)}
    assert before == after


def _files(home: Path) -> list[Path]:
    """SQLite's own files next to the database may come and go."""
    found = (path for path in home.rglob("*") if path.is_file())
    return [path for path in found if not path.name.endswith(("-wal", "-shm"))]


def test_a_kill_at_any_moment_is_made_good_by_the_next_rescan(
    original: Path, tmp_path: Path, commands: Commands
) -> None:
    reference = shutil.copytree(original, tmp_path / "reference")
    assert rescan(commands, reference).code == 0
    expected = facts_of(reference)
    killed = 0
    for dies_at in MOMENTS:
        home = shutil.copytree(original, tmp_path / str(dies_at))
        done = rescan(commands, home, dies_at=dies_at)
        assert done.code in (0, -signal.SIGKILL), done.stderr
        killed += done.code != 0
        done = rescan(commands, home)
        assert done.code == 0, done.stderr
        assert holders(home) == [], dies_at
        assert facts_of(home) == expected, dies_at
        check(home)
        shutil.rmtree(home)
    assert killed > 2


def test_frozen_views_keep_what_they_say_but_for_the_secret(
    tmp_path: Path, commands: Commands
) -> None:
    home = tmp_path / "home"
    text = f"use {WORD} for {PERSON}"
    write(home, ONE, turn(ONE, DAYS_AGO, text), DAYS_AGO)
    write(home, ONE, turn(ONE, 5_000, f"later {text}"))
    assert commands.run(home, "sync").code == 0
    stored.arrive_when_recorded(home)  # an age counts from the arrival
    home.joinpath("config.toml").write_text("[retention]\nevents_days = 5\n")
    assert commands.run(home, "prune").code == 0
    assert stored.rows(home, "select count(*) from events where body is null") == [(4,)]
    change_rules(home)
    before = stored.rows(home, "select rowid from full_text order by 1")
    assert rescan(commands, home).code == 0
    assert holders(home) == []
    assert stored.rows(home, "select rowid from full_text order by 1") == before
    ((title, state),) = stored.rows(home, "select title, state from session_states")
    assert re.fullmatch(rf"use \[redacted:user:[0-9a-f]{{8}}\] for {PERSON}", title)
    assert PERSON in states.fields(state)["first_prompt"]["text"]
    ((summary,),) = stored.rows(home, "select summary from summaries")
    assert "[redacted:user:" in summary
    ((seq,),) = stored.rows(home, "select seq from events where body is not null limit 1")
    query = "select rowid from full_text where full_text match 'later'"
    assert (seq * KINDS,) in stored.rows(home, query)
    assert rescan(commands, home, "--json").json["changed"] == 0


def test_packs_name_their_rules_and_events_have_theirs(home: Path, commands: Commands) -> None:
    (path, *_) = sorted(home.glob("packs/*.gz"))
    assert pack_file.rules_of(path) == f"{RULES_VERSION}"
    lines = gzip.decompress(path.read_bytes())
    old = stored.rows(home, "select count(*) from events")[0][0]
    write(home, NONE, line(NONE, "UserPromptSubmit", 1, prompt="by the new rules"))
    assert commands.run(home, "sync").code == 0
    status = commands.run(home, "status", "--json").json["redaction"]
    assert status["older_events"] == old
    said = commands.run(home, "status").stdout
    assert f"{old} events redacted by older rules (journal redact --rescan)" in said
    doctor = commands.run(home, "doctor", "--json").stdout.splitlines()
    (finding,) = [one for one in map(json.loads, doctor) if one["check"] == "redaction"]
    assert finding["status"] == "warning"
    assert finding["message"].startswith(f"{old} events and 1 pack redacted by older rules")
    assert finding["hint"] == "run: journal redact --rescan"
    assert rescan(commands, home).code == 0
    status = commands.run(home, "status", "--json").json["redaction"]
    assert status == {"rules": pack_file.rules_of(path), "older_events": 0}
    assert "redaction" not in commands.run(home, "status").stdout
    path.write_bytes(gzip.compress(lines.replace(WORD.encode(), b"word")))  # an old version's
    assert pack_file.rules_of(path) == pack_file.UNKNOWN
    assert rescan(commands, home).code == 0
    assert pack_file.rules_of(path) == status["rules"]
    pack_file.name_rules(path, "other")
    assert pack_file.rules_of(path) == "other"
    assert gzip.decompress(path.read_bytes()) == lines.replace(WORD.encode(), b"word")


def test_damaged_and_foreign_files_are_reported_and_stay(home: Path, commands: Commands) -> None:
    (path, *_) = sorted(home.glob("packs/*.gz"))
    path.write_bytes(path.read_bytes()[:-20])
    foreign = home / "retry" / f"{'1' * 17}-{'a' * 16}.json"
    foreign.write_text("{}")
    done = rescan(commands, home)
    assert done.code == 1
    assert f"{path} is damaged and was not changed" in done.stderr
    assert foreign.name in done.stderr
    path.unlink()
    assert holders(home) == []
    assert foreign.exists()


@pytest.mark.parametrize(
    ("args", "rules", "said"),
    [
        ((), "", "redact needs --rescan"),
        (("--rescan",), "[redact]\nenabled = false\n", "redaction is off"),
        (("--rescan", "--dry-run"), "[redact]\nenabled = false\n", "redaction is off"),
        (("--rescan",), '[redact]\npatterns = ["("]\n', "redact.patterns"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    tmp_path: Path, commands: Commands, args: tuple[str, ...], rules: str, said: str
) -> None:
    write(tmp_path, ONE, turn(ONE, 10, "text"))
    (tmp_path / "config.toml").write_text(rules)
    done = commands.run(tmp_path, "redact", *args)
    assert (done.code, done.stdout) == (2, "")
    assert said in done.stderr
    assert not (tmp_path / "journal.db").exists()


def test_while_another_process_sends_or_syncs_nothing_is_changed(
    home: Path, commands: Commands
) -> None:
    layout = Layout.at(home)
    before = holders(home)
    for lock in (layout.deliver_lock, layout.sync_lock):
        with locked(lock, lambda: False):
            done = rescan(commands, home, "--wait", "0")
            assert (done.code, done.stdout) == (75, "")
            assert "another sync is running" in done.stderr
            assert rescan(commands, home, "--dry-run").code == 0
    assert holders(home) == before
