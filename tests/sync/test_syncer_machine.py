"""The syncer as a state machine: any operation on files, passes and database loses nothing.

The model is small: what the files hold when a pass ends well is stored from then on, once and with
its content, until the database is deleted; every torn line is in dead/; the views are
those of a database that got the same records in one go.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import killed_pass
import recordings
import stored
import truth
from chance import examples
from hooks import emit
from journal.layout import Layout
from journal.record import record

AGENT = "claude-code"
DAYS = ("2026-11-17", "2026-11-18")
SESSIONS = ("aaaaaaaa-1", "bbbbbbbb-2", "cccccccc-3")
DAY_NS = 1_794_960_000_000_000_000  # 2026-11-18


def call(number: int, tool: str = "Edit") -> dict[str, Any]:
    return {
        "tool_name": tool,
        "tool_use_id": f"call-{number}",
        "tool_input": {"file_path": f"/code/x/{number}.py", "command": f"make {number}"},
    }


# What a hook gets, by kind; the number picks the tool call, the sub-agent, the words.
KINDS: dict[str, Callable[[int], tuple[str, Any]]] = {
    "start": lambda n: ("SessionStart", {"source": "startup", "cwd": "/code/x"}),
    "resume": lambda n: ("SessionStart", {"source": "resume", "cwd": f"/code/{n}"}),
    "prompt": lambda n: ("UserPromptSubmit", {"prompt": f"please do {n}", "cwd": "/code/x"}),
    "machine's prompt": lambda n: ("UserPromptSubmit", {"prompt": "<task-notification> done"}),
    "before": lambda n: ("PreToolUse", call(n)),
    "after": lambda n: ("PostToolUse", {**call(n), "tool_response": {"x": "naïve \u2028 " * 9}}),
    "command after": lambda n: ("PostToolUse", {**call(n, "Bash"), "tool_response": "ok"}),
    "large after": lambda n: ("PostToolUse", {**call(n), "tool_response": {"x": "yes " * 900}}),
    "failed": lambda n: ("PostToolUseFailure", {**call(n, "Bash"), "error": "Exit code 3"}),
    "asked": lambda n: ("PermissionRequest", call(n)),
    "stop": lambda n: ("Stop", {"last_assistant_message": f"it is done {n}"}),
    "end": lambda n: ("SessionEnd", {"reason": "other"}),
    "child": lambda n: ("SubagentStart", {"agent_id": f"child-{n}", "agent_type": "x"}),
    "child's end": lambda n: ("SubagentStop", {"agent_id": f"child-{n}"}),
    "unknown": lambda n: ("Unknown", {"session_id": SESSIONS[n % 3], "x": [n, None, 0.5]}),
    "no object": lambda n: ("Stop", b"not JSON: \xff"),
    "nothing": lambda n: ("Stop", b""),
}
EVENTS = st.tuples(
    st.sampled_from(sorted(KINDS)),
    st.sampled_from(SESSIONS),
    st.integers(0, 2),  # which tool call and so on
    st.integers(-3, 30),  # seconds after the day began: any order, and ties
)
FILES = st.sampled_from([f"{day}/{AGENT}.{name}" for day in DAYS for name in (*SESSIONS, "copy")])
PARTS = st.floats(0, 1, exclude_min=True, exclude_max=True)
MOMENTS = st.integers(1, 60) | st.integers(1, 400)


class Syncer(RuleBasedStateMachine):
    """One home, everything that can happen to it, and what must be in it."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="syncer-machine-"))
        self.home = self.folder / "home"
        self.spool = self.folder / "tmp"
        self.spool.mkdir()
        os.environ["TMPDIR"] = str(self.spool)
        self.made = 0
        self.torn: tuple[str, bytes, int] | None = None  # where, what, how much of it
        self.lines: list[bytes] = []
        self.copies: list[bytes] = []
        self.stored: dict[str, bytes] = {}  # must be in the database for ever
        self.own: set[str] = set()

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.sync()
            truth.assert_nothing_left(self.home)
            shutil.rmtree(self.folder)

    # What hooks do, and what becomes of them.

    def _line(self, event: tuple[str, str, int, int]) -> bytes:
        """A record as the emitter writes it, but for its id, which chance must not decide."""
        kind, session, number, second = event
        name, payload = KINDS[kind](number)
        if isinstance(payload, dict):
            payload = json.dumps({"session_id": session, **payload}, ensure_ascii=False).encode()
        environ = {"CLAUDE_CODE_SESSION_ID": session, "CLAUDE_CODE_ENTRYPOINT": "cli"}
        now_ns = DAY_NS + second * 10**9
        line, _, unique = emit.record(AGENT, name, payload, now_ns, environ)
        self.made += 1
        mine = hashlib.blake2b(b"%d" % self.made, digest_size=16).hexdigest()
        self.lines.append(line.replace(unique.encode(), mine.encode()))
        return self.lines[-1]

    def _path(self, name: str) -> Path:
        return self.home / "days" / f"{name}.jsonl"

    def _append(self, name: str, data: bytes) -> None:
        recordings.append(self._path(name), data)

    @rule(events=st.lists(EVENTS, min_size=1, max_size=6))
    def hooks_record(self, events: list[tuple[str, str, int, int]]) -> None:
        for event in events:
            line = self._line(event)
            at_ns = DAY_NS + event[3] * 10**9
            emit.append(str(self.home), f"{AGENT}.{event[1]}", line, at_ns, durable=False)

    @rule(event=EVENTS, name=FILES, part=PARTS)
    def a_hook_is_killed_in_its_write(
        self, event: tuple[str, str, int, int], name: str, part: float
    ) -> None:
        line = self._line(event)
        cut = max(1, int(len(line) * part))
        self._append(name, line[:cut])
        self.torn = (name, line, cut)

    @rule(event=EVENTS, name=FILES)
    def a_hook_is_killed_before_its_newline(
        self, event: tuple[str, str, int, int], name: str
    ) -> None:
        line = self._line(event)
        self._append(name, line[:-1])
        self.torn = (name, line, len(line) - 1)

    @precondition(lambda self: self.torn)
    @rule(name=FILES, in_its_place=st.booleans())
    def the_rest_of_a_line_comes_late(self, name: str, in_its_place: bool) -> None:
        """To where its beginning is, or on a line of its own; never to make up another record."""
        torn, line, cut = self.torn
        path = self._path(torn if in_its_place else name)
        there = path.read_bytes() if path.exists() else b""
        if not there or there.endswith((b"\n", line[:cut])):
            recordings.append(path, line[cut:])

    @rule(event=EVENTS, name=FILES)
    def a_record_comes_without_healing(self, event: tuple[str, str, int, int], name: str) -> None:
        self._append(name, self._line(event))

    @precondition(lambda self: self.lines)
    @rule(data=st.data(), name=FILES)
    def a_line_comes_again(self, data: st.DataObject, name: str) -> None:
        self._append(name, data.draw(st.sampled_from(self.lines)))

    @rule(name=FILES, junk=st.sampled_from((b"\n", b"hello\n", b"{}\n", b'{"v":1,"id":"\n', b"\0")))
    def something_else_is_written(self, name: str, junk: bytes) -> None:
        self._append(name, junk)

    @rule(event=EVENTS)
    def a_hook_keeps_its_record_in_the_spool(self, event: tuple[str, str, int, int]) -> None:
        line = self._line(event)
        unique = json.loads(line[: line.index(b',"at"')] + b"}")["id"]
        emit.spool(str(self.home), f"{AGENT}.{event[1]}", line, unique)

    @rule(session=st.sampled_from(SESSIONS), name=FILES)
    def the_journal_pins_a_session(self, session: str, name: str) -> None:
        fact = record.new_fact("Pin", session, {"agent": AGENT}, DAY_NS)
        self._append(name, record.dump(fact))

    # What people and programs do to files.

    @rule(name=FILES, part=PARTS, at_a_line=st.booleans())
    def a_file_is_truncated(self, name: str, part: float, at_a_line: bool) -> None:
        path = self._path(name)
        if path.exists():
            size = int(path.stat().st_size * part)
            if at_a_line:
                size = path.read_bytes().rfind(b"\n", 0, size) + 1
            os.truncate(path, size)

    @rule(name=FILES, other=FILES)
    def a_file_is_renamed(self, name: str, other: str) -> None:
        if self._path(name).exists():
            self._path(other).parent.mkdir(exist_ok=True)
            self._path(name).rename(self._path(other))

    @rule(name=FILES, other=FILES)
    def a_file_is_copied(self, name: str, other: str) -> None:
        if self._path(name).exists():
            self.copies.append(self._path(name).read_bytes())
            if name != other:
                self._path(other).parent.mkdir(exist_ok=True)
                shutil.copy(self._path(name), self._path(other))

    @precondition(lambda self: self.copies)
    @rule(data=st.data(), name=FILES, in_place=st.booleans())
    def a_file_is_restored(self, data: st.DataObject, name: str, in_place: bool) -> None:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not in_place:
            path.unlink(missing_ok=True)
        path.write_bytes(data.draw(st.sampled_from(self.copies)))

    @rule(all_of_it=st.booleans())
    def the_database_is_deleted(self, all_of_it: bool) -> None:
        for path in self.home.glob("journal.db*" if all_of_it else "journal.db"):
            path.unlink()
            self.stored, self.own = {}, set()

    # Passes.

    @rule()
    def sync(self) -> None:
        stored.sync(self.home)
        self._check(truth.read(self.home))

    @rule(moments=st.lists(MOMENTS, min_size=1, max_size=4))
    def passes_are_killed(self, moments: list[int]) -> None:
        for dies_at in moments:
            if killed_pass.run(self.home, dies_at):
                self._check(truth.read(self.home))
            elif (self.home / "journal.db").exists() and self._has_tables():
                self._check_after_kill(truth.read(self.home))

    def _has_tables(self) -> bool:
        return bool(stored.rows(self.home, "select 1 from sqlite_schema where name = 'events'"))

    def _check(self, found: truth.Truth) -> None:
        """After a pass that ended well."""
        self.stored |= found.records
        self.own |= found.own
        assert truth.held(self.home) == self.stored
        assert truth.own_held(self.home) == self.own
        truth.assert_accounted(self.home, found.torn)
        assert int(Layout.at(self.home).synced.read_bytes()) == found.bytes
        self._check_views()
        again = stored.sync(self.home)
        assert (again.read, again.stored, again.rejected, again.summaries) == (0, 0, 0, 0), again

    def _check_after_kill(self, found: truth.Truth) -> None:
        """What is committed is whole; what was stored before still is; nothing is made up."""
        held, own = truth.held(self.home), truth.own_held(self.home)
        assert self.stored.items() <= held.items() <= (self.stored | found.records).items()
        assert self.own <= own <= self.own | found.own
        self.stored, self.own = held, own
        self._check_views(contexts=False)

    def _check_views(self, contexts: bool = True) -> None:
        stored.check(self.home)
        truth.assert_views_follow(self.home, self.folder / "again", contexts)


Syncer.TestCase.settings = settings(
    max_examples=examples(60),
    stateful_step_count=30,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


class TestSyncer(Syncer.TestCase):  # type: ignore[misc]
    """Runs the machine."""

    @pytest.fixture(autouse=True)
    def temporary(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TMPDIR", "/tmp")  # the machine sets it; afterwards it is as before
