"""The installed hooks as real processes under hostile conditions: input, streams, crowds, kills.

In every case: exit 0, no output, and afterwards everything that was delivered whole is stored
exactly once, and the rest is kept raw or lies in `dead/` with its reason.
"""

import base64
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

import firing
import stored
from chance import THOROUGH
from installed import Installed
from journal.layout import Layout
from journal.record.record import load_body, parse
from sync.ingest.dead_letters import entries

EVENTS = ("PostToolUse", "SessionStart")
# A start of a session also syncs; its record is written by the same code.
SOME = EVENTS if THOROUGH else EVENTS[:1]
SESSION = "5b0c9c7e-1111-4222-8333-444455556666"
MINE = {"CLAUDE_CODE_SESSION_ID": SESSION}


class Hostile:
    """Installed hooks, fired at will, and what the journal makes of it afterwards."""

    def __init__(self, installed: Installed) -> None:
        self.home = installed.home
        self.folder = installed.folder
        self.settings = installed.settings
        self.env = firing.environment(installed.folder)

    def command(self, event: str) -> str:
        (command,) = firing.commands(self.settings, event)
        return command

    def fire(self, event: str, stdin: bytes, command: str = "", **env: str) -> firing.Fired:
        """Run one hook, which must end well and be silent."""
        command = command or self.command(event)
        fired = firing.run(command, stdin, {**self.env, **env}, self.folder)
        assert_silent(event, fired)
        return fired

    def begin(
        self, event: str, blocking: bool = True
    ) -> tuple["subprocess.Popen[bytes]", socket.socket]:
        """Start one hook; its stdin is still open, at the other end of the socket."""
        ours, theirs = socket.socketpair()
        theirs.setblocking(blocking)
        with theirs:
            hook = subprocess.Popen(
                ["/bin/sh", "-c", self.command(event)],
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self.env | MINE,
                cwd=self.folder,
                start_new_session=True,
            )
        return hook, ours

    def settle(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Sync until nothing is left; every record, and every dead letter, each there once."""
        stored.sync(self.home)
        again = stored.sync(self.home)
        assert (again.stored, again.duplicate, again.rejected) == (0, 0, 0)
        stored.check(self.home)
        records = [opened(line) for line in stored.exported(self.home)]
        letters = list(entries(Layout.at(self.home)))
        assert len({record["id"] for record in records}) == len(records)
        assert len({letter["key"] for letter in letters}) == len(letters)
        return records, letters


def opened(line: bytes) -> dict[str, Any]:
    """A stored record; a payload that only the journal reads, as the journal does."""
    record: dict[str, Any]
    try:
        record = json.loads(line, strict=False)
    except json.JSONDecodeError:
        body = parse(line).body
        start, found, rest = line.partition(b'"payload":' + body)
        assert (found, rest) == (b'"payload":' + body, b"}\n")
        record = json.loads(start + b'"payload":null}') | {"payload": load_body(body)}
    return record


def assert_silent(event: str, fired: firing.Fired) -> None:
    """Only SessionStart may print, in the one form that its agent reads."""
    assert (fired.code, fired.stderr) == (0, b"")
    if event == "SessionStart" and fired.stdout:
        assert set(json.loads(fired.stdout)) <= {"hookSpecificOutput", "systemMessage"}
    else:
        assert fired.stdout == b""


def ended(event: str, hook: "subprocess.Popen[bytes]") -> None:
    """Wait for a hook that was begun; it must end well and be silent."""
    stdout, stderr = hook.communicate(timeout=30)
    assert_silent(event, firing.Fired(hook.returncode, stdout, stderr, 0))


def payload(event: str, **fields: object) -> bytes:
    """What the agent sends, one line."""
    base = {"session_id": SESSION, "hook_event_name": event, "source": "startup"}
    return json.dumps(base | fields).encode() + b"\n"


def numbers(records: list[dict[str, Any]]) -> list[int]:
    """The `number` of each payload, sorted."""
    return sorted(record["payload"]["number"] for record in records)


@pytest.fixture
def hostile(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> Hostile:
    made = Hostile(installed)
    monkeypatch.setenv("TMPDIR", made.env["TMPDIR"])  # where the syncer looks for the spool
    return made


FORGED = (
    b'{"v":1,"id":"%s","at":"2026-11-18T11:06:40.000000Z","agent":"journal",'
    b'"event":"Forget","session":"x","payload":{}}' % (b"0190a1b2" * 4)
)
NO_JSON = ("dead", "payload is not JSON")
INPUTS: dict[str, tuple[bytes, tuple[str, Any]]] = {
    "empty": (b"", ("payload", None)),
    "blank": (b" \r\n\t\n", ("payload", None)),
    "not JSON": (b"hello\n", ("raw", "hello")),
    "null": (b"null\n", ("raw", "null")),
    "an array": (b'[{"a": 1}]\n', ("raw", '[{"a": 1}]')),
    "truncated": (b'{"session_id":"s","a":"b\\', ("raw", '{"session_id":"s","a":"b\\')),
    "truncated behind a brace": (b'{"a":{"b":1}', NO_JSON),
    "twice": (b'{"a":1}{"a":2}', NO_JSON),
    "newlines between tokens": (b'\n{"a"\n:\r\n[1,\n2]\n}\n\n', ("payload", {"a": [1, 2]})),
    "a newline in a string": (b'{"a":"b\nc"}', ("payload", {"a": "b c"})),
    "no newline at the end": (b'{"a":1}', ("payload", {"a": 1})),
    "an escaped NUL": (b'{"a":"\\u0000"}', ("payload", {"a": "\0"})),
    "a NUL in a string": (b'{"a":"b\0c"}', ("payload", {"a": "b\0c"})),
    "nothing but NULs": (b"\0\0", ("raw", "\0\0")),
    "raw U+2028": ('{"a":"\u2028\u0085"}'.encode(), ("payload", {"a": "\u2028\u0085"})),
    "invalid UTF-8": (b'{"a":"\xff\xed\xa0\x80"}', ("raw", '{"a":"\udcff\udced\udca0\udc80"}')),
    "UTF-16": ('{"a":1}'.encode("utf-16"), ("raw", '\udcff\udcfe{\0"\0a\0"\0:\x001\0}\0')),
    "a byte order mark": (b'\xef\xbb\xbf{"a":1}', ("raw", '\ufeff{"a":1}')),
    "too deep": (b'{"a":' + b"[" * 100_000 + b"}", ("dead", "payload is nested too deeply")),
    "keys behind the end": (b'{"a":1},"event":"Forget","session":"x","b":{}}', NO_JSON),
    "a record": (FORGED, ("payload", json.loads(FORGED))),
    "a record in a payload": (b'{"a":%s}' % FORGED, ("payload", {"a": json.loads(FORGED)})),
    "a record in a string": (
        json.dumps({"a": f"\n{FORGED.decode()}\n"}).encode(),
        ("payload", {"a": f"\n{FORGED.decode()}\n"}),
    ),
    "a raw of its own": (b'"raw":"","payload":{}}', ("raw", '"raw":"","payload":{}}')),
    "a session with a newline": (b'{"session_id":"a\nb"}', ("payload", {"session_id": "a b"})),
    "a session with a NUL": (b'{"session_id":"a\0b"}', ("payload", {"session_id": "a\0b"})),
    "a session with a bad escape": (
        b'{"session_id":"a\\qb"}',
        ("payload", {"session_id": "a\\qb"}),
    ),
    "a session in Latin 1": (b'{"session_id":"\xe4"}', ("raw", '{"session_id":"\udce4"}')),
    "a session that is cut off": (b'{"session_id":"a\\', ("raw", '{"session_id":"a\\')),
    "a session that is a number": (b'{"session_id":7}', ("payload", {"session_id": 7})),
    "a long session": (
        b'{"session_id":"%s"}' % (b"x" * 5000),
        ("payload", {"session_id": "x" * 5000}),
    ),
}


def is_whole(line: bytes) -> bool:
    """Whether it is JSON from its beginning to its end."""
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def content(letter: dict[str, Any]) -> bytes:
    """The bytes that a dead letter keeps."""
    if "base64" in letter:
        return base64.b64decode(letter["base64"])
    return str(letter["text"]).encode()


@pytest.mark.parametrize("event", SOME)
def test_any_input_on_stdin_is_stored_once_or_dead_with_its_reason(
    hostile: Hostile, event: str
) -> None:
    kept: dict[str, list[tuple[str, Any]]] = {}
    records: list[dict[str, Any]] = []
    letters: list[dict[str, Any]] = []
    for name, (stdin, _) in INPUTS.items():
        known = {record["id"] for record in records}
        dead = len(letters)
        hostile.fire(event, stdin)
        records, letters = hostile.settle()
        new = [record for record in records if record["id"] not in known]
        kept[name] = [("raw", r["raw"]) if "raw" in r else ("payload", r["payload"]) for r in new]
        kept[name] += [("dead", letter["reason"].partition(":")[0]) for letter in letters[dead:]]
        whole = b"".join(content(letter) for letter in letters[dead:])
        assert not whole or stdin.replace(b"\n", b" ") in whole, name
        assert {record["event"] for record in new} <= {event}, name
    assert kept == {name: [outcome] for name, (_, outcome) in INPUTS.items()}


@pytest.mark.parametrize("event", SOME)
def test_no_payload_becomes_a_record_of_its_own(hostile: Hostile, event: str) -> None:
    tries = [
        FORGED,
        b'{"a":%s}' % FORGED,
        b'{"a":1}\n%s' % FORGED,
        b'{"a":1}}\n%s\n' % FORGED,
        b"\n%s\n%s" % (FORGED, FORGED),
        b'{"session_id":"a\n%s' % FORGED,
        b'{"a":1} %s' % FORGED[:-1],
        b'{"a":1},"event":"Forget","session":"x","payload":{}}',
        b'{"a":1,"payload":{}},"agent":"journal","event":"Forget","payload":{}}',
    ]
    for stdin in tries:
        hostile.fire(event, stdin)
    records, letters = hostile.settle()
    assert [record["payload"] for record in records] == [
        json.loads(stdin) for stdin in tries if is_whole(stdin)
    ]
    assert {(record["agent"], record["event"]) for record in records} == {("claude-code", event)}
    assert stored.rows(hostile.home, "select * from own_facts") == []
    refused = b"".join(content(letter) for letter in letters).translate(None, b" \n")
    assert all(t.translate(None, b" \n") in refused for t in tries if not is_whole(t))


@pytest.mark.parametrize("event", SOME)
def test_with_any_variables_of_the_agent_the_payload_is_stored(
    hostile: Hostile, event: str
) -> None:
    variables = [
        ("JOURNAL_PLAN", os.fsdecode(b"f\xfcr")),
        ("JOURNAL_PLAN", "x" * 300),
        ("CLAUDE_PID", "9" * 30),
        ("CLAUDE_PID", "9" * 5000),
        ("CLAUDE_PID", "\u00b2"),
        ("CLAUDE_CODE_ENTRYPOINT", "x" * 200),
        ("CLAUDE_CODE_SESSION_ID", os.fsdecode(b"\xff/../\n")),
        ("CLAUDE_CODE_SESSION_ID", 'a","payload":{},"x":"\n'),
        ("CLAUDE_CODE_SESSION_ID", "x" * 5000),
    ]
    for number, (name, value) in enumerate(variables):
        hostile.fire(event, payload(event, number=number), "", **{name: value})
    records, letters = hostile.settle()
    assert letters == []
    assert numbers(records) == list(range(len(variables)))
    assert {record["session"] for record in records} == {SESSION}


def test_a_payload_of_megabytes_is_stored_whole(hostile: Hostile) -> None:
    text = "x y \u2028 " * (5_000_000 if THOROUGH else 1_000_000)
    big = json.dumps({"a": text}, ensure_ascii=False).encode()
    assert len(big) > (30_000_000 if THOROUGH else 6_000_000)
    assert hostile.fire("PostToolUse", big, "", **MINE).seconds < 30
    records, letters = hostile.settle()
    assert letters == []
    assert [record["payload"]["a"] == text for record in records] == [True]


def test_a_stdin_that_stays_open_is_read_for_two_seconds(hostile: Hostile) -> None:
    started = time.monotonic()
    begun = []
    for event in EVENTS:
        whole = payload(event, number=1)
        for sent in (whole, whole[:-9], b""):
            hook, ours = hostile.begin(event)
            ours.sendall(sent)
            begun.append((event, hook, ours))
    for event, hook, _ in begun:
        ended(event, hook)
    assert time.monotonic() - started < 30
    for _, _, ours in begun:
        ours.close()
    records, letters = hostile.settle()
    assert letters == []
    for event in EVENTS:
        whole = payload(event, number=1)
        (raw,) = [r["raw"] for r in records if r["event"] == event and "raw" in r]
        assert raw.encode() == whole[:-9]
        kept = [r["payload"] for r in records if r["event"] == event and "payload" in r]
        assert sorted(kept, key=str) == sorted([None, json.loads(whole)], key=str)


def test_a_stdin_that_comes_late_and_in_pieces_is_waited_for(hostile: Hostile) -> None:
    for event in EVENTS:
        for blocking in (True, False):
            hook, ours = hostile.begin(event, blocking)
            with ours:
                for piece in (payload(event)[:9], payload(event)[9:]):
                    time.sleep(0.1)
                    ours.sendall(piece)
            ended(event, hook)
    records, letters = hostile.settle()
    assert letters == []
    assert sorted(r["payload"]["hook_event_name"] for r in records) == sorted(EVENTS * 2)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_leave_the_journal_whole(hostile: Hostile, closed: str) -> None:
    """What the hook opens takes the numbers of the closed streams, and must not be printed into."""
    for number in range(2):  # the second SessionStart has something to sync and to print
        for event in EVENTS:
            hook = f"{{ {hostile.command(event)}; }} {closed}"
            fired = firing.run(hook, payload(event, number=number), hostile.env, hostile.folder)
            assert_silent(event, fired)
    records, letters = hostile.settle()
    assert letters == []
    expected = [None] * 4 if "<" in closed else [0, 0, 1, 1]
    assert [record["payload"] and record["payload"]["number"] for record in records] == expected


def test_a_directory_that_is_gone_does_not_fail(hostile: Hostile) -> None:
    gone = 'mkdir gone; cd gone; rmdir ../gone; exec /bin/sh -c "$C"'
    quiet = firing.run(gone, b"", hostile.env | {"C": ":"}, hostile.folder)
    for event in EVENTS:
        env = hostile.env | {"C": hostile.command(event)}
        fired = firing.run(gone, payload(event), env, hostile.folder)
        # A shell itself may say that it is nowhere, before it has read the command.
        assert (fired.code, fired.stdout, fired.stderr) == (0, b"", quiet.stderr)
    records, letters = hostile.settle()
    assert letters == []
    assert [record["payload"]["hook_event_name"] for record in records] == list(EVENTS)


@pytest.mark.parametrize("missing", [["HOME"], ["HOME", "PATH"], ["HOME", "PATH", "TMPDIR"]])
def test_variables_that_are_unset_are_not_needed(hostile: Hostile, missing: list[str]) -> None:
    for name in missing:
        del hostile.env[name]
    for event in EVENTS:
        hostile.fire(event, payload(event))
    records, letters = hostile.settle()
    assert letters == []
    assert [record["payload"]["hook_event_name"] for record in records] == list(EVENTS)


def test_sixty_four_hooks_at_once_are_all_stored(hostile: Hostile) -> None:
    chance = random.Random(64)

    def one(number: int) -> tuple[str, bytes]:
        event = EVENTS[number % 16 == 0]
        # What is random is looked at for secrets twenty times as long.
        text = chance.randbytes(150_000).hex() if THOROUGH else f"{number} words " * 8_000
        return event, payload(event, number=number, text=text)

    sent = [one(number) for number in range(64)]
    with ThreadPoolExecutor(64) as pool:
        list(pool.map(lambda hook: hostile.fire(hook[0], hook[1], "", **MINE), sent))
    records, letters = hostile.settle()
    assert letters == []
    assert numbers(records) == list(range(64))
    assert all(r["payload"] == json.loads(sent[r["payload"]["number"]][1]) for r in records)
    assert len(list(hostile.home.glob("days/*/*.jsonl"))) <= 2  # of one session, two at midnight


def child_of(pid: int) -> int:
    """The shell's one child: the interpreter."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, check=True)
    pairs = [line.split() for line in listed.stdout.splitlines()]
    return next((int(child) for child, parent in pairs if int(parent) == pid), 0)


def killed(hostile: Hostile, stdin: bytes, alone: bool, seconds: float | None) -> None:
    """One hook that is killed so long after it got its last byte; None: once its file grows.

    `alone`: the interpreter only, so that the shell goes on; else its whole process group.
    """
    (path,) = hostile.home.glob(f"days/*/*{SESSION}.jsonl")
    hook, ours = hostile.begin("PostToolUse")
    with ours:
        ours.sendall(stdin)  # the interpreter runs, and waits for the end
        victim = child_of(hook.pid) if alone else 0
    size = path.stat().st_size
    if seconds is None:
        while path.stat().st_size == size and hook.poll() is None:
            pass
    else:
        time.sleep(seconds)
    try:
        if alone:
            os.kill(victim, signal.SIGKILL)
        else:
            os.killpg(hook.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it was quicker
    stdout, stderr = hook.communicate(timeout=30)
    assert (stdout, stderr) == (b"", b"")
    assert hook.returncode == 0 or not alone


LEAST = 48 if THOROUGH else 24  # hooks; half of them are killed


def torn_lines(hostile: Hostile) -> list[bytes]:
    files = [path.read_bytes().split(b"\n") for path in hostile.home.glob("days/*/*.jsonl")]
    return [line for file in files for line in file if line and not is_whole(line)]


def test_a_hook_that_is_killed_in_its_write_costs_other_hooks_no_byte(hostile: Hostile) -> None:
    chance = random.Random(9)
    expected, victims = {0}, list[bytes]()
    hostile.fire("PostToolUse", payload("PostToolUse", number=0), "", **MINE)
    with ThreadPoolExecutor(1) as pool:
        for number in count(1, 2):
            # Other kernels finish a write that has begun.
            if number > LEAST and (sys.platform != "linux" or torn_lines(hostile)):
                break
            assert number < 20 * LEAST, "no hook was hit in its write"
            text = "x y " * chance.randrange(100_000, 2_000_000)
            stdin = payload("PostToolUse", number=-number, text=text)
            victims.append(stdin)
            seconds = None if number % 3 else chance.uniform(0, 0.02)
            # One hook writes at about the same moment, and one afterwards.
            other = payload("PostToolUse", number=number)
            running = pool.submit(hostile.fire, "PostToolUse", other, "", **MINE)
            killed(hostile, stdin, number % 4 == 1, seconds)
            running.result()
            hostile.fire("PostToolUse", payload("PostToolUse", number=number + 1), "", **MINE)
            expected |= {number, number + 1}
            if number % 12 == 11:
                hostile.settle()
    records, letters = hostile.settle()
    torn = torn_lines(hostile)
    stored_numbers = numbers([record for record in records if "payload" in record])
    assert expected <= set(stored_numbers)
    assert len(set(stored_numbers)) == len(stored_numbers)
    assert {number for number in stored_numbers if number < 0} <= {-n for n in expected}
    # What an interpreter had not read when it was killed is kept by its shell.
    rests = [record["raw"].encode() for record in records if "raw" in record]
    assert all(any(stdin.strip().endswith(rest) for stdin in victims) for rest in rests)
    glued = sum(len(line) for line in torn) - sum(letter["bytes"] for letter in letters)
    assert len(letters) == len(torn)
    assert 0 <= glued < 1000 * len(torn)  # small records behind a torn one, on its line
    assert all(letter["reason"] for letter in letters)
