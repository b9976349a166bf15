"""Retry files: whole or not there whenever their writer is killed, replayable from themselves."""

import errno
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chance import examples
from journal.errors import JournalError
from journal.settings import sections
from journal.times import DAY_US, SECOND_US, to_text
from places import ROOT
from sync.delivery import begun, dead_pieces, retry_format, retry_queue, retry_schedule
from sync.delivery.retry_format import BadPieceError, LastError, Waiting
from sync.delivery.retry_queue import ForeignRetryError, GoneError
from sync.remote.contract import Piece

NOW_US = 1_795_244_712_123_456
BODY = '{"v":1,"text":"Grüße\\n\u2028"}\n{"v":1}\n'.encode()
TARGET = "folder /mnt/nas"


def a_piece(number: int = 1, body: bytes = BODY, **more: Any) -> Waiting:
    """A piece as it is before its first attempt."""
    digest = hashlib.sha256(body).hexdigest()
    created_us = more.pop("created_us", NOW_US + number)
    fields = {"agent": "claude-code", "session": "s-1", "host": "host-a", "title": "A title"}
    piece = Piece(
        **{**fields, **more}, number=number, created_us=created_us, sha256=digest, body=body
    )
    return Waiting.of(piece, TARGET, (f"{number:032x}", "f" * 32))


def tried(piece: Waiting, **more: Any) -> Waiting:
    return replace(piece, head=replace(piece.head, **more))


def test_a_piece_is_read_as_it_was_written(tmp_path: Path) -> None:
    piece = a_piece()
    path = retry_queue.write_new(tmp_path / "retry", piece)
    assert path.name == piece.head.name
    assert retry_queue.read(path) == piece
    assert retry_queue.read_head(path) == piece.head
    assert piece.piece.body == BODY
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_the_file_is_the_json_of_the_public_interface(tmp_path: Path) -> None:
    piece = tried(a_piece(), attempts=2, last_error=LastError("timeout", "no answer in 10 s"))
    fields = json.loads(retry_queue.write_new(tmp_path, piece).read_bytes())
    keys = ["v", "created_at", "attempts", "next_at", "wait_seconds", "last_error", "session"]
    assert list(fields) == [*keys, "piece", "sha256", "target", "progress", "events", "body"]
    assert fields["last_error"] == {"class": "timeout", "message": "no answer in 10 s"}
    assert fields["created_at"] == fields["next_at"] == to_text(NOW_US + 1)
    assert fields["target"] == {"remote": TARGET}
    assert fields["body"].encode() == BODY
    assert fields["piece"]["bytes"] == len(BODY)


def test_a_body_that_is_not_utf8_is_kept_byte_for_byte(tmp_path: Path) -> None:
    piece = a_piece(body=b"\x1f\x8b\x00\xff\n")
    path = retry_queue.write_new(tmp_path, piece)
    assert retry_queue.read(path) == piece
    assert "body" not in json.loads(path.read_bytes())


def test_a_head_is_read_without_its_body(tmp_path: Path) -> None:
    piece = a_piece(body=b'"\\' * 2_000_000)
    path = retry_queue.write_new(tmp_path, piece)
    data = bytearray(path.read_bytes())
    data[-100:] = b"x" * 100  # a listing does not read that far
    path.write_bytes(data)
    assert retry_queue.read_head(path) == piece.head
    with pytest.raises(ForeignRetryError):
        retry_queue.read(path)
    with pytest.raises(ForeignRetryError):
        retry_queue.read_for(path, TARGET)


def test_a_head_longer_than_one_look_is_read(tmp_path: Path) -> None:
    piece = tried(a_piece(), events=tuple(f"{number:032x}" for number in range(20_000)))
    path = retry_queue.write_new(tmp_path, piece)
    assert path.read_bytes().index(b"\n") > 8 * 65536
    assert retry_queue.read_head(path) == piece.head


