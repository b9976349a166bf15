"""A folder as the remote: each piece is there once and whole, and nothing in a wrong place."""

import errno
import hashlib
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chance import examples
from journal.errors import JournalError
from journal.settings import sections
from journal.times import DAY_US
from places import ROOT
from sync.delivery import circuit_breaker
from sync.remote import folder_files, share
from sync.remote.contract import Heading, Material, Outcome, Piece, Remote, RemoteError, Then
from sync.remote.folder import Folder, is_remote_folder, pieces

NOW_US = 1_795_244_712_123_456


def a_piece(number: int = 1, body: bytes = b'{"v":1}\n', **more: Any) -> Piece:
    fields = {"agent": "claude-code", "session": "0190-ab", "host": "host-a", "title": "t", **more}
    digest = hashlib.sha256(body).hexdigest()
    return Piece(**fields, number=number, created_us=NOW_US, sha256=digest, body=body)


class Machine:
    """One user of a folder with what it remembers."""

    def __init__(self, path: Path, *, seconds: float = 10.0) -> None:
        self.path = path
        self.memory: dict[str, Any] = {}
        self.saved: list[dict[str, Any]] = []
        self.now_us = NOW_US
        self.settings = sections.Remote(kind="folder", path=str(path), timeout_seconds=seconds)

    def remember(self) -> None:
        self.saved.append(json.loads(json.dumps(self.memory)))

    @property
    def remote(self) -> Remote:
        return Folder(self.settings, self.memory, self.remember, lambda: self.now_us)

    def deliver(self, piece: Piece, seconds: float = 60.0) -> str:
        progress: dict[str, Any] = {}
        assert self.remote.deliver(piece, progress, lambda: None, seconds) is Outcome.STORED
        return str(progress["file"])

    def refused(self, piece: Piece, kind: str, then: Then, seconds: float = 60.0) -> RemoteError:
        with pytest.raises(RemoteError) as raised:
            self.remote.deliver(piece, {}, lambda: None, seconds)
        error = raised.value
        assert (error.kind, error.then) == (kind, then), error
        assert "\n" not in str(error)
        return error


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "nas").mkdir()
    return Machine(tmp_path / "nas")


def files(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()
    )


def test_a_piece_is_a_file_named_by_host_session_number_and_content(machine: Machine) -> None:
    piece = a_piece(7)
    place = machine.deliver(piece)
    assert place == f"host-a/claude-code.0190-ab.000007.{piece.sha256[:32]}.jsonl"
    assert (machine.path / place).read_bytes() == piece.body
    assert stat.S_IMODE((machine.path / place).stat().st_mode) == 0o600
    assert files(machine.path) == ["agent-journal.json", place]
    assert list(pieces(machine.path)) == [machine.path / place]


def test_a_piece_for_a_folder_is_its_records(machine: Machine) -> None:
    heading = Heading("claude-code", "s", "host-a", 1, "t", NOW_US, "p", None, None)
    lines = [b'{"a":1}\n', '{"b":"\u2028"}\n'.encode()]
    assert machine.remote.render(heading, Material(lines, ())) == b"".join(lines)


def test_name_and_limit_say_what_the_settings_say(machine: Machine) -> None:
    remote = machine.remote
    assert remote.name == f"folder {machine.path}"
    assert remote.max_bytes == 1_000_000
    machine.settings = machine.settings.model_copy(update={"max_source_bytes": 2**40})
    assert machine.remote.max_bytes == 64 << 20
    remote.close()


def test_delivering_twice_is_delivering_once(machine: Machine) -> None:
    place = machine.path / machine.deliver(a_piece())
    before = place.stat()
    machine.deliver(a_piece())
    after = place.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert len(files(machine.path)) == 2


def test_a_damaged_copy_is_replaced_by_the_piece(machine: Machine) -> None:
    piece = a_piece(body=b"0123456789\n" * 1000)
    place = machine.path / machine.deliver(piece)
    for damage in (b"", piece.body[:100], b"x" * len(piece.body)):
        place.write_bytes(damage)
        machine.deliver(piece)
        assert place.read_bytes() == piece.body
    assert len(files(machine.path)) == 2


