"""Gemini CLI: its hooks, its tools and how it is set up.

Read `hooks` (what a payload means) and `tools` first; `install` says where hooks are registered.
"""

from journal.agents.contract import Agent
from journal.agents.gemini_cli import hooks
from journal.agents.gemini_cli.install import SETUP
from journal.agents.gemini_cli.transcript_meaning import TRANSCRIPTS

AGENT = Agent(
    name="gemini-cli",
    label="Gemini CLI",
    meaning=hooks.meaning,
    prompts=hooks.PROMPTS,
    setup=SETUP,
    transcripts=TRANSCRIPTS,
)