def test_a_file_reformatted_is_still_a_piece(tmp_path: Path) -> None:
    piece = a_piece()
    path = retry_queue.write_new(tmp_path, piece)
    for indent in (None, 2):
        path.write_text(json.dumps(json.loads(path.read_bytes()), indent=indent))
        assert retry_queue.read(path) == piece
        assert retry_queue.read_head(path) == piece.head


def test_an_update_keeps_name_and_body_and_says_when(tmp_path: Path) -> None:
    piece = a_piece()
    path = retry_queue.write_new(tmp_path, piece)
    error = LastError("io", "half a pair \ud800")
    after = tried(
        piece, attempts=3, next_us=NOW_US + 99, last_error=error, progress={"upload_id": "u"}
    )
    retry_queue.update(path, after)
    found = retry_queue.read(path)
    assert found.head.last_error == LastError("io", "half a pair \\ud800")
    assert found == tried(after, last_error=found.head.last_error)
    assert retry_schedule.schedule(tmp_path) == [retry_schedule.Listed(path.name, NOW_US + 99)]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_piece_that_was_removed_meanwhile_does_not_come_back(tmp_path: Path) -> None:
    piece = a_piece()
    path = retry_queue.write_new(tmp_path, piece)
    retry_queue.remove(path, tmp_path / "dead")
    for use in (lambda: retry_queue.update(path, piece), lambda: retry_queue.read(path)):
        with pytest.raises(GoneError):
            use()
    with pytest.raises(GoneError):
        retry_queue.read_head(path)
    retry_queue.remove(path, tmp_path / "dead")
    assert list(tmp_path.iterdir()) == []


def test_the_attempts_of_a_batch_that_was_killed_are_counted(tmp_path: Path) -> None:
    paths = [retry_queue.write_new(tmp_path, a_piece(number)) for number in (1, 2, 3)]
    paths[1].write_bytes(b"torn")
    begun.note(tmp_path, [*(path.name for path in paths[:2]), "gone.json"])
    for _ in range(2):
        begun.count(tmp_path)
        assert [retry_queue.read_head(paths[n]).attempts for n in (0, 2)] == [1, 0]
    assert sorted(tmp_path.iterdir()) == paths


def test_a_piece_is_read_for_its_remote_alone(tmp_path: Path) -> None:
    path = retry_queue.write_new(tmp_path, a_piece())
    assert retry_queue.read_for(path, TARGET) == a_piece()
    assert retry_queue.read_for(path, "another") is None
    path.write_text(json.dumps(json.loads(path.read_bytes()), indent=1))  # as a person may do
    assert retry_queue.read_for(path, TARGET) == a_piece()
    assert retry_queue.read_for(path, "another") is None


def test_writing_a_piece_again_keeps_what_its_file_knows(tmp_path: Path) -> None:
    piece = a_piece()
    path = retry_queue.write_new(tmp_path, piece)
    known = tried(piece, attempts=2, progress={"upload_id": "u"})
    retry_queue.update(path, known)
    assert retry_queue.write_new(tmp_path, piece) == path
    assert retry_queue.read(path) == known
    path.write_bytes(path.read_bytes()[:-9])
    assert retry_queue.write_new(tmp_path, piece) == path
    assert retry_queue.read(path) == piece


def test_names_differ_with_everything_that_makes_a_piece_another() -> None:
    one = a_piece()
    others = [
        a_piece(session="s-2"), a_piece(agent="codex"), a_piece(host="host-b"),
        a_piece(2, created_us=NOW_US + 1), a_piece(body=b"other"), tried(one, target="else"),
    ]  # fmt: skip
    names = {piece.head.name for piece in [one, *others]}
    assert len(names) == 1 + len(others)
    assert tried(one, attempts=7, next_us=5, progress={"a": 1}).head.name == one.head.name


