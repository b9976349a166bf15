"""Codex's rollouts: what is kept, and what it means."""

from pathlib import Path
from typing import Any

import orjson
import pytest

import agent_truth
from agent_files import count, entries, files, meanings, payload, scenarios
from journal.agents.codex.transcript import Rollout, folders, holds, session_of
from journal.agents.codex.transcript_meaning import meaning
from journal.session.meaning import Action, Kind, Meaning

THREAD = "01a22650-f046-7e73-8f88-bf3c2468ca80"
NAME = f"rollout-2026-11-29T07-59-28-{THREAD}.jsonl"


def meanings_of(paths: list[Path]) -> list[Meaning]:
    return meanings(Rollout, meaning, paths)


def read(*lines: dict[str, Any]) -> list[Meaning]:
    found = entries(Rollout(Path(NAME)), [orjson.dumps(line) for line in lines])
    return [meaning(payload(entry)) for entry in found]


def meta(**said: Any) -> dict[str, Any]:
    return {"timestamp": "2026-11-29T08:00:00.000Z", "type": "session_meta", "payload": said}


def event(kind: str, **said: Any) -> dict[str, Any]:
    at = "2026-11-29T08:00:01.000Z"
    return {"timestamp": at, "type": "event_msg", "payload": {"type": kind, **said}}


@pytest.mark.parametrize("name", scenarios("codex"))
def test_a_rollout_counts_as_its_items_do(name: str) -> None:
    paths = files("codex", name)
    assert count(meanings_of(paths)) == agent_truth.codex(paths)


def test_failures_say_their_exit_code_and_their_command() -> None:
    made = meanings_of(files("codex", "fail"))
    failed = {m.target: m.text for m in made if m.kind is Kind.TOOL_FAILED}
    assert failed["echo out; echo err >&2; exit 3"] == "Exit code 3\nerr\nout\n"
    assert failed["/no/such/program"].startswith("Exit code 127\n")
    assert "verification failed" in failed["/home/dev/code/fail/README.md"]


def test_a_nested_patch_says_which_file_it_changed() -> None:
    made = meanings_of(files("codex", "i-exit"))
    edits = {m.target for m in made if m.action is Action.EDIT}
    assert edits == {"/home/dev/code/i-exit/notes.txt"}


def test_an_interrupted_turn_and_call_say_so() -> None:
    made = meanings_of(files("codex", "sigint"))
    ends = [m for m in made if m.kind is Kind.WAITING_NOTICED]
    assert [(m.detail, m.interrupted) for m in ends] == [("interrupted", True)]
    assert all(m.interrupted for m in made if m.kind is Kind.TOOL_FAILED)


def test_a_subagent_is_within_its_parent_and_its_task_is_not_a_prompt() -> None:
    for name in ("subagent", "code-subagent"):
        main, inner = files("codex", name)
        made = meanings_of([inner])
        assert {m.session for m in made} == {session_of(main)}
        assert {(m.subagent, m.subagent_type) for m in made} == {(session_of(inner), "default")}
        kinds = [m.kind for m in made]
        assert kinds.count(Kind.SUBAGENT_START) == kinds.count(Kind.ANSWER) == 1
        assert Kind.PROMPT not in kinds


def test_the_models_answer_is_reported_once_and_tokens_name_their_model() -> None:
    made = meanings_of(files("codex", "simple"))
    assert Kind.TURN_END not in {m.kind for m in made}  # the last words are an item
    assert {m.usage.model for m in made if m.usage} == {"gpt-5.5"}
    assert {m.cwd for m in made if m.kind is Kind.OTHER} >= {"/home/dev/code/simple"}


def test_nothing_is_kept_of_system_prompts_and_of_the_context_that_we_gave() -> None:
    ours = '<agent-journal project="x">what was</agent-journal>'
    item = {"type": "message", "role": "developer", "content": [{"text": ours}]}
    found = entries(
        Rollout(Path(NAME)),
        [
            orjson.dumps(meta(id=THREAD, cwd="/w", base_instructions={"text": "You are"})),
            orjson.dumps({"type": "response_item", "payload": item}),
            orjson.dumps({"type": "world_state", "payload": {"notes": ours}}),
        ],
    )
    assert [orjson.loads(entry.line)["payload"] for entry in found] == [{"id": THREAD, "cwd": "/w"}]


def test_earlier_versions_report_the_same_without_items() -> None:
    total = {"total_token_usage": {"total_tokens": 12}}
    used = {"last_token_usage": {"input_tokens": 10, "cached_input_tokens": 4, "output_tokens": 2}}
    arguments = orjson.dumps({"command": ["bash", "-lc", "exit 3"]}).decode()
    output = "Exit code: 3\nWall time: 0 seconds\nOutput:\nno\n"
    words = "# Context from my IDE setup:\na.py\n\n## My request for Codex:\nfix it\n"
    made = read(
        meta(id=THREAD, cwd="/w", originator="codex_cli_rs"),
        event("user_message", message=words),
        event("agent_reasoning", text="hm"),
        event("token_count", info=total | used),
        event("token_count", info=total | used),
        _call("function_call", name="shell", arguments=arguments),
        _call("function_call_output", output=output),
        event("agent_message", message="It fails."),
        event("task_complete", last_agent_message="It fails."),
    )
    counts = count(made)
    assert (counts.prompts, counts.answers) == (["fix it"], ["It fails."])
    assert (counts.calls, counts.failed) == ({"c1": "Bash"}, {"c1"})
    assert list(counts.tokens.values()) == [(6, 2, 4, 0)]
    assert Kind.TURN_END not in {m.kind for m in made}


def _call(kind: str, **said: Any) -> dict[str, Any]:
    return {"type": "response_item", "payload": {"type": kind, "call_id": "c1", **said}}


def test_lines_that_a_fork_copies_are_inherited() -> None:
    parent = "01a22650-0000-7e73-8f88-bf3c2468ca80"
    turn = "01a22650-0001-7e73-8f88-bf3c2468ca80"
    later = "01a22651-0001-7e73-8f88-bf3c2468ca80"
    item = {"type": "UserMessage", "id": "u", "content": [{"type": "text", "text": "do it"}]}
    made = read(
        meta(id=THREAD, session_id=THREAD, forked_from_id=parent),
        meta(id=parent, session_id=parent),
        event("item_completed", turn_id=turn, item=item),
        event("task_started", turn_id=later),
        event("item_completed", turn_id=later, item=item | {"id": "v"}),
    )
    prompts = [m for m in made if m.kind is Kind.PROMPT]
    assert [(m.inherited, m.by, m.turn) for m in prompts] == [
        (True, "person", turn),
        (False, "person", later),
    ]
    assert {m.session for m in made} == {THREAD}


def test_where_rollouts_lie_and_how_they_are_named() -> None:
    assert folders({"HOME": "/h"})[0] == Path("/h/.codex/sessions")
    assert folders({"HOME": "/h", "CODEX_HOME": "/c"})[1] == Path("/c/archived_sessions")
    assert session_of(Path(f"/x/{NAME}.zst")) == THREAD
    assert holds(Path(NAME))
    assert not holds(Path("history.jsonl"))
