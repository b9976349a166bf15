"""The transcripts that other tests use: what is said of them is so, and they look as real ones."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import recordings
import transcript_live
import transcripts
from transcript_reader import ECHOES, blocks, is_by_person, lines, text_of
from transcript_truth import KINDS, History, Session

NOT_OURS = {"PostToolBatch", "MessageDisplay"}


@pytest.fixture(scope="module", params=["usual", "rare"])
def history(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> History:
    rare = request.param == "rare"
    return transcripts.write_history(tmp_path_factory.mktemp("history"), 120, seed=7, rare=rare)


def test_a_history_follows_from_its_seed(tmp_path: Path) -> None:
    made = [
        transcripts.write_history(tmp_path / str(n), 30, seed) for n, seed in enumerate((1, 1, 2))
    ]
    same, again, other = (
        {p.relative_to(one.root): p.read_bytes() for p in one.root.rglob("*.*")} for one in made
    )
    assert same == again
    assert not same.keys() & other.keys()
    assert made[0].needles == made[1].needles


def test_lines_and_bytes_are_as_said(history: History) -> None:
    for session in history.sessions:
        read = [lines(path) for path in session.files]
        records = [record for found, _ in read for record in found]
        assert len(records) == session.lines, session.path
        assert sum(damaged for _, damaged in read) == session.torn
        assert sum(path.stat().st_size for path in session.files) == session.size
        assert len(session.path.read_bytes().rpartition(b"\n")[2]) == session.tail
        kept = [record for record in records if not is_secret(record)]
        assert len(kept) == session.kept
        uuids = Counter(record["uuid"] for record in kept if "uuid" in record)
        assert sum(uuids[one] > 1 for one in uuids) <= session.twice
        assert session.started_us < session.ended_us <= transcripts.NOW_US or not records
        assert session.path.parent.name == transcripts.folder_name(session.cwd)
    assert history.bytes == sum(path.stat().st_size for path in history.root.rglob("*.jsonl"))
    assert sum(session.lines == 0 for session in history.sessions) == 1


def is_secret(record: dict[str, Any]) -> bool:
    text = json.dumps(record)
    if record["type"] in ("api-request", "api-request-shape", "api-request-blob"):
        return True
    if record["type"] == "attachment":
        return '"type": "prompt_snapshot"' in text or "<agent-journal project=" in text
    return is_thought(record) and "usage" not in record["message"]


def is_thought(record: dict[str, Any]) -> bool:
    """What the model thought is left out; of its line the tokens are kept."""
    content = record.get("message", {}).get("content")
    blocks = content if isinstance(content, list) else []
    return record["type"] == "assistant" and {one["type"] for one in blocks} == {"thinking"}


def test_prompts_calls_answers_and_tokens_are_as_said(history: History) -> None:
    for session in history.sessions:
        own, _ = lines(session.path)
        inner = [record for s in session.subagents for record in lines(s.path)[0]]
        both = {record["uuid"]: record for record in own + inner if "uuid" in record}.values()
        prompts = [
            record["attachment"]["prompt"] if record["type"] == "attachment" else text_of(record)
            for record in both
            if is_by_person(record)
        ]
        assert sorted(prompts) == sorted(prompt.text for prompt in session.prompts)
        results = {b["tool_use_id"]: b for record in both for b in blocks(record, "tool_result")}
        calls = {b["id"]: b["name"] for record in both for b in blocks(record, "tool_use")}
        assert calls == {call.id: call.tool for call in session.calls}
        for call in session.calls:
            wrong = results.get(call.id, {}).get("is_error") is True
            ended = "none" if call.id not in results else "failed" if wrong else "ok"
            assert (call.id, ended) == (call.id, call.ended)
        spoken = [record for record in both if record["type"] == "assistant"]
        spoken = [record for record in spoken if record["message"]["model"] != "<synthetic>"]
        texts = [text_of(record) for record in spoken if blocks(record, "text")]
        assert sorted(texts) == sorted(answer.text for answer in session.answers)
        usage: dict[str, int] = {}
        for record in spoken:
            message = record["message"]
            most = max(usage.get(message["id"], 0), message["usage"]["output_tokens"])
            usage[message["id"]] = most
        assert usage == {used.message: used.tokens.output for used in session.used}
        assert len(session.failures) == sum("isApiErrorMessage" in record for record in both)
        spawned = {call.id for call in session.calls if call.tool == "Agent" and not call.copied}
        assert spawned == {subagent.call for subagent in session.subagents}


def test_each_needle_is_only_in_its_session(history: History) -> None:
    texts = {one.id: [path.read_bytes().decode() for path in one.files] for one in history.sessions}
    everything = "\n".join(text for found in texts.values() for text in found)
    for word, needle in history.needles.items():
        held = [one for one in texts if any(word in text for text in texts[one])]
        assert held == [needle.session], word
        in_main = word in texts[needle.session][0]
        assert in_main is not needle.kind.startswith("subagent"), (word, needle)
    assert {needle.kind for needle in history.needles.values()} == set(KINDS)
    assert history.forbidden
    assert all(word in everything for word in history.forbidden)
    for one in history.sessions:
        found = (record for path in one.files for record in lines(path)[0])
        kept = [one for one in found if not is_secret(one) and not is_thought(one)]
        assert not any("veiled" in json.dumps(record) for record in kept)


def test_a_fork_begins_as_another_session(history: History) -> None:
    sessions = {session.id: session for session in history.sessions}
    forks = [session for session in history.sessions if session.forked]
    assert len(forks) >= 4
    for fork in forks:
        before = {r["uuid"]: r for r in lines(sessions[fork.forked].path)[0] if "uuid" in r}
        copies = [r for r in lines(fork.path)[0] if r.get("uuid") in fork.copies]
        assert copies
        assert sum(not is_secret(record) for record in copies) == fork.copied
        for copy in copies:
            named = copy.get("forkedFrom", {"messageUuid": copy["uuid"]})["messageUuid"]
            assert copy["sessionId"] == fork.id
            assert copy["timestamp"] == before[named]["timestamp"]
            assert (copy["uuid"] == named) is (fork.how != "sdk")
        assert any(not prompt.copied for prompt in fork.prompts)
    everything = [used for session in history.sessions for used in session.used]
    assert len(history.used()) < len(everything)


def test_made_up_records_have_the_fields_of_real_ones(history: History) -> None:
    real: dict[Any, set[str]] = {}
    always: dict[Any, set[str]] = {}
    for path in transcripts.FOLDER.rglob("*.jsonl"):
        for record in lines(path)[0]:
            kind = record["type"], record.get("subtype")
            real[kind] = real.get(kind, set()) | record.keys()
            always[kind] = always.get(kind, set(record)) & record.keys()
    known = {"forkedFrom", "toolDenialKind", "interruptedMessageId", "uuid"}
    known |= {"error", "isApiErrorMessage", "apiErrorStatus"}
    seen = set()
    for session in history.sessions:
        for record in lines(session.path)[0]:
            kind = record["type"], record.get("subtype")
            if kind in real:
                seen.add(kind)
                assert record.keys() - real[kind] <= known, record
                newer = {"apiBlockIndex", "requestedModel", "effort", "perTurnEffort", "madeBy"}
                newer |= {"promptCacheRequested", "requestRef", "slug", "hookAdditionalContext"}
                newer |= {"failedHookErrorIndexes", "level", "isMeta", "toolUseID"}
                assert always[kind] - record.keys() <= newer, kind
    assert seen == real.keys()


def test_hooks_derived_from_a_real_transcript_are_those_that_were_recorded() -> None:
    for name in recordings.NAMES:
        recorded = Counter(heard(one) for one in recordings.load(name) if one.event not in NOT_OURS)
        made = Counter(
            heard(firing)
            for path in transcripts.recorded(name)
            for _, firing in transcript_live.firings(path)
        )
        events = {event for event, *_ in ((recorded - made) | (made - recorded))}
        # A pause of a minute does not resume here; a compaction has a sub-agent without a file.
        allowed = {"p-resume": {"SessionStart", "SessionEnd"}, "i-compact": {"SubagentStop"}}
        assert events <= allowed.get(name, set()), name
        first = transcripts.recorded_start_ns(name)
        assert recordings.records(name, first)[0][0].startswith("2026-11-21/claude-code.")


def heard(firing: recordings.Firing) -> tuple[str, ...]:
    """What distinguishes one firing from another."""
    payload = json.loads(firing.stdin)
    names = ("session_id", "tool_use_id", "prompt", "agent_id", "last_assistant_message", "error")
    return (firing.event, *(str(payload.get(name)) for name in names))


def test_hooks_derived_from_a_made_up_session_are_what_hooks_see_of_it(
    history: History, tmp_path: Path
) -> None:
    for session in history.sessions:
        fired = [firing for _, firing in transcript_live.firings(session.path, session.copies)]
        payloads = [(firing.event, json.loads(firing.stdin)) for firing in fired]
        ids = {
            event: {p["tool_use_id"] for e, p in payloads if e == event}
            for event in ("PreToolUse", "PostToolUse", "PostToolUseFailure")
        }
        assert ids == calls_of(session)
        prompts = [p["prompt"] for e, p in payloads if e == "UserPromptSubmit"]
        own = [one.text for one in session.prompts if not one.copied and not one.queued]
        assert [prompt for prompt in prompts if not prompt.startswith(ECHOES)] == own
        ends = [p["last_assistant_message"] for e, p in payloads if e in ("Stop", "SubagentStop")]
        final = [one.text for one in session.answers if one.final and not one.copied]
        assert sorted(ends) == sorted(final)
    chosen = history.sessions[0]
    fired = transcript_live.write_live(tmp_path, chosen.path)
    written = b"".join(path.read_bytes() for path in sorted((tmp_path / "days").rglob("*.jsonl")))
    assert written == b"".join(fired)
    assert {json.loads(line)["session"] for line in fired} == {chosen.id}


def calls_of(session: Session) -> dict[str, set[str]]:
    """The calls that each event is fired for."""
    own = [call for call in session.calls if not call.copied and not call.invalid]
    return {
        "PreToolUse": {call.id for call in own},
        "PostToolUse": {call.id for call in own if call.ended == "ok"},
        "PostToolUseFailure": {c.id for c in own if c.ended == "failed" and not c.refused},
    }