def test_a_listing_is_by_age_and_passes_foreign_things_over(tmp_path: Path) -> None:
    made = [retry_queue.write_new(tmp_path, a_piece(number)).name for number in (300, 1, 20)]
    (tmp_path / "note.json").write_text("{}")
    (tmp_path / f".{made[0]}.abc").write_text("half")
    (tmp_path / made[0].replace("17", "18")).mkdir()
    os.mkfifo(tmp_path / f"{1:017d}-{0:016x}.json")
    (tmp_path / f"{2:017d}-{0:016x}.json").symlink_to(made[0])
    assert retry_queue.list_names(tmp_path) == [made[1], made[2], made[0]]
    assert [listed.name for listed in retry_schedule.schedule(tmp_path)] == [
        made[1],
        made[2],
        made[0],
    ]
    assert retry_queue.list_names(tmp_path / "missing") == []
    with pytest.raises(JournalError, match="cannot read"):
        retry_queue.list_names(tmp_path / "note.json")


def foreign_files(path: Path) -> dict[str, bytes]:
    """Bytes that are not a piece, each with a word of the message."""
    data = path.read_bytes()
    fields = json.loads(data)

    def changed(**more: object) -> bytes:
        return json.dumps({**fields, **more}).encode()

    return {
        "empty": b"",
        "not JSON": data[: len(data) // 2],
        "not a retry file": b"[]",
        "unknown version 2": changed(v=2),
        "unknown version True": changed(v=True),
        "unknown version a": changed(v="a\nb\x1b"),
        "attempts": changed(attempts="1"),
        "events": changed(events=[1]),
        "created_at": changed(created_at="yesterday"),
        "before 1970": changed(next_at="1960-01-01T00:00:00Z"),
        "the body does not match its hash": changed(body="x"),
        "body": changed(body=None, body_base64=None),
        "piece": changed(piece=None),
        "its name should be": changed(session="s-2"),
    }


def test_a_foreign_file_is_reported_in_one_line_and_left_alone(tmp_path: Path) -> None:
    path = retry_queue.write_new(tmp_path, a_piece())
    for reason, data in foreign_files(path).items():
        path.write_bytes(data)
        with pytest.raises(ForeignRetryError, match=reason) as raised:
            retry_queue.read(path)
        assert "\n" not in str(raised.value)
        assert raised.value.hint
        assert path.read_bytes() == data


def test_a_file_that_cannot_be_opened_is_reported(tmp_path: Path) -> None:
    pipe, loop = tmp_path / "pipe", tmp_path / "loop"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    for path in (pipe, loop, tmp_path):
        with pytest.raises(ForeignRetryError):
            retry_queue.read(path)
        with pytest.raises(ForeignRetryError):
            retry_queue.read_head(path)


def test_a_huge_file_is_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / a_piece().head.name
    with path.open("wb") as file:
        file.truncate(retry_format.MAX_BYTES * 100)
    began = time.monotonic()
    with pytest.raises(ForeignRetryError, match="longer than"):
        retry_queue.content(path, 1000)
    assert time.monotonic() - began < 30


WHOLE = retry_format.dump(a_piece(body=b"body"))


def loaded(data: bytes) -> Waiting | str:
    """The piece, or the one line that says why there is none."""
    try:
        return retry_format.load(data)
    except BadPieceError as error:
        return str(error) if "\n" not in str(error) else pytest.fail(str(error))


@settings(max_examples=examples(300), deadline=None)
@given(st.binary(max_size=300))
@example(WHOLE)
@example(WHOLE[:-1])
@example(WHOLE.replace(b'"attempts":0', b'"attempts":9223372036854775807'))
@example(WHOLE.replace(b'"attempts":0', b'"attempts":99999999999999999999'))
@example(b'{"v":1,"created_at":"\xff"}')
@example(b"[" * 300)
def test_any_bytes_are_a_piece_or_foreign(data: bytes) -> None:
    found = loaded(data)
    assert isinstance(found, str) or retry_format.load(retry_format.dump(found)) == found


@settings(max_examples=examples(300), deadline=None)
@given(st.data())
def test_a_damaged_file_is_a_piece_or_foreign(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(WHOLE)))
    end = data.draw(st.integers(start, min(len(WHOLE), start + 40)))
    damaged = WHOLE[:start] + data.draw(st.binary(max_size=8)) + WHOLE[end:]
    found = loaded(damaged)
    assert isinstance(found, str) or found.body == b"body"


