"""The agents that the journal understands, by the name in a record's header.

`contract` says what each agent's folder offers. To add an agent: docs/agents.md.
"""

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

from journal.agents.claude_code import transcript_meaning
from journal.agents.contract import Agent
from journal.session.meaning import OTHER, Meaning

# The folder of each agent, by its name.
_FOLDERS = {
    name: name.replace("-", "_")
    for name in ("claude-code", "codex", "copilot-cli", "opencode", "gemini-cli", "qwen-code")
}


@cache
def _loaded(folder: str) -> Agent:
    agent: Agent = import_module(f"journal.agents.{folder}").AGENT
    return agent


class _Agents(Mapping[str, Agent]):
    """All agents in a fixed order. Each is loaded when it is asked for: six take 20 ms."""

    def __getitem__(self, name: str) -> Agent:
        return _loaded(_FOLDERS[name])

    def __contains__(self, name: object) -> bool:
        return name in _FOLDERS

    def __iter__(self) -> Iterator[str]:
        return iter(_FOLDERS)

    def __len__(self) -> int:
        return len(_FOLDERS)


AGENTS = _Agents()
# The events of records that were copied from the agents' own files.
TRANSCRIPT, HISTORY = transcript_meaning.TRANSCRIPT, transcript_meaning.HISTORY


def meaning_of(agent: str, event: str, payload: Any) -> Meaning:
    """What a payload means; unknown agents, events and shapes are kept and mean "other"."""
    known = _known(agent)
    if known is None or not (payload is None or isinstance(payload, dict)):
        return OTHER
    if event == TRANSCRIPT and known.transcripts is not None:
        return known.transcripts.meaning(payload or {})
    return known.meaning(event, payload or {})


@lru_cache(maxsize=64)
def _known(name: str) -> Agent | None:
    """The same as `AGENTS.get`, which takes as long as understanding a small payload."""
    return AGENTS.get(name)


@lru_cache(maxsize=64)
def prompts_of(agent: str) -> frozenset[str] | None:
    """The events that hold a person's own words; None of an agent that is not known."""
    known = AGENTS.get(agent)
    return known.prompts | {TRANSCRIPT, HISTORY} if known else None
