"""Tombstones: what a session did up to a moment is deleted everywhere, in any order of arrival."""

import os
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recordings
import stored
from chance import examples
from journal.layout import Layout
from journal.record import record
from journal.settings.sources import load_settings
from journal.times import SECOND_US, to_text
from sync import cycle
from sync.conditions import Pass
from sync.retention import packing

START_US = recordings.START_NS // 1000
LARGE = "shared " * 1_000  # stored once for all who hold it
ORPHANS = """
    select 'text' from full_text where rowid > 0 and rowid / 8 not in (select seq from events)
    union all select 'summary text' from full_text
      where rowid < 0 and -rowid not in (select session from session_states)
    union all select 'session' from sessions where key not in (select session from events)
    union all select 'item' from items
      where session not in (select key from sessions)
    union all select 'origin' from origins where key not in (select origin from events)
    union all select 'bind' from binds where record not in (select id from own_facts)
    union all select 'model' from model_records where record not in (select id from own_facts)
    union all select 'id' from memory_ids m where minted is not null and not exists (
      select 1 from session_states s where s.agent = m.agent and s.id = m.session)
    union all select 'work' from archive_work where session not in (select key from sessions)
    union all select 'question' from model_work where session not in (select key from sessions)
    union all select 'archived' from archived where piece not in (select key from pieces)
    union all select 'end' from inferred_ends i where not exists (
      select 1 from session_states s where s.agent = i.agent and s.id = i.session)
    union all select 'pin' from pins where record not in (select id from own_facts)
"""


def check(home: Path) -> None:
    """No row is left of anything that is gone."""
    stored.check(home)
    assert stored.rows(home, ORPHANS) == []


def event(session: str, number: int, name: str = "UserPromptSubmit", **more: object) -> bytes:
    payload = {"session_id": session, "cwd": f"/code/{session}", **more}
    return recordings.line(name, payload, recordings.START_NS + number * 10**9)


def own(name: str, session: str, number: int, **payload: object) -> bytes:
    fact = {"agent": "claude-code", **payload}
    now_ns = recordings.START_NS + number * 10**9
    return record.dump(record.new_fact(name, session, fact, now_ns))


def forget(session: str, until: int, at: int = 100) -> bytes:
    return own("Forget", session, at, until=to_text(START_US + until * SECOND_US))


def write(home: Path, lines: list[bytes], name: str = "s") -> None:
    recordings.append(home / "days" / "2026-11-18" / f"claude-code.{name}.jsonl", b"".join(lines))


def facts_of(home: Path) -> dict[str, object]:
    """Facts and views, the journal's own facts, and what follows from them."""
    own_facts = stored.rows(home, "select id, name from own_facts order by 1")
    ids = stored.rows(home, "select agent, session, memory_id from memory_ids order by 1, 2")
    pins = stored.rows(home, "select agent, session, pinned from pins order by 1, 2")
    bodies = stored.rows(home, "select digest from bodies order by 1")
    return {**stored.views(home), "own": own_facts, "ids": ids, "pins": pins, "bodies": bodies}


def tool(session: str, number: int, name: str) -> bytes:
    call = {"tool_name": "Write", "tool_use_id": f"t{number // 2}", "tool_input": {"text": LARGE}}
    return event(session, number, name, **call)


KEPT = [
    event("t", 1, prompt="of the other"),
    tool("t", 2, "PreToolUse"),
    tool("t", 3, "PostToolUse"),
    own("MemoryId", "t", 9, memory_id="mem-1"),
    event("s", 21, prompt="goes on"),
    event("s", 22, "Stop", last_assistant_message="done"),
    own("Pin", "s", 23),
    forget("s", 10),
    forget("s", 20, at=90),
]
COVERED = [
    event("s", 0, "SessionStart", source="startup"),
    event("s", 1, prompt="what must stay unknown"),
    tool("s", 2, "PreToolUse"),
    tool("s", 3, "PostToolUse"),
    own("MemoryId", "s", 4, memory_id="mem-1"),
    own("Pin", "s", 5),
    own("Unpin", "s", 6),
    own("Summary", "s", 80, summary={"request": "told too late"}, covers=to_text(START_US)),
    event("s", 20, prompt="exactly at the moment"),
]
ALL = [*KEPT, *COVERED]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """A home that never had what the tombstones cover."""
    home = tmp_path_factory.mktemp("expected")
    write(home, KEPT)
    stored.sync(home)
    return facts_of(home)


