"""OpenCode's database: what is kept of its rows while they change, and what it means."""

from pathlib import Path
from typing import Any

import orjson
import pytest

import agent_truth
import opencode_database
from agent_files import count, files, payload, scenarios
from journal.agents.opencode.database import DatabaseError, rows
from journal.agents.opencode.tools import without_quotes
from journal.agents.opencode.transcript import Rows, folders, holds, meaning
from journal.agents.transcript_entry import Entry
from journal.session.meaning import Kind, Meaning

TOOL = {"type": "tool", "callID": "c1", "tool": "bash"}


def read(path: Path, since_ms: int = 0) -> list[Entry]:
    reader = Rows(path)
    return [entry for row in rows(path, since_ms) for entry in reader.entries(row.line)]


def meanings_of(found: list[Entry]) -> list[Meaning]:
    return [meaning(payload(entry)) for entry in found]


def part(data: dict[str, Any], role: str = "assistant", **message: Any) -> list[Entry]:
    of = {"root": "ses_1", "directory": "/w", "message": {"role": role, **message}}
    row = {"table": "part", "id": "prt_1", "session_id": "ses_1", "message_id": "msg_1"}
    return Rows(Path()).entries(orjson.dumps(row | {"time_created": 1, "data": data, "of": of}))


@pytest.mark.parametrize("name", scenarios("opencode"))
def test_rows_count_as_their_parts_do(tmp_path: Path, name: str) -> None:
    recorded = files("opencode", name)
    db = opencode_database.make(tmp_path / "opencode.db", recorded)
    counted, truth = (
        count(meanings_of(read(tmp_path / "opencode.db"))),
        agent_truth.opencode(recorded),
    )
    for lists in (counted, truth):  # parts are reported in the order in which they changed
        lists.answers.sort()
    assert counted == truth
    sums = "select sum(tokens_input), sum(tokens_output), sum(tokens_cache_read) from session"
    used = [sum(one) for one in zip(*counted.tokens.values(), strict=True)]
    assert db.execute(sums).fetchone() == tuple(used[:3])
    db.close()


def test_a_row_that_is_written_again_is_kept_under_the_same_name(tmp_path: Path) -> None:
    """Read after each change, and read once at the end: the end adds nothing."""
    recorded = files("opencode", "simple")
    path, whole = tmp_path / "opencode.db", tmp_path / "whole" / "opencode.db"
    db = opencode_database.make(path, [])
    live: dict[tuple[str, str], bytes] = {}
    last_ms = 0
    for row in sorted(agent_truth.rows(recorded[0]), key=lambda row: row["time_updated"]):
        for version in _versions(row):
            opencode_database.put(db, version)
            db.commit()
            reader = Rows(path)
            for changed in rows(path, last_ms):
                last_ms = changed.changed_ms
                for entry in reader.entries(changed.line):
                    known = live.setdefault((entry.subagent, entry.own_id), entry.line)
                    assert known == entry.line
    opencode_database.make(whole, recorded).close()
    assert {(e.subagent, e.own_id): e.line for e in read(whole)} == live
    db.close()


def _versions(row: dict[str, Any]) -> list[dict[str, Any]]:
    """A row before its last change, as the program writes it."""
    data = row.get("data", {})
    if data.get("type") == "tool":
        state = {"status": "running", "input": data["state"]["input"], "time": {"start": 1}}
        state["time"] = {"start": data["state"]["time"]["start"]}
        pending = row | {"data": data | {"state": {"status": "pending", "input": {}}}}
        return [pending, row | {"data": data | {"state": state}}, row]
    if data.get("type") == "text" and "time" in data:
        begun = {"type": "text", "text": data["text"][:3], "time": {"start": data["time"]["start"]}}
        return [row | {"data": begun}, row]
    return [row]


def test_a_subagent_belongs_to_the_session_that_started_it(tmp_path: Path) -> None:
    opencode_database.make(tmp_path / "opencode.db", files("opencode", "subagent")).close()
    made = meanings_of(read(tmp_path / "opencode.db"))
    assert len({m.session for m in made}) == 1
    inner = [m for m in made if m.subagent]
    assert {m.subagent_type for m in inner} == {"general"}
    kinds = [m.kind for m in inner]
    assert kinds.count(Kind.SUBAGENT_START) == kinds.count(Kind.ANSWER) == 1
    (task,) = [m for m in made if m.tool == "task" and m.kind is Kind.TOOL_AFTER]
    assert task.output["agentId"] == inner[0].subagent
    assert Kind.PROMPT not in kinds
    assert [m.text for m in made if m.kind is Kind.TITLE] == ["Scripted title"]


def test_nothing_of_the_database_is_changed_and_no_reader_blocks_the_writer(tmp_path: Path) -> None:
    path = tmp_path / "opencode.db"
    db = opencode_database.make(path, files("opencode", "simple"))
    before = db.execute("pragma data_version").fetchone()
    reading = rows(path)
    next(reading)
    db.execute("update session set title = 'while it is read'")
    db.commit()
    assert list(reading)
    assert db.execute("pragma data_version").fetchone() == before
    db.close()


def test_another_file_than_opencode_s_database_is_an_error(tmp_path: Path) -> None:
    for content in (b"", b"no database" * 500):
        (tmp_path / "opencode.db").write_bytes(content)
        with pytest.raises(DatabaseError):
            list(rows(tmp_path / "opencode.db"))
    with pytest.raises(DatabaseError):
        list(rows(tmp_path / "missing" / "opencode.db"))
    assert [path.name for path in tmp_path.iterdir()] == ["opencode.db"]


def test_quotes_of_run_are_not_words_of_the_person() -> None:
    assert without_quotes('"do \\"this\\" now"') == 'do "this" now'
    assert without_quotes('"') == '"'
    assert without_quotes('"do it" "and that"') == '"do it" "and that"'
    assert without_quotes("do it") == "do it"


def test_synthetic_words_are_nobodys_and_unfinished_ones_are_not_kept() -> None:
    synthetic = {"type": "text", "text": "Called the tool", "synthetic": True}
    assert [m.kind for m in meanings_of(part(synthetic, role="user"))] == [Kind.OTHER]
    begun = {"type": "text", "text": "I wi", "time": {"start": 5}}
    assert part(begun) == []
    assert [m.text for m in meanings_of(part(begun, error={"name": "MessageAbortedError"}))] == [
        "I wi"
    ]


def test_a_call_that_runs_has_begun() -> None:
    found = part(TOOL | {"state": {"status": "running", "input": {"command": "ls"}}})
    assert [(m.kind, m.target) for m in meanings_of(found)] == [(Kind.TOOL_BEFORE, "ls")]
    assert part(TOOL | {"state": {"status": "pending", "input": {}}}) == []


def test_an_aborted_message_is_an_interrupted_turn() -> None:
    error = {"name": "MessageAbortedError", "data": {"message": "aborted"}}
    row = {"table": "message", "id": "m", "session_id": "s", "data": {"error": error}}
    made = meanings_of(Rows(Path()).entries(orjson.dumps(row)))
    assert [(m.kind, m.interrupted) for m in made] == [(Kind.WAITING_NOTICED, True)]


def test_where_the_database_lies() -> None:
    assert folders({"HOME": "/h"}) == [Path("/h/.local/share/opencode")]
    assert folders({"XDG_DATA_HOME": "/d"}) == [Path("/d/opencode")]
    assert holds(Path("/d/opencode/opencode.db"))