def test_other_content_under_the_same_number_is_a_second_file(machine: Machine) -> None:
    machine.deliver(a_piece(body=b"1\n"))
    machine.deliver(a_piece(body=b"2\n"))
    assert [path.read_bytes() for path in pieces(machine.path)] in (
        [b"1\n", b"2\n"],
        [b"2\n", b"1\n"],
    )


def test_machines_share_a_folder_and_never_meet(tmp_path: Path) -> None:
    folder = tmp_path / "nas"
    folder.mkdir()
    one, two = Machine(folder), Machine(folder)
    for number in range(1, 6):
        one.deliver(a_piece(number, f"a{number}\n".encode(), session="unknown"))
        two.deliver(a_piece(number, f"b{number}\n".encode(), session="unknown", host="host-b"))
        two.deliver(a_piece(number, f"c{number}\n".encode(), session="unknown"))  # a clone of one
    found = list(pieces(folder))
    assert sorted(path.read_bytes().decode().strip() for path in found) == [
        f"{letter}{number}" for letter in "abc" for number in range(1, 6)
    ]
    assert one.memory["marker"] == two.memory["marker"]
    assert one.saved[0] == {"marker": one.memory["marker"]}
    assert sorted(entry.name for entry in folder.iterdir()) == [
        "agent-journal.json", "host-a", "host-b"
    ]  # fmt: skip


def test_pieces_come_in_order_and_foreign_things_are_passed_over(machine: Machine) -> None:
    numbers = [10, 2, 1, 1_000_000, 999_999]
    made = {number: machine.deliver(a_piece(number, b"%d" % number)) for number in numbers}
    other = machine.deliver(a_piece(1, host="another"))
    host = machine.path / "host-a"
    conflict = Path(made[1]).name.replace(".jsonl", " (conflicted copy).jsonl")
    for name in ("note.txt", conflict, ".agent-journal-x.part", "2026-11-21.jsonl"):
        (host / name).write_text("x")
    (machine.path / "loose.jsonl").write_text("x")
    (host / Path(made[1]).name.replace("000001", "000003")).mkdir()
    (machine.path / ".trash").mkdir()
    (machine.path / "loop").symlink_to(machine.path)
    wanted = [other, *(made[number] for number in sorted(numbers))]
    assert [path.relative_to(machine.path).as_posix() for path in pieces(machine.path)] == wanted


def test_pieces_of_a_folder_that_is_not_there_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot read"):
        list(pieces(tmp_path / "missing"))


def test_a_remote_folder_is_known_by_its_marker(machine: Machine, tmp_path: Path) -> None:
    assert not is_remote_folder(machine.path)
    machine.deliver(a_piece())
    assert is_remote_folder(machine.path)
    assert not is_remote_folder(machine.path / "agent-journal.json")
    assert not is_remote_folder(tmp_path / "missing")
    (machine.path / "agent-journal.json").write_text("{}")
    assert not is_remote_folder(machine.path)


def test_a_missing_folder_is_never_made(machine: Machine) -> None:
    machine.path.rmdir()
    error = machine.refused(a_piece(), "missing", Then.PAUSE)
    assert str(machine.path) in str(error)
    assert not machine.path.exists()
    assert machine.memory == {}
    machine.path.touch()
    machine.refused(a_piece(), "missing", Then.PAUSE)


def test_an_unmounted_folder_is_recognized_by_its_missing_marker(machine: Machine) -> None:
    machine.deliver(a_piece())
    mounted = machine.path.rename(machine.path.with_name("elsewhere"))
    machine.path.mkdir()
    error = machine.refused(a_piece(2), "unmounted", Then.PAUSE)
    assert str(machine.path) in str(error)
    assert list(machine.path.iterdir()) == []
    machine.path.rmdir()
    mounted.rename(machine.path)
    machine.deliver(a_piece(2, b"2\n"))
    assert len(list(pieces(machine.path))) == 2


