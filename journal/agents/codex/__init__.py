"""Codex: its hooks, its tools and how it is set up.

Read `hooks` (what a payload means) and `tools` first; `install` says where hooks are registered,
`trust` asks the agent itself which of them it runs, `noted_trust` reads it from its settings.
"""

from journal.agents.codex import hooks
from journal.agents.codex.install import SETUP
from journal.agents.codex.transcript_meaning import TRANSCRIPTS
from journal.agents.contract import Agent

AGENT = Agent(
    name="codex",
    label="Codex",
    meaning=hooks.meaning,
    prompts=hooks.PROMPTS,
    setup=SETUP,
    transcripts=TRANSCRIPTS,
)
