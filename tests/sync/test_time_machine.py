"""Clocks that go wrong, as a state machine: nothing that a right clock would have kept is lost.

The true time only goes forward. The wall clock is the true time and an error that jumps by any
amount, both ways; the machine's own count of time is right, and begins again with a restart. The
model knows when each session was truly last heard of, and who pinned or forgot it last.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import recordings
import stored
from hooks import emit
from journal import home_id
from journal.layout import Layout
from journal.record import own_facts
from journal.settings.sources import load_settings
from journal.times import DAY_US, SECOND_US
from sync import cycle
from sync.conditions import Pass
from sync.forgetting import forget
from sync.store.clock import Reading
from sync.views import pins_and_ends

AGENT = "claude-code"
START_US = 1_795_000_000_000_000
LIMIT_DAYS = 30
SESSIONS = st.sampled_from(("aaaa", "bbbb", "cccc"))
HOUR_US = 3_600 * SECOND_US
JUMPS = st.one_of(
    st.sampled_from([0, 400 * DAY_US, -400 * DAY_US, 20 * HOUR_US, -20 * HOUR_US, -START_US]),
    st.integers(-2_000, 2_000).map(lambda days: days * DAY_US),
)


class TimeMachine(RuleBasedStateMachine):
    """One home, one machine, and a clock that cannot be trusted."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="time-machine-"))
        self.layout = Layout.at(self.folder / "home")
        self.layout.home.mkdir(mode=0o700)
        (self.layout.home / "config.toml").write_text(
            f"[retention]\nsessions_days = {LIMIT_DAYS}\njournal_days = 2\n"
        )
        self.true_us, self.error_us = START_US, 0
        self.boot, self.booted_us = 1, START_US - DAY_US
        self.heard_us: dict[str, int] = {}  # truly, when the session was recorded last
        self.reported: dict[str, int] = {}  # events since it was forgotten last
        self.pinned: set[str] = set()
        self.number = 0
        self.lines: dict[str, list[tuple[bytes, int]]] = {}  # that were recorded, and when
        self.copies: list[tuple[str, bytes, int]] = []  # of what was forgotten
        home_id.ensure(self.layout)
        self.run_pass()  # the clock was right once

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    @property
    def wall_us(self) -> int:
        return max(SECOND_US, self.true_us + self.error_us)

    def reading(self) -> Reading:
        return Reading(str(self.boot), self.true_us - self.booted_us, self.wall_us)

    # What time does.

    @rule(hours=st.integers(1, 60))
    def time_passes(self, hours: int) -> None:
        self.true_us += hours * HOUR_US

    @rule(jump_us=JUMPS)
    def the_clock_jumps(self, jump_us: int) -> None:
        self.error_us = jump_us

    @rule()
    def the_clock_is_put_right(self) -> None:
        self.error_us = 0

    @rule(hours=st.integers(0, 5))
    def the_machine_is_started_again(self, hours: int) -> None:
        self.true_us += hours * HOUR_US
        self.boot, self.booted_us = self.boot + 1, self.true_us

    # What people and agents do.

    @rule(session=SESSIONS, event=st.sampled_from(("UserPromptSubmit", "Stop", "SessionEnd")))
    def a_hook_records(self, session: str, event: str) -> None:
        self.number += 1
        body = {"session_id": session, "cwd": "/code/x", "prompt": f"do {self.number}"}
        line = recordings.line(event, body, self.wall_us * 1000, CLAUDE_CODE_ENTRYPOINT="cli")
        process = emit.process(str(os.getpid()))  # the session lives as long as this test
        header = b',"process":"%s"%s,"payload":' % (process, home_id.own(self.layout))
        self._append(session, line.replace(b',"payload":', header, 1), self.wall_us)
        self.run_pass()
        self.heard_us[session] = self.true_us
        self.reported[session] = self.reported.get(session, 0) + 1

    @rule(session=SESSIONS, days=st.integers(1, 3_000))
    def records_of_another_clock_are_imported(self, session: str, days: int) -> None:
        """Old or dated ahead: a session of its own, that has just arrived."""
        self.number += 1
        name = f"{session}-{self.number}"
        at_us = START_US + (days - 1_500) * DAY_US
        body = {"session_id": name, "cwd": "/code/x", "prompt": "from elsewhere"}
        for event in ("UserPromptSubmit", "SessionEnd"):
            line = recordings.line(event, body, at_us * 1000, CLAUDE_CODE_ENTRYPOINT="cli")
            self._append(name, line, at_us)
            at_us += SECOND_US
        self.run_pass()
        self.heard_us[name] = self.true_us
        self.reported[name] = self.reported.get(name, 0) + 2

    def _append(self, session: str, line: bytes, at_us: int) -> None:
        self.lines.setdefault(session, []).append((line, at_us))
        name = emit.file_name(AGENT, session)
        emit.append(str(self.layout.home), name, line, at_us * 1000, durable=False)

    @precondition(lambda self: self.copies)
    @rule(data=st.data())
    def a_copy_of_what_was_forgotten_comes_back(self, data: st.DataObject) -> None:
        session, line, at_us = data.draw(st.sampled_from(self.copies))
        name = emit.file_name(AGENT, session)
        emit.append(str(self.layout.home), name, line, at_us * 1000, durable=False)
        self.run_pass()

    @precondition(lambda self: self.reported)
    @rule()
    def the_database_is_lost(self) -> None:
        self.layout.database.unlink()
        self.run_pass()

    @precondition(lambda self: self.reported)
    @rule(data=st.data(), pin=st.booleans())
    def a_session_is_pinned_or_unpinned(self, data: st.DataObject, pin: bool) -> None:
        session = data.draw(st.sampled_from(sorted(self.reported)))
        db = stored.database(self.layout.home)
        before = pins_and_ends.pin_record(db, AGENT, session)
        db.close()
        who, name = (AGENT, session), "Pin" if pin else "Unpin"
        payload = own_facts.replaces(before)
        own_facts.append(self.layout, name, who, payload, self.wall_us * 1000)
        self.run_pass()
        (self.pinned.add if pin else self.pinned.discard)(session)

    @precondition(lambda self: self.reported)
    @rule(data=st.data())
    def a_session_is_forgotten(self, data: st.DataObject) -> None:
        session = data.draw(st.sampled_from(sorted(self.reported)))
        settings_ = load_settings(self.layout, {})
        now_ns = self.wall_us * 1000
        order = forget.Order(self.layout, settings_, now_ns, lambda: False, self.reading())
        forget.forget(order, AGENT, session)
        self.run_pass()
        self.true_us += SECOND_US  # what was recorded at that very moment is forgotten, too
        self.copies += [(session, *one) for one in self.lines.pop(session, [])]
        del self.reported[session], self.heard_us[session]
        self.pinned.discard(session)

    @rule()
    def run_pass(self) -> None:
        conditions = Pass(
            self.layout, load_settings(self.layout, {}), self.wall_us, prune=True,
            reading=self.reading(),
        )  # fmt: skip
        self.report = cycle.run(conditions)

    # What must hold.

    @invariant()
    def nothing_is_lost(self) -> None:
        if not hasattr(self, "layout"):
            return
        query = """
            select s.id, count(*), t.ended_us, t.end_reason, t.last_us
            from events e join sessions s on s.key = e.session
            join session_states t on t.session = s.key group by 1
        """
        found = {row[0]: row[1:] for row in stored.rows(self.layout.home, query)}
        for session, number in self.reported.items():
            age_us = self.true_us - self.heard_us[session]
            kept = session in self.pinned or age_us <= LIMIT_DAYS * DAY_US
            if kept:
                assert session in found, f"{session} is lost"
                assert found[session][0] == number, f"of {session} something is lost"
            if session in found and age_us <= 20 * HOUR_US:
                assert found[session][2] != "silence", f"{session} is live"
        for session in found.keys() - self.reported.keys():
            raise AssertionError(f"{session} is back")
        self._forget_what_went(set(found))

    def _forget_what_went(self, found: set[str]) -> None:
        for session in [one for one in self.reported if one not in found]:
            self.copies += [(session, *one) for one in self.lines.pop(session, [])]
            del self.reported[session], self.heard_us[session]
            self.pinned.discard(session)

    @invariant()
    def pins_are_as_they_were_given(self) -> None:
        if hasattr(self, "layout"):
            query = "select session from pins where pinned and agent = 'claude-code'"
            found = {session for (session,) in stored.rows(self.layout.home, query)}
            assert found == self.pinned

    @invariant()
    def once_the_clock_is_right_nothing_stays_ahead(self) -> None:
        if hasattr(self, "report") and self.error_us == 0 and not self.report.clock_problem:
            query = "select count(*) from session_states where last_us > ?"
            assert stored.rows(self.layout.home, query, self.wall_us) == [(0,)]


