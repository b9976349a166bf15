"""Facts and views: any order of arrival and any repetition give the same rows."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import recordings
import stored
from chance import examples

SOURCES = ("p-simple", "p-fail", "p-resume", "i-compact", "p-subagent", "p-sigkill", "i-clear")


def all_records() -> list[tuple[str, bytes]]:
    """Several recorded sessions, half an hour apart, all of one morning."""
    made = []
    for number, name in enumerate(SOURCES):
        start_ns = recordings.START_NS + number * 1_800_000_000_000
        made += recordings.records(name, start_ns)
    return made


RECORDS = all_records()


def arrive(home: Path, batches: list[list[tuple[str, bytes]]]) -> None:
    """Each batch is appended to its files, then a pass runs."""
    for batch in batches:
        for name, line in batch:
            recordings.append(home / "days" / name, line)
        stored.sync(home)


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[object]]:
    home = tmp_path_factory.mktemp("straight")
    arrive(home, [RECORDS])
    stored.check(home)
    return stored.views(home)


@settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), passes=st.integers(1, 6), twice=st.booleans())
def test_any_order_of_arrival_gives_the_same_views(
    straight: dict[str, list[object]],
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    passes: int,
    twice: bool,
) -> None:
    chance = random.Random(seed)
    records = chance.sample(RECORDS, len(RECORDS))
    if twice:
        records += chance.sample(RECORDS, len(RECORDS) // 2)
    batches = [records[number::passes] for number in range(passes)]
    home = tmp_path_factory.mktemp("any")
    arrive(home, batches)
    stored.check(home)
    assert stored.views(home) == straight


def test_a_second_pass_stores_nothing(tmp_path: Path) -> None:
    recordings.write_journal(tmp_path, "p-simple")
    first = stored.sync(tmp_path)
    second = stored.sync(tmp_path)
    assert (first.read, first.stored, first.duplicate) == (18, 18, 0)
    assert (second.read, second.stored, second.summaries) == (0, 0, 0)


def test_the_database_can_be_deleted_and_made_again(tmp_path: Path) -> None:
    for name, line in RECORDS:
        recordings.append(tmp_path / "days" / name, line)
    stored.sync(tmp_path)
    before = stored.views(tmp_path)
    for path in tmp_path.glob("journal.db*"):
        path.unlink()
    stored.sync(tmp_path)
    assert stored.views(tmp_path) == before


def test_other_code_of_the_views_folds_every_session_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings.write_journal(tmp_path, "p-simple")
    stored.sync(tmp_path)
    before = stored.views(tmp_path)
    monkeypatch.setattr("sync.views.derive.VERSION", 77)
    assert stored.sync(tmp_path).read == 0
    assert stored.views(tmp_path) == before
    assert stored.rows(tmp_path, "select version from view_version") == [(77,)]


def test_a_call_that_two_hooks_report_is_one_observation(tmp_path: Path) -> None:
    recordings.write_journal(tmp_path, "p-simple")
    recordings.write_journal(tmp_path, "p-simple", recordings.START_NS + 1_000_000)
    stored.sync(tmp_path)
    rows = stored.rows(tmp_path, "select tool, ok from items where kind = 'call' order by key")
    assert sorted(rows) == sorted([(tool, 1) for tool in ("Bash", "Write", "Read", "Edit")])
    assert len(stored.rows(tmp_path, "select 1 from events")) == 36


def test_a_start_that_sorts_behind_its_end_names_the_tool_in_any_order(tmp_path: Path) -> None:
    call = {"session_id": "s", "tool_use_id": "t"}
    end = recordings.line("PostToolUse", {**call, "tool_name": "Bash"}, recordings.START_NS)
    start = recordings.line("PreToolUse", {**call, "tool_name": "Edit"}, recordings.START_NS + 9999)
    name = "2026-11-18/claude-code.s.jsonl"
    for home, batches in (
        ("together", [[end, start]]),
        ("in turn", [[end], [start]]),
        ("late", [[start], [end]]),
    ):
        arrive(tmp_path / home, [[(name, line) for line in lines] for lines in batches])
        assert stored.rows(tmp_path / home, "select tool from items") == [("Edit",)]


def test_a_large_value_is_stored_once(tmp_path: Path) -> None:
    content = "".join(f"line {number} of a long file\n" for number in range(2000))
    payload = {
        "session_id": "s",
        "tool_name": "Write",
        "tool_use_id": "t",
        "tool_input": {"file_path": "/x", "content": content},
        "tool_response": {"type": "create", "content": content},
    }
    line = recordings.line("PostToolUse", payload)
    recordings.append(tmp_path / "days" / "2026-11-18" / "claude-code.s.jsonl", line)
    stored.sync(tmp_path)
    assert len(stored.rows(tmp_path, "select 1 from bodies")) == 1
    ((body,),) = stored.rows(tmp_path, "select body from events")
    assert len(body) < 400
    assert json.loads(stored.exported(tmp_path)[0])["payload"] == payload