@settings(max_examples=examples(40), deadline=None)
@given(order=st.permutations(range(len(ALL))), cuts=st.sets(st.integers(1, len(ALL) - 1)))
def test_events_and_tombstones_may_come_in_any_order(
    expected: dict[str, object], order: list[int], cuts: set[int]
) -> None:
    home = Path(tempfile.mkdtemp())
    try:
        for begin, end in pairwise([0, *sorted(cuts), len(ALL)]):
            write(home, [ALL[at] for at in order[begin:end]])
            stored.sync(home)
        assert facts_of(home) == expected
        check(home)
    finally:
        shutil.rmtree(home)


def test_a_covered_record_counts_as_known_and_goes_nowhere_else(tmp_path: Path) -> None:
    write(tmp_path, [forget("s", 20)])
    stored.sync(tmp_path)
    write(
        tmp_path, [event("s", 20, prompt="exactly at the moment"), event("s", 21, prompt="after")]
    )
    report = stored.sync(tmp_path)
    assert (report.read, report.stored, report.duplicate, report.rejected) == (2, 1, 1, 0)
    assert not (tmp_path / "dead").exists()


def test_a_session_that_is_gone_leaves_no_row(tmp_path: Path) -> None:
    write(tmp_path, ALL)
    recordings.write_journal(tmp_path, "p-parallel")
    stored.sync(tmp_path)
    before = stored.rows(tmp_path, "select id from events where session = 1")
    write(tmp_path, [forget("s", 99), forget("t", 99)])
    for (session,) in stored.rows(tmp_path, "select id from sessions"):
        write(tmp_path, [forget(session, 10_000)])
    stored.sync(tmp_path)
    check(tmp_path)
    for table in ("events", "sessions", "session_states", "items", "steps", "turns", "last_turns",
                  "summaries", "bodies", "body_uses", "origins", "memory_ids", "binds",
                  "pins"):  # fmt: skip
        assert stored.rows(tmp_path, f"select count(*) from {table}") == [(0,)], table
    assert stored.rows(tmp_path, "select distinct name from own_facts") == [("Forget",)]
    assert before


def test_a_memory_id_of_a_forgotten_session_is_free_for_another(tmp_path: Path) -> None:
    lines = [event("s", 1, prompt="a"), event("t", 1, prompt="b")]
    binds = [own(*("MemoryId", name, 2 + at), memory_id="mem") for at, name in enumerate("st")]
    write(tmp_path, [*lines, *binds])
    stored.sync(tmp_path)
    query = "select session from memory_ids where memory_id = 'mem'"
    assert stored.rows(tmp_path, query) == [("s",)]
    write(tmp_path, [forget("s", 50)])
    stored.sync(tmp_path)
    assert stored.rows(tmp_path, query) == [("t",)]


@pytest.mark.parametrize("first", [True, False])
def test_a_rebuild_does_not_bring_a_forgotten_session_back(tmp_path: Path, first: bool) -> None:
    lines = [event("s", 1, prompt="gone"), event("t", 1, prompt="stays")]
    write(tmp_path, [forget("s", 50), *lines] if first else [*lines, forget("s", 50)])
    stored.sync(tmp_path)
    assert stored.sync(tmp_path, rebuild=True).rebuilt.events == 1
    assert stored.rows(tmp_path, "select id from sessions") == [("t",)]
    check(tmp_path)


def test_a_covered_record_does_not_keep_its_day_from_being_packed(tmp_path: Path) -> None:
    write(tmp_path, [event("s", 1, prompt="gone"), event("t", 1, prompt="stays"), forget("s", 50)])
    later = START_US + 10 * 86_400 * SECOND_US
    layout = Layout.at(tmp_path)
    stored.sync(tmp_path)
    for path in layout.days.rglob("*.jsonl"):  # last written when its records say
        os.utime(path, (START_US / SECOND_US,) * 2)
    report = cycle.run(Pass(layout, load_settings(layout, {}), later))
    assert report.packed.days == ("2026-11-18",)
    packed = [record.parse(line) for _, line in packing.packed_records(layout)]
    assert [one.event for one in packed if b"gone" in one.body] == []
    assert len([one for one in packed if one.agent == "claude-code"]) == 1


@pytest.mark.parametrize("until", ["yesterday", 5, None, "99999-01-01"])
def test_a_tombstone_without_a_moment_covers_nothing(tmp_path: Path, until: object) -> None:
    write(tmp_path, [event("s", 1, prompt="stays"), own("Forget", "s", 2, until=until)])
    assert stored.sync(tmp_path).stored == 1


def test_a_tombstone_applies_to_one_agent_only(tmp_path: Path) -> None:
    other = own("Forget", "s", 9, agent="codex", until=to_text(START_US + 99 * SECOND_US))
    write(tmp_path, [event("s", 1, prompt="stays"), other])
    assert stored.sync(tmp_path).stored == 1