TEXTS = st.text(max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=examples(200), deadline=None)
@given(TEXTS, TEXTS, st.dictionaries(TEXTS | st.just("body"), JSON, max_size=4), st.binary())
def test_every_piece_comes_back_whole(
    session: str, title: str, progress: dict[str, Any], body: bytes
) -> None:
    piece = tried(a_piece(body=body, session=session, title=title), progress=progress)
    data = retry_format.dump(piece)
    assert retry_format.load(data) == piece
    assert data.count(b"\n") == 2
    first_line = data.partition(b"\n")[0]
    assert retry_format.load_head(first_line[:-1] + b"}") == piece.head
    line = retry_format.dump_line(piece, {"reason": "why"})
    assert line.count(b"\n") == 1
    assert retry_format.load(line) == piece


def test_full_jitter_stays_within_its_bounds_and_fills_them() -> None:
    chance = random.Random(5)
    settings_ = sections.Retry(first_seconds=1, max_seconds=600)
    for attempts in (1, 2, 5, 10, 11, 50, 2**31):
        longest = min(600, 2.0 ** (attempts - 1)) if attempts < 100 else 600
        waits = [
            retry_schedule.pause_us(attempts, settings_, chance) / SECOND_US for _ in range(2000)
        ]
        assert 0 <= min(waits) < 0.05 * longest
        assert 0.95 * longest < max(waits) <= longest + 1e-6
        assert 0.45 * longest < sum(waits) / len(waits) < 0.55 * longest


def test_a_wait_is_never_below_the_remotes_wish_nor_above_a_day() -> None:
    chance = random.Random(5)
    for wish in (0.0, 0.5, 7.3333337, 900.0):
        for attempts in (0, 1, 12):
            assert (
                retry_schedule.pause_us(attempts, sections.Retry(), chance, wish)
                >= wish * SECOND_US
            )
    assert retry_schedule.pause_us(1, sections.Retry(), chance, 1e12) == DAY_US


def test_a_due_piece_is_due_also_after_the_clock_was_set_back() -> None:
    assert retry_schedule.is_due(NOW_US, NOW_US)
    assert not retry_schedule.is_due(NOW_US + 1, NOW_US)
    assert not retry_schedule.is_due(NOW_US + DAY_US, NOW_US)
    assert retry_schedule.is_due(NOW_US + DAY_US + 1, NOW_US)


def test_a_piece_that_is_given_up_is_one_line_and_can_be_put_back(tmp_path: Path) -> None:
    folder, dead = tmp_path / "retry", tmp_path / "dead"
    piece = tried(a_piece(), attempts=9, progress={"upload_id": "u"}, next_us=NOW_US + 50)
    path = retry_queue.write_new(folder, piece)
    (buried,) = [dead_pieces.bury(path, dead, piece, "HTTP 400\ud800", NOW_US)]
    assert retry_queue.list_names(folder) == []
    assert dead_pieces.list_paths(dead) == [buried]
    assert buried.read_bytes().count(b"\n") == 1
    assert json.loads(buried.read_bytes())["reason"] == "HTTP 400\\ud800"
    assert dead_pieces.read(buried) == dead_pieces.DeadPiece(piece, "HTTP 400\\ud800")
    assert dead_pieces.put_back(buried, folder, NOW_US + 7) == path
    assert retry_queue.read(path) == tried(piece, attempts=0, next_us=NOW_US + 7)
    assert dead_pieces.list_paths(dead) == []


def test_a_putting_back_that_was_killed_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    folder, dead = tmp_path / "retry", tmp_path / "dead"
    path = retry_queue.write_new(folder, a_piece())
    buried = dead_pieces.bury(path, dead, a_piece(), "why", NOW_US)
    line = buried.read_bytes()
    dead_pieces.put_back(buried, folder, NOW_US)
    buried.write_bytes(line)
    retry_queue.remove(path, dead)
    assert retry_queue.list_names(folder) == []
    assert dead_pieces.list_paths(dead) == []