def test_another_folder_in_its_place_is_recognized_by_the_markers_id(machine: Machine) -> None:
    machine.deliver(a_piece())
    machine.path.rename(machine.path.with_name("elsewhere"))
    machine.path.mkdir()
    Machine(machine.path).deliver(a_piece(host="host-b"))
    before = files(machine.path)
    error = machine.refused(a_piece(2), "unmounted", Then.PAUSE)
    assert "another folder" in str(error)
    assert files(machine.path) == before


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"v":1,"id":"../x"}', '{"v":2,"id":"0"}'])
def test_a_marker_that_is_not_ours_pauses_the_remote(machine: Machine, content: str) -> None:
    (machine.path / "agent-journal.json").write_text(content)
    machine.refused(a_piece(), "marker", Then.PAUSE)
    assert files(machine.path) == ["agent-journal.json"]
    assert (machine.path / "agent-journal.json").read_text() == content


def test_many_machines_at_once_agree_on_one_marker(tmp_path: Path) -> None:
    folder = tmp_path / "nas"
    folder.mkdir()
    start, ids = threading.Barrier(8), []

    def first_use(number: int) -> None:
        start.wait()
        folder_files.make_marker(folder, f"{number:032x}", NOW_US)
        ids.append(folder_files.marker_id(folder))

    threads = [threading.Thread(target=first_use, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1
    assert files(folder) == ["agent-journal.json"]


def test_a_marker_that_was_made_and_not_remembered_is_adopted(machine: Machine) -> None:
    machine.deliver(a_piece())
    marker = machine.memory["marker"]
    machine.memory.clear()
    machine.deliver(a_piece(2, b"2\n"))
    assert machine.memory["marker"] == marker


TEXTS = st.text(st.characters() | st.sampled_from("aA./\\:*\0 \n"), max_size=300)


@settings(max_examples=examples(300), deadline=None)
@given(TEXTS, TEXTS, TEXTS, st.integers(1, 10**12))
@example("", "\ud800", "\ud800\udcff", 1)
@example("COM1", "nul", "aux.b", 1)
def test_names_are_safe_on_every_file_system(
    agent: str, session: str, host: str, number: int
) -> None:
    piece = a_piece(number, agent=agent, session=session, host=host)
    for name in (folder_files.piece_name(piece), folder_files.host_name(host)):
        assert len(name.encode()) < 200
        assert name == name.lower()
        assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789.-_")
        assert name[0] not in ".-"
        assert name[-1] not in ".-"
        assert name.partition(".")[0] not in {"con", "prn", "aux", "nul", "com1", "lpt9"}
    assert folder_files.host_name(host) != folder_files.MARKER


def test_hosts_that_look_alike_have_directories_of_their_own() -> None:
    hosts = ["mac", "Mac", "mac.", "m/ac", "m:ac", "con", "con.x", "CON", "", ".", "..", "x" * 70]
    hosts += ["x" * 71, "agent-journal.json", "mac.local", "Ärger", "ärger"]
    names = [folder_files.host_name(host) for host in hosts]
    assert len(set(names)) == len(hosts)
    assert names[0] == "mac"
    assert folder_files.host_name("mac.local") == "mac.local"
    piece = a_piece(agent="CON")
    assert folder_files.piece_name(piece).startswith("con_.")


@pytest.mark.parametrize(
    ("number", "kind", "then"),
    [
        (errno.ENOSPC, "full", Then.RETRY),
        (errno.EDQUOT, "full", Then.RETRY),
        (errno.EROFS, "read_only", Then.PAUSE),
        (errno.EACCES, "denied", Then.PAUSE),
        (errno.EPERM, "denied", Then.PAUSE),
        (errno.ENOENT, "missing", Then.PAUSE),
        (errno.EFBIG, "too_large", Then.SPLIT),
        (errno.EIO, "io", Then.RETRY),
        (errno.ESTALE, "io", Then.RETRY),
        (errno.ENOTCONN, "io", Then.RETRY),
    ],
)
def test_every_error_of_a_file_system_has_a_class(number: int, kind: str, then: Then) -> None:
    error = OSError(number, os.strerror(number), "/mnt/nas/with\nnewline")
    found = share.classified(Path("/mnt/nas"), error)
    assert (found.kind, found.then) == (kind, then)
    why = " (/mnt is " if kind == "denied" else ""  # the first place on the way up that is there
    assert str(found).startswith(f"/mnt/nas/with newline: {os.strerror(number)}{why}")


@pytest.fixture
def disk(disks: Callable[[str], Path]) -> Path:
    return disks("size=1m")


def test_a_full_disk_is_tried_again_and_left_clean(disk: Path) -> None:
    machine, large = Machine(disk), a_piece(2, b"x" * 900_000)
    machine.deliver(a_piece())
    (disk / "filler").write_bytes(b"x" * 500_000)
    before = files(disk)
    machine.refused(large, "full", Then.RETRY)
    assert files(disk) == before
    (disk / "filler").unlink()
    machine.deliver(large)
    assert len(list(pieces(disk))) == 2


def test_a_read_only_disk_pauses_the_remote(disk: Path) -> None:
    machine = Machine(disk)
    machine.deliver(a_piece())
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    machine.refused(a_piece(2, b"2\n"), "read_only", Then.PAUSE)
    machine.deliver(a_piece())
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    machine.deliver(a_piece(2, b"2\n"))


def test_a_disk_that_is_really_unmounted_is_not_written_below(disk: Path) -> None:
    machine = Machine(disk)
    machine.deliver(a_piece())
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=True)
    machine.refused(a_piece(2), "unmounted", Then.PAUSE)
    assert list(disk.iterdir()) == []
    subprocess.run(["umount", str(disk)], check=True)
    machine.deliver(a_piece(2, b"2\n"))


WITHOUT_RIGHTS = """
import os, sys
from pathlib import Path
from tests.sync.remote.test_folder_remote import Machine, a_piece
from sync.remote.contract import RemoteError
if os.getuid() == 0:
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
machine = Machine(Path(sys.argv[1]))
try:
    machine.remote.deliver(a_piece(), {}, lambda: None, 60)
except RemoteError as error:
    print(error.kind, error.then)
"""


def test_missing_rights_pause_the_remote(tmp_path: Path) -> None:
    folder = tmp_path / "nas"
    folder.mkdir()
    folder.chmod(0o555)
    opened = [path for path in folder.parents if path.stat().st_mode & 0o005 != 0o005]
    modes = {path: path.stat().st_mode for path in opened}
    command = [sys.executable, "-c", WITHOUT_RIGHTS, str(folder)]
    try:
        for path in opened:
            path.chmod(modes[path] | 0o005)
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    finally:
        for path in opened:
            path.chmod(modes[path])
    assert done.stdout == "denied pause\n", done.stderr
    assert list(folder.iterdir()) == []


def test_a_foreign_file_under_the_name_of_a_piece_is_reported(machine: Machine) -> None:
    machine.deliver(a_piece())
    (machine.path / "host-b").write_text("no directory")
    machine.refused(a_piece(host="host-b"), "in_the_way", Then.PAUSE)
    place = machine.path / "host-a" / folder_files.piece_name(a_piece(2))
    place.mkdir()
    machine.refused(a_piece(2), "in_the_way", Then.PAUSE)


def test_a_folder_that_hangs_costs_its_time_and_one_thread(machine: Machine) -> None:
    machine.deliver(a_piece())
    slow = Machine(machine.path, seconds=0.3)
    slow.memory = machine.memory
    marker = machine.path / "agent-journal.json"
    content = marker.read_bytes()
    marker.unlink()
    os.mkfifo(marker)  # a process that opens it for reading blocks in the kernel
    began, threads = time.monotonic(), threading.active_count()
    error = slow.refused(a_piece(2, b"2\n"), "timeout", Then.RETRY)
    assert 0.3 <= time.monotonic() - began < 30
    assert error.counts
    assert not error.ambiguous  # it was not yet sent
    began = time.monotonic()
    for _ in range(20):
        slow.refused(a_piece(2, b"2\n"), "timeout", Then.RETRY)
    assert time.monotonic() - began < 30
    assert threading.active_count() == threads + 1
    with marker.open("wb") as pipe:
        pipe.write(content)
    while threading.active_count() > threads:
        time.sleep(0.01)
    marker.unlink()
    marker.write_bytes(content)
    slow.deliver(a_piece(2, b"2\n"))


def test_a_write_that_hangs_is_ambiguous(machine: Machine) -> None:
    machine.deliver(a_piece())
    slow = Machine(machine.path, seconds=0.3)
    slow.memory = machine.memory
    piece = a_piece(2, b"2\n")
    place = machine.path / "host-a" / folder_files.piece_name(piece)
    os.mkfifo(place)
    assert slow.refused(piece, "timeout", Then.RETRY).ambiguous
    place.open("wb").close()
    while any(thread.name == "folder" for thread in threading.enumerate()):
        time.sleep(0.01)
    assert place.read_bytes() == b"2\n"
    slow.deliver(piece)


def test_an_unmounting_during_a_write_is_noticed(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.deliver(a_piece())
    real = folder_files.put_all

    def put_all(*args: Any) -> None:
        real(*args)
        (machine.path / "agent-journal.json").unlink()

    monkeypatch.setattr(folder_files, "put_all", put_all)
    assert machine.refused(a_piece(2, b"2\n"), "unmounted", Then.PAUSE).ambiguous


def test_a_process_ends_although_a_folder_hangs(machine: Machine) -> None:
    machine.deliver(a_piece())
    (machine.path / "agent-journal.json").unlink()
    os.mkfifo(machine.path / "agent-journal.json")
    code = """
import sys
from pathlib import Path
from tests.sync.remote.test_folder_remote import Machine, Then, a_piece
Machine(Path(sys.argv[1]), seconds=0.2).refused(a_piece(), "timeout", Then.RETRY)
"""
    command = [sys.executable, "-c", code, str(machine.path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=20)
    assert done.returncode == 0, done.stderr


def test_too_little_time_is_not_the_folders_fault(machine: Machine) -> None:
    for seconds in (0.0, -1.0, 0.5):
        error = machine.refused(a_piece(), "out_of_time", Then.RETRY, seconds)
        assert not error.counts
    assert list(machine.path.iterdir()) == []


def test_leftovers_of_killed_writers_go_after_a_day(machine: Machine) -> None:
    machine.deliver(a_piece())
    host = machine.path / "host-a"
    old, new, foreign = (host / f".agent-journal-{name}" for name in ("a.part", "b.part", "c.txt"))
    root = machine.path / ".agent-journal-d.part"
    for path, age_us in ((old, 2), (new, 0.5), (foreign, 2), (root, 2)):
        path.touch()
        os.utime(path, ((NOW_US + (1 - age_us) * DAY_US) / 10**6,) * 2)
    machine.deliver(a_piece(2, b"2\n"))
    assert old.exists()  # looked for once a day
    machine.now_us += DAY_US
    machine.deliver(a_piece(3, b"3\n"))
    assert [path.exists() for path in (old, new, foreign, root)] == [False, True, True, False]
    assert machine.saved[-1]["swept_us"] == machine.now_us


def bodies(seed: int) -> list[Piece]:
    """So many pieces of several sessions, of all sizes."""
    chance, made = random.Random(seed), []
    for number in range(1, 41):
        body = f"{number}\n".encode() * chance.randrange(1, 20_000)
        made.append(a_piece(number, body, session=f"s{number % 3}"))
    return made


def work(folder: Path, home: Path, reported: int, chance: random.Random) -> None:
    """Deliver all pieces in any order, again and again."""
    path, made = home / "remote.json", bodies(1)
    remotes = circuit_breaker.load(path)
    chosen = sections.Remote(kind="folder", path=str(folder))
    memory = remotes.memory("folder")
    remote = Folder(chosen, memory, lambda: circuit_breaker.save(path, remotes), lambda: NOW_US)
    for _ in range(10):
        for piece in chance.sample(made, len(made)):
            remote.deliver(piece, {}, lambda: None, 60)
            os.write(reported, f"{piece.number}\n".encode())


def storm(scratch: Path, kills: int, seed: int) -> None:
    """Kill workers at random moments; what has a piece's name is whole, what was said is there."""
    chance, folder = random.Random(seed), scratch / "nas"
    wanted = {folder_files.piece_name(piece): piece for piece in bodies(1)}
    reported = os.open(scratch / "told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    longest_seconds = 0.03
    for kill in range(kills):
        pid = os.fork()
        if pid == 0:
            work(folder, scratch / "home", reported, random.Random(seed + kill))
            os._exit(0)
        time.sleep(chance.uniform(0.002, longest_seconds))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        there = {path.name: path.read_bytes() for path in pieces(folder)}
        assert all(wanted[name].body == body for name, body in there.items())
        numbers = {wanted[name].number for name in there}
        said = {int(line) for line in (scratch / "told").read_text().split()}
        assert said <= numbers, said - numbers
        if not said:  # a busy machine: let the next one come further
            longest_seconds = min(1.0, longest_seconds * 1.3)
        if kill % 10 == 9:
            for path in pieces(folder):
                path.unlink()
            os.ftruncate(reported, 0)
        print(len(said))


def test_pieces_are_readable_for_a_group_that_shares_the_folder(machine: Machine) -> None:
    for mode, file, folder in ((0o2770, 0o660, 0o770), (0o2750, 0o600, 0o700)):
        machine.path.chmod(mode)
        place = machine.path / machine.deliver(a_piece(mode & 0o77))
        assert stat.S_IMODE(place.stat().st_mode) == file
        assert stat.S_IMODE(place.parent.stat().st_mode) & 0o777 == folder
        shutil.rmtree(place.parent)


def test_a_writer_killed_at_any_moment_leaves_whole_pieces_once(machine: Machine) -> None:
    scratch = machine.path.parent
    code = "from tests.sync.remote.test_folder_remote import *; storm(Path(sys.argv[1]), 40, 1)"
    command = [sys.executable, "-c", code, str(scratch)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert max(map(int, done.stdout.split())) > 0
    machine.now_us = int(time.time() * 10**6) + 2 * DAY_US
    for piece in bodies(1):
        machine.deliver(piece)
    found = sorted(path.read_bytes() for path in pieces(machine.path))
    assert found == sorted(piece.body for piece in bodies(1))
    assert len(files(machine.path)) == 1 + len(found)  # no leftover either


def test_a_piece_is_sent_from_itself_alone(machine: Machine) -> None:
    piece = a_piece()
    assert machine.deliver(piece) == machine.deliver(replace(piece, title="other", created_us=1))


def test_a_batch_that_stops_half_way_is_gone_on_with(machine: Machine) -> None:
    batch: list[tuple[Piece, dict[str, Any]]] = [
        (a_piece(number=number, body=f"{number}\n".encode() * 9), {}) for number in range(1, 46)
    ]
    in_the_way = machine.path / machine.deliver(batch[-1][0])
    in_the_way.unlink()
    in_the_way.mkdir()
    with pytest.raises(RemoteError) as raised:
        machine.remote.deliver_many(batch, 60)  # type: ignore[attr-defined]
    assert raised.value.kind == "in_the_way"
    there = {path: path.stat().st_mtime_ns for path in machine.path.rglob("*.jsonl")
             if path.is_file()}  # fmt: skip
    assert len(there) == 40
    in_the_way.rmdir()
    machine.remote.deliver_many(batch, 60)  # type: ignore[attr-defined]
    assert {path: path.stat().st_mtime_ns for path in there} == there  # not written again
    assert len({progress["file"] for _, progress in batch}) == 45
    assert not list(machine.path.rglob(".agent-journal-*"))
