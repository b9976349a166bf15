"""What is kept of a transcript's lines, and what each means."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journal.agents import HISTORY, TRANSCRIPT, meaning_of
from journal.agents.claude_code import transcript_lines as entries
from journal.agents.claude_code import transcript_torn_lines
from journal.record.record import BadLineError
from journal.session.meaning import Kind
from journal.session.own_words import is_own_command, without_frames

FRAME = '<agent-journal project="shop" prepared="x">\nsecret of another session\n</agent-journal>'
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def said(kind: str, content: object, **more: object) -> dict[str, Any]:
    """One record of a transcript."""
    message = {"role": kind, "content": content, **more.pop("message", {})}  # type: ignore[dict-item]
    return {"type": kind, "uuid": "u", "sessionId": "s", "message": message, **more}


def understood(event: str, fields: dict[str, Any], **more: object) -> Any:
    return meaning_of("claude-code", event, {"session_id": "s", "line": fields, **more})


def kept(fields: dict[str, Any], *, thinking: bool = False) -> list[Any]:
    kept_entries = entries.entries(json.dumps(fields).encode(), thinking)
    return [json.loads(entry.line) for entry in kept_entries]


TEXT = {"type": "text", "text": "hello"}
CALL = {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}}
OTHER_CALL = {**CALL, "id": "t2"}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "no", "is_error": True}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "x"}


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (said("user", "do it"), Kind.PROMPT),
        (said("user", [TEXT]), Kind.PROMPT),
        (said("user", "do it", isMeta=True), Kind.NOTE),
        (said("user", "before", isCompactSummary=True), Kind.OTHER),
        (said("user", "do it", isSidechain=True), Kind.OTHER),
        (said("user", "[Request interrupted by user]"), Kind.WAITING_NOTICED),
        (said("user", [RESULT]), Kind.TOOL_FAILED),
        (said("user", [{**RESULT, "is_error": False}]), Kind.TOOL_AFTER),
        (said("assistant", [CALL]), Kind.TOOL_BEFORE),
        (said("assistant", [TEXT]), Kind.ANSWER),
        (said("assistant", [TEXT], message={"stop_reason": "end_turn"}),
            Kind.TURN_END),
        (said("assistant", [TEXT], message={"stop_reason": "end_turn"}, isSidechain=True),
            Kind.SUBAGENT_END),
        (said("assistant", [TEXT], message={"model": "<synthetic>"}),
            Kind.OTHER),
        (said("assistant", [TEXT], isApiErrorMessage=True), Kind.TURN_FAILED),
        (said("assistant", [THOUGHT]), Kind.THINKING),
        ({"type": "attachment", "attachment": {"type": "queued_command", "prompt": "and this"}},
            Kind.PROMPT),
        ({"type": "system", "subtype": "turn_duration"}, Kind.OTHER),
    ],
)  # fmt: skip
def test_a_line_means_the_same_under_any_name_of_its_record(
    fields: dict[str, Any], kind: Kind
) -> None:
    for event in (HISTORY, TRANSCRIPT):
        found = understood(event, fields)
        assert (found.kind, found.told) == (kind, True)


def test_prompts_of_machines_are_recognized() -> None:
    typed = understood(HISTORY, said("user", "go on", origin={"kind": "human"}))
    task = understood(HISTORY, said("user", "go on", origin={"kind": "task-notification"}))
    assert (typed.by_person, task.by_person) == (True, False)
    assert not understood(HISTORY, said("user", "<task-notification>done")).by_person


def test_a_result_has_the_tool_of_its_call_and_says_if_a_person_refused_it() -> None:
    call = {"name": "Bash", "input": {"command": "pytest"}}
    found = understood(HISTORY, said("user", [RESULT]), call=call)
    assert (found.tool, found.target, found.text, found.interrupted) == (
        "Bash", "pytest", "no", False,
    )  # fmt: skip
    refused = said("user", [RESULT], toolDenialKind="user-rejected")
    assert understood(HISTORY, refused, call=call).interrupted


def test_each_call_and_result_of_a_record_is_one_of_its_own() -> None:
    fields = said("assistant", [THOUGHT, TEXT, CALL, OTHER_CALL, TEXT, TEXT], toolUseResult=1)
    parts = kept(fields)
    assert [part["message"]["content"] for part in parts] == [
        [TEXT], [CALL], [OTHER_CALL], [TEXT, TEXT],
    ]  # fmt: skip
    assert entries.joined(parts) == said(
        "assistant", [TEXT, CALL, OTHER_CALL, TEXT, TEXT], toolUseResult=1
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "api-request", "x": 1},
        {"type": "api-request-blob", "x": 1},
        {"type": "attachment", "attachment": {"type": "prompt_snapshot", "text": "You are"}},
        {"type": "attachment", "attachment": {"type": "hook_success", "stdout": FRAME}},
        said("assistant", [THOUGHT]),
    ],
)
def test_the_agents_own_prompts_and_our_context_are_not_kept(fields: dict[str, Any]) -> None:
    assert kept(fields) == []


def test_thinking_is_kept_if_that_is_wanted() -> None:
    assert kept(said("assistant", [THOUGHT, TEXT])) == [said("assistant", [TEXT])]
    both = said("assistant", [THOUGHT, TEXT])
    assert kept(both, thinking=True) == [both]


@given(JSON)
def test_any_record_is_kept_or_left_out_and_has_a_meaning(value: object) -> None:
    line = json.dumps(value).encode()
    if not isinstance(value, dict):
        with pytest.raises(BadLineError):
            entries.entries(line, thinking=False)
        return
    for fields in (value, said("user", value), said("assistant", [value]), {"type": value}):
        for entry in entries.entries(json.dumps(fields).encode(), thinking=True):
            for event in (HISTORY, TRANSCRIPT):
                assert understood(event, json.loads(entry.line)).told


RECORDS = st.lists(st.builds(said, st.just("user"), st.text(max_size=30)), max_size=4)


@given(RECORDS, st.integers(0, 150), st.sampled_from(("", "\0\0", "}", "{")))
def test_whole_records_are_found_behind_a_torn_one(
    records: list[dict[str, Any]], cut: int, between: str
) -> None:
    torn = json.dumps(said("user", "x" * 100))[: cut + 1][:-1]
    line = torn + between + "".join(json.dumps(one) for one in records)
    found = transcript_torn_lines.parts(line.encode())
    assert [json.loads(part) for part in found.whole] == records
    assert found.torn.decode() == (torn + between).strip("\0 ")


@pytest.mark.parametrize(
    ("command", "ours"),
    [
        ("journal search words --here", True),
        ("/home/x/.local/bin/journal show 7f3a91", True),
        ("cd /x && journal sessions --all | head", True),
        ("HOME=/x agent-journal --home /y context", True),
        ("python -m journal status", True),
        ("journal", True),
        ("ls && journal", True),
        ("journalctl -u ssh", False),
        ("cat journal.md", False),
        ("grep journal search.py", False),
        ("./journal/run show", False),
        ("git commit -m 'journal search'", False),
    ],
)
def test_our_own_commands_are_known(command: str, ours: bool) -> None:
    assert is_own_command(command) is ours


def test_the_journal_s_own_words_are_removed_from_texts() -> None:
    assert without_frames(f"before {FRAME} after") == "before  after"
    assert without_frames("before " + FRAME[:60]) == "before "
    assert without_frames("agent-journal project") == "agent-journal project"