TimeMachine.TestCase.settings = settings(
    max_examples=8,
    stateful_step_count=12,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
TestTime = TimeMachine.TestCase


class Chosen(NamedTuple):
    """In place of what hypothesis draws."""

    session: str

    def draw(self, _: object) -> str:
        return self.session


@pytest.mark.parametrize("days", [400, -400])
@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_session_goes_on_though_the_clock_is_wrong(days: int, is_restarted: bool) -> None:
    """Forgotten with the right clock and recorded with a wrong one, and the other way round."""
    machine = TimeMachine()
    machine.begin()
    try:
        for error_us in (days * DAY_US, 0):
            machine.a_hook_records("aaaa", "Stop")
            machine.the_clock_jumps(error_us)
            if is_restarted:
                machine.the_machine_is_started_again(1)
            machine.a_hook_records("aaaa", "Stop")
            machine.a_session_is_forgotten(Chosen("aaaa"))  # type: ignore[arg-type]
            machine.the_clock_jumps(days * DAY_US - error_us)
            machine.a_hook_records("aaaa", "Stop")
            machine.nothing_is_lost()
            for session, line, at_us in list(machine.copies):
                machine._append(session, line, at_us)
            machine.lines["aaaa"] = machine.lines["aaaa"][:1]
            machine.the_database_is_lost()
            machine.nothing_is_lost()
    finally:
        machine.teardown()
