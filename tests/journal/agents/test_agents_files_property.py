"""Reading any content of agents' files raises nothing but BadLineError; names repeat."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_files import entries, files, payload, scenarios
from chance import examples
from journal.agents.codex import transcript as codex
from journal.agents.codex import transcript_meaning as codex_meaning
from journal.agents.copilot_cli import transcript as copilot_cli
from journal.agents.gemini_cli import transcript as gemini_cli
from journal.agents.gemini_cli import transcript_meaning as gemini_meaning
from journal.agents.opencode import transcript as opencode
from journal.agents.qwen_code import transcript as qwen_code
from journal.agents.transcript_entry import Reader
from journal.record.record import BadLineError
from journal.session.meaning import Meaning


class Agent(NamedTuple):
    read: Callable[[Path], Reader]
    mean: Callable[[Mapping[str, Any]], Meaning]


AGENTS = {
    "codex": Agent(codex.Rollout, codex_meaning.meaning),
    "copilot-cli": Agent(copilot_cli.Events, copilot_cli.meaning),
    "opencode": Agent(opencode.Rows, opencode.meaning),
    "gemini-cli": Agent(gemini_cli.Chat, gemini_meaning.meaning),
    "qwen-code": Agent(qwen_code.Lines, qwen_code.meaning),
}
LINES = {
    agent: [
        line
        for name in scenarios(agent)
        for path in files(agent, name)
        for line in path.read_bytes().split(b"\n")
        if line
    ]
    for agent in AGENTS
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


def _wrong(value: Any, draw: Callable[..., Any]) -> Any:
    """The value with one thing in it, at any depth, exchanged for something else."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = draw(st.sampled_from(keys))
    inner = value[key]
    deeper = isinstance(inner, dict | list) and bool(inner) and draw(st.integers(0, 4))
    value[key] = _wrong(inner, draw) if deeper else draw(JSON)
    return value


@pytest.mark.parametrize("agent", sorted(AGENTS))
@settings(max_examples=examples(40), deadline=None)
@given(data=st.data())
def test_fields_of_wrong_types_and_torn_lines_raise_nothing_else(
    agent: str, data: st.DataObject
) -> None:
    one = AGENTS[agent]
    reader = one.read(Path("/x/chats/s/a.jsonl"))
    for line in data.draw(st.lists(st.sampled_from(LINES[agent]), min_size=1, max_size=5)):
        changed = json.dumps(_wrong(json.loads(line), data.draw)).encode("utf-8", "surrogatepass")
        end = data.draw(st.integers(0, len(changed)) | st.just(len(changed)))
        try:
            found = reader.entries(changed[:end])
        except BadLineError:
            continue
        for entry in found:
            said = payload(entry)
            one.mean(said)
            one.mean(_wrong(said, data.draw))


@pytest.mark.parametrize("agent", sorted(set(AGENTS) - {"opencode"}))
def test_names_are_those_of_the_lines_from_any_start_of_reading(agent: str) -> None:
    """With the first line recalled, a reading from the middle of a file gives the same names."""
    for name in scenarios(agent):
        for path in files(agent, name):
            lines = path.read_bytes().strip().split(b"\n")
            whole = {(e.own_id, e.line): e for e in entries(AGENTS[agent].read(path), lines)}
            for start in range(1, len(lines), 7):
                reader = AGENTS[agent].read(path)
                reader.entries(lines[0])
                for entry in entries(reader, lines[start:]):
                    same = whole[entry.own_id, entry.line]
                    assert (same.session, same.subagent) == (entry.session, entry.subagent)


@pytest.mark.parametrize("agent", sorted(AGENTS))
def test_one_name_is_of_one_content(agent: str) -> None:
    for name in scenarios(agent):
        for path in files(agent, name):
            known: dict[str, bytes] = {}
            for entry in entries(AGENTS[agent].read(path), path.read_bytes().split(b"\n")):
                assert entry.own_id
                assert known.setdefault(entry.own_id, entry.line) == entry.line
                assert orjson.loads(entry.line)