def test_dead_things_of_others_are_not_pieces(tmp_path: Path) -> None:
    for name in ("2026-11-21.jsonl", "binds.jsonl", "piece-1.jsonl"):
        (tmp_path / name).write_text("{}\n")
    bad = tmp_path / f"piece-{1:017d}-{0:016x}.jsonl"
    bad.write_text('{"v":2}\n')
    assert dead_pieces.list_paths(tmp_path) == [bad]
    with pytest.raises(ForeignRetryError, match="version 2"):
        dead_pieces.put_back(bad, tmp_path / "retry", NOW_US)
    assert bad.exists()


def test_a_disk_that_cannot_be_written_is_reported_and_leaves_the_old_file(tmp_path: Path) -> None:
    piece = a_piece(body=b"x" * 200_000)
    path = retry_queue.write_new(tmp_path, piece)
    code = """
import resource, sys
from dataclasses import replace
from pathlib import Path
from journal.errors import JournalError
from sync.delivery import retry_queue
path = Path(sys.argv[1])
piece = retry_queue.read(path)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    retry_queue.update(path, replace(piece, head=replace(piece.head, attempts=1)))
except JournalError as error:
    print(error)
"""
    root = ROOT
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root)
    assert os.strerror(errno.EFBIG) in done.stdout, done.stderr
    assert retry_queue.read(path) == piece
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def work(folder: Path, reported: int, chance: random.Random, first: int) -> None:
    """Pieces come, are tried, go, are given up and put back, until the process is killed."""
    retries, dead = folder / "retry", folder / "dead"
    held: list[tuple[Path, Waiting]] = []
    for number in range(first, first + 10_000):
        body = f"{number} ".encode() * chance.randrange(1, 3000)
        piece = a_piece(number, body)
        held.append((retry_queue.write_new(retries, piece), piece))
        os.write(reported, f"w {number}\n".encode())
        path, piece = held[chance.randrange(len(held))]
        progress = {"upload_id": str(number)}
        retry_queue.update(path, tried(piece, attempts=piece.head.attempts + 1, progress=progress))
        if chance.random() < 0.3:
            buried = dead_pieces.bury(path, dead, piece, "why", NOW_US)
            dead_pieces.put_back(buried, retries, NOW_US)
        if chance.random() < 0.5:
            path, piece = held.pop(chance.randrange(len(held)))
            os.write(reported, f"r {piece.head.number}\n".encode())
            retry_queue.remove(path, dead)


def check(folder: Path) -> None:
    """All that lies there is whole, and all that was written and not removed lies there."""
    retries, dead = folder / "retry", folder / "dead"
    alive = [
        retry_queue.read(retries / name).head.number for name in retry_queue.list_names(retries)
    ]
    given_up = [dead_pieces.read(path).piece.head.number for path in dead_pieces.list_paths(dead)]
    there = {*alive, *given_up}
    reported = (folder / "told").read_text().split("\n")
    assert len(alive) == len(set(alive))
    written = {int(line[2:]) for line in reported if line.startswith("w ")}
    removed = {int(line[2:]) for line in reported if line.startswith("r ")}
    assert written - removed <= there, written - removed - there


def storm(folder: Path, kills: int, seed: int) -> None:
    """Kill workers at random moments, and look after each."""
    chance = random.Random(seed)
    reported = os.open(folder / "told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    longest_seconds = 0.02
    for kill in range(kills):
        pid = os.fork()
        if pid == 0:
            work(folder, reported, random.Random(seed + kill), kill * 10_000 + 1)
            os._exit(1)
        time.sleep(chance.uniform(0.0, longest_seconds))
        os.kill(pid, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
        check(folder)
        if not (folder / "told").stat().st_size:  # a busy machine: let the next one come further
            longest_seconds = min(1.0, longest_seconds * 1.3)
    print(len((folder / "told").read_text().split()))


def test_a_writer_killed_at_any_moment_loses_no_piece(tmp_path: Path) -> None:
    code = "from tests.sync.delivery.test_retry_files import *; storm(Path(sys.argv[1]), 40, 1)"
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0
