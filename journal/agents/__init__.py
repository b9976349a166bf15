"""The agents that the journal understands, by the name in a record's header.

`contract` says what each agent's folder offers. To add an agent: docs/agents.md.
"""

from collections.abc import Mapping
from typing import Any

from journal.agents import claude_code, codex, copilot_cli, gemini_cli, opencode, qwen_code
from journal.agents.claude_code import transcript_meaning
from journal.agents.contract import Agent
from journal.session.meaning import OTHER, Meaning

AGENTS: Mapping[str, Agent] = {
    agent.name: agent
    for agent in (
        claude_code.AGENT,
        codex.AGENT,
        copilot_cli.AGENT,
        opencode.AGENT,
        gemini_cli.AGENT,
        qwen_code.AGENT,
    )
}
# The events of records that were copied from the agents' own files.
TRANSCRIPT, HISTORY = transcript_meaning.TRANSCRIPT, transcript_meaning.HISTORY


def meaning_of(agent: str, event: str, payload: Any) -> Meaning:
    """What a payload means; unknown agents, events and shapes are kept and mean "other"."""
    known = AGENTS.get(agent)
    if known is None or not (payload is None or isinstance(payload, dict)):
        return OTHER
    if event == TRANSCRIPT and known.transcripts is not None:
        return known.transcripts.meaning(payload or {})
    return known.meaning(event, payload or {})


def prompts_of(agent: str) -> frozenset[str] | None:
    """The events that hold a person's own words; None of an agent that is not known."""
    known = AGENTS.get(agent)
    return known.prompts | {TRANSCRIPT, HISTORY} if known else None
